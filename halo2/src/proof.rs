//! Proving.

use halo2_proofs::plonk::{create_proof, ProvingKey};
use halo2_proofs::transcript::{Blake2bWrite, Challenge255};
use pasta_curves::{vesta, Fp};
use rand_core::OsRng;

use crate::challenge_commitments::{commit_to_challenge, commit_to_run};
use crate::circuits::{Circuit, Version};
use crate::decision_circuit::Private;
use crate::dispatch::{PerCircuit, ProvesDecision};
use crate::error::Error;
use crate::keys::VerifierKeys;
use crate::poseidon_commitment::{commit, salt_value, Salt};
use crate::preset::Preset;
use crate::public_inputs::{parameters, Claim, Instance, Sums};
use crate::rule::{run, ChallengeScores};
use crate::verification::verify;
use crate::witness::lay_out;

/// The salts of a run; they say with which version of the circuit it is proven.
#[derive(Clone, Debug)]
pub enum Salts {
    /// Version 1: one for all scores.
    OfRun(Salt),
    /// Version 2: one for each challenge.
    OfChallenges(Vec<Salt>),
}

impl Salts {
    /// The version of the circuit that takes these salts.
    pub fn version(&self) -> Version {
        match self {
            Self::OfRun(_) => Version::One,
            Self::OfChallenges(_) => Version::Two,
        }
    }
}

/// What the prover holds: the run, its digest, and the salts of its commitments.
#[derive(Clone, Debug)]
pub struct Run {
    /// Parameters of the test.
    pub preset: Preset,
    /// The scores of each challenge, in order; the run stops with the last.
    pub scores: Vec<ChallengeScores>,
    /// Salts of the commitments.
    pub salts: Salts,
    /// Digest of the run.
    pub run_digest: [u8; 32],
}

/// A run with everything that a proof needs.
#[derive(Clone, Debug)]
pub struct Provable {
    /// The circuit that holds the run.
    pub circuit: Circuit,
    /// What the proof will claim.
    pub claim: Claim,
    /// The public inputs of the claim.
    pub instance: Instance,
    /// The commitments to the challenges; none in version 1.
    pub challenge_commitments: Vec<Fp>,
    /// The private values.
    pub private: Private,
}

impl Run {
    /// Applies the rule, commits to the scores, and lays out the private values.
    ///
    /// # Errors
    /// `input.salts` unless there are as many salts as challenges, and those of [`run`],
    /// [`Circuit::for_challenges`] and [`Claim::public_inputs`].
    pub fn prepare(&self) -> Result<Provable, Error> {
        let circuit = Circuit::for_challenges(self.salts.version(), self.scores.len())?;
        let steps = run(self.preset, &self.scores)?;
        let Some((last, reason)) = steps.last().and_then(|step| Some((step, step.reason?))) else {
            return Err(Error::input("decision.not-stopped", "there are no scores"));
        };
        let digest = self.preset.digest();
        let (score_commitment, challenge_commitments, sums) = match &self.salts {
            Salts::OfRun(salt) => {
                let commitment = commit(circuit, &digest, &self.run_digest, *salt, &self.scores);
                (commitment, Vec::new(), None)
            }
            Salts::OfChallenges(salts) => {
                if salts.len() != self.scores.len() {
                    let message = format!("{} salts for {} challenges", salts.len(), last.n);
                    return Err(Error::input("input.salts", message));
                }
                let commitments: Vec<Fp> = self
                    .scores
                    .iter()
                    .zip(salts)
                    .map(|(&scores, &salt)| commit_to_challenge(scores, salt))
                    .collect();
                let commitment = commit_to_run(circuit, &digest, &self.run_digest, &commitments);
                (commitment, commitments, Some(Sums::of(last)))
            }
        };
        let claim = Claim {
            preset: self.preset,
            reason,
            n: last.n,
            sums,
            score_commitment,
            run_digest: self.run_digest,
        };
        let blocks = lay_out(
            &parameters(&self.preset)?,
            self.preset.n_max.into(),
            &self.scores,
            &steps,
            circuit,
        );
        Ok(Provable {
            circuit,
            instance: claim.public_inputs(circuit)?,
            claim,
            challenge_commitments,
            private: Private {
                blocks,
                salts: self.salt_values(circuit.capacity()),
            },
        })
    }
}

impl Run {
    /// The private salts; challenges after the last have a salt of 0.
    fn salt_values(&self, capacity: usize) -> Vec<Fp> {
        match &self.salts {
            Salts::OfRun(salt) => vec![salt_value(*salt)],
            Salts::OfChallenges(salts) => {
                let mut values: Vec<Fp> = salts.iter().copied().map(salt_value).collect();
                values.resize(capacity, Fp::zero());
                values
            }
        }
    }
}

/// Makes a proof, and checks it before handing it out.
///
/// # Errors
/// `proof.not-made` or `proof.not-accepted`: faults of this program.
pub fn prove(keys: &VerifierKeys, provable: Provable) -> Result<Vec<u8>, Error> {
    let instance = provable.instance.clone();
    let proof = prove_unchecked(keys, &keys.proving_key()?, provable)?;
    verify(keys, &instance, &proof)
        .map_err(|error| Error::bug("proof.not-accepted", error.to_string()))?;
    Ok(proof)
}

/// Makes a proof of whatever it is given, which need not be true.
///
/// # Errors
/// `proof.not-made`.
pub fn prove_unchecked(
    keys: &VerifierKeys,
    proving_key: &ProvingKey<vesta::Affine>,
    provable: Provable,
) -> Result<Vec<u8>, Error> {
    keys.circuit.dispatch(ProofOf {
        keys,
        proving_key,
        provable,
    })
}

struct ProofOf<'a> {
    keys: &'a VerifierKeys,
    proving_key: &'a ProvingKey<vesta::Affine>,
    provable: Provable,
}

impl PerCircuit for ProofOf<'_> {
    type Output = Result<Vec<u8>, Error>;

    fn run<C: ProvesDecision>(self) -> Self::Output {
        let Provable {
            circuit,
            instance,
            private,
            ..
        } = self.provable;
        let circuit = C::new(circuit, Some(private));
        let mut transcript = Blake2bWrite::<_, vesta::Affine, Challenge255<_>>::init(Vec::new());
        create_proof(
            &self.keys.params,
            self.proving_key,
            &[circuit],
            &[&[&instance]],
            OsRng,
            &mut transcript,
        )
        .map_err(|error| Error::bug("proof.not-made", error.to_string()))?;
        Ok(transcript.finalize())
    }
}
