//! A proof shows its claim and no other one.

mod common;

use std::sync::OnceLock;

use common::{audit, is_satisfied, quick, run_of, smallest, with_version, VERSIONS};
use ff::Field;
use pasta_curves::Fp;
use pot_halo2::circuits::Version;
use pot_halo2::error::ErrorKind;
use pot_halo2::keys::VerifierKeys;
use pot_halo2::preset::Preset;
use pot_halo2::proof::{prove, Provable};
use pot_halo2::public_inputs::{
    Claim, Sums, CHALLENGES, DECISION, N_MAX, REASON, SCORE_COMMITMENT, SCORE_SUM, SQUARE_SUM,
};
use pot_halo2::rule::StopReason;
use pot_halo2::verification::verify;

fn keys(version: Version) -> &'static VerifierKeys {
    static KEYS: [OnceLock<VerifierKeys>; 2] = [OnceLock::new(), OnceLock::new()];
    let index = usize::from(version == Version::Two);
    KEYS[index].get_or_init(|| VerifierKeys::generate(smallest(version)).unwrap())
}

fn honest(version: Version) -> Provable {
    let run = run_of(audit(), vec![[0, 0, 1, 0]; 31]);
    with_version(&run, version).prepare().unwrap()
}

#[test]
fn every_public_input_is_bound_by_the_constraints() {
    for version in VERSIONS {
        let honest = honest(version);
        assert_eq!(honest.instance.len(), version.rows());
        for row in 0..version.rows() {
            for change in [Fp::ONE, -Fp::ONE] {
                let mut instance = honest.instance.clone();
                instance[row] += change;
                assert!(
                    !is_satisfied(honest.circuit, &instance, honest.private.clone()),
                    "row {row} {version:?}",
                );
            }
        }
    }
}

#[test]
fn a_proof_does_not_verify_for_another_claim() {
    VERSIONS
        .into_iter()
        .for_each(does_not_verify_for_another_claim);
}

fn does_not_verify_for_another_claim(version: Version) {
    let honest = honest(version);
    let keys = keys(version);
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
    if let Some(sums) = claim.sums {
        for sums in [
            Sums {
                sum: sums.sum + 1,
                ..sums
            },
            Sums {
                sum: sums.sum - 1,
                ..sums
            },
            Sums {
                squares: sums.squares + 1,
                ..sums
            },
            Sums {
                squares: sums.squares - 1,
                ..sums
            },
            Sums { sum: 0, squares: 0 },
        ] {
            let sums = Some(sums);
            lies.push(Claim { sums, ..claim });
        }
    }
    for lie in lies {
        let instance = lie.public_inputs(keys.circuit).unwrap();
        let error = verify(keys, &instance, &proof).unwrap_err();
        assert_eq!(error.code(), "proof.opening-failed", "{lie:?}");
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    for row in [DECISION, REASON, SCORE_COMMITMENT] {
        let mut instance = honest.instance.clone();
        instance[row] += Fp::ONE;
        assert_eq!(
            verify(keys, &instance, &proof).unwrap_err().code(),
            "proof.opening-failed"
        );
    }
    let mut out_of_range = vec![
        (CHALLENGES, 67),
        (CHALLENGES, 29),
        (N_MAX, 30),
        (N_MAX, 1 << 16),
    ];
    if version == Version::Two {
        let most = 4 * 31 * 65_535;
        out_of_range.extend([(SCORE_SUM, most + 1), (SQUARE_SUM, most * 65_535 + 1)]);
    }
    for (row, value) in out_of_range {
        let mut instance = honest.instance.clone();
        instance[row] = Fp::from(value);
        assert_eq!(
            verify(keys, &instance, &proof).unwrap_err().code(),
            "instance.out-of-range"
        );
    }
}

#[test]
fn a_changed_proof_does_not_verify() {
    VERSIONS.into_iter().for_each(changed_does_not_verify);
}

fn changed_does_not_verify(version: Version) {
    let honest = honest(version);
    let keys = keys(version);
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

#[test]
fn a_proof_of_one_version_is_none_of_the_other() {
    for (ours, theirs) in [(Version::One, Version::Two), (Version::Two, Version::One)] {
        let (ours, theirs) = (honest(ours), honest(theirs));
        let proof = prove(keys(ours.circuit.version()), ours.clone()).unwrap();
        let keys = keys(theirs.circuit.version());
        let code = |instance, proof: &[u8]| verify(keys, instance, proof).unwrap_err().code();
        assert_eq!(code(&theirs.instance, &proof), "proof.length");
        assert_eq!(code(&ours.instance, &proof), "instance.length");
        let mut proof = proof;
        proof.resize(keys.circuit.proof_bytes(), 0);
        assert!(code(&theirs.instance, &proof).starts_with("proof."));
    }
}
