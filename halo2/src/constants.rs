//! The numbers of rule `eb/1` that follow from the level alpha alone.
//!
//! They are derived here and never read from a file: a bundle that could bring its own constants
//! could bring its own error rate.

use num_bigint::BigUint;

use crate::error::Error;
use crate::preset::Ratio;

/// Number of lambdas in the grid.
pub const GRID_LINES: usize = 4;
/// Fraction bits of `A` and `P`.
pub const FIXED_POINT_BITS: u32 = 32;
/// R = 2^16: the range of a score, 2.0, in units of the score.
pub const SCORE_RANGE_BITS: u32 = 16;
/// V stays below 2^44: at most 801 challenges of 4 scores, each square below 2^32.
pub const SQUARES_BITS: u32 = 44;

/// One lambda of the grid, with what does not depend on alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridLine {
    /// Numerator of lambda.
    pub num: u64,
    /// Denominator of lambda.
    pub den: u64,
    /// 1 / weight of this line in the union over the grid; the weights add up to 1.
    pub weight_inverse: u64,
    /// P = ceil(2^32 * (-ln(1 - lambda) - lambda)).
    pub p: u64,
}

/// The grid of rule `eb/1`; along it lambda falls, so the slopes P/lambda fall too.
pub const GRID: [GridLine; GRID_LINES] = [
    line(31, 32, 2, 10_724_472_792),
    line(3, 4, 4, 2_732_863_472),
    line(1, 2, 8, 829_560_824),
    line(1, 4, 8, 161_843_269),
];

const fn line(num: u64, den: u64, weight_inverse: u64, p: u64) -> GridLine {
    GridLine {
        num,
        den,
        weight_inverse,
        p,
    }
}

/// The constants of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constants {
    /// `A_k` = ceil(2^32 * ln(2 / (alpha * w_k))).
    pub a: [u64; GRID_LINES],
    /// The largest V at which line k is not above line k + 1. The lines are straight, with falling
    /// slopes and rising intercepts, so line k gives the least H exactly for
    /// `switch[k - 1] < V <= switch[k]`.
    pub switch: [u64; GRID_LINES - 1],
}

/// Derives the constants for `alpha / 2^(attempt - 1)`.
///
/// # Errors
/// `decision.constants-not-certain` if 128 fraction bits cannot tell which integer a logarithm
/// rounds up to; `preset.out-of-range` if the lines of the grid do not cross in order.
pub fn derive_constants(alpha: Ratio, attempt: u32) -> Result<Constants, Error> {
    let mut a = [0; GRID_LINES];
    for (value, line) in a.iter_mut().zip(GRID) {
        let numerator = u128::from(2 * line.weight_inverse * alpha.den()) << (attempt - 1);
        *value = ceil_fixed_ln(numerator, u128::from(alpha.num()))?;
    }
    let switch = [0, 1, 2].map(|k| switch_point(&a, k));
    let in_order = switch[0] < switch[1] && switch[1] < switch[2];
    if !in_order || switch[2] >> SQUARES_BITS != 0 {
        return Err(Error::input(
            "preset.out-of-range",
            "the lines of the grid do not cross in order at this level",
        ));
    }
    Ok(Constants { a, switch })
}

/// floor((I_{k+1} - I_k) / (s_k - s_{k+1})) for the lines f(V) = I + s * V of the half-width.
fn switch_point(a: &[u64; GRID_LINES], k: usize) -> u64 {
    let (here, next) = (GRID[k], GRID[k + 1]);
    let scaled = |value: u64, line: GridLine, other: GridLine| {
        u128::from(line.den) * u128::from(value) * u128::from(other.num)
    };
    let rise = scaled(a[k + 1], next, here) - scaled(a[k], here, next);
    let fall = scaled(here.p, here, next) - scaled(next.p, next, here);
    u64::try_from((rise << FIXED_POINT_BITS) / fall).unwrap_or(u64::MAX)
}

const LN_FRACTION_BITS: u32 = 128;

/// ceil(2^32 * ln(numerator / denominator)), certain or refused; the ratio is at least 1.
fn ceil_fixed_ln(numerator: u128, denominator: u128) -> Result<u64, Error> {
    let doublings = (numerator / denominator).ilog2();
    let (low, low_error) = twice_atanh(numerator, denominator << doublings);
    let (ln_2, ln_2_error) = twice_atanh(2, 1);
    let floor = low + ln_2 * doublings;
    let ceiling = &floor + low_error + ln_2_error * u64::from(doublings);
    let round_up = |value: BigUint| -> BigUint {
        let shift = LN_FRACTION_BITS - FIXED_POINT_BITS;
        (value + ((BigUint::from(1u8) << shift) - 1u8)) >> shift
    };
    let (from_floor, from_ceiling) = (round_up(floor), round_up(ceiling));
    if from_floor != from_ceiling {
        return Err(Error::input(
            "decision.constants-not-certain",
            "a logarithm lies too close to a multiple of 2^-32 to be rounded",
        ));
    }
    u64::try_from(from_floor)
        .map_err(|_| Error::input("preset.out-of-range", "alpha is too small for this circuit"))
}

/// ln(a / b) = 2 artanh((a - b) / (a + b)) for 1 <= a/b <= 2: a lower bound with 128 fraction
/// bits, and a bound on its error in units of the last bit.
fn twice_atanh(a: u128, b: u128) -> (BigUint, u64) {
    let argument = (BigUint::from(a - b) << LN_FRACTION_BITS) / (BigUint::from(a) + b);
    let square = (&argument * &argument) >> LN_FRACTION_BITS;
    let (mut power, mut sum, mut terms) = (argument, BigUint::default(), 0u64);
    while power != BigUint::default() {
        sum += &power / (2 * terms + 1);
        power = (power * &square) >> LN_FRACTION_BITS;
        terms += 1;
    }
    // A power is at most 1/3 of the one before, so truncation leaves each of them at most 3 units
    // low, and a term at most 4; the terms that are left out add up to less than 8 units.
    (sum * 2u8, 8 * (terms + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_the_design() {
        for (alpha, a) in [
            ((1, 40), [21_797_705_558, 24_774_750_030, 27_751_794_502]),
            ((1, 100), [25_733_144_285, 28_710_188_757, 31_687_233_229]),
            ((1, 1000), [35_622_671_956, 38_599_716_428, 41_576_760_900]),
        ] {
            let alpha = Ratio::new(alpha.0, alpha.1).unwrap();
            let derived = derive_constants(alpha, 1).unwrap();
            assert_eq!(derived.a, [a[0], a[1], a[2], a[2]]);
        }
    }

    #[test]
    fn p_is_the_rounded_up_logarithm() {
        for line in GRID {
            let ln = ceil_fixed_ln(u128::from(line.den), u128::from(line.den - line.num)).unwrap();
            assert_eq!(line.p, ln - ((line.num << FIXED_POINT_BITS) / line.den));
        }
    }

    #[test]
    fn switch_points_separate_the_least_line() {
        let constants = derive_constants(Ratio::new(1, 100).unwrap(), 3).unwrap();
        let height = |k: usize, v: u64| {
            // Scaled by 93 = 31 * 3, a common multiple of the numerators of lambda.
            let line = GRID[k];
            u128::from(line.den)
                * ((u128::from(constants.a[k]) << 32) + u128::from(line.p) * u128::from(v))
                * u128::from(93 / line.num)
        };
        for (k, &last) in constants.switch.iter().enumerate() {
            assert!(height(k, last) <= height(k + 1, last));
            assert!(height(k, last + 1) > height(k + 1, last + 1));
        }
    }
}
