//! The seven conditions that decide between the four ways to stop, as quantities that are not
//! negative exactly where the condition holds; all over the common denominator Q.

use halo2_proofs::plonk::Expression;
use pasta_curves::Fp;

use crate::columns::{constant, BlockReader};
use crate::half_width::interval;
use crate::layout::state;
use crate::public_inputs::parameter;
use crate::rule::UNIT_PER_CHALLENGE_BITS;
use crate::witness::STOP_CONDITIONS;

/// SAME: U <= gamma, and a narrow interval.
pub const SAME: std::ops::Range<usize> = 0..2;
/// DIFFERENT: S >= delta, a narrow interval, and L >= (1 - epsilon) * delta.
pub const DIFFERENT: std::ops::Range<usize> = 2..5;
/// BETWEEN, first half: L > gamma.
pub const ABOVE_GAMMA: usize = 5;
/// BETWEEN, second half: U < delta.
pub const BELOW_DELTA: usize = 6;

/// The seven quantities from the cells of a block; the integers are `witness::stop_margins`.
pub fn quantities(block: &mut BlockReader<'_, '_>) -> [Expression<Fp>; STOP_CONDITIONS] {
    let (lower, upper) = interval(block);
    let width = upper.clone() - lower.clone();
    let sum = block.state(state::SUM);
    let unit = block.state(state::N) * constant(1 << UNIT_PER_CHALLENGE_BITS);
    let scale = block.parameter(parameter::DENOMINATOR);
    let scaled = |value: Expression<Fp>| scale.clone() * value;
    let mut margin = |row: usize, value: &Expression<Fp>| block.parameter(row) * value.clone();
    [
        margin(parameter::GAMMA, &unit) - scaled(upper.clone()),
        margin(parameter::WIDTH, &unit) - scaled(width.clone()),
        scaled(sum.clone()) - margin(parameter::DELTA, &unit),
        margin(parameter::TWICE_EPSILON, &sum) - scaled(width),
        scaled(lower.clone()) - margin(parameter::CERTIFIED, &unit),
        scaled(lower) - margin(parameter::GAMMA, &unit) - constant(1),
        margin(parameter::DELTA, &unit) - scaled(upper) - constant(1),
    ]
}
