//! The circuits that exist: one verifying key each, for runs of up to so many challenges.
//!
//! A run is proven with the smallest circuit that holds it, so `n` alone names the circuit. An id
//! is never used again: any change of a verifying key is a new id.

use pasta_curves::Fp;

use crate::error::Error;
use crate::poseidon_commitment::message_words;

/// A circuit: the number in its name is the most challenges that a run may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Up to 66 challenges, 2^10 rows.
    Eb1N66,
    /// Up to 141 challenges, 2^11 rows.
    Eb1N141,
    /// Up to 285 challenges, 2^12 rows.
    Eb1N285,
    /// Up to 579 challenges, 2^13 rows.
    Eb1N579,
    /// Up to 801 challenges, 2^14 rows.
    Eb1N801,
}

struct Facts {
    id: &'static str,
    k: u32,
    capacity: usize,
    proof_bytes: usize,
    verifying_key_digest: &'static str,
}

/// What is done for one circuit with the size of its hash input as a constant.
pub trait PerCircuit {
    /// Result.
    type Output;

    /// Runs with the number of field elements that the score commitment absorbs.
    fn run<const WORDS: usize>(self) -> Self::Output;
}

impl Circuit {
    /// Every circuit, smallest first.
    pub const ALL: [Self; 5] = [
        Self::Eb1N66,
        Self::Eb1N141,
        Self::Eb1N285,
        Self::Eb1N579,
        Self::Eb1N801,
    ];

    /// The circuit with this id.
    ///
    /// # Errors
    /// `circuit.unknown`.
    pub fn by_id(id: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|circuit| circuit.id() == id)
            .ok_or_else(|| Error::input("circuit.unknown", format!("no circuit {id:?}")))
    }

    /// The circuit for a run of `n` challenges.
    ///
    /// # Errors
    /// `circuit.too-many-challenges`.
    pub fn for_challenges(n: usize) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|circuit| n <= circuit.capacity())
            .ok_or_else(|| {
                let message = format!("no circuit holds {n} challenges");
                Error::input("circuit.too-many-challenges", message)
            })
    }

    /// Permanent id.
    pub fn id(self) -> &'static str {
        self.facts().id
    }

    /// The id as a public input: its ASCII bytes as a big-endian number.
    pub fn id_value(self) -> Fp {
        ascii_value(self.id())
    }

    /// Base-2 logarithm of the number of rows.
    pub fn k(self) -> u32 {
        self.facts().k
    }

    /// Most challenges that a run may have.
    pub fn capacity(self) -> usize {
        self.facts().capacity
    }

    /// Exact length of a proof.
    pub fn proof_bytes(self) -> usize {
        self.facts().proof_bytes
    }

    /// SHA-256 of the text of the verifying key, in hex.
    pub fn verifying_key_digest(self) -> &'static str {
        self.facts().verifying_key_digest
    }

    /// Runs `action` with the constants of this circuit.
    pub fn dispatch<A: PerCircuit>(self, action: A) -> A::Output {
        match self {
            Self::Eb1N66 => action.run::<{ message_words(66) }>(),
            Self::Eb1N141 => action.run::<{ message_words(141) }>(),
            Self::Eb1N285 => action.run::<{ message_words(285) }>(),
            Self::Eb1N579 => action.run::<{ message_words(579) }>(),
            Self::Eb1N801 => action.run::<{ message_words(801) }>(),
        }
    }

    fn facts(self) -> Facts {
        match self {
            Self::Eb1N66 => Facts {
                id: "eb-1.n66.v1",
                k: 10,
                capacity: 66,
                proof_bytes: 5888,
                verifying_key_digest:
                    "57f52be3eda08075bd6b607cae5924372cc0c18a6e7a242d4efd5adbb1b9f38c",
            },
            Self::Eb1N141 => Facts {
                id: "eb-1.n141.v1",
                k: 11,
                capacity: 141,
                proof_bytes: 5952,
                verifying_key_digest:
                    "1e0ed9bf487074cf7802971c8c915210909231f77ebea30a83e543effd20d3cb",
            },
            Self::Eb1N285 => Facts {
                id: "eb-1.n285.v1",
                k: 12,
                capacity: 285,
                proof_bytes: 6016,
                verifying_key_digest:
                    "41897d7421da9f09c6af929127b59fce46ff99f6d24a60f7712eb368d140196b",
            },
            Self::Eb1N579 => Facts {
                id: "eb-1.n579.v1",
                k: 13,
                capacity: 579,
                proof_bytes: 6080,
                verifying_key_digest:
                    "aa6461713ad3f58e21c1d77deb8a648aeda534d944c50fb12d2264c8fdcc9f8e",
            },
            Self::Eb1N801 => Facts {
                id: "eb-1.n801.v1",
                k: 14,
                capacity: 801,
                proof_bytes: 6144,
                verifying_key_digest:
                    "773debb2782ae56ac29d756f4049c8a725561d8d44e318f08642d413e0941c67",
            },
        }
    }
}

/// ASCII bytes, at most 31, as a big-endian number.
pub fn ascii_value(text: &str) -> Fp {
    text.bytes().fold(Fp::zero(), |value, byte| {
        value * Fp::from(256) + Fp::from(u64::from(byte))
    })
}
