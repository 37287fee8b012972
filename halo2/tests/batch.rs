//! Proofs that are verified together: each gets the finding that it would get alone.

mod common;

use std::sync::OnceLock;

use common::{audit, quick, run_of, until_stop, Scores};
use ff::Field;
use pasta_curves::Fp;
use pot_halo2::circuits::Circuit;
use pot_halo2::error::ErrorKind;
use pot_halo2::keys::VerifierKeys;
use pot_halo2::proof::{prove, Run};
use pot_halo2::public_inputs::{Instance, N_MAX, SCORE_COMMITMENT};
use pot_halo2::verification::{verify, verify_all};

const ITEM: usize = 32;

fn keys() -> &'static VerifierKeys {
    static KEYS: OnceLock<VerifierKeys> = OnceLock::new();
    KEYS.get_or_init(|| VerifierKeys::generate(Circuit::Eb1N66).unwrap())
}

fn proven(run: &Run) -> (Instance, Vec<u8>) {
    let provable = run.prepare().unwrap();
    (provable.instance.clone(), prove(keys(), provable).unwrap())
}

/// Two true claims.
fn honest() -> &'static [(Instance, Vec<u8>); 2] {
    static PROVEN: OnceLock<[(Instance, Vec<u8>); 2]> = OnceLock::new();
    PROVEN.get_or_init(|| {
        let mut scores = Scores::new(1, 30_000, u16::MAX.into());
        [
            proven(&run_of(audit(), vec![[0; 4]; 31])),
            proven(&until_stop(quick(), || scores.challenge())),
        ]
    })
}

fn codes(claims: &[(Instance, Vec<u8>)]) -> Vec<Option<&'static str>> {
    let claims: Vec<_> = claims.iter().map(|(i, p)| (i, p.as_slice())).collect();
    let together = verify_all(keys(), &claims);
    for (finding, (instance, proof)) in together.iter().zip(&claims) {
        assert_eq!(finding, &verify(keys(), instance, proof));
    }
    let code = |finding: Result<(), pot_halo2::error::Error>| finding.err().map(|e| e.code());
    together.into_iter().map(code).collect()
}

fn with_item(proof: &[u8], index: usize, item: [u8; ITEM]) -> Vec<u8> {
    let mut changed = proof.to_vec();
    changed[ITEM * index..][..ITEM].copy_from_slice(&item);
    changed
}

#[test]
fn true_claims_hold_together() {
    let both: Vec<_> = honest().iter().cloned().cycle().take(130).collect();
    assert_eq!(codes(&both), vec![None; 130]);
    assert_eq!(codes(&[]), vec![]);
}

#[test]
fn each_wrong_claim_is_named() {
    let [one, other] = honest();
    let last = one.1.len() / ITEM - 1;
    let mut off_by_one = one.0.clone();
    off_by_one[SCORE_COMMITMENT] += Fp::ONE;
    let mut too_long = one.0.clone();
    too_long[N_MAX] = Fp::from(1 << 16);
    let x_of_no_point = {
        let mut item = [0; ITEM];
        item[0] = 2; // 2^3 + 5 = 13 is no square
        item
    };
    let mut all: Vec<_> = [
        (one.0.clone(), one.1.clone(), None),
        (other.0.clone(), one.1.clone(), Some("proof.opening-failed")),
        (off_by_one, one.1.clone(), Some("proof.opening-failed")),
        (other.0.clone(), other.1.clone(), None),
        (too_long, one.1.clone(), Some("instance.out-of-range")),
        (one.0.clone(), one.1[ITEM..].to_vec(), Some("proof.length")),
        (
            one.0.clone(),
            [one.1.clone(), vec![0]].concat(),
            Some("proof.length"),
        ),
        (one.0.clone(), Vec::new(), Some("proof.length")),
        (
            one.0.clone(),
            with_item(&one.1, last, [0; ITEM]),
            Some("proof.opening-failed"),
        ),
        (
            one.0.clone(),
            with_item(&one.1, last, [0xff; ITEM]),
            Some("proof.scalar-not-canonical"),
        ),
        (
            one.0.clone(),
            with_item(&one.1, 0, [0; ITEM]),
            Some("proof.point-is-identity"),
        ),
        (
            one.0.clone(),
            with_item(&one.1, last - 2, [0xff; ITEM]),
            Some("proof.point-not-canonical"),
        ),
        (
            one.0.clone(),
            with_item(&one.1, last - 2, x_of_no_point),
            Some("proof.point-not-on-curve"),
        ),
        (one.0.clone(), one.1.clone(), None),
    ]
    .into();
    for _ in 0..2 {
        let claims: Vec<_> = all.iter().map(|(i, p, _)| (i.clone(), p.clone())).collect();
        let expected: Vec<_> = all.iter().map(|(.., code)| *code).collect();
        assert_eq!(codes(&claims), expected);
        all.reverse();
    }
}

#[test]
fn errors_do_not_cancel_out() {
    // The last two items are scalars of the final equation. What one proof has too much there the
    // other has too little, so the sum of both, were it not weighted, would be right.
    let [one, _] = honest();
    let last = one.1.len() / ITEM - 1;
    let shifted = |by: Fp| {
        let item: [u8; ITEM] = one.1[ITEM * last..].try_into().unwrap();
        let value = Option::<Fp>::from(ff::PrimeField::from_repr(item)).unwrap() + by;
        (
            one.0.clone(),
            with_item(&one.1, last, ff::PrimeField::to_repr(&value)),
        )
    };
    let wrong = Some("proof.opening-failed");
    assert_eq!(codes(&[shifted(Fp::ONE), shifted(-Fp::ONE)]), [wrong; 2]);
}

#[test]
fn findings_say_whose_fault_it_is() {
    let [one, _] = honest();
    let kind = |instance: &Instance, proof: &[u8]| {
        let [finding] = verify_all(keys(), &[(instance, proof)]).try_into().unwrap();
        Result::unwrap_err(finding).kind()
    };
    assert_eq!(kind(&one.0, &[]), ErrorKind::Rejected);
    assert_eq!(kind(&vec![Fp::ZERO; 24], &one.1), ErrorKind::Input);
}
