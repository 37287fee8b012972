//! The score commitment of version 1: Poseidon (P128Pow5T3, constant length) over what the scores
//! belong to, a salt, and the scores, 12 to a field element.

use ff::PrimeField;
use halo2_gadgets::poseidon::primitives::{ConstantLength, P128Pow5T3};
use halo2_gadgets::poseidon::{Hash, Pow5Chip, Pow5Config};
use halo2_proofs::circuit::{AssignedCell, Layouter};
use halo2_proofs::plonk::{ConstraintSystem, Error as PlonkError};
use pasta_curves::Fp;

use crate::circuits::{ascii_value, Circuit};
use crate::dispatch::{RATE, WIDTH};
use crate::public_inputs::digest_limbs;
use crate::rule::{ChallengeScores, PROBES_PER_CHALLENGE};
use crate::witness::packed_scores;

/// Challenges whose scores fill one field element: 12 scores, 192 bits.
pub const CHALLENGES_PER_WORD: usize = 3;
/// Field elements before the scores: domain, preset digest, run digest, n, c, salt.
pub const HEADER_WORDS: usize = 8;
/// Separates this hash from every other one.
pub const DOMAIN: &str = "pot-audit/score-commitment/1";
/// Bits of the scores of one challenge.
pub const CHALLENGE_BITS: u32 = 64;

/// Field elements that the commitment absorbs for a circuit of this capacity.
pub const fn message_words(capacity: usize) -> usize {
    HEADER_WORDS + capacity / CHALLENGES_PER_WORD
}

/// Secret 128 bits that hide the scores.
pub type Salt = [u8; 16];

/// A salt as a field element: its bytes as a big-endian number.
pub fn salt_value(salt: Salt) -> Fp {
    Fp::from_u128(u128::from_be_bytes(salt))
}

/// Commits to the scores of a run.
///
/// Scores are padded with zeros to the capacity of the smallest circuit that holds the run; n is
/// absorbed before them, so a run and the same run with zeros added differ.
pub fn commit(
    circuit: Circuit,
    preset_digest: &[u8; 32],
    run_digest: &[u8; 32],
    salt: Salt,
    scores: &[ChallengeScores],
) -> Fp {
    let [preset_first, preset_second] = digest_limbs(preset_digest);
    let [run_first, run_second] = digest_limbs(run_digest);
    let mut message = vec![
        ascii_value(DOMAIN),
        preset_first,
        preset_second,
        run_first,
        run_second,
        Fp::from(scores.len() as u64),
        Fp::from(PROBES_PER_CHALLENGE as u64),
        salt_value(salt),
    ];
    let mut padded = scores.to_vec();
    padded.resize(circuit.capacity(), ChallengeScores::default());
    message.extend(padded.chunks(CHALLENGES_PER_WORD).map(|challenges| {
        challenges.iter().fold(Fp::zero(), |word, &scores| {
            word * Fp::from_u128(1 << CHALLENGE_BITS) + Fp::from(packed_scores(scores))
        })
    }));
    circuit.hash(&message)
}

/// The Poseidon chip of the circuit: four advice columns of its own.
#[derive(Clone, Debug)]
pub struct CommitmentChip {
    pow5: Pow5Config<Fp, WIDTH, RATE>,
}

impl CommitmentChip {
    /// Adds the columns and gates. Constants of the whole circuit stand in a fixed column of the
    /// chip that is empty outside the partial rounds.
    pub fn configure(meta: &mut ConstraintSystem<Fp>) -> Self {
        let state = std::array::from_fn(|_| meta.advice_column());
        let partial_sbox = meta.advice_column();
        let first_constants = std::array::from_fn(|_| meta.fixed_column());
        let second_constants = std::array::from_fn(|_| meta.fixed_column());
        meta.enable_constant(second_constants[0]);
        Self {
            pow5: Pow5Chip::configure::<P128Pow5T3>(
                meta,
                state,
                partial_sbox,
                first_constants,
                second_constants,
            ),
        }
    }

    /// Hashes cells of the circuit.
    pub fn hash<const WORDS: usize>(
        &self,
        mut layouter: impl Layouter<Fp>,
        message: [AssignedCell<Fp, Fp>; WORDS],
    ) -> Result<AssignedCell<Fp, Fp>, PlonkError> {
        let chip = Pow5Chip::construct(self.pow5.clone());
        Hash::<_, _, P128Pow5T3, ConstantLength<WORDS>, WIDTH, RATE>::init(
            chip,
            layouter.namespace(|| "sponge"),
        )?
        .hash(layouter.namespace(|| "message"), message)
    }
}
