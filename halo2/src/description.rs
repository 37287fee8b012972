//! What `describe` prints: the circuits and everything that is fixed about them.

use serde::Serialize;

use crate::circuits::{Circuit, Version};
use crate::constants::{FIXED_POINT_BITS, GRID};
use crate::public_inputs::{ROWS_2, ROW_NAMES};

/// Facts about a circuit, for `describe`.
#[derive(Debug, Serialize)]
pub struct CircuitDescription {
    circuit: &'static str,
    version: u32,
    public_inputs: usize,
    rows_log2: u32,
    challenges_max: usize,
    proof_bytes: usize,
    verifying_key_sha256: &'static str,
}

/// Output of `describe`.
#[derive(Debug, Serialize)]
pub struct Description {
    rule: &'static str,
    proof_system: &'static str,
    circuits: Vec<CircuitDescription>,
    public_inputs: [&'static str; ROWS_2],
    lambda: Vec<[u64; 2]>,
    p: Vec<u64>,
    fixed_point_bits: u32,
}

impl Description {
    /// Everything that is fixed.
    pub fn current() -> Self {
        Self {
            rule: "eb/1",
            proof_system: "halo2_proofs 0.3.4, inner product argument over Vesta, no trusted setup",
            circuits: Circuit::ALL
                .into_iter()
                .map(|circuit| CircuitDescription {
                    circuit: circuit.id(),
                    version: match circuit.version() {
                        Version::One => 1,
                        Version::Two => 2,
                    },
                    public_inputs: circuit.version().rows(),
                    rows_log2: circuit.k(),
                    challenges_max: circuit.capacity(),
                    proof_bytes: circuit.proof_bytes(),
                    verifying_key_sha256: circuit.verifying_key_digest(),
                })
                .collect(),
            public_inputs: ROW_NAMES,
            lambda: GRID.iter().map(|line| [line.num, line.den]).collect(),
            p: GRID.iter().map(|line| line.p).collect(),
            fixed_point_bits: FIXED_POINT_BITS,
        }
    }
}
