//! Gates of a challenge block: which challenges are part of the run, n, S, V, M, and the words
//! that the commitment absorbs.

use halo2_proofs::plonk::{Column, ConstraintSystem, Constraints, Expression, Fixed, Selector};
use pasta_curves::Fp;

use crate::challenge_commitments::challenge_tag;
use crate::columns::{constant, is_boolean, not, BlockColumns, BlockReader, Which};
use crate::constants::SCORE_RANGE_BITS;
use crate::layout::{chunk, state, STATE_COLUMN};
use crate::poseidon_commitment::CHALLENGE_BITS;
use crate::rule::PROBES_PER_CHALLENGE;

/// Adds the gate. A word goes on from the block before where the fixed column says so; without one,
/// each challenge has a word of its own, under the domain of its hash. After the last challenge of the run, n, S, V and M stand still.
pub fn configure(
    meta: &mut ConstraintSystem<Fp>,
    columns: &BlockColumns,
    challenge: Selector,
    word_goes_on: Option<Column<Fixed>>,
) {
    meta.create_gate("running sums", |meta| {
        let enabled = meta.query_selector(challenge);
        let mut block = BlockReader::new(meta, columns);
        let scores = block_scores(&mut block);
        let word = block.chunk(chunk::SCORES);

        let n = block.state(state::N);
        let active = n.clone() - block.state_before(state::N);
        let next_active = block.cell(Which::After, STATE_COLUMN, state::N) - n.clone();

        let sum = block.state(state::SUM);
        let squares = block.state(state::SQUARES);
        let centre = block.chunk(chunk::CENTRE);
        let centre_before = block.chunk_before(chunk::CENTRE);
        let total = scores.iter().cloned().reduce(|a, b| a + b);
        let distance = scores
            .iter()
            .map(|x| (x.clone() - centre_before.clone()).square())
            .reduce(|a, b| a + b);
        let (Some(total), Some(distance)) = (total, distance) else {
            unreachable!("a challenge has four scores")
        };

        let probes = n * Fp::from(PROBES_PER_CHALLENGE as u64);
        let remainder = block.chunk(chunk::REMAINDER);
        let remainder_bound = block.chunk(chunk::REMAINDER_BOUND);
        let packed = block.state(state::PACKED);
        let above = match word_goes_on {
            Some(goes_on) => {
                let before = block.fixed(goes_on) * block.state_before(state::PACKED);
                before * constant(1 << CHALLENGE_BITS)
            }
            None => Expression::Constant(challenge_tag()),
        };

        Constraints::with_selector(
            enabled,
            [
                (
                    "a challenge is part of the run or not",
                    is_boolean(active.clone()),
                ),
                (
                    "no challenge after the last",
                    next_active * not(active.clone()),
                ),
                (
                    "no scores after the last",
                    not(active.clone()) * word.clone(),
                ),
                ("S", block.state_before(state::SUM) + total - sum.clone()),
                (
                    "V",
                    block.state_before(state::SQUARES) + active * distance - squares,
                ),
                (
                    "M = floor(S / t)",
                    sum - probes.clone() * centre - remainder.clone(),
                ),
                (
                    "remainder below t",
                    probes - constant(1) - remainder - remainder_bound,
                ),
                ("word", above + word - packed),
            ],
        )
    });
}

/// The four scores of the block, first to last, out of the running quotients of their word.
fn block_scores(block: &mut BlockReader<'_, '_>) -> Vec<Expression<Fp>> {
    let bytes = SCORE_RANGE_BITS as usize / 8;
    let mut quotients: Vec<_> = (0..PROBES_PER_CHALLENGE)
        .map(|score| block.quotient(chunk::SCORES, score * bytes))
        .collect();
    for score in 0..PROBES_PER_CHALLENGE - 1 {
        let above = quotients[score + 1].clone();
        quotients[score] = quotients[score].clone() - above * constant(1 << SCORE_RANGE_BITS);
    }
    quotients.reverse();
    quotients
}
