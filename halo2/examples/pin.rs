//! Prints what the source pins about each circuit: digests of parameters and verifying key, and
//! the length of a proof.

use pot_halo2::circuits::Circuit;
use pot_halo2::keys::{hex, VerifierKeys};
use sha2::{Digest, Sha256};

fn main() {
    for circuit in Circuit::ALL {
        let keys = VerifierKeys::generate_unchecked(circuit).expect("every circuit has a key");
        let mut params = Vec::new();
        keys.params
            .write(&mut params)
            .expect("memory takes every write");
        println!(
            "{} params {} key {} text {}",
            circuit.id(),
            hex(&Sha256::digest(params)),
            hex(&Sha256::digest(keys.text())),
            keys.text().len(),
        );
    }
}
