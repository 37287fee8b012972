//! Random runs: the circuits of both versions accept what the rule says, and nothing else.
//!
//! `POT_HALO2_TESTS=exhaustive` tries ten times as many.

mod common;

use common::{exhaustive, is_satisfied, preset, run_of, with_version, Random, VERSIONS};
use pasta_curves::Fp;
use pot_halo2::preset::Preset;
use pot_halo2::public_inputs::{DECISION, REASON};
use pot_halo2::rule::{ChallengeScores, SequentialTest, StopReason};

const RUNS: usize = 600;

/// Draws presets and scores.
trait Draws {
    fn between(&mut self, low: u64, high: u64) -> u64;
    fn ratio(&mut self, num: u64, den: u64) -> (u64, u64);
    fn preset(&mut self) -> Preset;
    fn scores(&mut self, shape: u64, centre: u64) -> ChallengeScores;
}

impl Draws for Random {
    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// num / den in lowest terms.
    fn ratio(&mut self, num: u64, den: u64) -> (u64, u64) {
        let divisor = (1..=num)
            .rev()
            .find(|d| num % d == 0 && den % d == 0)
            .unwrap();
        (num / divisor, den / divisor)
    }

    fn preset(&mut self) -> Preset {
        let delta = self.between(40, 190);
        let epsilon = self.between(1, 60);
        let certified = delta * (100 - epsilon) / 100;
        let gamma = self.between(1, certified - 1);
        let (eta, alpha) = (self.between(5, 100), self.between(1, 250));
        let n_min = self.between(1, 20);
        let n_max = self.between(n_min, 66);
        let ratios = [
            self.ratio(alpha, 1_000),
            self.ratio(gamma, 100),
            self.ratio(eta, 100),
            self.ratio(delta, 100),
            self.ratio(epsilon, 100),
        ];
        let attempt = u32::try_from(self.between(1, 3)).unwrap();
        Preset {
            attempt,
            ..preset(ratios, n_min as u32, n_max as u32)
        }
    }

    /// Scores of one of four shapes.
    fn scores(&mut self, shape: u64, centre: u64) -> ChallengeScores {
        std::array::from_fn(|_| {
            let score = match shape {
                0 => centre,
                1 => self.between(centre / 2, (centre * 3 / 2).min(65_535)),
                2 => [0, 65_535][usize::from(self.below(65_536) < centre)],
                _ => self.below(65_536),
            };
            u16::try_from(score).unwrap()
        })
    }
}

#[test]
fn circuit_and_rule_agree() {
    let mut random = Random::seeded(20_260_722);
    let mut seen = [0; 4];
    let runs = if exhaustive() { 10 * RUNS } else { RUNS };
    for number in 0..runs {
        let preset = random.preset();
        let (shape, centre) = (random.below(4), random.below(65_536) >> random.below(8));
        let mut test = SequentialTest::new(preset).unwrap();
        let mut scores = Vec::new();
        let reason = loop {
            scores.push(random.scores(shape, centre));
            if let Some(reason) = test.observe(scores[scores.len() - 1]).reason {
                break reason;
            }
        };
        seen[reason as usize - 1] += 1;
        let version = VERSIONS[number % 2];
        let run = with_version(&run_of(preset, scores), version);
        let honest = run.prepare().unwrap();
        assert_eq!(honest.circuit.k(), 10);
        let mut instance = honest.instance;
        // One in five tells another reason, with the decision that goes with it.
        let lies = number % 10 < 2;
        if lies {
            let others: Vec<_> = StopReason::ALL
                .into_iter()
                .filter(|&r| r != reason)
                .collect();
            let other = others[number / 10 % 3];
            instance[REASON] = Fp::from(other as u64);
            instance[DECISION] = Fp::from(other.decision() as u64);
        }
        assert_eq!(
            is_satisfied(honest.circuit, &instance, honest.private),
            !lies,
            "run {number}: {preset:?}",
        );
    }
    println!("same, different, between, exhausted: {seen:?}");
    assert!(seen.iter().all(|&count| count > 30), "{seen:?}");
}
