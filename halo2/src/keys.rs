//! Parameters and keys: regenerated, never trusted from a file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use group::{Curve, GroupEncoding};
use halo2_proofs::plonk::{keygen_pk, keygen_vk, ProvingKey, VerifyingKey};
use halo2_proofs::poly::commitment::{Blind, Params};
use halo2_proofs::poly::EvaluationDomain;
use pasta_curves::{vesta, Fp};
use sha2::{Digest, Sha256};

use crate::circuits::Circuit;
use crate::dispatch::{PerCircuit, ProvesDecision};
use crate::error::Error;

/// Public parameters of the commitment scheme: points hashed to the curve from a public string.
pub type PublicParams = Params<vesta::Affine>;

/// Public parameters and the verifying key of one circuit.
#[derive(Debug)]
pub struct VerifierKeys {
    /// The circuit.
    pub circuit: Circuit,
    /// Public parameters.
    pub params: PublicParams,
    /// Verifying key.
    pub verifying_key: VerifyingKey<vesta::Affine>,
}

impl VerifierKeys {
    /// Builds the verifying key of a circuit and compares it with the one pinned here.
    ///
    /// # Errors
    /// `keys.not-the-pinned-key`: this build makes another key than the released one.
    pub fn generate(circuit: Circuit) -> Result<Self, Error> {
        let keys = Self::generate_unchecked(circuit)?;
        let digest = hex(&Sha256::digest(keys.text()));
        if digest != circuit.verifying_key_digest() {
            let message = format!("{} has verifying key {digest}", circuit.id());
            return Err(Error::bug("keys.not-the-pinned-key", message));
        }
        Ok(keys)
    }

    /// Builds the verifying key of a circuit, whatever it is.
    ///
    /// # Errors
    /// `keys.synthesis` if the circuit does not fit its size.
    pub fn generate_unchecked(circuit: Circuit) -> Result<Self, Error> {
        let params = load_params(circuit.k());
        let verifying_key = circuit
            .dispatch(VerifyingKeyOf {
                circuit,
                params: &params,
            })
            .map_err(|error| Error::bug("keys.synthesis", error.to_string()))?;
        Ok(Self {
            circuit,
            params,
            verifying_key,
        })
    }

    /// The text that the transcript of every proof absorbs for this key; whoever parses it holds
    /// the key that the proof was made for.
    pub fn text(&self) -> String {
        format!("{:?}", self.verifying_key.pinned())
    }

    /// The commitment to each row of the instance column, in hex, one a line: what a verifier needs
    /// of the public parameters to commit to public inputs.
    pub fn instance_bases_text(&self) -> String {
        let domain = EvaluationDomain::<Fp>::new(1, self.circuit.k());
        let base = |row: usize| {
            let mut unit = domain.empty_lagrange();
            unit[row] = Fp::one();
            let commitment = self.params.commit_lagrange(&unit, Blind(Fp::zero()));
            hex(&commitment.to_affine().to_bytes()) + "\n"
        };
        (0..self.circuit.version().rows()).map(base).collect()
    }

    /// The proving key.
    ///
    /// # Errors
    /// `keys.synthesis`.
    pub fn proving_key(&self) -> Result<ProvingKey<vesta::Affine>, Error> {
        self.circuit
            .dispatch(ProvingKeyOf(self))
            .map_err(|error| Error::bug("keys.synthesis", error.to_string()))
    }
}

struct VerifyingKeyOf<'a> {
    circuit: Circuit,
    params: &'a PublicParams,
}

impl PerCircuit for VerifyingKeyOf<'_> {
    type Output = Result<VerifyingKey<vesta::Affine>, halo2_proofs::plonk::Error>;

    fn run<C: ProvesDecision>(self) -> Self::Output {
        keygen_vk(self.params, &C::new(self.circuit, None))
    }
}

struct ProvingKeyOf<'a>(&'a VerifierKeys);

impl PerCircuit for ProvingKeyOf<'_> {
    type Output = Result<ProvingKey<vesta::Affine>, halo2_proofs::plonk::Error>;

    fn run<C: ProvesDecision>(self) -> Self::Output {
        let circuit = C::new(self.0.circuit, None);
        keygen_pk(&self.0.params, self.0.verifying_key.clone(), &circuit)
    }
}

/// SHA-256 of the public parameters for each k that a circuit uses.
const PARAMS_DIGESTS: [(u32, &str); 5] = [
    (
        10,
        "65235f086265cdf98b12514ab36fe9b849198870918d73cd160903ceb0a954dc",
    ),
    (
        11,
        "1eab6f93a080ce41b908d935c04bd2e3ed1ac23f277c15d11c499d56d28fa0f7",
    ),
    (
        12,
        "1b97b06da453b9efb1ae18b9ba77c3d870f22dc72898297d5707e340c3f44865",
    ),
    (
        13,
        "76ebe6b75b5281cb1dcc2eb04888968573758672b521522f62abedf6366bb876",
    ),
    (
        14,
        "1cb278fe4d9cf5325e5cbc710d863c0deca3e961e1b8f6c8736890c43345c461",
    ),
];

/// Reads the parameters from the user's cache if they are the pinned ones, else makes them, and
/// leaves them in the cache. A cache that cannot be read or written costs time and nothing else.
fn load_params(k: u32) -> PublicParams {
    let cached = cache_folder().map(|folder| folder.join(format!("vesta-k{k}.params")));
    let pinned = PARAMS_DIGESTS.iter().find(|(pinned, _)| *pinned == k);
    let usable = cached
        .as_deref()
        .and_then(|path| fs::read(path).ok())
        .filter(|bytes| pinned.is_some_and(|(_, digest)| hex(&Sha256::digest(bytes)) == *digest))
        .and_then(|bytes| PublicParams::read(&mut bytes.as_slice()).ok());
    usable.unwrap_or_else(|| {
        note(&format!("making public parameters for 2^{k} rows"));
        let params = PublicParams::new(k);
        if let Some(path) = cached {
            if let Err(error) = store_params(&params, &path) {
                note(&format!("public parameters not cached: {error}"));
            }
        }
        params
    })
}

fn store_params(params: &PublicParams, path: &Path) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    params.write(&mut bytes)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = path.with_extension(format!("{}.partial", process::id()));
    fs::write(&partial, bytes)?;
    fs::rename(partial, path)
}

fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("pot-audit").join("halo2"))
}

/// Tells the user what is going on. Nobody has to listen: a closed channel changes nothing.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
