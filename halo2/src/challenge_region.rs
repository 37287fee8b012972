//! The challenge region: which gates stand where, and the private values in their cells.

use halo2_proofs::circuit::{AssignedCell, Layouter, Region, Value};
use halo2_proofs::plonk::{
    Column, ConstraintSystem, Constraints, Error as PlonkError, Fixed, Selector,
};
use halo2_proofs::poly::Rotation;
use pasta_curves::Fp;

use crate::columns::{radix_of, BlockColumns, BlockReader};
use crate::layout::{
    block_count, chunk, outcome, outcome_block, state, BlockKind, BLOCK_COLUMNS, BLOCK_ROWS,
    FIRST_CHALLENGE_BLOCK, PARAMETER_COLUMN, STATE_COLUMN,
};
use crate::poseidon_commitment::CHALLENGES_PER_WORD;
use crate::witness::Block;
use crate::{half_width, no_earlier_stop, running_sums};

/// A cell with its value.
pub type Cell = AssignedCell<Fp, Fp>;

/// The words of the scores that commitments absorb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Version 1: three challenges to a word.
    Packed,
    /// Version 2: one challenge to a word, below the domain of its hash.
    Tagged,
}

/// Columns and selectors of the challenge region.
#[derive(Clone, Debug)]
pub struct ChallengeRegion {
    columns: BlockColumns,
    word_goes_on: Option<Column<Fixed>>,
    start: Selector,
    challenge: Selector,
    outcome: Selector,
    first_parameters: Selector,
    same_parameters: Selector,
}

/// Cells of the challenge region that are tied to something outside it.
#[derive(Debug)]
pub struct RegionCells {
    /// The 14 parameters.
    pub parameters: Vec<Cell>,
    /// The words that the commitments absorb.
    pub words: Vec<Cell>,
    /// S.
    pub sum: Cell,
    /// V.
    pub squares: Cell,
    /// n.
    pub n: Cell,
    /// `n_max`.
    pub n_max: Cell,
    /// Stop reason.
    pub reason: Cell,
    /// Decision.
    pub decision: Cell,
}

impl ChallengeRegion {
    /// Adds selectors and gates over the columns of a block.
    pub fn configure(meta: &mut ConstraintSystem<Fp>, columns: BlockColumns, words: Words) -> Self {
        let region = Self {
            columns,
            word_goes_on: match words {
                Words::Packed => Some(meta.fixed_column()),
                Words::Tagged => None,
            },
            start: meta.selector(),
            challenge: meta.selector(),
            outcome: meta.selector(),
            first_parameters: meta.selector(),
            same_parameters: meta.selector(),
        };
        meta.enable_equality(columns.advice[STATE_COLUMN]);
        region.start_gate(meta);
        region.parameter_gates(meta);
        running_sums::configure(meta, &columns, region.challenge, region.word_goes_on);
        half_width::configure(meta, &columns, region.challenge);
        no_earlier_stop::configure(meta, &columns, region.challenge);
        crate::outcome::configure(meta, &columns, region.outcome);
        region
    }

    /// All sums of the start block are 0, and the run may not stop yet.
    fn start_gate(&self, meta: &mut ConstraintSystem<Fp>) {
        meta.create_gate("start", |meta| {
            let enabled = meta.query_selector(self.start);
            let mut block = BlockReader::new(meta, &self.columns);
            Constraints::with_selector(
                enabled,
                [
                    ("n = 0", block.state(state::N)),
                    ("S = 0", block.state(state::SUM)),
                    ("V = 0", block.state(state::SQUARES)),
                    ("no word yet", block.state(state::PACKED)),
                    ("M = 0", block.chunk(chunk::CENTRE)),
                    ("may not stop", block.chunk(chunk::MAY_STOP)),
                ],
            )
        });
    }

    /// The start block takes the parameters from the block before it, and every later block from
    /// the block before it.
    fn parameter_gates(&self, meta: &mut ConstraintSystem<Fp>) {
        let before = Rotation(-(BLOCK_ROWS as i32));
        let [parameters, state] = [PARAMETER_COLUMN, STATE_COLUMN].map(|c| self.columns.advice[c]);
        for (name, selector, source) in [
            ("first parameters", self.first_parameters, state),
            ("same parameters", self.same_parameters, parameters),
        ] {
            meta.create_gate(name, |meta| {
                let enabled = meta.query_selector(selector);
                let before = meta.query_advice(source, before);
                let here = meta.query_advice(parameters, Rotation::cur());
                Constraints::with_selector(enabled, [("parameter", before - here)])
            });
        }
    }

    /// Fills the table of bytes.
    ///
    /// # Errors
    /// Those of the layouter.
    pub fn load_bytes(&self, layouter: &mut impl Layouter<Fp>) -> Result<(), PlonkError> {
        layouter.assign_table(
            || "bytes",
            |mut table| {
                for (row, byte) in (0..=u8::MAX).enumerate() {
                    let value = || Value::known(Fp::from(u64::from(byte)));
                    table.assign_cell(|| "byte", self.columns.bytes, row, value)?;
                }
                Ok(())
            },
        )
    }

    /// Assigns the region for a circuit of this capacity; without `blocks`, its shape alone.
    ///
    /// # Errors
    /// Those of the layouter, if the circuit has too few rows.
    pub fn assign(
        &self,
        region: &mut Region<'_, Fp>,
        capacity: usize,
        blocks: Option<&[Block]>,
    ) -> Result<RegionCells, PlonkError> {
        let (mut states, mut words) = (Vec::new(), Vec::new());
        for block in 0..block_count(capacity) {
            let kind = BlockKind::of(block, capacity);
            self.enable_gates(region, kind, block * BLOCK_ROWS)?;
            let values = blocks.map(|blocks| &blocks[block]);
            states.push(self.assign_block(region, kind, block * BLOCK_ROWS, values)?);
        }
        for challenge in 0..capacity {
            let block = FIRST_CHALLENGE_BLOCK + challenge;
            let Some(word_goes_on) = self.word_goes_on else {
                words.push(states[block][state::PACKED].clone());
                continue;
            };
            let goes_on = challenge % CHALLENGES_PER_WORD != 0;
            region.assign_fixed(
                || "word goes on",
                word_goes_on,
                block * BLOCK_ROWS,
                || Value::known(Fp::from(u64::from(goes_on))),
            )?;
            if (challenge + 1) % CHALLENGES_PER_WORD == 0 {
                words.push(states[block][state::PACKED].clone());
            }
        }
        let end_block = outcome_block(capacity);
        let (last, end) = (&states[end_block - 1], &states[end_block]);
        for row in [
            state::N,
            state::SUM,
            state::HALF_WIDTH,
            state::LOWER_IS_CLEAR,
            state::UPPER_IS_CLEAR,
        ] {
            region.constrain_equal(end[row].cell(), last[row].cell())?;
        }
        Ok(RegionCells {
            words,
            sum: end[state::SUM].clone(),
            squares: last[state::SQUARES].clone(),
            n: end[state::N].clone(),
            n_max: states[end_block + 1][outcome::N_MAX_AFTER].clone(),
            reason: end[outcome::REASON].clone(),
            decision: end[outcome::DECISION].clone(),
            parameters: states.swap_remove(0),
        })
    }

    fn enable_gates(
        &self,
        region: &mut Region<'_, Fp>,
        kind: BlockKind,
        first_row: usize,
    ) -> Result<(), PlonkError> {
        let (once, every_row) = match kind {
            BlockKind::Parameters | BlockKind::Limit => return Ok(()),
            BlockKind::Start => (self.start, self.first_parameters),
            BlockKind::Challenge => (self.challenge, self.same_parameters),
            BlockKind::Outcome => (self.outcome, self.same_parameters),
        };
        once.enable(region, first_row)?;
        (0..BLOCK_ROWS).try_for_each(|row| every_row.enable(region, first_row + row))
    }

    /// Assigns a block and returns its cells in the state column.
    fn assign_block(
        &self,
        region: &mut Region<'_, Fp>,
        kind: BlockKind,
        first_row: usize,
        values: Option<&Block>,
    ) -> Result<Vec<Cell>, PlonkError> {
        let mut state = Vec::new();
        for column in 0..BLOCK_COLUMNS {
            for row in (0..BLOCK_ROWS).filter(|&row| kind.has_cell(column, row)) {
                let cell = region.assign_advice(
                    || "block",
                    self.columns.advice[column],
                    first_row + row,
                    || values.map_or_else(Value::unknown, |v| Value::known(v[column][row])),
                )?;
                if column == STATE_COLUMN {
                    state.push(cell);
                }
            }
        }
        for chunk in kind.chunks() {
            for row in chunk.rows().skip(1) {
                region.assign_fixed(
                    || "radix",
                    self.columns.radix[radix_of(chunk.column)],
                    first_row + row - 1,
                    || Value::known(Fp::from(256)),
                )?;
            }
        }
        Ok(state)
    }
}
