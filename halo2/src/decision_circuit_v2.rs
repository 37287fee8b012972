//! The circuit of version 2: S and V are public, and each challenge has a commitment of its own.
//!
//! The challenge region is that of version 1. With S and V public, H, the interval and the margin
//! are no longer the signer's word: whoever verifies computes them.
//!
//! Header and public inputs are written out as in version 1 and not shared with it: the key of each
//! version stays as it is for ever, and a change of one must not reach the other.

use halo2_proofs::circuit::{Layouter, Region, SimpleFloorPlanner};
use halo2_proofs::plonk::{
    Advice, Circuit as PlonkCircuit, Column, ConstraintSystem, Error as PlonkError, Instance,
};
use pasta_curves::Fp;

use crate::challenge_commitments::{
    capacity_word, message_words, CapacityWords, CommitmentLanes, CHALLENGE_WORDS, RUN_DOMAIN,
};
use crate::challenge_region::{Cell, ChallengeRegion, Words};
use crate::circuits::{ascii_value, Circuit};
use crate::columns::BlockColumns;
use crate::decision_circuit::Private;
use crate::dispatch::ProvesDecision;
use crate::layout::STATE_COLUMN;
use crate::public_inputs::{
    CHALLENGES, CIRCUIT_ID, DECISION, N_MAX, PARAMETERS, PRESET_DIGEST, REASON, RUN_DIGEST,
    SCORE_COMMITMENT, SCORE_SUM, SQUARE_SUM,
};
use crate::rule::PROBES_PER_CHALLENGE;

/// The circuit of one size.
#[derive(Clone, Debug)]
pub struct DecisionCircuitV2 {
    circuit: Circuit,
    private: Option<Private>,
}

/// Columns and gates.
#[derive(Clone, Debug)]
pub struct Config {
    region: ChallengeRegion,
    commitments: CommitmentLanes,
    public_inputs: Column<Instance>,
    message: Column<Advice>,
}

/// Constants, and what the commitment to the run absorbs before and after n.
struct Header {
    id: Cell,
    before_n: Vec<Cell>,
    probes: Cell,
    capacity_words: CapacityWords,
}

impl ProvesDecision for DecisionCircuitV2 {
    fn new(circuit: Circuit, private: Option<Private>) -> Self {
        Self { circuit, private }
    }
}

impl DecisionCircuitV2 {
    fn assign_header(
        &self,
        config: &Config,
        region: &mut Region<'_, Fp>,
    ) -> Result<Header, PlonkError> {
        let column = config.message;
        let constant = |region: &mut Region<'_, Fp>, row, value| {
            region.assign_advice_from_constant(|| "constant", column, row, value)
        };
        let words = message_words(self.circuit.capacity());
        let id = constant(region, 0, self.circuit.id_value())?;
        let mut before_n = vec![constant(region, 1, ascii_value(RUN_DOMAIN))?];
        for (row, source) in PRESET_DIGEST.into_iter().chain(RUN_DIGEST).enumerate() {
            before_n.push(region.assign_advice_from_instance(
                || "digest",
                config.public_inputs,
                source,
                column,
                2 + row,
            )?);
        }
        Ok(Header {
            id,
            before_n,
            probes: constant(region, 6, Fp::from(PROBES_PER_CHALLENGE as u64))?,
            capacity_words: CapacityWords {
                challenge: constant(region, 7, capacity_word(CHALLENGE_WORDS))?,
                run: constant(region, 8, capacity_word(words))?,
            },
        })
    }
}

impl PlonkCircuit<Fp> for DecisionCircuitV2 {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;

    fn without_witnesses(&self) -> Self {
        Self::new(self.circuit, None)
    }

    fn configure(meta: &mut ConstraintSystem<Fp>) -> Config {
        let columns = BlockColumns::configure(meta);
        let commitments = CommitmentLanes::configure(meta);
        let public_inputs = meta.instance_column();
        meta.enable_equality(public_inputs);
        Config {
            region: ChallengeRegion::configure(meta, columns, Words::Tagged),
            commitments,
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
        let capacity = self.circuit.capacity();
        let blocks = self.private.as_ref().map(|private| &*private.blocks);
        let cells = layouter.assign_region(
            || "challenges",
            |mut region| config.region.assign(&mut region, capacity, blocks),
        )?;
        let header = layouter.assign_region(
            || "constants and digests",
            |mut region| self.assign_header(&config, &mut region),
        )?;
        let salts = self.private.as_ref().map(|private| &*private.salts);
        let salts = config
            .commitments
            .assign_salts(&mut layouter, capacity, salts)?;
        let mut words = header.before_n;
        words.extend([cells.n.clone(), header.probes]);
        let challenges: Vec<_> = cells.words.into_iter().zip(salts).collect();
        let commitment = config.commitments.hash(
            &mut layouter.namespace(|| "score commitment"),
            &header.capacity_words,
            &words,
            &challenges,
        )?;

        for (cell, row) in [
            (&header.id, CIRCUIT_ID),
            (&commitment, SCORE_COMMITMENT),
            (&cells.decision, DECISION),
            (&cells.reason, REASON),
            (&cells.n, CHALLENGES),
            (&cells.n_max, N_MAX),
            (&cells.sum, SCORE_SUM),
            (&cells.squares, SQUARE_SUM),
        ] {
            layouter.constrain_instance(cell.cell(), config.public_inputs, row)?;
        }
        for (row, cell) in cells.parameters.iter().enumerate() {
            layouter.constrain_instance(cell.cell(), config.public_inputs, PARAMETERS + row)?;
        }
        Ok(())
    }
}
