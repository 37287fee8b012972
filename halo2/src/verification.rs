//! Verifying: each proof is read, then what is left of all of them is checked in one sum.
//!
//! What remains of a proof that was read is a sum of multiples of points that must be the identity.
//! For many proofs of one circuit the sums are added, each times a random weight: the total is the
//! identity if all are, and with probability 2^-254 otherwise. The multiples of the generators, the
//! costly part, are then summed once and not once a proof. Where the total is not the identity,
//! halves of it say which proofs are wrong.

use ff::Field;
use halo2_proofs::plonk::{verify_proof, Error as PlonkError, VerificationStrategy};
use halo2_proofs::poly::commitment::{Guard, MSM};
use halo2_proofs::transcript::EncodedChallenge;
use pasta_curves::{vesta, Fp};
use rand_core::OsRng;
use rayon::prelude::*;

use crate::error::Error;
use crate::instance_ranges::check_ranges;
use crate::keys::VerifierKeys;
use crate::proof_reader::ProofReader;
use crate::public_inputs::Instance;

/// Proofs that are added up at a time: bounds the memory, up to half a megabyte a proof.
const TOGETHER_MAX: usize = 128;

type Sum<'k> = MSM<'k, vesta::Affine>;

/// Checks a proof against public inputs that the caller has computed.
///
/// # Errors
/// `proof.length`, `proof.opening-failed`, those of an item that cannot be read
/// (`proof.point-is-identity`, `proof.point-not-canonical`, `proof.point-not-on-curve`,
/// `proof.scalar-not-canonical`), or `instance.out-of-range` for public inputs that no claim has.
pub fn verify(keys: &VerifierKeys, instance: &Instance, proof: &[u8]) -> Result<(), Error> {
    let holds = read(keys, instance, proof)?.eval();
    holds.then_some(()).ok_or_else(opening_failed)
}

/// Checks many proofs of one circuit together; one finding a proof, each as [`verify`] gives it.
pub fn verify_all(keys: &VerifierKeys, claims: &[(&Instance, &[u8])]) -> Vec<Result<(), Error>> {
    let mut findings = Vec::with_capacity(claims.len());
    for claims in claims.chunks(TOGETHER_MAX) {
        let sums: Vec<Result<Sum<'_>, Error>> = claims
            .par_iter()
            .map(|(instance, proof)| read(keys, instance, proof))
            .collect();
        let start = findings.len();
        let mut read = Vec::new();
        for (index, sum) in sums.into_iter().enumerate() {
            findings.push(sum.map(|sum| read.push((start + index, sum))));
        }
        for index in wrong(keys, &read) {
            findings[index] = Err(opening_failed());
        }
    }
    findings
}

/// The indices of the sums that are not the identity, by halving.
fn wrong(keys: &VerifierKeys, sums: &[(usize, Sum<'_>)]) -> Vec<usize> {
    let mut total = keys.params.empty_msm();
    for (_, sum) in sums {
        let mut weighted = sum.clone();
        weighted.scale(Fp::random(OsRng));
        total.add_msm(&weighted);
    }
    if total.eval() {
        return Vec::new();
    }
    if let [(index, _)] = sums {
        return vec![*index];
    }
    let (first, second) = sums.split_at(sums.len() / 2);
    let mut indices = wrong(keys, first);
    indices.extend(wrong(keys, second));
    indices
}

/// Reads a proof, up to the sum that decides.
fn read<'k>(keys: &'k VerifierKeys, instance: &Instance, proof: &[u8]) -> Result<Sum<'k>, Error> {
    check_ranges(instance, keys.circuit)?;
    let expected = keys.circuit.proof_bytes();
    if proof.len() != expected {
        let message = format!("a proof has {expected} bytes, this one {}", proof.len());
        return Err(Error::rejected("proof.length", message));
    }
    let mut reader = ProofReader::new(proof);
    let strategy = Deferred(keys.params.empty_msm());
    let instances: &[&[&[Fp]]] = &[&[instance]];
    verify_proof(
        &keys.params,
        &keys.verifying_key,
        strategy,
        instances,
        &mut reader,
    )
    .map_err(|error| match error {
        PlonkError::Opening | PlonkError::Transcript(_) => {
            reader.unreadable().unwrap_or_else(opening_failed)
        }
        other => Error::bug("proof.not-checked", other.to_string()),
    })
}

/// Hands the sum out instead of computing it.
struct Deferred<'k>(Sum<'k>);

impl<'k> VerificationStrategy<'k, vesta::Affine> for Deferred<'k> {
    type Output = Sum<'k>;

    fn process<E: EncodedChallenge<vesta::Affine>>(
        self,
        read: impl FnOnce(Sum<'k>) -> Result<Guard<'k, vesta::Affine, E>, PlonkError>,
    ) -> Result<Self::Output, PlonkError> {
        Ok(read(self.0)?.use_challenges())
    }
}

fn opening_failed() -> Error {
    Error::rejected("proof.opening-failed", "the proof does not show this claim")
}
