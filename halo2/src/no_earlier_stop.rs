//! Gate of a challenge block: from `n_min` on, a challenge that is not the last of the run does
//! not stop it.

use halo2_proofs::plonk::{ConstraintSystem, Constraints, Expression, Selector};
use pasta_curves::Fp;

use crate::columns::{is_boolean, missing, not, BlockColumns, BlockReader, Which};
use crate::layout::{chunk, state, STATE_COLUMN};
use crate::public_inputs::parameter;
use crate::stop_conditions::{quantities, ABOVE_GAMMA, BELOW_DELTA, DIFFERENT, SAME};

/// Adds the gate.
///
/// The prover names one unmet condition of SAME or DIFFERENT. If it is one of SAME, then
/// L <= gamma is shown too, so BETWEEN fails, and DIFFERENT fails because
/// gamma < (1 - epsilon) * delta. If it is one of DIFFERENT, then U >= delta is shown too, so
/// BETWEEN fails, and SAME fails because gamma < delta.
pub fn configure(meta: &mut ConstraintSystem<Fp>, columns: &BlockColumns, challenge: Selector) {
    meta.create_gate("no earlier stop", |meta| {
        let enabled = meta.query_selector(challenge);
        let mut block = BlockReader::new(meta, columns);
        let n = block.state(state::N);
        let active = n.clone() - block.state_before(state::N);
        let next_active = block.cell(Which::After, STATE_COLUMN, state::N) - n.clone();
        let may_stop = block.chunk(chunk::MAY_STOP);
        let might_before = block.chunk_before(chunk::MAY_STOP);
        let begins = may_stop.clone() - might_before.clone();
        let n_min = block.parameter(parameter::N_MIN);

        let goes_on = may_stop.clone() * next_active;
        let mut unmet: Vec<_> = (0..state::UNMET_CELLS)
            .map(|k| block.state(state::UNMET + k))
            .collect();
        let named = unmet.iter().cloned().reduce(|a, b| a + b);
        unmet.push(named.map_or_else(|| goes_on.clone(), |named| goes_on.clone() - named));

        let quantities = quantities(&mut block);
        let sum_over = |range: std::ops::Range<usize>, term: &dyn Fn(usize) -> Expression<Fp>| {
            range.map(term).reduce(|a, b| a + b)
        };
        let choice = |k: usize| unmet[k].clone();
        let missed = |k: usize| unmet[k].clone() * missing(quantities[k].clone());
        let (Some(not_same), Some(not_different), Some(decided)) = (
            sum_over(SAME, &choice),
            sum_over(DIFFERENT, &choice),
            sum_over(SAME.start..DIFFERENT.end, &missed),
        ) else {
            unreachable!("SAME and DIFFERENT have conditions")
        };
        let between = not_same * missing(quantities[ABOVE_GAMMA].clone())
            + not_different * missing(quantities[BELOW_DELTA].clone());

        let mut constraints = vec![
            ("may stop or not", is_boolean(may_stop.clone())),
            ("may stop for good", might_before * not(may_stop)),
            ("may stop from n_min", begins.clone() * (n - n_min)),
            ("may stop within the run", begins * not(active)),
            (
                "BETWEEN is missed",
                between - block.chunk(chunk::NOT_BETWEEN),
            ),
            (
                "SAME or DIFFERENT is missed",
                decided - block.chunk(chunk::NOT_DECIDED),
            ),
        ];
        for choice in unmet {
            constraints.push(("an unmet condition or not", is_boolean(choice)));
        }
        Constraints::with_selector(enabled, constraints)
    });
}
