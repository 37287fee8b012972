//! A chunk of m bytes holds no number of m bytes and one bit: 256^m added to it, with running
//! quotients to match, is refused by exactly one lookup, that of its last byte.

mod common;

use std::collections::BTreeSet;

use common::{audit, failures, run_of, with_version, VERSIONS};
use ff::Field;
use halo2_proofs::dev::{FailureLocation, VerifyFailure};
use pasta_curves::Fp;
use pot_halo2::layout::{
    outcome_block, BlockKind, BLOCK_ROWS, FIRST_BYTE_COLUMN, FIRST_CHALLENGE_BLOCK, START_BLOCK,
};
use rayon::prelude::*;

#[test]
fn every_chunk_has_an_upper_bound() {
    // Of 31 challenges the last but one may stop the run and does not, and the last does; the block
    // after it is no part of the run.
    let run = run_of(audit(), vec![[0, 0, 1, 0]; 31]);
    for version in VERSIONS {
        let honest = with_version(&run, version).prepare().unwrap();
        let capacity = honest.circuit.capacity();
        let last = FIRST_CHALLENGE_BLOCK + 30;
        let outcome = outcome_block(capacity);
        let tried: Vec<_> = [
            START_BLOCK,
            FIRST_CHALLENGE_BLOCK,
            last - 1,
            last,
            last + 1,
            outcome,
        ]
        .into_iter()
        .flat_map(|block| {
            let chunks = BlockKind::of(block, capacity).chunks();
            chunks.iter().map(move |&chunk| (block, chunk))
        })
        .collect();
        assert_eq!(tried.len(), 2 + 4 * 13 + 10);
        tried.into_par_iter().for_each(|(block, chunk)| {
            let mut private = honest.private.clone();
            let cells = &mut private.blocks[block][chunk.column + FIRST_BYTE_COLUMN];
            let mut added = Fp::from(256).pow_vartime([chunk.bytes as u64]);
            for row in chunk.rows() {
                cells[row] += added;
                added *= Fp::from(256).invert().unwrap();
            }
            assert_eq!(added, Fp::ONE);
            let refused = lookups(&failures(honest.circuit, &honest.instance, private));
            let last_byte = block * BLOCK_ROWS + chunk.rows().end - 1;
            let expected = BTreeSet::from([(chunk.column, last_byte)]);
            assert_eq!(refused, expected, "block {block} {chunk:?} {version:?}");
        });
    }
}

/// Byte column and row of each lookup that fails.
fn lookups(failures: &[VerifyFailure]) -> BTreeSet<(usize, usize)> {
    failures
        .iter()
        .filter_map(|failure| match failure {
            VerifyFailure::Lookup {
                lookup_index,
                location: FailureLocation::InRegion { offset, .. },
            } => Some((*lookup_index, *offset)),
            VerifyFailure::Lookup { .. } => panic!("{failure}"),
            _ => None,
        })
        .collect()
}
