//! Proof that withheld scores give the stated decision under rule `eb/1`.
//!
//! "The scores that open this commitment give decision D, with stop reason r, at challenge n,
//! under rule `eb/1` with this preset, and no earlier challenge stopped the run." Version 2 adds: "and
//! their sums are S and V." It does not show where the scores come from.

pub mod challenge_commitments;
pub mod challenge_region;
pub mod circuits;
pub mod columns;
pub mod constants;
pub mod decision_circuit;
pub mod decision_circuit_v2;
pub mod description;
pub mod dispatch;
pub mod documents;
pub mod error;
pub mod half_width;
pub mod instance_ranges;
pub mod keys;
pub mod layout;
pub mod no_earlier_stop;
pub mod outcome;
pub mod poseidon_commitment;
pub mod preset;
pub mod proof;
pub mod proof_reader;
pub mod prove_documents;
pub mod public_inputs;
pub mod rule;
pub mod running_sums;
pub mod stop_conditions;
pub mod verification;
pub mod witness;
