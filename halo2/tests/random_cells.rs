//! A random element in one cell of a block: exactly the expected constraints fail.
//!
//! What is expected stands in `random_cells/`, one line for the cells of a block that the same
//! constraints hold: a constraint that is loosened, dropped or added shows there. Constraints are
//! named by gate and name, with the block before or after where they stand in one of these; lookups
//! by byte column and row; a copy is a cell that is tied to another one.
//!
//! `POT_HALO2_TESTS=exhaustive` tries every cell of the blocks, else one in seven.
//! `POT_HALO2_TESTS=write` writes the files; what changed in them has to be explained.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use common::{audit, exhaustive, failures, run_of, with_version, VERSIONS};
use ff::Field;
use halo2_proofs::dev::{FailureLocation, VerifyFailure};
use pasta_curves::Fp;
use pot_halo2::circuits::Version;
use pot_halo2::layout::{
    outcome_block, BlockKind, BLOCK_COLUMNS, BLOCK_ROWS, FIRST_CHALLENGE_BLOCK, START_BLOCK,
};
use pot_halo2::proof::Provable;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rayon::prelude::*;

const SAMPLE: usize = 7;
const COLUMNS: [&str; BLOCK_COLUMNS] = ["parameter", "state", "byte0", "byte1", "byte2", "byte3"];

/// Cell to the constraints that refuse a random element in it.
type Refusals = BTreeMap<(usize, usize), BTreeSet<String>>;

/// The blocks that differ: 31 challenges of which the last but one may stop the run and does not.
fn blocks(capacity: usize) -> Vec<(&'static str, usize)> {
    let last = FIRST_CHALLENGE_BLOCK + 30;
    let outcome = outcome_block(capacity);
    vec![
        ("parameters", 0),
        ("start", START_BLOCK),
        ("challenge that may not stop", FIRST_CHALLENGE_BLOCK + 10),
        ("challenge that may stop and does not", last - 1),
        ("last challenge", last),
        ("challenge after the run", last + 2),
        ("outcome", outcome),
        ("limit", outcome + 1),
    ]
}

fn refusals(honest: &Provable, block: usize, cells: &[(usize, usize)]) -> Refusals {
    cells
        .par_iter()
        .map(|&(column, row)| {
            let seed = (block * BLOCK_COLUMNS + column) * BLOCK_ROWS + row;
            let mut private = honest.private.clone();
            private.blocks[block][column][row] =
                Fp::random(ChaCha20Rng::seed_from_u64(seed as u64));
            let failures = failures(honest.circuit, &honest.instance, private);
            let names = failures.iter().map(|failure| name(failure, block));
            ((column, row), names.collect())
        })
        .collect()
}

fn name(failure: &VerifyFailure, block: usize) -> String {
    let first_row = block * BLOCK_ROWS;
    match failure {
        VerifyFailure::ConstraintNotSatisfied {
            constraint,
            location,
            ..
        } => {
            let text = constraint.to_string();
            let quoted: Vec<&str> = text.split('\'').collect();
            let [_, constraint, _, gate, _] = quoted.as_slice() else {
                // The names of the constraint and of its gate are quoted.
                return format!("{text} {}", place(location, block));
            };
            format!("{gate}/{constraint}{}", place(location, block))
        }
        VerifyFailure::Lookup {
            lookup_index,
            location: FailureLocation::InRegion { offset, .. },
        } => format!(
            "lookup {lookup_index}.{}",
            *offset as i64 - first_row as i64
        ),
        VerifyFailure::Permutation { .. } => "copy".to_owned(),
        other => panic!("{other}"),
    }
}

/// In which block a gate stands, from the one that was changed.
fn place(location: &FailureLocation, block: usize) -> &'static str {
    let FailureLocation::InRegion { offset, .. } = location else {
        return " elsewhere";
    };
    match (offset / BLOCK_ROWS) as i64 - block as i64 {
        -1 => " before",
        0 => "",
        1 => " after",
        _ => " elsewhere",
    }
}

/// One line for all cells of a block that the same constraints hold.
fn grouped(all: &[(&'static str, Refusals)]) -> String {
    let mut text = String::new();
    for (kind, refusals) in all {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (&(column, row), names) in refusals {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let cell = format!("{}.{row}", COLUMNS[column]);
            groups.entry(names.join("; ")).or_default().push(cell);
        }
        writeln!(text, "# {kind}").unwrap();
        for (names, cells) in groups {
            writeln!(text, "{}: {names}", cells.join(" ")).unwrap();
        }
    }
    text
}

fn parse(text: &str) -> BTreeMap<(String, String), BTreeSet<String>> {
    let (mut kind, mut expected) = (String::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            kind = name.to_owned();
            continue;
        }
        let (cells, names) = line.split_once(": ").unwrap();
        let names: BTreeSet<String> = names.split("; ").map(str::to_owned).collect();
        for cell in cells.split(' ') {
            let key = (kind.clone(), cell.to_owned());
            assert!(expected.insert(key, names.clone()).is_none());
        }
    }
    expected
}

fn honest(version: Version) -> Provable {
    let run = run_of(audit(), vec![[0, 0, 1, 0]; 31]);
    with_version(&run, version).prepare().unwrap()
}

#[test]
fn exactly_the_expected_constraints_fail() {
    let writes = env::var_os("POT_HALO2_TESTS").is_some_and(|what| what == "write");
    for (version, file) in VERSIONS.into_iter().zip(["version_1.txt", "version_2.txt"]) {
        let honest = honest(version);
        let capacity = honest.circuit.capacity();
        let mut all = Vec::new();
        let mut number = 0;
        for (kind, block) in blocks(capacity) {
            let cells: Vec<(usize, usize)> = (0..BLOCK_COLUMNS)
                .flat_map(|column| (0..BLOCK_ROWS).map(move |row| (column, row)))
                .filter(|&(column, row)| BlockKind::of(block, capacity).has_cell(column, row))
                .filter(|_| {
                    number += 1;
                    writes || exhaustive() || number % SAMPLE == 0
                })
                .collect();
            all.push((kind, refusals(&honest, block, &cells)));
        }
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/random_cells");
        if writes {
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(file), grouped(&all)).unwrap();
        }
        let expected = parse(&fs::read_to_string(path.join(file)).unwrap());
        assert!(
            expected.values().all(|names| !names.contains("")),
            "a cell is free"
        );
        for (kind, refusals) in &all {
            for (&(column, row), names) in refusals {
                let cell = format!("{}.{row}", COLUMNS[column]);
                let key = ((*kind).to_owned(), cell);
                assert_eq!(Some(names), expected.get(&key), "{key:?} {version:?}");
            }
        }
        let cells = (0..blocks(capacity).len()).map(|index| {
            let kind = BlockKind::of(blocks(capacity)[index].1, capacity);
            (0..BLOCK_COLUMNS * BLOCK_ROWS)
                .filter(|cell| kind.has_cell(cell / BLOCK_ROWS, cell % BLOCK_ROWS))
                .count()
        });
        assert_eq!(
            expected.len(),
            cells.sum::<usize>(),
            "every cell has its line"
        );
    }
}
