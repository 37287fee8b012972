//! Prints what the source pins about each circuit: digests of parameters and verifying key, and
//! the length of a proof.

use pot_halo2::circuits::{Circuit, Version};
use pot_halo2::keys::{hex, VerifierKeys};
use pot_halo2::preset::{Preset, Ratio};
use pot_halo2::proof::{prove_unchecked, Run, Salts};
use sha2::{Digest, Sha256};

fn main() {
    for circuit in Circuit::ALL {
        let keys = VerifierKeys::generate_unchecked(circuit).expect("every circuit has a key");
        let mut params = Vec::new();
        keys.params
            .write(&mut params)
            .expect("memory takes every write");
        println!(
            "{} params {} key {} text {} proof {}",
            circuit.id(),
            hex(&Sha256::digest(params)),
            hex(&Sha256::digest(keys.text())),
            keys.text().len(),
            proof_bytes(&keys),
        );
    }
}

/// The length of a proof that the longest run of a circuit was undecided.
fn proof_bytes(keys: &VerifierKeys) -> usize {
    let ratio = |num, den| Ratio::new(num, den).expect("lowest terms");
    let n = keys.circuit.capacity();
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
        salts: match keys.circuit.version() {
            Version::One => Salts::OfRun([0; 16]),
            Version::Two => Salts::OfChallenges(vec![[0; 16]; n]),
        },
        run_digest: [2; 32],
    };
    let provable = run.prepare().expect("the run ends at n_max");
    let proving_key = keys.proving_key().expect("every circuit has a key");
    let proof = prove_unchecked(keys, &proving_key, provable).expect("a true claim");
    proof.len()
}
