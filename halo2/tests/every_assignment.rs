//! No assignment is free: one advice cell of the whole circuit, changed by one, breaks a constraint.
//!
//! Unlike `lying_witness.rs`, which changes the values of blocks, this changes what reaches the
//! columns, wherever it comes from: header, salts, every word of every Poseidon permutation. The
//! wrapper stands below the layouter, so that copies elsewhere keep the true value.
//!
//! `POT_HALO2_TESTS=exhaustive` changes every one, else all of small regions and a sample.

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;

use common::{exhaustive, preset, run_of, until_stop, with_version, Scores, VERSIONS};
use ff::Field;
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner, Value};
use halo2_proofs::dev::MockProver;
use halo2_proofs::plonk::{
    Advice, Any, Assigned, Assignment, Circuit as PlonkCircuit, Column, ConstraintSystem, Error,
    Fixed, FloorPlanner, Instance, Selector,
};
use pasta_curves::Fp;
use pot_halo2::dispatch::{PerCircuit, ProvesDecision};
use pot_halo2::proof::Provable;
use rayon::prelude::*;

/// Regions with fewer assignments than this are tried whole, others one in so many.
const SAMPLE: usize = 61;

/// What happens to assignments in one synthesis.
#[derive(Default)]
struct Tampering {
    /// The assignment to change, counted from 0.
    target: Option<usize>,
    /// The region of each assignment, by its name.
    regions: Vec<String>,
}

thread_local! {
    static TAMPERING: RefCell<Tampering> = RefCell::default();
}

struct ChangedCircuit<C>(C);

impl<C: PlonkCircuit<Fp>> PlonkCircuit<Fp> for ChangedCircuit<C> {
    type Config = C::Config;
    type FloorPlanner = ChangingPlanner;

    fn without_witnesses(&self) -> Self {
        Self(self.0.without_witnesses())
    }

    fn configure(meta: &mut ConstraintSystem<Fp>) -> Self::Config {
        C::configure(meta)
    }

    fn synthesize(&self, config: Self::Config, layouter: impl Layouter<Fp>) -> Result<(), Error> {
        self.0.synthesize(config, layouter)
    }
}

struct ChangingPlanner;

impl FloorPlanner for ChangingPlanner {
    fn synthesize<F: Field, CS: Assignment<F>, C: PlonkCircuit<F>>(
        cs: &mut CS,
        circuit: &C,
        config: C::Config,
        constants: Vec<Column<Fixed>>,
    ) -> Result<(), Error> {
        let region = String::new();
        SimpleFloorPlanner::synthesize(&mut Changing { cs, region }, circuit, config, constants)
    }
}

struct Changing<'a, CS> {
    cs: &'a mut CS,
    region: String,
}

impl<F: Field, CS: Assignment<F>> Assignment<F> for Changing<'_, CS> {
    fn enter_region<NR: Into<String>, N: FnOnce() -> NR>(&mut self, name: N) {
        self.region = name().into();
        let name = self.region.clone();
        self.cs.enter_region(|| name);
    }

    fn exit_region(&mut self) {
        self.cs.exit_region();
    }

    fn enable_selector<A, AR>(
        &mut self,
        annotation: A,
        selector: &Selector,
        row: usize,
    ) -> Result<(), Error>
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.cs.enable_selector(annotation, selector, row)
    }

    fn query_instance(&self, column: Column<Instance>, row: usize) -> Result<Value<F>, Error> {
        self.cs.query_instance(column, row)
    }

    fn assign_advice<V, VR, A, AR>(
        &mut self,
        annotation: A,
        column: Column<Advice>,
        row: usize,
        to: V,
    ) -> Result<(), Error>
    where
        V: FnOnce() -> Value<VR>,
        VR: Into<Assigned<F>>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let is_target = TAMPERING.with_borrow_mut(|tampering| {
            tampering.regions.push(self.region.clone());
            tampering.target == Some(tampering.regions.len() - 1)
        });
        let change = if is_target { F::ONE } else { F::ZERO };
        self.cs.assign_advice(annotation, column, row, || {
            to().map(|value| value.into() + Assigned::Trivial(change))
        })
    }

    fn assign_fixed<V, VR, A, AR>(
        &mut self,
        annotation: A,
        column: Column<Fixed>,
        row: usize,
        to: V,
    ) -> Result<(), Error>
    where
        V: FnOnce() -> Value<VR>,
        VR: Into<Assigned<F>>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.cs.assign_fixed(annotation, column, row, to)
    }

    fn copy(
        &mut self,
        left_column: Column<Any>,
        left_row: usize,
        right_column: Column<Any>,
        right_row: usize,
    ) -> Result<(), Error> {
        self.cs.copy(left_column, left_row, right_column, right_row)
    }

    fn fill_from_row(
        &mut self,
        column: Column<Fixed>,
        row: usize,
        to: Value<Assigned<F>>,
    ) -> Result<(), Error> {
        self.cs.fill_from_row(column, row, to)
    }

    fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, name: N) {
        self.cs.push_namespace(name);
    }

    fn pop_namespace(&mut self, name: Option<String>) {
        self.cs.pop_namespace(name);
    }
}

/// Whether the constraints hold, with one assignment changed, and the region of each assignment.
struct Check<'a> {
    honest: &'a Provable,
    target: Option<usize>,
}

impl PerCircuit for Check<'_> {
    type Output = (bool, Vec<String>);

    fn run<C: ProvesDecision>(self) -> Self::Output {
        let honest = self.honest;
        TAMPERING.with_borrow_mut(|tampering| {
            *tampering = Tampering {
                target: self.target,
                regions: Vec::new(),
            };
        });
        let circuit = ChangedCircuit(C::new(honest.circuit, Some(honest.private.clone())));
        let instance = vec![honest.instance.clone()];
        let prover = MockProver::run(honest.circuit.k(), &circuit, instance).unwrap();
        let holds = prover.verify().is_ok();
        (holds, TAMPERING.take().regions)
    }
}

fn check(honest: &Provable, target: Option<usize>) -> (bool, Vec<String>) {
    honest.circuit.dispatch(Check { honest, target })
}

#[test]
fn no_assignment_is_free() {
    let ratios = [(1, 100), (1, 10), (1, 2), (3, 2), (1, 2)];
    let mut scores = Scores::new(8, 40_000, 65_535);
    let run = until_stop(preset(ratios, 3, 400), || scores.challenge());
    for version in VERSIONS {
        let honest = with_version(&run_of(run.preset, run.scores.clone()), version)
            .prepare()
            .unwrap();
        let (holds, regions) = check(&honest, None);
        assert!(holds, "nothing is changed");
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        for region in &regions {
            *sizes.entry(region).or_default() += 1;
        }
        println!("{version:?}: {} assignments, {sizes:?}", regions.len());
        let targets: Vec<usize> = (0..regions.len())
            .filter(|&target| {
                exhaustive() || sizes[&*regions[target]] < SAMPLE || target % SAMPLE == 0
            })
            .collect();
        let free: Vec<(usize, &str)> = targets
            .into_par_iter()
            .filter(|&target| check(&honest, Some(target)).0)
            .map(|target| (target, &*regions[target]))
            .collect();
        assert_eq!(free, [], "{version:?}");
    }
}
