//! Gate of the outcome block: the stopping rule that ended the run, in the order of the rule.

use halo2_proofs::plonk::{ConstraintSystem, Constraints, Selector};
use pasta_curves::Fp;

use crate::columns::{constant, has_sign, is_boolean, not, BlockColumns, BlockReader, Which};
use crate::layout::{chunk, outcome, outcome_chunk, state, STATE_COLUMN};
use crate::rule::{Decision, StopReason};
use crate::stop_conditions::{quantities, ABOVE_GAMMA, BELOW_DELTA, DIFFERENT, SAME};

/// Adds the gate. n, S, H and the clipping are copies from the last challenge block.
pub fn configure(meta: &mut ConstraintSystem<Fp>, columns: &BlockColumns, outcome: Selector) {
    meta.create_gate("outcome", |meta| {
        let enabled = meta.query_selector(outcome);
        let mut block = BlockReader::new(meta, columns);
        let quantities = quantities(&mut block);
        let holds: Vec<_> = (0..quantities.len())
            .map(|k| block.state(outcome::HOLDS + k))
            .collect();
        let all = |range: std::ops::Range<usize>| {
            let product = holds[range].iter().cloned().reduce(|a, b| a * b);
            product.unwrap_or_else(|| constant(1))
        };

        let is_same = block.chunk(outcome_chunk::IS_SAME);
        let is_different = block.chunk(outcome_chunk::IS_DIFFERENT);
        let is_undecided = not(is_same.clone()) - is_different.clone();
        let between = holds[ABOVE_GAMMA].clone() * holds[BELOW_DELTA].clone();
        let exhausted = is_undecided.clone() * not(between.clone());

        let code = |reason: StopReason| constant(reason as u128);
        let reason = is_same.clone() * code(StopReason::Same)
            + is_different.clone() * code(StopReason::Different)
            + is_undecided.clone() * between * code(StopReason::Between)
            + exhausted.clone() * code(StopReason::Exhausted);
        let code = |decision: Decision| constant(decision as u128);
        let decision = is_same.clone() * code(Decision::Same)
            + is_different.clone() * code(Decision::Different)
            + is_undecided * code(Decision::Undecided);

        let n_max = block.cell(Which::After, STATE_COLUMN, outcome::N_MAX_AFTER);
        let left = n_max - block.state(state::N);
        let different = not(is_same.clone()) * all(DIFFERENT);

        let mut constraints = vec![
            (
                "at least n_min challenges",
                not(block.chunk_before(chunk::MAY_STOP)),
            ),
            ("SAME", all(SAME) - is_same),
            ("DIFFERENT", different - is_different),
            ("reason", reason - block.state(outcome::REASON)),
            ("decision", decision - block.state(outcome::DECISION)),
            ("exhausted only at n_max", exhausted * left.clone()),
            (
                "at most n_max challenges",
                left - block.chunk(outcome_chunk::CHALLENGES_LEFT),
            ),
        ];
        for (k, quantity) in quantities.into_iter().enumerate() {
            let magnitude = block.chunk(outcome_chunk::CONDITIONS[k]);
            constraints.push(("a condition holds or not", is_boolean(holds[k].clone())));
            let sign = has_sign(holds[k].clone(), quantity, magnitude);
            constraints.push(("sign of a condition", sign));
        }
        Constraints::with_selector(enabled, constraints)
    });
}
