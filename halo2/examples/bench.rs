//! Measures proving and verifying a run of N challenges: `cargo run --release --example bench N M V`
//! makes M proofs with a circuit of version V, each with its own salts, and prints one JSON object with what they cost and with
//! the proofs. `benchmarks/proof_systems.py` makes a table of it.
//!
//! CPU seconds are those of the process on all threads, so they hold on a busy machine too.

use std::{env, fs};

use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine;
use pot_halo2::circuits::Version;
use pot_halo2::documents::field_hex;
use pot_halo2::keys::VerifierKeys;
use pot_halo2::preset::{Preset, Ratio};
use pot_halo2::proof::{prove_unchecked, Provable, Run, Salts};
use pot_halo2::public_inputs::Instance;
use pot_halo2::verification::{verify, verify_all};
use serde_json::{json, Value};

const VERIFICATIONS: u32 = 20;

fn main() {
    let mut arguments = env::args().skip(1).map(|word| word.parse::<usize>());
    let mut next = || arguments.next();
    let (Some(Ok(n)), Some(Ok(count)), Some(Ok(version @ (1 | 2))), None) =
        (next(), next(), next(), next())
    else {
        panic!("usage: bench CHALLENGES PROOFS VERSION");
    };
    let version = [Version::One, Version::Two][version - 1];
    println!("{}", measure(n, count, version));
}

fn measure(n: usize, count: usize, version: Version) -> Value {
    let circuit = undecided_run(n, 0, version).circuit;
    // The first call may make the public parameters; they are cached from then on.
    VerifierKeys::generate(circuit).expect("every circuit has keys");

    let start = cpu_seconds();
    let keys = VerifierKeys::generate(circuit).expect("every circuit has keys");
    let proving_key = keys.proving_key().expect("every circuit has keys");
    let keys_cpu = cpu_seconds() - start;

    let runs: Vec<Provable> = (0..count)
        .map(|salt| undecided_run(n, salt, version))
        .collect();
    let start = cpu_seconds();
    let proven: Vec<(Instance, Vec<u8>)> = runs
        .into_iter()
        .map(|run| {
            let instance = run.instance.clone();
            let proof = prove_unchecked(&keys, &proving_key, run).expect("a true claim");
            (instance, proof)
        })
        .collect();
    let prove_cpu = cpu_seconds() - start;

    let (instance, proof) = proven.first().expect("one proof at least");
    let start = cpu_seconds();
    for _ in 0..VERIFICATIONS {
        verify(&keys, instance, proof).expect("a proof of a true claim");
    }
    let verify_cpu = cpu_seconds() - start;

    let claims: Vec<_> = proven.iter().map(|(i, p)| (i, p.as_slice())).collect();
    let start = cpu_seconds();
    let findings = verify_all(&keys, &claims);
    let together_cpu = cpu_seconds() - start;
    assert!(findings.iter().all(Result::is_ok));

    let documents: Vec<Value> = proven
        .iter()
        .map(|(instance, proof)| {
            let values: Vec<String> = instance.iter().copied().map(field_hex).collect();
            json!({"public_inputs": values, "proof": BASE64.encode(proof)})
        })
        .collect();
    let count = claims.len() as f64;
    json!({
        "n": n,
        "circuit": circuit.id(),
        "keys_cpu_s": keys_cpu,
        "prove_cpu_s": prove_cpu / count,
        "verify_cpu_s": verify_cpu / f64::from(VERIFICATIONS),
        "verify_together_cpu_s": together_cpu / count,
        "peak_megabytes": peak_megabytes(),
        "proofs": documents,
    })
}

/// A run that no rule stops before `n_max`: scores 0 and 65535 by turns, gamma just below their
/// mean, delta far above it.
fn undecided_run(n: usize, salt: usize, version: Version) -> Provable {
    let ratio = |num, den| Ratio::new(num, den).expect("lowest terms");
    let run = Run {
        preset: Preset {
            alpha: ratio(1, 100),
            gamma: ratio(99, 100),
            eta: ratio(1, 2),
            delta: ratio(199, 100),
            epsilon: ratio(1, 100),
            n_min: 1,
            n_max: u32::try_from(n).expect("a small number"),
            attempt: 1,
        },
        scores: vec![[0, u16::MAX, 0, u16::MAX]; n],
        salts: match version {
            Version::One => Salts::OfRun((salt as u128).to_be_bytes()),
            Version::Two => {
                let of_challenge = |challenge| ((salt << 32 | challenge) as u128).to_be_bytes();
                Salts::OfChallenges((0..n).map(of_challenge).collect())
            }
        },
        run_digest: [2; 32],
    };
    run.prepare().expect("the run ends at n_max")
}

/// User and system time of all threads, from /proc/self/stat in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().expect("a number"))
        .sum::<f64>()
        / 100.0
}

fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes
        .and_then(|kb| kb.parse::<u64>().ok())
        .expect("a number")
        / 1024
}
