//! The circuits that exist: one verifying key each, for runs of up to so many challenges.
//!
//! A run is proven with the smallest circuit of a version that holds it, so version and `n` name the
//! circuit. An id is never used again: any change of a verifying key is a new id.

use pasta_curves::Fp;

use crate::error::Error;
use crate::public_inputs::{ROWS_1, ROWS_2};

/// What a circuit shows, and how the scores are committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The decision alone; one commitment to all scores.
    One,
    /// S and V as well; a commitment to each challenge, and one to all of these.
    Two,
}

impl Version {
    /// Number of public inputs.
    pub fn rows(self) -> usize {
        match self {
            Self::One => ROWS_1,
            Self::Two => ROWS_2,
        }
    }
}

/// A circuit: the number in its name is the most challenges that a run may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Version 1, up to 66 challenges, 2^10 rows.
    Eb1N66,
    /// Version 1, up to 141 challenges, 2^11 rows.
    Eb1N141,
    /// Version 1, up to 285 challenges, 2^12 rows.
    Eb1N285,
    /// Version 1, up to 579 challenges, 2^13 rows.
    Eb1N579,
    /// Version 1, up to 801 challenges, 2^14 rows.
    Eb1N801,
    /// Version 2, up to 66 challenges, 2^10 rows.
    Eb1N66V2,
    /// Version 2, up to 139 challenges, 2^11 rows.
    Eb1N139V2,
    /// Version 2, up to 280 challenges, 2^12 rows.
    Eb1N280V2,
    /// Version 2, up to 564 challenges, 2^13 rows.
    Eb1N564V2,
    /// Version 2, up to 801 challenges, 2^14 rows.
    Eb1N801V2,
}

struct Facts {
    id: &'static str,
    version: Version,
    k: u32,
    capacity: usize,
    proof_bytes: usize,
    verifying_key_digest: &'static str,
}

impl Circuit {
    /// Every circuit, smallest first within a version.
    pub const ALL: [Self; 10] = [
        Self::Eb1N66,
        Self::Eb1N141,
        Self::Eb1N285,
        Self::Eb1N579,
        Self::Eb1N801,
        Self::Eb1N66V2,
        Self::Eb1N139V2,
        Self::Eb1N280V2,
        Self::Eb1N564V2,
        Self::Eb1N801V2,
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

    /// The circuit of a version for a run of `n` challenges.
    ///
    /// # Errors
    /// `circuit.too-many-challenges`.
    pub fn for_challenges(version: Version, n: usize) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|circuit| circuit.version() == version && n <= circuit.capacity())
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

    /// What the circuit shows.
    pub fn version(self) -> Version {
        self.facts().version
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

    fn facts(self) -> Facts {
        match self {
            Self::Eb1N66 => Facts {
                id: "eb-1.n66.v1",
                version: Version::One,
                k: 10,
                capacity: 66,
                proof_bytes: 5888,
                verifying_key_digest:
                    "57f52be3eda08075bd6b607cae5924372cc0c18a6e7a242d4efd5adbb1b9f38c",
            },
            Self::Eb1N141 => Facts {
                id: "eb-1.n141.v1",
                version: Version::One,
                k: 11,
                capacity: 141,
                proof_bytes: 5952,
                verifying_key_digest:
                    "1e0ed9bf487074cf7802971c8c915210909231f77ebea30a83e543effd20d3cb",
            },
            Self::Eb1N285 => Facts {
                id: "eb-1.n285.v1",
                version: Version::One,
                k: 12,
                capacity: 285,
                proof_bytes: 6016,
                verifying_key_digest:
                    "41897d7421da9f09c6af929127b59fce46ff99f6d24a60f7712eb368d140196b",
            },
            Self::Eb1N579 => Facts {
                id: "eb-1.n579.v1",
                version: Version::One,
                k: 13,
                capacity: 579,
                proof_bytes: 6080,
                verifying_key_digest:
                    "aa6461713ad3f58e21c1d77deb8a648aeda534d944c50fb12d2264c8fdcc9f8e",
            },
            Self::Eb1N801 => Facts {
                id: "eb-1.n801.v1",
                version: Version::One,
                k: 14,
                capacity: 801,
                proof_bytes: 6144,
                verifying_key_digest:
                    "773debb2782ae56ac29d756f4049c8a725561d8d44e318f08642d413e0941c67",
            },
            Self::Eb1N66V2 => Facts {
                id: "eb-1.n66.v2",
                version: Version::Two,
                k: 10,
                capacity: 66,
                proof_bytes: 9184,
                verifying_key_digest:
                    "23c59bc2ae5d36a0cd204471f086f33d4773102fdc27ba358fa9ea60392a48ff",
            },
            Self::Eb1N139V2 => Facts {
                id: "eb-1.n139.v2",
                version: Version::Two,
                k: 11,
                capacity: 139,
                proof_bytes: 9280,
                verifying_key_digest:
                    "e9f607da2d3548d6649c0ea96d3d661888b738c62cf6c9c49085495a91e0bc1c",
            },
            Self::Eb1N280V2 => Facts {
                id: "eb-1.n280.v2",
                version: Version::Two,
                k: 12,
                capacity: 280,
                proof_bytes: 9312,
                verifying_key_digest:
                    "0489e3c0a5c1e7656417b1b6c6b79c15fcaff9b7477bbcec2c5a644ef1a70060",
            },
            Self::Eb1N564V2 => Facts {
                id: "eb-1.n564.v2",
                version: Version::Two,
                k: 13,
                capacity: 564,
                proof_bytes: 9376,
                verifying_key_digest:
                    "08dd3b0516ed607c669ebfa27436995e56d3f10053f86d8ea816932411c4273b",
            },
            Self::Eb1N801V2 => Facts {
                id: "eb-1.n801.v2",
                version: Version::Two,
                k: 14,
                capacity: 801,
                proof_bytes: 9440,
                verifying_key_digest:
                    "74f5cfaa68bc942d9b820a767b3d3a52e416c0a37ab41dc52b0505d661391455",
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
