//! The private values of a proof: the rule's run, laid out in the blocks of `layout`.

use ff::{Field, PrimeField};
use pasta_curves::Fp;

use crate::challenge_commitments::challenge_tag;
use crate::circuits::{Circuit, Version};
use crate::constants::{FIXED_POINT_BITS, GRID, SCORE_RANGE_BITS, SQUARES_BITS};
use crate::layout::{
    chunk, outcome, outcome_chunk, state, Chunk, BLOCK_COLUMNS, BLOCK_ROWS, FIRST_BYTE_COLUMN,
    PARAMETER_COLUMN, STATE_COLUMN,
};
use crate::poseidon_commitment::{CHALLENGES_PER_WORD, CHALLENGE_BITS};
use crate::public_inputs::parameter;
use crate::rule::{
    ChallengeScores, Step, StopReason, PROBES_PER_CHALLENGE, RANGE_PER_CHALLENGE_BITS,
    UNIT_PER_CHALLENGE_BITS,
};

/// The cells of one block.
pub type Block = [[Fp; BLOCK_ROWS]; BLOCK_COLUMNS];

/// Number of conditions that decide between the four ways to stop.
pub const STOP_CONDITIONS: usize = 7;

/// The seven quantities of `stop_conditions`, in its order; a condition holds where its quantity
/// is not negative.
pub fn stop_margins(p: &[u64; parameter::COUNT], step: &Step) -> [i128; STOP_CONDITIONS] {
    let signed = |value: u64| i128::from(value);
    let times = |index: usize, value: u64| signed(p[index]) * signed(value);
    let unit = step.n << UNIT_PER_CHALLENGE_BITS;
    let q = parameter::DENOMINATOR;
    let width = step.upper - step.lower;
    [
        times(parameter::GAMMA, unit) - times(q, step.upper),
        times(parameter::WIDTH, unit) - times(q, width),
        times(q, step.sum) - times(parameter::DELTA, unit),
        times(parameter::TWICE_EPSILON, step.sum) - times(q, width),
        times(q, step.lower) - times(parameter::CERTIFIED, unit),
        times(q, step.lower) - times(parameter::GAMMA, unit) - 1,
        times(parameter::DELTA, unit) - times(q, step.upper) - 1,
    ]
}

/// Lays out a run that stops at its last step, followed by challenges without scores up to the
/// capacity of the circuit, with the state standing still.
pub fn lay_out(
    p: &[u64; parameter::COUNT],
    n_max: u64,
    scores: &[ChallengeScores],
    steps: &[Step],
    circuit: Circuit,
) -> Vec<Block> {
    let mut parameters = [[Fp::ZERO; BLOCK_ROWS]; BLOCK_COLUMNS];
    parameters[STATE_COLUMN] = p.map(Fp::from);
    let mut blocks = vec![parameters, empty_block(p)];
    let last = steps.last().copied().unwrap_or_default();
    let mut packed = Fp::ZERO;
    for i in 0..circuit.capacity() {
        let step = steps.get(i).copied().unwrap_or(last);
        let word = packed_scores(scores.get(i).copied().unwrap_or_default());
        let above = match circuit.version() {
            Version::One if i % CHALLENGES_PER_WORD == 0 => Fp::ZERO,
            Version::One => packed * Fp::from_u128(1 << CHALLENGE_BITS),
            Version::Two => challenge_tag(),
        };
        packed = above + Fp::from(word);
        let mut block = empty_block(p);
        block[STATE_COLUMN][state::PACKED] = packed;
        fill(&mut block, chunk::SCORES, word.into());
        fill_sums(&mut block, &step);
        fill_half_width(&mut block, p, &step);
        let may_stop = step.n >= p[parameter::N_MIN];
        fill(&mut block, chunk::MAY_STOP, may_stop.into());
        if may_stop && i + 1 < steps.len() {
            fill_unmet(&mut block, &stop_margins(p, &step));
        }
        blocks.push(block);
    }
    blocks.push(outcome_block(p, n_max, &last));
    let mut limit = [[Fp::ZERO; BLOCK_ROWS]; BLOCK_COLUMNS];
    limit[STATE_COLUMN][outcome::N_MAX_AFTER] = Fp::from(n_max);
    blocks.push(limit);
    blocks
}

/// Four scores as one number of 64 bits, the first most significant.
pub fn packed_scores(scores: ChallengeScores) -> u64 {
    scores
        .iter()
        .fold(0, |word, &x| word << SCORE_RANGE_BITS | u64::from(x))
}

fn empty_block(p: &[u64; parameter::COUNT]) -> Block {
    let mut block = [[Fp::ZERO; BLOCK_ROWS]; BLOCK_COLUMNS];
    block[PARAMETER_COLUMN] = p.map(Fp::from);
    block
}

fn fill_sums(block: &mut Block, step: &Step) {
    let cells = &mut block[STATE_COLUMN];
    cells[state::N] = Fp::from(step.n);
    cells[state::SUM] = Fp::from(step.sum);
    cells[state::SQUARES] = Fp::from(step.squares);
    cells[state::HALF_WIDTH] = Fp::from(step.half_width);
    let lower = i128::from(step.sum) - i128::from(step.half_width);
    let upper =
        i128::from(step.n << RANGE_PER_CHALLENGE_BITS) - i128::from(step.sum + step.half_width);
    cells[state::LOWER_IS_CLEAR] = flag(lower >= 0);
    cells[state::UPPER_IS_CLEAR] = flag(upper >= 0);
    fill(block, chunk::LOWER, magnitude(lower));
    fill(block, chunk::UPPER, magnitude(upper));
    let probes = PROBES_PER_CHALLENGE as u64 * step.n;
    let remainder = step.sum - probes * step.centre;
    fill(block, chunk::CENTRE, step.centre.into());
    fill(block, chunk::REMAINDER, remainder.into());
    fill(
        block,
        chunk::REMAINDER_BOUND,
        (probes - 1 - remainder).into(),
    );
}

fn fill_half_width(block: &mut Block, p: &[u64; parameter::COUNT], step: &Step) {
    let switch = &p[parameter::SWITCH..parameter::DENOMINATOR];
    let line = switch.iter().filter(|&&last| step.squares > last).count();
    for (row, _) in switch.iter().enumerate() {
        block[STATE_COLUMN][state::ABOVE_SWITCH + row] = flag(row < line);
    }
    let start = line.checked_sub(1).map_or(0, |below| switch[below] + 1);
    let end = switch.get(line).copied().unwrap_or(1 << SQUARES_BITS);
    fill(
        block,
        chunk::ABOVE_LINE_START,
        (step.squares - start).into(),
    );
    fill(block, chunk::BELOW_LINE_END, (end - step.squares).into());

    let grid = GRID[line];
    let a = u128::from(p[parameter::A + line]) << (2 * SCORE_RANGE_BITS);
    let exact = u128::from(grid.den) * (a + u128::from(grid.p) * u128::from(step.squares));
    let divisor_bits = SCORE_RANGE_BITS + FIXED_POINT_BITS;
    let rounded = (u128::from(grid.num) * u128::from(step.half_width)) << divisor_bits;
    let rounding = rounded - exact;
    fill(block, chunk::ROUNDING, rounding);
    let bound = u128::from(grid.num) - 1 - (rounding >> divisor_bits);
    fill(block, chunk::ROUNDING_BOUND, bound);
}

/// Shows that a step does not stop. If L is at most gamma, BETWEEN and DIFFERENT fail, and SAME
/// misses condition 0 or 1; else U is at least delta, BETWEEN and SAME fail, and DIFFERENT misses
/// condition 2, 3 or 4.
fn fill_unmet(block: &mut Block, margins: &[i128; STOP_CONDITIONS]) {
    let (decided, between) = if margins[5] < 0 {
        (0..2, margins[5])
    } else {
        (2..5, margins[6])
    };
    let unmet = decided
        .into_iter()
        .find(|&condition| margins[condition] < 0)
        .unwrap_or(0);
    if unmet < state::UNMET_CELLS {
        block[STATE_COLUMN][state::UNMET + unmet] = Fp::ONE;
    }
    fill(block, chunk::NOT_BETWEEN, magnitude(between));
    fill(block, chunk::NOT_DECIDED, magnitude(margins[unmet]));
}

fn outcome_block(p: &[u64; parameter::COUNT], n_max: u64, last: &Step) -> Block {
    let mut block = empty_block(p);
    let mut copied = block;
    fill_sums(&mut copied, last);
    for row in [
        state::N,
        state::SUM,
        state::HALF_WIDTH,
        state::LOWER_IS_CLEAR,
        state::UPPER_IS_CLEAR,
    ] {
        block[STATE_COLUMN][row] = copied[STATE_COLUMN][row];
    }
    let reason = last.reason.unwrap_or(StopReason::Exhausted);
    block[STATE_COLUMN][outcome::REASON] = Fp::from(reason as u64);
    block[STATE_COLUMN][outcome::DECISION] = Fp::from(reason.decision() as u64);
    let margins = stop_margins(p, last);
    for (condition, margin) in margins.into_iter().enumerate() {
        block[STATE_COLUMN][outcome::HOLDS + condition] = flag(margin >= 0);
        let chunk = outcome_chunk::CONDITIONS[condition];
        fill(&mut block, chunk, magnitude(margin));
    }
    let left = u128::from(n_max - last.n);
    fill(&mut block, outcome_chunk::CHALLENGES_LEFT, left);
    let is_same = reason == StopReason::Same;
    let is_different = reason == StopReason::Different;
    fill(&mut block, outcome_chunk::IS_SAME, is_same.into());
    fill(&mut block, outcome_chunk::IS_DIFFERENT, is_different.into());
    block
}

/// Writes the running quotients of a value by 256.
fn fill(block: &mut Block, chunk: Chunk, value: u128) {
    for (byte, row) in chunk.rows().enumerate() {
        block[chunk.column + FIRST_BYTE_COLUMN][row] = Fp::from_u128(value >> (8 * byte));
    }
}

/// The value, or what is missing to 0 less 1: zero has one sign.
fn magnitude(value: i128) -> u128 {
    if value < 0 {
        (-(value + 1)).unsigned_abs()
    } else {
        value.unsigned_abs()
    }
}

fn flag(value: bool) -> Fp {
    Fp::from(u64::from(value))
}
