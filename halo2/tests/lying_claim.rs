//! A proof shows its claim and no other one.

mod common;

use std::sync::OnceLock;

use common::{audit, is_satisfied, quick, run_of};
use ff::Field;
use pasta_curves::Fp;
use pot_halo2::circuits::Circuit;
use pot_halo2::error::ErrorKind;
use pot_halo2::keys::VerifierKeys;
use pot_halo2::preset::Preset;
use pot_halo2::proof::{prove, Provable};
use pot_halo2::public_inputs::{
    Claim, CHALLENGES, DECISION, N_MAX, REASON, ROWS, SCORE_COMMITMENT,
};
use pot_halo2::rule::StopReason;
use pot_halo2::verification::verify;

const CIRCUIT: Circuit = Circuit::Eb1N66;

fn keys() -> &'static VerifierKeys {
    static KEYS: OnceLock<VerifierKeys> = OnceLock::new();
    KEYS.get_or_init(|| VerifierKeys::generate(CIRCUIT).unwrap())
}

fn honest() -> Provable {
    run_of(audit(), vec![[0; 4]; 31]).prepare().unwrap()
}

#[test]
fn every_public_input_is_bound_by_the_constraints() {
    let honest = honest();
    for row in 0..ROWS {
        for change in [Fp::ONE, -Fp::ONE] {
            let mut instance = honest.instance;
            instance[row] += change;
            assert!(
                !is_satisfied(honest.circuit, &instance, honest.private.clone()),
                "row {row}",
            );
        }
    }
}

#[test]
fn a_proof_does_not_verify_for_another_claim() {
    let honest = honest();
    let keys = keys();
    let proof = prove(keys, honest.clone()).unwrap();
    verify(keys, &honest.instance, &proof).unwrap();

    let claim = honest.claim;
    let preset = claim.preset;
    let mut lies = vec![
        Claim {
            reason: StopReason::Different,
            ..claim
        },
        Claim {
            reason: StopReason::Between,
            ..claim
        },
        Claim {
            reason: StopReason::Exhausted,
            ..claim
        },
        Claim {
            n: claim.n - 1,
            ..claim
        },
        Claim {
            n: claim.n + 1,
            ..claim
        },
        Claim {
            score_commitment: claim.score_commitment + Fp::ONE,
            ..claim
        },
        Claim {
            run_digest: [8; 32],
            ..claim
        },
        Claim {
            preset: quick(),
            ..claim
        },
    ];
    for lie in [
        Preset {
            attempt: 2,
            ..preset
        },
        Preset {
            n_max: preset.n_max - 1,
            ..preset
        },
        Preset {
            n_min: preset.n_min + 1,
            ..preset
        },
        Preset {
            gamma: common::ratio(11, 100),
            ..preset
        },
        Preset {
            eta: common::ratio(1, 1),
            ..preset
        },
        Preset {
            delta: common::ratio(11, 10),
            ..preset
        },
        Preset {
            epsilon: common::ratio(1, 5),
            ..preset
        },
        Preset {
            alpha: common::ratio(1, 40),
            ..preset
        },
    ] {
        lies.push(Claim {
            preset: lie,
            ..claim
        });
    }
    for lie in lies {
        let instance = lie.public_inputs(CIRCUIT).unwrap();
        let error = verify(keys, &instance, &proof).unwrap_err();
        assert_eq!(error.code(), "proof.opening-failed", "{lie:?}");
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    for row in [DECISION, REASON, SCORE_COMMITMENT] {
        let mut instance = honest.instance;
        instance[row] += Fp::ONE;
        assert_eq!(
            verify(keys, &instance, &proof).unwrap_err().code(),
            "proof.opening-failed"
        );
    }
    for (row, value) in [
        (CHALLENGES, 67),
        (CHALLENGES, 29),
        (N_MAX, 30),
        (N_MAX, 1 << 16),
    ] {
        let mut instance = honest.instance;
        instance[row] = Fp::from(value);
        assert_eq!(
            verify(keys, &instance, &proof).unwrap_err().code(),
            "instance.out-of-range"
        );
    }
}

#[test]
fn a_changed_proof_does_not_verify() {
    let honest = honest();
    let keys = keys();
    let proof = prove(keys, honest.clone()).unwrap();
    let code = |proof: &[u8]| verify(keys, &honest.instance, proof).unwrap_err().code();
    for position in (0..proof.len()).step_by(16 * 7 + 1) {
        let mut changed = proof.clone();
        changed[position] ^= 1 << (position % 8);
        let code = code(&changed);
        assert!(
            [
                "proof.opening-failed",
                "proof.point-not-canonical",
                "proof.point-not-on-curve",
                "proof.scalar-not-canonical",
            ]
            .contains(&code),
            "byte {position}: {code}",
        );
    }
    assert_eq!(code(&[proof.clone(), vec![0; 32]].concat()), "proof.length");
    assert_eq!(code(&proof[..proof.len() - 32]), "proof.length");
    assert_eq!(code(&[]), "proof.length");
}
