//! What depends on the size of a circuit as a constant: its type, and the length of what its
//! commitment absorbs.

use halo2_gadgets::poseidon::primitives::{ConstantLength, Hash, P128Pow5T3};
use halo2_proofs::plonk::Circuit as PlonkCircuit;
use pasta_curves::Fp;

use crate::challenge_commitments::message_words as words_2;
use crate::circuits::Circuit;
use crate::decision_circuit::{DecisionCircuit, Private};
use crate::decision_circuit_v2::DecisionCircuitV2;
use crate::poseidon_commitment::message_words as words_1;

/// Poseidon's state.
pub const WIDTH: usize = 3;
/// Words that Poseidon absorbs at a time.
pub const RATE: usize = 2;

/// A circuit that proves a decision.
pub trait ProvesDecision: PlonkCircuit<Fp> {
    /// The circuit with private values, or without for making keys.
    fn new(circuit: Circuit, private: Option<Private>) -> Self;
}

/// What is done for one circuit, with its type.
pub trait PerCircuit {
    /// Result.
    type Output;

    /// Runs with the type of the circuit.
    fn run<C: ProvesDecision>(self) -> Self::Output;
}

impl Circuit {
    /// Runs `action` with the type of this circuit.
    pub fn dispatch<A: PerCircuit>(self, action: A) -> A::Output {
        match self {
            Self::Eb1N66 => action.run::<DecisionCircuit<{ words_1(66) }>>(),
            Self::Eb1N141 => action.run::<DecisionCircuit<{ words_1(141) }>>(),
            Self::Eb1N285 => action.run::<DecisionCircuit<{ words_1(285) }>>(),
            Self::Eb1N579 => action.run::<DecisionCircuit<{ words_1(579) }>>(),
            Self::Eb1N801 => action.run::<DecisionCircuit<{ words_1(801) }>>(),
            Self::Eb1N66V2
            | Self::Eb1N139V2
            | Self::Eb1N280V2
            | Self::Eb1N564V2
            | Self::Eb1N801V2 => action.run::<DecisionCircuitV2>(),
        }
    }

    /// Poseidon over as many words as the commitment of this circuit absorbs.
    ///
    /// # Panics
    /// If there are fewer words: a fault of the caller.
    pub fn hash(self, words: &[Fp]) -> Fp {
        match self {
            Self::Eb1N66 => hash::<{ words_1(66) }>(words),
            Self::Eb1N141 => hash::<{ words_1(141) }>(words),
            Self::Eb1N285 => hash::<{ words_1(285) }>(words),
            Self::Eb1N579 => hash::<{ words_1(579) }>(words),
            Self::Eb1N801 => hash::<{ words_1(801) }>(words),
            Self::Eb1N66V2 => hash::<{ words_2(66) }>(words),
            Self::Eb1N139V2 => hash::<{ words_2(139) }>(words),
            Self::Eb1N280V2 => hash::<{ words_2(280) }>(words),
            Self::Eb1N564V2 => hash::<{ words_2(564) }>(words),
            Self::Eb1N801V2 => hash::<{ words_2(801) }>(words),
        }
    }
}

/// Poseidon P128Pow5T3 over exactly so many words.
pub fn hash<const WORDS: usize>(words: &[Fp]) -> Fp {
    let words: [Fp; WORDS] = std::array::from_fn(|i| words[i]);
    Hash::<_, P128Pow5T3, ConstantLength<WORDS>, WIDTH, RATE>::init().hash(words)
}
