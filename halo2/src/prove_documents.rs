//! The JSON documents that `prove` reads, strictly, and writes, with fixed fields.

use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine;
use serde::{Deserialize, Serialize};

use crate::circuits::Circuit;
use crate::documents::{field_hex, from_json, parse_hex, PresetDocument};
use crate::error::Error;
use crate::keys::hex;
use crate::proof::{Provable, Run, Salts};
use crate::rule::ChallengeScores;

/// Input of `prove`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProveInput {
    circuit: Option<String>,
    preset: PresetDocument,
    attempt: u32,
    scores: Vec<ChallengeScores>,
    salt: Option<String>,
    salts: Option<Vec<String>>,
    run_digest: String,
}

impl ProveInput {
    /// Reads the input of `prove`.
    ///
    /// # Errors
    /// `input.not-json`, `input.not-hex`, `input.salts` unless there is one salt or a list of them,
    /// `circuit.unknown`, `circuit.not-the-smallest`, and those of [`PresetDocument::parse`].
    pub fn parse(text: &[u8]) -> Result<Run, Error> {
        let input: Self = from_json(text)?;
        let salts = match (&input.salt, &input.salts) {
            (Some(salt), None) => Salts::OfRun(parse_hex("salt", salt)?),
            (None, Some(salts)) => {
                let salts = salts.iter().map(|salt| parse_hex("a salt", salt));
                Salts::OfChallenges(salts.collect::<Result<_, _>>()?)
            }
            _ => {
                let message = "either salt, or salts with one for each challenge";
                return Err(Error::input("input.salts", message));
            }
        };
        if let Some(id) = &input.circuit {
            let smallest = Circuit::for_challenges(salts.version(), input.scores.len())?;
            if Circuit::by_id(id)? != smallest {
                let message = format!("this run is proven with {}", smallest.id());
                return Err(Error::input("circuit.not-the-smallest", message));
            }
        }
        Ok(Run {
            preset: input.preset.parse(input.attempt)?,
            scores: input.scores,
            salts,
            run_digest: parse_hex("run_digest", &input.run_digest)?,
        })
    }
}

/// Output of `prove`.
#[derive(Debug, Serialize)]
pub struct ProveOutput {
    circuit: &'static str,
    decision: &'static str,
    reason: &'static str,
    n: u64,
    score_commitment: String,
    #[serde(flatten)]
    version_2: Option<ProveOutput2>,
    preset_digest: String,
    run_digest: String,
    public_inputs: Vec<String>,
    proof: String,
}

/// What version 2 adds to the output of `prove`.
#[derive(Debug, Serialize)]
struct ProveOutput2 {
    challenge_commitments: Vec<String>,
    score_sum: u64,
    square_sum: u64,
}

impl ProveOutput {
    /// A claim, its public inputs and its proof.
    pub fn new(provable: &Provable, proof: &[u8]) -> Self {
        let claim = &provable.claim;
        Self {
            circuit: provable.circuit.id(),
            decision: claim.reason.decision().name(),
            reason: claim.reason.name(),
            n: claim.n,
            score_commitment: field_hex(claim.score_commitment),
            version_2: claim.sums.map(|sums| ProveOutput2 {
                challenge_commitments: provable
                    .challenge_commitments
                    .iter()
                    .copied()
                    .map(field_hex)
                    .collect(),
                score_sum: sums.sum,
                square_sum: sums.squares,
            }),
            preset_digest: hex(&claim.preset.digest()),
            run_digest: hex(&claim.run_digest),
            public_inputs: provable.instance.iter().copied().map(field_hex).collect(),
            proof: BASE64.encode(proof),
        }
    }
}
