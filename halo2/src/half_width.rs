//! Gate of a challenge block: H, rounded up, the least over the grid, and the clipping of L and U.

use halo2_proofs::plonk::{ConstraintSystem, Constraints, Expression, Selector};
use pasta_curves::Fp;

use crate::columns::{constant, has_sign, is_boolean, not, BlockColumns, BlockReader};
use crate::constants::{FIXED_POINT_BITS, GRID, GRID_LINES, SCORE_RANGE_BITS, SQUARES_BITS};
use crate::layout::{chunk, state};
use crate::public_inputs::parameter;
use crate::rule::RANGE_PER_CHALLENGE_BITS;

const DIVISOR_BITS: u32 = SCORE_RANGE_BITS + FIXED_POINT_BITS;

/// Adds the gate.
///
/// The lines of the grid cross in order, so V above the switch point before a line and not above
/// the one after it makes this line's H the least: "H is at most each, and equal to one".
///
/// H has no range check of its own. "H rounded up" holds in the field, where some H solves it for
/// every value of the rounding chunk; it says something of integers only because H is small, and
/// that H is small follows from the LOWER chunk alone. The sign of S - H shows |S - H| <= 2^32, and
/// S < 2^28, so |H| < 2^33. Then num * 2^48 * H, at most 31 * 2^81, and den * (A * 2^32 + P * V),
/// below 32 * 2^79, stay far below the modulus: the equation holds over the integers, the rounding
/// is in [0, num * 2^48), and H is the ceiling, hence not negative. (UPPER happens to bound H in the
/// same way; this argument does not count on it.) Whoever takes the sign of S - H out of this gate,
/// or makes LOWER longer, has to give H a chunk of its own.
pub fn configure(meta: &mut ConstraintSystem<Fp>, columns: &BlockColumns, challenge: Selector) {
    meta.create_gate("half-width", |meta| {
        let enabled = meta.query_selector(challenge);
        let mut block = BlockReader::new(meta, columns);
        let squares = block.state(state::SQUARES);
        let half_width = block.state(state::HALF_WIDTH);
        let above: [_; GRID_LINES - 1] =
            std::array::from_fn(|k| block.state(state::ABOVE_SWITCH + k));
        let switch: [_; GRID_LINES - 1] =
            std::array::from_fn(|k| block.parameter(parameter::SWITCH + k));

        let mut start = constant(0);
        let mut end = switch[0].clone();
        for k in 0..GRID_LINES - 1 {
            let after = switch.get(k + 1).cloned();
            let after = after.unwrap_or_else(|| constant(1 << SQUARES_BITS));
            let before = k.checked_sub(1).map_or_else(
                || constant(0) - constant(1),
                |previous| switch[previous].clone(),
            );
            start = start + above[k].clone() * (switch[k].clone() - before);
            end = end + above[k].clone() * (after - switch[k].clone());
        }

        let is_line = |k: usize| match k {
            0 => not(above[0].clone()),
            _ if k < GRID_LINES - 1 => above[k - 1].clone() - above[k].clone(),
            _ => above[k - 1].clone(),
        };
        let mut excess = constant(0);
        let mut numerator = constant(0);
        for (k, line) in GRID.iter().enumerate() {
            let a = block.parameter(parameter::A + k) * constant(1 << (2 * SCORE_RANGE_BITS));
            let exact = a + squares.clone() * constant(line.p.into());
            let rounded = half_width.clone() * constant(u128::from(line.num) << DIVISOR_BITS);
            excess = excess + is_line(k) * (rounded - exact * constant(line.den.into()));
            numerator = numerator + is_line(k) * constant(line.num.into());
        }
        let rounding = block.chunk(chunk::ROUNDING);
        let rounding_top = block.quotient(chunk::ROUNDING, DIVISOR_BITS as usize / 8);

        let (lower, upper) = bounds(&mut block);
        let mut constraints: Vec<(&'static str, Expression<Fp>)> = vec![
            (
                "V starts the line",
                squares.clone() - start - block.chunk(chunk::ABOVE_LINE_START),
            ),
            (
                "V ends the line",
                end - squares - block.chunk(chunk::BELOW_LINE_END),
            ),
            ("H rounded up", excess - rounding),
            (
                "rounded up by less than 1",
                numerator - constant(1) - rounding_top - block.chunk(chunk::ROUNDING_BOUND),
            ),
            (
                "sign of S - H",
                has_sign(lower.is_clear, lower.distance, block.chunk(chunk::LOWER)),
            ),
            (
                "sign of R * t - S - H",
                has_sign(upper.is_clear, upper.distance, block.chunk(chunk::UPPER)),
            ),
        ];
        for above in &above {
            constraints.push(("above a switch point or not", is_boolean(above.clone())));
        }
        for k in 1..GRID_LINES - 1 {
            let skipped = above[k].clone() * not(above[k - 1].clone());
            constraints.push(("switch points in order", skipped));
        }
        for row in [state::LOWER_IS_CLEAR, state::UPPER_IS_CLEAR] {
            constraints.push(("clipped or not", is_boolean(block.state(row))));
        }
        Constraints::with_selector(enabled, constraints)
    });
}

/// One end of the interval before clipping: its distance from the bound, and whether it is inside.
struct Bound {
    distance: Expression<Fp>,
    is_clear: Expression<Fp>,
}

fn bounds(block: &mut BlockReader<'_, '_>) -> (Bound, Bound) {
    let sum = block.state(state::SUM);
    let half_width = block.state(state::HALF_WIDTH);
    let range = block.state(state::N) * constant(1 << RANGE_PER_CHALLENGE_BITS);
    (
        Bound {
            distance: sum.clone() - half_width.clone(),
            is_clear: block.state(state::LOWER_IS_CLEAR),
        },
        Bound {
            distance: range - sum - half_width,
            is_clear: block.state(state::UPPER_IS_CLEAR),
        },
    )
}

/// L = max(0, S - H) and U = min(R * t, S + H), as expressions in the cells of a block.
pub fn interval(block: &mut BlockReader<'_, '_>) -> (Expression<Fp>, Expression<Fp>) {
    let (lower, upper) = bounds(block);
    let range = block.state(state::N) * constant(1 << RANGE_PER_CHALLENGE_BITS);
    (
        lower.is_clear * lower.distance,
        range - upper.is_clear * upper.distance,
    )
}
