//! The golden vectors of the decision: the rule here agrees with every number, and the circuit
//! accepts every outcome.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{exhaustive, is_satisfied, preset, run_of, with_version, VERSIONS};
use pot_halo2::circuits::{Circuit, Version};
use pot_halo2::constants::{derive_constants, GRID};
use pot_halo2::preset::Preset;
use pot_halo2::rule::{run, ChallengeScores};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    preset: Parameters,
    attempt: u32,
    #[serde(rename = "A")]
    a: [u64; 4],
    #[serde(rename = "P")]
    p: [u64; 4],
    scores: Vec<ChallengeScores>,
    steps: Vec<[u64; 6]>,
    outcome: Outcome,
}

#[derive(Deserialize)]
struct Parameters {
    alpha: (u64, u64),
    gamma: (u64, u64),
    eta: (u64, u64),
    delta: (u64, u64),
    epsilon: (u64, u64),
    n_min: u32,
    n_max: u32,
}

#[derive(Deserialize)]
struct Outcome {
    decision: String,
    reason: String,
}

impl Case {
    fn preset(&self) -> Preset {
        let p = &self.preset;
        let ratios = [p.alpha, p.gamma, p.eta, p.delta, p.epsilon];
        Preset {
            attempt: self.attempt,
            ..preset(ratios, p.n_min, p.n_max)
        }
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/golden/decision");
    ["quick", "audit", "extended", "custom", "attempts"]
        .iter()
        .flat_map(|name| {
            let text = fs::read(folder.join(format!("{name}.json"))).unwrap();
            serde_json::from_slice::<Vectors>(&text).unwrap().cases
        })
        .collect()
}

#[test]
fn rule_agrees_with_every_number() {
    let cases = cases();
    assert!(cases.len() > 100);
    for case in &cases {
        let preset = case.preset();
        assert_eq!(
            derive_constants(preset.alpha, preset.attempt).unwrap().a,
            case.a
        );
        assert_eq!(GRID.map(|line| line.p), case.p);
        let steps = run(preset, &case.scores).unwrap();
        let numbers: Vec<_> = steps
            .iter()
            .map(|s| [s.n, s.sum, s.squares, s.half_width, s.lower, s.upper])
            .collect();
        assert_eq!(numbers, case.steps, "{}", case.name);
        let reason = steps.last().unwrap().reason.unwrap();
        assert_eq!(reason.name(), case.outcome.reason, "{}", case.name);
        assert_eq!(
            reason.decision().name(),
            case.outcome.decision,
            "{}",
            case.name
        );
    }
}

/// Whether the preset's margins have a common denominator that the circuit takes.
fn is_provable(case: &Case) -> bool {
    match run_of(case.preset(), case.scores.clone()).prepare() {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), "preset.not-provable");
            false
        }
    }
}

fn assert_circuits_accept(case: &Case) {
    for version in VERSIONS {
        let run = run_of(case.preset(), case.scores.clone());
        let provable = with_version(&run, version).prepare().unwrap();
        assert!(
            is_satisfied(provable.circuit, &provable.instance, provable.private),
            "{} attempt {} n_max {} {version:?}",
            case.name,
            case.attempt,
            case.preset.n_max,
        );
    }
}

#[test]
fn circuits_accept_every_short_run_and_each_way_to_stop_in_long_ones() {
    let (mut long, mut provable) = (BTreeSet::new(), 0);
    for case in cases().iter().filter(|case| is_provable(case)) {
        let circuit = Circuit::for_challenges(Version::One, case.scores.len()).unwrap();
        let is_short = circuit == Circuit::Eb1N66;
        let is_new = long.insert((circuit.id(), case.outcome.reason.clone()));
        if is_short || is_new || exhaustive() {
            assert_circuits_accept(case);
            provable += 1;
        }
    }
    assert!(provable > 60);
}

#[test]
fn margins_without_a_small_common_denominator_are_refused() {
    let refused = cases().iter().filter(|case| !is_provable(case)).count();
    assert_eq!(refused, 4, "the runs with awkward rationals");
}
