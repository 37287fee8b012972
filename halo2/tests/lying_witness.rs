//! Every single cell of the witness, changed, breaks a constraint.

mod common;

use common::{
    audit, exhaustive, is_satisfied, preset, run_of, until_stop, with_version, Scores, VERSIONS,
};
use ff::Field;
use pasta_curves::Fp;
use pot_halo2::layout::{block_count, outcome_block, BlockKind, BLOCK_COLUMNS, BLOCK_ROWS};
use pot_halo2::proof::Run;
use pot_halo2::rule::StopReason;

/// Cells that can be changed, one at a time, without breaking a constraint.
fn free_cells(run: &Run, blocks: &[usize]) -> Vec<(usize, usize, usize)> {
    let honest = run.prepare().unwrap();
    let satisfied = |private| is_satisfied(honest.circuit, &honest.instance, private);
    assert!(satisfied(honest.private.clone()));
    let capacity = honest.circuit.capacity();
    let mut free = Vec::new();
    for &block in blocks {
        for column in 0..BLOCK_COLUMNS {
            for row in 0..BLOCK_ROWS {
                if !BlockKind::of(block, capacity).has_cell(column, row) {
                    continue;
                }
                let mut private = honest.private.clone();
                private.blocks[block][column][row] += Fp::ONE;
                if satisfied(private) {
                    free.push((block, column, row));
                }
            }
        }
    }
    free
}

/// A run that stops as DIFFERENT after four challenges, two of which might have stopped it.
fn short_run() -> Run {
    let ratios = [(1, 100), (1, 10), (1, 2), (3, 2), (1, 2)];
    let mut scores = Scores::new(8, 40_000, 65_535);
    let run = until_stop(preset(ratios, 3, 400), || scores.challenge());
    assert_eq!(run.prepare().unwrap().claim.reason, StopReason::Different);
    assert!(run.scores.len() > 4);
    run
}

#[test]
fn no_cell_is_free_where_blocks_differ() {
    // A challenge stands in the block after its own number: of 31, the last but one may stop the
    // run and does not, the last does, and the next one is not part of it.
    let run = run_of(audit(), vec![[0; 4]; 31]);
    for version in VERSIONS {
        let run = with_version(&run, version);
        let outcome = outcome_block(run.prepare().unwrap().circuit.capacity());
        assert_eq!(
            free_cells(&run, &[0, 1, 2, 31, 32, 33, outcome, outcome + 1]),
            []
        );
    }
}

#[test]
fn no_cell_is_free_where_a_run_is_not_yet_different() {
    for version in VERSIONS {
        let run = with_version(&short_run(), version);
        assert_eq!(free_cells(&run, &[run.scores.len()]), []);
    }
}

#[test]
fn no_cell_is_free() {
    // Every block, or in the usual case every fortieth.
    let step = if exhaustive() { 1 } else { 40 };
    for run in [run_of(audit(), vec![[0; 4]; 31]), short_run()] {
        for version in VERSIONS {
            let run = with_version(&run, version);
            let capacity = run.prepare().unwrap().circuit.capacity();
            let blocks: Vec<_> = (0..block_count(capacity)).step_by(step).collect();
            assert_eq!(free_cells(&run, &blocks), []);
        }
    }
}

#[test]
fn another_salt_does_not_open_the_commitment() {
    let run = run_of(audit(), vec![[0; 4]; 31]);
    for version in VERSIONS {
        let honest = with_version(&run, version).prepare().unwrap();
        for salt in 0..honest.private.salts.len() {
            let mut private = honest.private.clone();
            private.salts[salt] += Fp::ONE;
            assert!(!is_satisfied(honest.circuit, &honest.instance, private));
        }
    }
}
