//! Proving.

use halo2_proofs::plonk::{create_proof, ProvingKey};
use halo2_proofs::transcript::{Blake2bWrite, Challenge255};
use pasta_curves::vesta;
use rand_core::OsRng;

use crate::circuits::{Circuit, PerCircuit};
use crate::decision_circuit::{DecisionCircuit, Private};
use crate::error::Error;
use crate::keys::VerifierKeys;
use crate::poseidon_commitment::{commit, salt_value, Salt};
use crate::preset::Preset;
use crate::public_inputs::{parameters, Claim, Instance};
use crate::rule::{run, ChallengeScores};
use crate::verification::verify;
use crate::witness::lay_out;

/// What the prover holds: the run, its digest, and the salt of its commitment.
#[derive(Clone, Debug)]
pub struct Run {
    /// Parameters of the test.
    pub preset: Preset,
    /// The scores of each challenge, in order; the run stops with the last.
    pub scores: Vec<ChallengeScores>,
    /// Salt of the commitment.
    pub salt: Salt,
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
    /// The private values.
    pub private: Private,
}

impl Run {
    /// Applies the rule, commits to the scores, and lays out the private values.
    ///
    /// # Errors
    /// Those of [`run`], [`Circuit::for_challenges`] and [`Claim::public_inputs`].
    pub fn prepare(&self) -> Result<Provable, Error> {
        let circuit = Circuit::for_challenges(self.scores.len())?;
        let steps = run(self.preset, &self.scores)?;
        let Some((last, reason)) = steps.last().and_then(|step| Some((step, step.reason?))) else {
            return Err(Error::input("decision.not-stopped", "there are no scores"));
        };
        let digest = self.preset.digest();
        let claim = Claim {
            preset: self.preset,
            reason,
            n: last.n,
            score_commitment: commit(circuit, &digest, &self.run_digest, self.salt, &self.scores),
            run_digest: self.run_digest,
        };
        let blocks = lay_out(
            &parameters(&self.preset)?,
            self.preset.n_max.into(),
            &self.scores,
            &steps,
            circuit.capacity(),
        );
        Ok(Provable {
            circuit,
            instance: claim.public_inputs(circuit)?,
            claim,
            private: Private {
                blocks,
                salt: salt_value(self.salt),
            },
        })
    }
}

/// Makes a proof, and checks it before handing it out.
///
/// # Errors
/// `proof.not-made` or `proof.not-accepted`: faults of this program.
pub fn prove(keys: &VerifierKeys, provable: Provable) -> Result<Vec<u8>, Error> {
    let instance = provable.instance;
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

    fn run<const WORDS: usize>(self) -> Self::Output {
        let Provable {
            circuit,
            instance,
            private,
            ..
        } = self.provable;
        let circuit = DecisionCircuit::<WORDS>::new(circuit, Some(private));
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
