//! Runs of the rule for tests, all from seeds.
#![allow(dead_code)] // each test file uses its own part

use halo2_proofs::dev::{MockProver, VerifyFailure};
use pot_halo2::circuits::{Circuit, Version};
use pot_halo2::decision_circuit::Private;
use pot_halo2::dispatch::{PerCircuit, ProvesDecision};
use pot_halo2::preset::{Preset, Ratio};
use pot_halo2::proof::{Run, Salts};
use pot_halo2::public_inputs::Instance;
use pot_halo2::rule::{ChallengeScores, SequentialTest};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// Whether everything is to be tried, and not a sample: `make exhaustive`.
pub fn exhaustive() -> bool {
    std::env::var_os("POT_HALO2_TESTS").is_some_and(|what| what == "exhaustive")
}

/// Random numbers from a seed.
pub struct Random(ChaCha20Rng);

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}

pub fn ratio(num: u64, den: u64) -> Ratio {
    Ratio::new(num, den).unwrap()
}

pub fn quick() -> Preset {
    preset([(1, 40), (3, 20), (1, 2), (4, 5), (3, 20)], 10, 120)
}

pub fn audit() -> Preset {
    preset([(1, 100), (1, 10), (1, 2), (1, 1), (1, 10)], 30, 400)
}

pub fn extended() -> Preset {
    preset([(1, 1000), (2, 25), (2, 5), (11, 10), (2, 25)], 50, 800)
}

/// alpha, gamma, eta, delta, epsilon.
pub fn preset(ratios: [(u64, u64); 5], n_min: u32, n_max: u32) -> Preset {
    let [alpha, gamma, eta, delta, epsilon] = ratios.map(|(num, den)| ratio(num, den));
    Preset {
        alpha,
        gamma,
        eta,
        delta,
        epsilon,
        n_min,
        n_max,
        attempt: 1,
    }
    .checked()
    .unwrap()
}

/// Scores around a mean, in units of the score: uniform between the two ends.
pub struct Scores {
    rng: ChaCha20Rng,
    low: u32,
    high: u32,
}

impl Scores {
    pub fn new(seed: u64, low: u32, high: u32) -> Self {
        Self {
            rng: ChaCha20Rng::seed_from_u64(seed),
            low,
            high,
        }
    }

    pub fn challenge(&mut self) -> ChallengeScores {
        std::array::from_fn(|_| {
            let score = self.low + self.rng.next_u32() % (self.high - self.low + 1);
            u16::try_from(score).unwrap()
        })
    }
}

/// Draws challenges until the rule stops.
pub fn until_stop(preset: Preset, mut next: impl FnMut() -> ChallengeScores) -> Run {
    let mut test = SequentialTest::new(preset).unwrap();
    let mut scores = Vec::new();
    loop {
        scores.push(next());
        if test.observe(*scores.last().unwrap()).reason.is_some() {
            return run_of(preset, scores);
        }
    }
}

pub fn run_of(preset: Preset, scores: Vec<ChallengeScores>) -> Run {
    Run {
        preset,
        scores,
        salts: Salts::OfRun([7; 16]),
        run_digest: [9; 32],
    }
}

pub const VERSIONS: [Version; 2] = [Version::One, Version::Two];

/// The same run, to be proven with a circuit of this version.
pub fn with_version(run: &Run, version: Version) -> Run {
    let salts = match version {
        Version::One => Salts::OfRun([7; 16]),
        Version::Two => {
            let salt = |challenge: usize| (challenge as u128 + 1).to_be_bytes();
            Salts::OfChallenges((0..run.scores.len()).map(salt).collect())
        }
    };
    Run {
        salts,
        ..run.clone()
    }
}

/// The smallest circuit of a version.
pub fn smallest(version: Version) -> Circuit {
    Circuit::for_challenges(version, 1).unwrap()
}

/// Whether the mock prover finds every constraint met.
pub fn is_satisfied(circuit: Circuit, instance: &Instance, private: Private) -> bool {
    failures(circuit, instance, private).is_empty()
}

/// Whether the byte lookups, and they alone, refuse a witness.
pub fn only_lookups_refuse(circuit: Circuit, instance: &Instance, private: Private) -> bool {
    let failures = failures(circuit, instance, private);
    let is_lookup = |failure: &VerifyFailure| matches!(failure, VerifyFailure::Lookup { .. });
    !failures.is_empty() && failures.iter().all(is_lookup)
}

pub fn failures(circuit: Circuit, instance: &Instance, private: Private) -> Vec<VerifyFailure> {
    circuit.dispatch(Mock {
        circuit,
        instance,
        private,
    })
}

struct Mock<'a> {
    circuit: Circuit,
    instance: &'a Instance,
    private: Private,
}

impl PerCircuit for Mock<'_> {
    type Output = Vec<VerifyFailure>;

    fn run<C: ProvesDecision>(self) -> Self::Output {
        let circuit = C::new(self.circuit, Some(self.private));
        MockProver::run(self.circuit.k(), &circuit, vec![self.instance.to_vec()])
            .unwrap()
            .verify()
            .err()
            .unwrap_or_default()
    }
}
