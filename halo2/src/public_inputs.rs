//! The public inputs of the circuit: one instance column, every row a named constant.
//!
//! A verifier computes each of them from the statement it checks and never takes one from the
//! prover; `Claim::public_inputs` is that computation.

use ff::PrimeField;
use pasta_curves::Fp;

use crate::circuits::{Circuit, Version};
use crate::constants::{derive_constants, GRID_LINES};
use crate::error::Error;
use crate::preset::{greatest_common_divisor, Preset};
use crate::rule::{Step, StopReason};

/// The circuit id, its ASCII bytes read as one big-endian number; fixed inside each circuit.
pub const CIRCUIT_ID: usize = 0;
/// Poseidon commitment to the scores.
pub const SCORE_COMMITMENT: usize = 1;
/// Decision: 1 SAME, 2 DIFFERENT, 3 UNDECIDED.
pub const DECISION: usize = 2;
/// Stop reason: 1 same, 2 different, 3 between, 4 exhausted.
pub const REASON: usize = 3;
/// Challenges of the run.
pub const CHALLENGES: usize = 4;
/// Preset digest, first 16 bytes, then last 16, each a big-endian number.
pub const PRESET_DIGEST: [usize; 2] = [5, 6];
/// Run digest, first 16 bytes, then last 16, each a big-endian number.
pub const RUN_DIGEST: [usize; 2] = [7, 8];
/// `n_max` of the preset.
pub const N_MAX: usize = 9;
/// First of the 14 parameters that every challenge of the circuit sees, in this order.
pub const PARAMETERS: usize = 10;
/// Number of rows in version 1.
pub const ROWS_1: usize = PARAMETERS + parameter::COUNT;
/// S, in version 2.
pub const SCORE_SUM: usize = ROWS_1;
/// V, in version 2.
pub const SQUARE_SUM: usize = ROWS_1 + 1;
/// Number of rows in version 2.
pub const ROWS_2: usize = ROWS_1 + 2;

/// Order of the parameters; `PARAMETERS + x` is the row of x.
pub mod parameter {
    use crate::constants::GRID_LINES;

    /// `A_0` to `A_3`.
    pub const A: usize = 0;
    /// The last V at which line 0, 1, 2 of the grid is the least.
    pub const SWITCH: usize = A + GRID_LINES;
    /// Q: the least common denominator of the five margins below.
    pub const DENOMINATOR: usize = SWITCH + GRID_LINES - 1;
    /// Q * gamma.
    pub const GAMMA: usize = DENOMINATOR + 1;
    /// Q * 2 * eta * gamma: the widest interval of SAME.
    pub const WIDTH: usize = GAMMA + 1;
    /// Q * delta.
    pub const DELTA: usize = WIDTH + 1;
    /// Q * (1 - epsilon) * delta: what DIFFERENT certifies.
    pub const CERTIFIED: usize = DELTA + 1;
    /// Q * 2 * epsilon: the widest interval of DIFFERENT, as a part of S.
    pub const TWICE_EPSILON: usize = CERTIFIED + 1;
    /// The first challenge after which the run may stop.
    pub const N_MIN: usize = TWICE_EPSILON + 1;
    /// How many there are.
    pub const COUNT: usize = N_MIN + 1;
}

/// Names of the rows, in order; version 1 has all but the last two.
pub const ROW_NAMES: [&str; ROWS_2] = [
    "circuit_id",
    "score_commitment",
    "decision",
    "reason",
    "n",
    "preset_digest_first_half",
    "preset_digest_second_half",
    "run_digest_first_half",
    "run_digest_second_half",
    "n_max",
    "A_0",
    "A_1",
    "A_2",
    "A_3",
    "switch_0",
    "switch_1",
    "switch_2",
    "Q",
    "Q*gamma",
    "Q*2*eta*gamma",
    "Q*delta",
    "Q*(1-epsilon)*delta",
    "Q*2*epsilon",
    "n_min",
    "S",
    "V",
];

/// Q is at most 2^19: then no product of a stop condition reaches 2^48.
pub const DENOMINATOR_MAX: u64 = 1 << 19;

/// The values of the instance column, as many as the circuit has rows for.
pub type Instance = Vec<Fp>;

/// The sums that version 2 shows, in units of the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// S.
    pub sum: u64,
    /// V.
    pub squares: u64,
}

impl Sums {
    /// Those of a run that ends with this step.
    pub fn of(last: &Step) -> Self {
        Self {
            sum: last.sum,
            squares: last.squares,
        }
    }
}

/// What a proof claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Parameters of the test.
    pub preset: Preset,
    /// Why the run stopped; the decision follows.
    pub reason: StopReason,
    /// Challenges of the run.
    pub n: u64,
    /// S and V, where the circuit shows them.
    pub sums: Option<Sums>,
    /// The commitment that the scores open.
    pub score_commitment: Fp,
    /// Digest of the run that the commitment belongs to.
    pub run_digest: [u8; 32],
}

impl Claim {
    /// Which version of the circuit shows such a claim.
    pub fn version(&self) -> Version {
        match self.sums {
            None => Version::One,
            Some(_) => Version::Two,
        }
    }

    /// Computes the instance column of a circuit for this claim.
    ///
    /// # Errors
    /// `preset.not-provable` if the margins have no common denominator up to 2^19, and those of
    /// [`derive_constants`].
    pub fn public_inputs(&self, circuit: Circuit) -> Result<Instance, Error> {
        let mut rows = vec![Fp::zero(); ROWS_1];
        rows[CIRCUIT_ID] = circuit.id_value();
        rows[SCORE_COMMITMENT] = self.score_commitment;
        rows[DECISION] = Fp::from(self.reason.decision() as u64);
        rows[REASON] = Fp::from(self.reason as u64);
        rows[CHALLENGES] = Fp::from(self.n);
        for (half, limb) in digest_limbs(&self.preset.digest()).into_iter().enumerate() {
            rows[PRESET_DIGEST[half]] = limb;
        }
        for (half, limb) in digest_limbs(&self.run_digest).into_iter().enumerate() {
            rows[RUN_DIGEST[half]] = limb;
        }
        rows[N_MAX] = Fp::from(u64::from(self.preset.n_max));
        for (row, value) in parameters(&self.preset)?.into_iter().enumerate() {
            rows[PARAMETERS + row] = Fp::from(value);
        }
        if let Some(sums) = self.sums {
            rows.extend([Fp::from(sums.sum), Fp::from(sums.squares)]);
        }
        Ok(rows)
    }
}

/// The 14 parameters as integers.
///
/// # Errors
/// As [`Claim::public_inputs`].
pub fn parameters(preset: &Preset) -> Result<[u64; parameter::COUNT], Error> {
    let constants = derive_constants(preset.alpha, preset.attempt)?;
    let margins = [
        (preset.gamma.num().into(), preset.gamma.den().into()),
        preset.width_for_same(),
        (preset.delta.num().into(), preset.delta.den().into()),
        preset.certified_by_different(),
        (
            2 * u128::from(preset.epsilon.num()),
            preset.epsilon.den().into(),
        ),
    ];
    let (denominator, numerators) = over_common_denominator(margins)?;
    let mut values = [0; parameter::COUNT];
    values[parameter::A..][..GRID_LINES].copy_from_slice(&constants.a);
    values[parameter::SWITCH..][..GRID_LINES - 1].copy_from_slice(&constants.switch);
    values[parameter::DENOMINATOR] = denominator;
    values[parameter::GAMMA..][..margins.len()].copy_from_slice(&numerators);
    values[parameter::N_MIN] = preset.n_min.into();
    Ok(values)
}

fn over_common_denominator<const K: usize>(
    fractions: [(u128, u128); K],
) -> Result<(u64, [u64; K]), Error> {
    let too_fine = || {
        Error::input(
            "preset.not-provable",
            format!("the margins have no common denominator up to {DENOMINATOR_MAX}"),
        )
    };
    // Terms of a preset are at most 2 * 10^6, so these products fit 64 bits.
    let narrow = |value: u128| u64::try_from(value).map_err(|_| too_fine());
    let mut common = 1;
    for (num, den) in fractions {
        let (num, den) = (narrow(num)?, narrow(den)?);
        let lowest = den / greatest_common_divisor(num, den);
        common = narrow(
            u128::from(common) * u128::from(lowest / greatest_common_divisor(common, lowest)),
        )?;
        if common > DENOMINATOR_MAX {
            return Err(too_fine());
        }
    }
    let mut numerators = [0; K];
    for (numerator, (num, den)) in numerators.iter_mut().zip(fractions) {
        *numerator = narrow(num * u128::from(common) / den)?;
    }
    Ok((common, numerators))
}

/// The two halves of a SHA-256 digest, each a big-endian number of 128 bits.
pub fn digest_limbs(digest: &[u8; 32]) -> [Fp; 2] {
    let (first, second) = digest.split_at(16);
    [first, second].map(|half| {
        let value = half.iter().fold(0u128, |sum, &b| sum << 8 | u128::from(b));
        Fp::from_u128(value)
    })
}
