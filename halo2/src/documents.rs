//! The JSON documents that `verify` reads, strictly, and what they share with those of `prove`.

use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine;
use ff::PrimeField;
use pasta_curves::Fp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::circuits::Circuit;
use crate::error::Error;
use crate::keys::hex;
use crate::preset::{Preset, Ratio};
use crate::public_inputs::{Claim, Instance, Sums, ROW_NAMES};
use crate::rule::StopReason;

/// A preset as the bundle holds it: rationals as [numerator, denominator].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetDocument {
    name: String,
    alpha: [u64; 2],
    gamma: [u64; 2],
    eta: [u64; 2],
    delta: [u64; 2],
    epsilon: [u64; 2],
    n_min: u32,
    n_max: u32,
}

impl PresetDocument {
    /// Checks the values, and that they are those of the name.
    ///
    /// # Errors
    /// `preset.not-a-rational`, and those of [`Preset::checked`] and [`Preset::named`].
    pub fn parse(&self, attempt: u32) -> Result<Preset, Error> {
        let ratio = |[num, den]: [u64; 2]| Ratio::new(num, den);
        Preset {
            alpha: ratio(self.alpha)?,
            gamma: ratio(self.gamma)?,
            eta: ratio(self.eta)?,
            delta: ratio(self.delta)?,
            epsilon: ratio(self.epsilon)?,
            n_min: self.n_min,
            n_max: self.n_max,
            attempt,
        }
        .checked()?
        .named(&self.name)
    }
}

/// Input of `verify`: public inputs that the caller has computed, or a claim to compute them from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyInput {
    circuit: String,
    public_inputs: Option<Vec<String>>,
    claim: Option<ClaimDocument>,
    proof: String,
}

/// Input of `verify`, of either form.
#[derive(Debug)]
pub enum OneOrMany {
    /// One claim.
    One(Box<VerifyInput>),
    /// Claims that are verified together. What is no claim stands as the finding that it is none.
    Many(Vec<Result<VerifyInput, Error>>),
}

/// A claim as the statement of a bundle makes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimDocument {
    preset: PresetDocument,
    attempt: u32,
    decision: String,
    reason: String,
    n: u64,
    score_sum: Option<u64>,
    square_sum: Option<u64>,
    score_commitment: String,
    run_digest: String,
}

/// What `verify` checks.
#[derive(Debug)]
pub struct Verifiable {
    /// The circuit that the proof is for.
    pub circuit: Circuit,
    /// Public inputs.
    pub instance: Instance,
    /// Proof.
    pub proof: Vec<u8>,
}

impl VerifyInput {
    /// Reads the input of `verify`: one claim with its proof, or an array of them.
    ///
    /// # Errors
    /// `input.not-json` for what is neither JSON of a claim nor a JSON array.
    pub fn parse(text: &[u8]) -> Result<OneOrMany, Error> {
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => {
                let entries: Vec<&RawValue> = from_json(text)?;
                let entries = entries
                    .iter()
                    .map(|entry| from_json(entry.get().as_bytes()));
                Ok(OneOrMany::Many(entries.collect()))
            }
            _ => Ok(OneOrMany::One(from_json(text)?)),
        }
    }

    /// The circuit as the input names it.
    pub fn circuit(&self) -> &str {
        &self.circuit
    }

    /// Computes what is to be verified.
    ///
    /// # Errors
    /// `input.not-json`, `input.not-hex`, `input.not-base64`, `input.not-canonical`,
    /// `instance.length`, `claim.contradiction`, `claim.sums`, `circuit.unknown`, `circuit.not-the-smallest`.
    pub fn prepare(&self) -> Result<Verifiable, Error> {
        let circuit = Circuit::by_id(&self.circuit)?;
        let instance = match (&self.public_inputs, &self.claim) {
            (Some(values), None) => parse_instance(values, circuit.version().rows())?,
            (None, Some(claim)) => {
                let claim = claim.parse()?;
                if claim.version() != circuit.version() {
                    let message = "score_sum and square_sum go with version 2, and only with it";
                    return Err(Error::input("claim.sums", message));
                }
                let n = usize::try_from(claim.n).unwrap_or(usize::MAX);
                if Circuit::for_challenges(claim.version(), n)? != circuit {
                    let message = "the claim belongs to a circuit of another size";
                    return Err(Error::input("circuit.not-the-smallest", message));
                }
                claim.public_inputs(circuit)?
            }
            _ => {
                let message = "either public_inputs or claim, and not both";
                return Err(Error::input("input.not-json", message));
            }
        };
        let proof = BASE64
            .decode(&self.proof)
            .map_err(|error| Error::input("input.not-base64", format!("proof: {error}")))?;
        Ok(Verifiable {
            circuit,
            instance,
            proof,
        })
    }
}

impl ClaimDocument {
    fn parse(&self) -> Result<Claim, Error> {
        let reason = StopReason::ALL
            .into_iter()
            .find(|reason| {
                reason.name() == self.reason && reason.decision().name() == self.decision
            })
            .ok_or_else(|| {
                let message = format!("{} is no reason for {}", self.reason, self.decision);
                Error::input("claim.contradiction", message)
            })?;
        Ok(Claim {
            preset: self.preset.parse(self.attempt)?,
            reason,
            n: self.n,
            sums: match (self.score_sum, self.square_sum) {
                (None, None) => None,
                (Some(sum), Some(squares)) => Some(Sums { sum, squares }),
                _ => {
                    let message = "score_sum and square_sum go together";
                    return Err(Error::input("claim.sums", message));
                }
            },
            score_commitment: parse_field("score_commitment", &self.score_commitment)?,
            run_digest: parse_hex("run_digest", &self.run_digest)?,
        })
    }
}

/// Reads a document.
///
/// # Errors
/// `input.not-json`.
pub fn from_json<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| Error::input("input.not-json", error.to_string()))
}

fn parse_instance(values: &[String], rows: usize) -> Result<Instance, Error> {
    if values.len() != rows {
        let message = format!("{} public inputs instead of {rows}", values.len());
        return Err(Error::input("instance.length", message));
    }
    values
        .iter()
        .zip(ROW_NAMES)
        .map(|(value, name)| parse_field(name, value))
        .collect()
}

/// A field element as 64 hex digits, most significant first.
pub fn field_hex(value: Fp) -> String {
    let mut bytes = value.to_repr();
    bytes.reverse();
    hex(&bytes)
}

fn parse_field(name: &str, text: &str) -> Result<Fp, Error> {
    let mut bytes: [u8; 32] = parse_hex(name, text)?;
    bytes.reverse();
    Option::from(Fp::from_repr(bytes)).ok_or_else(|| {
        let message = format!("{name} is not below the modulus of the field");
        Error::input("input.not-canonical", message)
    })
}

/// Reads exactly so many bytes in lower-case hex.
///
/// # Errors
/// `input.not-hex`.
pub fn parse_hex<const N: usize>(name: &str, text: &str) -> Result<[u8; N], Error> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
    let digits = digits
        .filter(|digits| digits.len() == 2 * N)
        .ok_or_else(|| {
            let message = format!("{name} is not {} lower-case hex digits", 2 * N);
            Error::input("input.not-hex", message)
        })?;
    Ok(std::array::from_fn(|i| {
        digits[2 * i] << 4 | digits[2 * i + 1]
    }))
}
