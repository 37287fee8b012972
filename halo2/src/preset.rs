//! Presets: the parameters of a sequential test, as exact rationals.

use sha2::{Digest, Sha256};

use crate::error::Error;

const ATTEMPTS_MAX: u32 = 64;
const CHALLENGES_MAX: u32 = 10_000;
const DENOMINATOR_MAX: u64 = 1_000_000;
const DIGEST_DOMAIN: &[u8] = b"pot-audit/eb-preset/1";

/// A positive rational in lowest terms, with a denominator of at most 10^6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    num: u64,
    den: u64,
}

impl Ratio {
    /// Checks a numerator and a denominator.
    ///
    /// # Errors
    /// `preset.not-a-rational` unless both are positive and coprime; `preset.out-of-range` if one
    /// of them is too large for the circuit.
    pub fn new(num: u64, den: u64) -> Result<Self, Error> {
        if num == 0 || den == 0 || greatest_common_divisor(num, den) != 1 {
            return Err(Error::input(
                "preset.not-a-rational",
                format!("[{num}, {den}] is not a positive rational in lowest terms"),
            ));
        }
        if den > DENOMINATOR_MAX || num > 2 * DENOMINATOR_MAX {
            return Err(out_of_range(format!("{num}/{den} has too large a term")));
        }
        Ok(Self { num, den })
    }

    /// Numerator, at least 1.
    pub fn num(self) -> u64 {
        self.num
    }

    /// Denominator, at least 1.
    pub fn den(self) -> u64 {
        self.den
    }

    fn at_most(self, num: u64, den: u64) -> bool {
        u128::from(self.num) * u128::from(den) <= u128::from(num) * u128::from(self.den)
    }
}

/// What a preset must fulfil.
type Rule = fn(&Preset) -> bool;

/// The parameters of one sequential test at one attempt.
///
/// Margins are in units of the score, a squared Hellinger distance in [0, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Two-sided error level of the first attempt, at most 1/4.
    pub alpha: Ratio,
    /// SAME certifies a mean divergence of at most gamma.
    pub gamma: Ratio,
    /// SAME needs a half-width of at most eta * gamma.
    pub eta: Ratio,
    /// DIFFERENT needs an observed mean of at least delta, delta* of the design.
    pub delta: Ratio,
    /// DIFFERENT needs a half-width of at most epsilon times the observed mean.
    pub epsilon: Ratio,
    /// The first challenge after which the run may stop.
    pub n_min: u32,
    /// The challenge after which it stops in any case.
    pub n_max: u32,
    /// Number of this attempt at the same claim, from 1; it uses alpha / 2^(attempt - 1).
    pub attempt: u32,
}

impl Preset {
    /// Checks every range, so that the rule and the circuit may rely on them.
    ///
    /// # Errors
    /// `preset.out-of-range` or `decision.attempt-out-of-range`.
    pub fn checked(self) -> Result<Self, Error> {
        // One after another: a later rule counts on the earlier ones.
        let rules: [(Rule, &str); 6] = [
            (|p| p.alpha.at_most(1, 4), "alpha is above 1/4"),
            (|p| p.eta.at_most(1, 1), "eta is above 1"),
            (|p| p.epsilon.num < p.epsilon.den, "epsilon is not below 1"),
            (|p| p.delta.num < 2 * p.delta.den, "delta is not below 2"),
            (
                Self::gamma_is_below_certified,
                "gamma is not below (1 - epsilon) * delta",
            ),
            (
                |p| 1 <= p.n_min && p.n_min <= p.n_max && p.n_max <= CHALLENGES_MAX,
                "not 1 <= n_min <= n_max <= 10000",
            ),
        ];
        if let Some((_, message)) = rules.iter().find(|(holds, _)| !holds(&self)) {
            return Err(out_of_range((*message).to_owned()));
        }
        if !(1..=ATTEMPTS_MAX).contains(&self.attempt) {
            return Err(Error::input(
                "decision.attempt-out-of-range",
                format!("attempt {} is not 1 to {ATTEMPTS_MAX}", self.attempt),
            ));
        }
        Ok(self)
    }

    /// Checks that the values are those of the preset with this name, whatever the attempt.
    ///
    /// # Errors
    /// `preset.unknown-name`, or `preset.not-the-named-one`.
    pub fn named(self, name: &str) -> Result<Self, Error> {
        let ratios = [self.alpha, self.gamma, self.eta, self.delta, self.epsilon];
        let values = (
            ratios.map(|ratio| (ratio.num, ratio.den)),
            self.n_min,
            self.n_max,
        );
        let expected = match name {
            "quick" => ([(1, 40), (3, 20), (1, 2), (4, 5), (3, 20)], 10, 120),
            "audit" => ([(1, 100), (1, 10), (1, 2), (1, 1), (1, 10)], 30, 400),
            "extended" => ([(1, 1000), (2, 25), (2, 5), (11, 10), (2, 25)], 50, 800),
            "custom" => values,
            _ => {
                let message = format!("no preset is called {name:?}");
                return Err(Error::input("preset.unknown-name", message));
            }
        };
        if values != expected {
            let message = format!("the values are not those of {name}; others are called custom");
            return Err(Error::input("preset.not-the-named-one", message));
        }
        Ok(self)
    }

    fn gamma_is_below_certified(&self) -> bool {
        let (num, den) = self.certified_by_different();
        u128::from(self.gamma.num) * den < num * u128::from(self.gamma.den)
    }

    /// 2 * eta * gamma, the width L to U that SAME allows, as (numerator, denominator).
    pub fn width_for_same(&self) -> (u128, u128) {
        let num = 2 * u128::from(self.eta.num) * u128::from(self.gamma.num);
        (num, u128::from(self.eta.den) * u128::from(self.gamma.den))
    }

    /// (1 - epsilon) * delta, the mean that DIFFERENT certifies, as (numerator, denominator); 0
    /// for an epsilon above 1, which no checked preset has.
    pub fn certified_by_different(&self) -> (u128, u128) {
        let share = self.epsilon.den.saturating_sub(self.epsilon.num);
        let num = u128::from(share) * u128::from(self.delta.num);
        (
            num,
            u128::from(self.epsilon.den) * u128::from(self.delta.den),
        )
    }

    /// SHA-256 over a fixed-width encoding of every parameter and the attempt; the name of a
    /// preset is a label and not part of it. Layout: halo2/README.md.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(DIGEST_DOMAIN);
        for ratio in [self.alpha, self.gamma, self.eta, self.delta, self.epsilon] {
            hash.update(ratio.num.to_be_bytes());
            hash.update(ratio.den.to_be_bytes());
        }
        for count in [self.n_min, self.n_max, self.attempt] {
            hash.update(count.to_be_bytes());
        }
        hash.finalize().into()
    }
}

fn out_of_range(message: String) -> Error {
    Error::input("preset.out-of-range", message)
}

/// Euclid's algorithm.
pub(crate) fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
