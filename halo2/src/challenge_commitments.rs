//! The commitments of version 2: Poseidon over the scores of each challenge and a salt of its own,
//! and Poseidon over all of these and what they belong to.
//!
//! A challenge costs one permutation, and one and a half with its share of the second hash: four
//! chips stand side by side, so that they take no more rows than the blocks of the challenges.

use halo2_gadgets::poseidon::primitives::{Absorbing, ConstantLength, P128Pow5T3, State};
use halo2_gadgets::poseidon::{
    PaddedWord, PoseidonInstructions, PoseidonSpongeInstructions, Pow5Chip, Pow5Config, StateWord,
};
use halo2_proofs::circuit::{Layouter, Value};
use halo2_proofs::plonk::{Advice, Column, ConstraintSystem, Error as PlonkError};
use pasta_curves::Fp;

use crate::challenge_region::Cell;
use crate::circuits::{ascii_value, Circuit};
use crate::dispatch::{hash, RATE, WIDTH};
use crate::poseidon_commitment::{salt_value, Salt};
use crate::public_inputs::digest_limbs;
use crate::rule::{ChallengeScores, PROBES_PER_CHALLENGE};
use crate::witness::packed_scores;

/// Separates the hash of one challenge from every other one.
pub const CHALLENGE_DOMAIN: &str = "pot-audit/scores/2";
/// Separates the hash of a run from every other one.
pub const RUN_DOMAIN: &str = "pot-audit/score-commitment/2";
/// Field elements before the commitments: domain, preset digest, run digest, n, c.
pub const HEADER_WORDS: usize = 7;
/// Field elements that the commitment to one challenge absorbs: scores and salt.
pub const CHALLENGE_WORDS: usize = 2;

/// Chips side by side.
const LANES: usize = 4;
/// Rows that a permutation takes, and one more that takes in words first.
const PERMUTATION_ROWS: usize = 37;
const ABSORPTION_ROWS: usize = 3;

/// Field elements that the commitment to a run absorbs for a circuit of this capacity.
pub const fn message_words(capacity: usize) -> usize {
    HEADER_WORDS + capacity
}

/// What the capacity word of the sponge starts with, for messages of this length.
pub fn capacity_word(words: usize) -> Fp {
    Fp::from_raw([0, words as u64, 0, 0])
}

/// The domain of one challenge, above the 64 bits of its scores.
pub fn challenge_tag() -> Fp {
    ascii_value(CHALLENGE_DOMAIN) * Fp::from_raw([0, 1, 0, 0])
}

/// Commits to the scores of one challenge.
pub fn commit_to_challenge(scores: ChallengeScores, salt: Salt) -> Fp {
    let word = challenge_tag() + Fp::from(packed_scores(scores));
    hash::<CHALLENGE_WORDS>(&[word, salt_value(salt)])
}

/// Commits to the commitments of a run.
///
/// Up to the capacity of the circuit, challenges after n count as scores of 0 with a salt of 0.
pub fn commit_to_run(
    circuit: Circuit,
    preset_digest: &[u8; 32],
    run_digest: &[u8; 32],
    commitments: &[Fp],
) -> Fp {
    let [preset_first, preset_second] = digest_limbs(preset_digest);
    let [run_first, run_second] = digest_limbs(run_digest);
    let mut message = vec![
        ascii_value(RUN_DOMAIN),
        preset_first,
        preset_second,
        run_first,
        run_second,
        Fp::from(commitments.len() as u64),
        Fp::from(PROBES_PER_CHALLENGE as u64),
    ];
    message.extend(commitments);
    let nothing = commit_to_challenge(ChallengeScores::default(), Salt::default());
    message.resize(message_words(circuit.capacity()), nothing);
    circuit.hash(&message)
}

/// Four Poseidon chips of four advice columns each.
#[derive(Clone, Debug)]
pub struct CommitmentLanes {
    lanes: Vec<Lane>,
}

#[derive(Clone, Debug)]
struct Lane {
    state: [Column<Advice>; WIDTH],
    pow5: Pow5Config<Fp, WIDTH, RATE>,
}

/// Cells that hold constants.
#[derive(Clone, Debug)]
pub struct CapacityWords {
    /// For the message of one challenge.
    pub challenge: Cell,
    /// For the message of the run.
    pub run: Cell,
}

/// Which lane is next: the one with the fewest rows.
struct Schedule([usize; LANES]);

impl Schedule {
    fn next(&mut self, rows: usize) -> usize {
        let lane = (0..LANES).min_by_key(|&lane| self.0[lane]).unwrap_or(0);
        self.0[lane] += rows;
        lane
    }
}

type Word = StateWord<Fp>;

impl CommitmentLanes {
    /// Adds the columns and gates. Constants of the whole circuit stand in a fixed column of the
    /// first lane that is empty outside the partial rounds.
    pub fn configure(meta: &mut ConstraintSystem<Fp>) -> Self {
        let lanes = (0..LANES)
            .map(|lane| {
                let state = std::array::from_fn(|_| meta.advice_column());
                let partial_sbox = meta.advice_column();
                let first_constants = std::array::from_fn(|_| meta.fixed_column());
                let second_constants = std::array::from_fn(|_| meta.fixed_column());
                if lane == 0 {
                    meta.enable_constant(second_constants[0]);
                }
                let pow5 = Pow5Chip::configure::<P128Pow5T3>(
                    meta,
                    state,
                    partial_sbox,
                    first_constants,
                    second_constants,
                );
                Lane { state, pow5 }
            })
            .collect();
        Self { lanes }
    }

    /// Puts the salts of all challenges into cells, spread over the lanes.
    ///
    /// # Errors
    /// Those of the layouter.
    pub fn assign_salts(
        &self,
        layouter: &mut impl Layouter<Fp>,
        capacity: usize,
        salts: Option<&[Fp]>,
    ) -> Result<Vec<Cell>, PlonkError> {
        let mut cells = Vec::with_capacity(capacity);
        for (number, lane) in self.lanes.iter().enumerate() {
            let of_lane = layouter.assign_region(
                || "salts",
                |mut region| {
                    (number..capacity)
                        .step_by(LANES)
                        .enumerate()
                        .map(|(position, challenge)| {
                            let (row, column) = (position / WIDTH, position % WIDTH);
                            let salt = || {
                                let salt = salts.and_then(|salts| salts.get(challenge));
                                salt.map_or_else(Value::unknown, |&salt| Value::known(salt))
                            };
                            region.assign_advice(|| "salt", lane.state[column], row, salt)
                        })
                        .collect::<Result<Vec<Cell>, PlonkError>>()
                },
            )?;
            cells.push(of_lane);
        }
        Ok((0..capacity)
            .map(|challenge| cells[challenge % LANES][challenge / LANES].clone())
            .collect())
    }

    /// Hashes the words of all challenges, each with its salt, and then header and hashes.
    ///
    /// # Errors
    /// Those of the layouter.
    pub fn hash(
        &self,
        layouter: &mut impl Layouter<Fp>,
        capacity_words: &CapacityWords,
        header: &[Cell],
        challenges: &[(Cell, Cell)],
    ) -> Result<Cell, PlonkError> {
        let mut schedule = Schedule([0; LANES]);
        let mut message = header.to_vec();
        for (word, salt) in challenges {
            let lane = schedule.next(PERMUTATION_ROWS);
            let state = [word, salt, &capacity_words.challenge].map(|cell| cell.clone().into());
            message.push(self.permute(layouter, lane, &state)?[0].clone().into());
        }
        let mut pairs = message.chunks(RATE);
        let Some([first, second]) = pairs.next() else {
            return Err(PlonkError::Synthesis);
        };
        let lane = schedule.next(PERMUTATION_ROWS);
        let start = [first, second, &capacity_words.run].map(|cell| cell.clone().into());
        let mut state = self.permute(layouter, lane, &start)?;
        for pair in pairs {
            let lane = schedule.next(ABSORPTION_ROWS + PERMUTATION_ROWS);
            state = self.absorb(layouter, lane, &state, pair)?;
            state = self.permute(layouter, lane, &state)?;
        }
        Ok(state[0].clone().into())
    }

    fn permute(
        &self,
        layouter: &mut impl Layouter<Fp>,
        lane: usize,
        state: &State<Word, WIDTH>,
    ) -> Result<State<Word, WIDTH>, PlonkError> {
        let chip = Pow5Chip::construct(self.lanes[lane].pow5.clone());
        PoseidonInstructions::<Fp, P128Pow5T3, WIDTH, RATE>::permute(&chip, layouter, state)
    }

    /// Adds up to two words to the state; a missing one is the 0 that pads a message.
    fn absorb(
        &self,
        layouter: &mut impl Layouter<Fp>,
        lane: usize,
        state: &State<Word, WIDTH>,
        words: &[Cell],
    ) -> Result<State<Word, WIDTH>, PlonkError> {
        let mut input = Absorbing::<PaddedWord<Fp>, RATE>::init_empty();
        for position in 0..RATE {
            let word = words.get(position).cloned();
            let word = word.map_or(PaddedWord::Padding(Fp::zero()), PaddedWord::Message);
            input.absorb(word).map_err(|_| PlonkError::Synthesis)?;
        }
        let chip = Pow5Chip::construct(self.lanes[lane].pow5.clone());
        PoseidonSpongeInstructions::<Fp, P128Pow5T3, ConstantLength<CHALLENGE_WORDS>, WIDTH, RATE>::add_input(
            &chip, layouter, state, &input,
        )
    }
}
