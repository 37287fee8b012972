//! The circuit of version 1: challenge region, score commitment, and what ties both to the public inputs.

use halo2_proofs::circuit::{Layouter, Region, SimpleFloorPlanner, Value};
use halo2_proofs::plonk::{
    Advice, Circuit as PlonkCircuit, Column, ConstraintSystem, Error as PlonkError, Instance,
};
use pasta_curves::Fp;

use crate::challenge_region::{Cell, ChallengeRegion, Words};
use crate::circuits::{ascii_value, Circuit};
use crate::columns::BlockColumns;
use crate::dispatch::ProvesDecision;
use crate::layout::STATE_COLUMN;
use crate::poseidon_commitment::{CommitmentChip, DOMAIN};
use crate::public_inputs::{
    CHALLENGES, CIRCUIT_ID, DECISION, N_MAX, PARAMETERS, PRESET_DIGEST, REASON, RUN_DIGEST,
    SCORE_COMMITMENT,
};
use crate::rule::PROBES_PER_CHALLENGE;
use crate::witness::Block;

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
    /// Salts: in version 1 that of the commitment, in version 2 one for each challenge.
    pub salts: Vec<Fp>,
}

/// Columns and gates.
#[derive(Clone, Debug)]
pub struct Config {
    region: ChallengeRegion,
    commitment: CommitmentChip,
    public_inputs: Column<Instance>,
    message: Column<Advice>,
}

/// The cells before the scores in what the commitment absorbs, and the circuit id.
struct Header {
    id: Cell,
    words_before_n: Vec<Cell>,
    words_after_n: Vec<Cell>,
}

impl<const WORDS: usize> ProvesDecision for DecisionCircuit<WORDS> {
    fn new(circuit: Circuit, private: Option<Private>) -> Self {
        Self { circuit, private }
    }
}

impl<const WORDS: usize> DecisionCircuit<WORDS> {
    fn assign_header(
        &self,
        config: &Config,
        region: &mut Region<'_, Fp>,
    ) -> Result<Header, PlonkError> {
        let column = config.message;
        let constant = |region: &mut Region<'_, Fp>, row, value| {
            region.assign_advice_from_constant(|| "constant", column, row, value)
        };
        let id = constant(region, 0, self.circuit.id_value())?;
        let mut words_before_n = vec![constant(region, 1, ascii_value(DOMAIN))?];
        for (row, source) in PRESET_DIGEST.into_iter().chain(RUN_DIGEST).enumerate() {
            words_before_n.push(region.assign_advice_from_instance(
                || "digest",
                config.public_inputs,
                source,
                column,
                2 + row,
            )?);
        }
        let probes = constant(region, 6, Fp::from(PROBES_PER_CHALLENGE as u64))?;
        let salt = self.private.as_ref();
        let salt = salt.and_then(|private| private.salts.first().copied());
        let salt = || salt.map_or_else(Value::unknown, Value::known);
        let salt = region.assign_advice(|| "salt", column, 7, salt)?;
        Ok(Header {
            id,
            words_before_n,
            words_after_n: vec![probes, salt],
        })
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
        let commitment = CommitmentChip::configure(meta);
        let public_inputs = meta.instance_column();
        meta.enable_equality(public_inputs);
        Config {
            region: ChallengeRegion::configure(meta, columns, Words::Packed),
            commitment,
            public_inputs,
            message: columns.advice[STATE_COLUMN],
        }
    }

    fn synthesize(
        &self,
        config: Config,
        mut layouter: impl Layouter<Fp>,
    ) -> Result<(), PlonkError> {
        config.region.load_bytes(&mut layouter)?;
        let blocks = self.private.as_ref().map(|private| &*private.blocks);
        let cells = layouter.assign_region(
            || "challenges",
            |mut region| {
                let capacity = self.circuit.capacity();
                config.region.assign(&mut region, capacity, blocks)
            },
        )?;
        let header = layouter.assign_region(
            || "header of the commitment",
            |mut region| self.assign_header(&config, &mut region),
        )?;
        let mut message = header.words_before_n;
        message.push(cells.n.clone());
        message.extend(header.words_after_n);
        message.extend(cells.words);
        let message: [Cell; WORDS] = message.try_into().map_err(|_| PlonkError::Synthesis)?;
        let commitment = config
            .commitment
            .hash(layouter.namespace(|| "score commitment"), message)?;

        for (cell, row) in [
            (&header.id, CIRCUIT_ID),
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
