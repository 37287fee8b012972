//! The circuit: challenge region, score commitment, and what ties both to the public inputs.

use halo2_proofs::circuit::{AssignedCell, Layouter, Region, SimpleFloorPlanner, Value};
use halo2_proofs::plonk::{
    Circuit as PlonkCircuit, Column, ConstraintSystem, Constraints, Error as PlonkError, Fixed,
    Instance, Selector,
};
use halo2_proofs::poly::Rotation;
use pasta_curves::Fp;

use crate::circuits::{ascii_value, Circuit};
use crate::columns::{radix_of, BlockColumns, BlockReader};
use crate::layout::{
    block_count, chunk, outcome, outcome_block, state, BlockKind, BLOCK_COLUMNS, BLOCK_ROWS,
    FIRST_CHALLENGE_BLOCK, PARAMETER_COLUMN, STATE_COLUMN,
};
use crate::poseidon_commitment::{CommitmentChip, CHALLENGES_PER_WORD, DOMAIN, HEADER_WORDS};
use crate::public_inputs::{
    CHALLENGES, CIRCUIT_ID, DECISION, N_MAX, PARAMETERS, PRESET_DIGEST, REASON, RUN_DIGEST,
    SCORE_COMMITMENT,
};
use crate::rule::PROBES_PER_CHALLENGE;
use crate::witness::Block;
use crate::{half_width, no_earlier_stop, running_sums};

type Cell = AssignedCell<Fp, Fp>;

/// The circuit of one size; `WORDS` is the number of field elements that the commitment absorbs.
#[derive(Clone, Debug)]
pub struct DecisionCircuit<const WORDS: usize> {
    circuit: Circuit,
    private: Option<Private>,
}

/// What only the prover knows.
#[derive(Clone, Debug)]
pub struct Private {
    /// The blocks of the challenge region, `witness::lay_out`.
    pub blocks: Vec<Block>,
    /// Salt of the commitment.
    pub salt: Fp,
}

/// Columns, selectors and chips.
#[derive(Clone, Debug)]
pub struct Config {
    columns: BlockColumns,
    commitment: CommitmentChip,
    public_inputs: Column<Instance>,
    word_goes_on: Column<Fixed>,
    start: Selector,
    challenge: Selector,
    outcome: Selector,
    first_parameters: Selector,
    same_parameters: Selector,
}

/// Cells of the challenge region that are tied to something outside it.
struct RegionCells {
    parameters: Vec<Cell>,
    words: Vec<Cell>,
    n: Cell,
    n_max: Cell,
    reason: Cell,
    decision: Cell,
}

impl<const WORDS: usize> DecisionCircuit<WORDS> {
    /// The circuit with private values, or without for making keys.
    pub fn new(circuit: Circuit, private: Option<Private>) -> Self {
        Self { circuit, private }
    }

    fn value(&self, block: usize, column: usize, row: usize) -> Value<Fp> {
        match &self.private {
            Some(private) => Value::known(private.blocks[block][column][row]),
            None => Value::unknown(),
        }
    }

    /// Assigns a block and returns its cells in the state column.
    fn assign_block(
        &self,
        config: &Config,
        region: &mut Region<'_, Fp>,
        block: usize,
    ) -> Result<Vec<Cell>, PlonkError> {
        let kind = BlockKind::of(block, self.circuit.capacity());
        let first_row = block * BLOCK_ROWS;
        let mut state = Vec::new();
        for column in 0..BLOCK_COLUMNS {
            for row in (0..BLOCK_ROWS).filter(|&row| kind.has_cell(column, row)) {
                let cell = region.assign_advice(
                    || "block",
                    config.columns.advice[column],
                    first_row + row,
                    || self.value(block, column, row),
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
                    config.columns.radix[radix_of(chunk.column)],
                    first_row + row - 1,
                    || Value::known(Fp::from(256)),
                )?;
            }
        }
        Ok(state)
    }

    fn assign_region(
        &self,
        config: &Config,
        region: &mut Region<'_, Fp>,
    ) -> Result<RegionCells, PlonkError> {
        let capacity = self.circuit.capacity();
        let (mut states, mut words) = (Vec::new(), Vec::new());
        for block in 0..block_count(capacity) {
            let first_row = block * BLOCK_ROWS;
            match BlockKind::of(block, capacity) {
                BlockKind::Parameters | BlockKind::Limit => {}
                BlockKind::Start => {
                    config.start.enable(region, first_row)?;
                    for row in 0..BLOCK_ROWS {
                        config.first_parameters.enable(region, first_row + row)?;
                    }
                }
                kind => {
                    match kind {
                        BlockKind::Outcome => config.outcome.enable(region, first_row)?,
                        _ => config.challenge.enable(region, first_row)?,
                    }
                    for row in 0..BLOCK_ROWS {
                        config.same_parameters.enable(region, first_row + row)?;
                    }
                }
            }
            states.push(self.assign_block(config, region, block)?);
        }
        for challenge in 0..capacity {
            let block = FIRST_CHALLENGE_BLOCK + challenge;
            let goes_on = challenge % CHALLENGES_PER_WORD != 0;
            region.assign_fixed(
                || "word goes on",
                config.word_goes_on,
                block * BLOCK_ROWS,
                || Value::known(Fp::from(u64::from(goes_on))),
            )?;
            if (challenge + 1) % CHALLENGES_PER_WORD == 0 {
                words.push(states[block][state::PACKED].clone());
            }
        }
        let outcome_block = outcome_block(capacity);
        let (last, end) = (&states[outcome_block - 1], &states[outcome_block]);
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
            n: end[state::N].clone(),
            n_max: states[outcome_block + 1][outcome::N_MAX_AFTER].clone(),
            reason: end[outcome::REASON].clone(),
            decision: end[outcome::DECISION].clone(),
            parameters: states.swap_remove(0),
        })
    }

    /// The field elements that the commitment absorbs, and the cell of the circuit id.
    fn assign_message(
        &self,
        config: &Config,
        region: &mut Region<'_, Fp>,
        n: &Cell,
        words: Vec<Cell>,
    ) -> Result<(Vec<Cell>, Cell), PlonkError> {
        let column = config.columns.advice[STATE_COLUMN];
        let constant = |region: &mut Region<'_, Fp>, row, value| {
            region.assign_advice_from_constant(|| "constant", column, row, value)
        };
        let id = constant(region, 0, self.circuit.id_value())?;
        let mut message = vec![constant(region, 1, ascii_value(DOMAIN))?];
        for (row, source) in PRESET_DIGEST.into_iter().chain(RUN_DIGEST).enumerate() {
            message.push(region.assign_advice_from_instance(
                || "digest",
                config.public_inputs,
                source,
                column,
                2 + row,
            )?);
        }
        message.push(n.clone());
        let probes = Fp::from(PROBES_PER_CHALLENGE as u64);
        message.push(constant(region, 6, probes)?);
        let salt = self.private.as_ref().map(|private| private.salt);
        let salt = || salt.map_or_else(Value::unknown, Value::known);
        message.push(region.assign_advice(|| "salt", column, 7, salt)?);
        debug_assert_eq!(message.len(), HEADER_WORDS);
        message.extend(words);
        Ok((message, id))
    }
}

impl<const WORDS: usize> PlonkCircuit<Fp> for DecisionCircuit<WORDS> {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;

    fn without_witnesses(&self) -> Self {
        Self::new(self.circuit, None)
    }

    fn configure(meta: &mut ConstraintSystem<Fp>) -> Config {
        let columns = BlockColumns::configure(meta);
        let config = Config {
            columns,
            commitment: CommitmentChip::configure(meta),
            public_inputs: meta.instance_column(),
            word_goes_on: meta.fixed_column(),
            start: meta.selector(),
            challenge: meta.selector(),
            outcome: meta.selector(),
            first_parameters: meta.selector(),
            same_parameters: meta.selector(),
        };
        meta.enable_equality(config.public_inputs);
        meta.enable_equality(columns.advice[STATE_COLUMN]);
        start_gate(meta, &config);
        parameter_gates(meta, &config);
        running_sums::configure(meta, &columns, config.challenge, config.word_goes_on);
        half_width::configure(meta, &columns, config.challenge);
        no_earlier_stop::configure(meta, &columns, config.challenge);
        crate::outcome::configure(meta, &columns, config.outcome);
        config
    }

    fn synthesize(
        &self,
        config: Config,
        mut layouter: impl Layouter<Fp>,
    ) -> Result<(), PlonkError> {
        layouter.assign_table(
            || "bytes",
            |mut table| {
                for byte in 0..256 {
                    let value = || Value::known(Fp::from(byte as u64));
                    table.assign_cell(|| "byte", config.columns.bytes, byte, value)?;
                }
                Ok(())
            },
        )?;
        let cells = layouter.assign_region(
            || "challenges",
            |mut region| self.assign_region(&config, &mut region),
        )?;
        let (message, id) = layouter.assign_region(
            || "message",
            |mut region| self.assign_message(&config, &mut region, &cells.n, cells.words.clone()),
        )?;
        let message: [Cell; WORDS] = message.try_into().map_err(|_| PlonkError::Synthesis)?;
        let commitment = config
            .commitment
            .hash(layouter.namespace(|| "score commitment"), message)?;

        for (cell, row) in [
            (&id, CIRCUIT_ID),
            (&commitment, SCORE_COMMITMENT),
            (&cells.decision, DECISION),
            (&cells.reason, REASON),
            (&cells.n, CHALLENGES),
            (&cells.n_max, N_MAX),
        ] {
            layouter.constrain_instance(cell.cell(), config.public_inputs, row)?;
        }
        for (row, cell) in cells.parameters.iter().enumerate() {
            layouter.constrain_instance(cell.cell(), config.public_inputs, PARAMETERS + row)?;
        }
        Ok(())
    }
}

/// All sums of the start block are 0, and the run may not stop yet.
fn start_gate(meta: &mut ConstraintSystem<Fp>, config: &Config) {
    meta.create_gate("start", |meta| {
        let enabled = meta.query_selector(config.start);
        let mut block = BlockReader::new(meta, &config.columns);
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

/// The start block takes the parameters from the block before, every other block from the start
/// block, by way of the blocks between.
fn parameter_gates(meta: &mut ConstraintSystem<Fp>, config: &Config) {
    let rotation_before = Rotation(-(BLOCK_ROWS as i32));
    let [here, state] = [PARAMETER_COLUMN, STATE_COLUMN].map(|c| config.columns.advice[c]);
    for (name, selector, source) in [
        ("first parameters", config.first_parameters, state),
        ("same parameters", config.same_parameters, here),
    ] {
        meta.create_gate(name, |meta| {
            let enabled = meta.query_selector(selector);
            let before = meta.query_advice(source, rotation_before);
            let here = meta.query_advice(here, Rotation::cur());
            Constraints::with_selector(enabled, [("parameter", before - here)])
        });
    }
}
