//! Every single cell of the witness, changed, breaks a constraint.

mod common;

use common::{audit, is_satisfied, quick, run_of, until_stop, Scores};
use ff::Field;
use pasta_curves::Fp;
use pot_halo2::layout::{block_count, outcome_block, BlockKind, BLOCK_COLUMNS, BLOCK_ROWS};
use pot_halo2::proof::Run;

#[test]
fn no_cell_is_free() {
    let mut scores = Scores::new(3, 0, 65_535);
    let between = until_stop(quick(), || scores.challenge());
    check(&run_of(audit(), vec![[0; 4]; 31]));
    check(&between);
}

fn check(run: &Run) {
    let honest = run.prepare().unwrap();
    let t = std::time::Instant::now();
    assert!(is_satisfied(
        honest.circuit,
        &honest.instance,
        honest.private.clone()
    ));
    println!(
        "{:?} {:?} mock {:?}",
        honest.claim.n,
        honest.claim.reason,
        t.elapsed()
    );
    let capacity = honest.circuit.capacity();
    let n = run.scores.len();
    let n_min = run.preset.n_min as usize;
    // A challenge stands in the block after its own number.
    let mut blocks = vec![0, 1, 2, 3, n_min, n_min + 1, n_min + 2, n, n + 1, n + 2];
    blocks.extend([
        capacity + 1,
        outcome_block(capacity),
        block_count(capacity) - 1,
    ]);
    blocks.sort_unstable();
    blocks.dedup();
    let mut free = Vec::new();
    for block in blocks {
        for column in 0..BLOCK_COLUMNS {
            for row in 0..BLOCK_ROWS {
                if !BlockKind::of(block, capacity).has_cell(column, row) {
                    continue;
                }
                let mut private = honest.private.clone();
                private.blocks[block][column][row] += Fp::ONE;
                if is_satisfied(honest.circuit, &honest.instance, private) {
                    free.push((block, column, row));
                }
            }
        }
    }
    assert_eq!(free, []);
}
