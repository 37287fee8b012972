//! A run that the rule does not allow has no proof: witnesses forged as well as the gates let them
//! be, before the mock prover and before the real one.

mod common;

use common::{
    audit, is_satisfied, only_lookups_refuse, quick, run_of, until_stop, with_version, Scores,
    VERSIONS,
};
use ff::{Field, PrimeField};
use pasta_curves::Fp;
use pot_halo2::challenge_commitments::{commit_to_challenge, commit_to_run};
use pot_halo2::circuits::Version;
use pot_halo2::constants::GRID;
use pot_halo2::keys::VerifierKeys;
use pot_halo2::layout::{
    chunk, outcome_block, state, Chunk, FIRST_BYTE_COLUMN, FIRST_CHALLENGE_BLOCK, PARAMETER_COLUMN,
    STATE_COLUMN,
};
use pot_halo2::preset::Preset;
use pot_halo2::proof::{prove_unchecked, Provable, Salts};
use pot_halo2::public_inputs::{parameter, parameters, Sums};
use pot_halo2::rule::{ChallengeScores, SequentialTest, Step, StopReason};
use pot_halo2::verification::verify;
use pot_halo2::witness::{lay_out, stop_margins, Block};

/// The rule, asked on after it has stopped.
fn steps_past_the_stop(preset: Preset, scores: &[ChallengeScores]) -> Vec<Step> {
    let mut test = SequentialTest::new(preset).unwrap();
    scores.iter().map(|&scores| test.observe(scores)).collect()
}

/// A proof attempt for scores that stop before their end, as if they did not.
fn hidden_stop(version: Version, preset: Preset, scores: Vec<ChallengeScores>) -> Provable {
    let steps = steps_past_the_stop(preset, &scores);
    let stops: Vec<_> = steps.iter().filter_map(|step| step.reason).collect();
    assert!(stops.len() > 1, "an earlier stop is there to be hidden");
    let reason = stops[stops.len() - 1];
    let last = steps[steps.len() - 1];
    assert_eq!(last.reason, Some(reason));
    // Another preset, under which the same scores do go on to the end, gives the rest of a claim.
    let patient = Preset {
        n_min: u32::try_from(scores.len()).unwrap(),
        ..preset
    };
    let run = with_version(&run_of(patient, scores), version);
    let mut lie = run.prepare().unwrap();
    let digest = preset.digest();
    lie.claim.preset = preset;
    lie.claim.reason = reason;
    lie.claim.score_commitment = match &run.salts {
        Salts::OfRun(salt) => pot_halo2::poseidon_commitment::commit(
            lie.circuit,
            &digest,
            &run.run_digest,
            *salt,
            &run.scores,
        ),
        Salts::OfChallenges(salts) => {
            let pairs = run.scores.iter().zip(salts);
            let each: Vec<Fp> = pairs
                .map(|(&scores, &salt)| commit_to_challenge(scores, salt))
                .collect();
            commit_to_run(lie.circuit, &digest, &run.run_digest, &each)
        }
    };
    lie.instance = lie.claim.public_inputs(lie.circuit).unwrap();
    let p = parameters(&preset).unwrap();
    lie.private.blocks = lay_out(&p, preset.n_max.into(), &run.scores, &steps, lie.circuit);
    lie
}

fn assert_no_proof(lie: Provable) {
    assert!(!is_satisfied(
        lie.circuit,
        &lie.instance,
        lie.private.clone()
    ));
    let keys = VerifierKeys::generate(lie.circuit).unwrap();
    let proving_key = keys.proving_key().unwrap();
    let instance = lie.instance.clone();
    // The prover may notice by itself, or make a proof that the verifier refuses.
    if let Ok(proof) = prove_unchecked(&keys, &proving_key, lie) {
        let error = verify(&keys, &instance, &proof).unwrap_err();
        assert_eq!(error.code(), "proof.opening-failed");
    }
}

#[test]
fn an_earlier_stop_cannot_be_hidden() {
    for version in VERSIONS {
        // SAME at 31, told as SAME at 40.
        assert_no_proof(hidden_stop(version, audit(), vec![[0; 4]; 40]));
        // DIFFERENT at 30, told as DIFFERENT at 45.
        assert_no_proof(hidden_stop(version, audit(), vec![[65_535; 4]; 45]));
    }
    // BETWEEN, told as BETWEEN later.
    let mut scores = Scores::new(4, 8_000, 12_000);
    let between = until_stop(quick(), || scores.challenge());
    assert_eq!(between.prepare().unwrap().claim.reason, StopReason::Between);
    let mut longer = between.scores;
    longer.extend((0..5).map(|_| scores.challenge()));
    for version in VERSIONS {
        assert_no_proof(hidden_stop(version, quick(), longer.clone()));
    }
}

#[test]
fn other_sums_than_those_of_the_scores_have_no_proof() {
    // The statement that an outside review found to be possible in version 1: scores of 0, and
    // sums that say otherwise; and the reverse.
    let run = with_version(&run_of(audit(), vec![[0; 4]; 31]), Version::Two);
    for sums in [
        Sums { sum: 1, squares: 0 },
        Sums { sum: 0, squares: 1 },
        Sums {
            sum: 4 * 31 * 65_535,
            squares: 0,
        },
    ] {
        let mut lie = run.prepare().unwrap();
        assert_eq!(lie.claim.sums, Some(Sums { sum: 0, squares: 0 }));
        lie.claim.sums = Some(sums);
        lie.instance = lie.claim.public_inputs(lie.circuit).unwrap();
        assert_no_proof(lie);
    }
    // A witness that carries the false sums in every block, up to what the gates refuse.
    let mut lie = run.prepare().unwrap();
    let outcome = outcome_block(lie.circuit.capacity());
    for block in &mut lie.private.blocks[FIRST_CHALLENGE_BLOCK..outcome] {
        block[STATE_COLUMN][state::SQUARES] += Fp::ONE;
    }
    lie.claim.sums = Some(Sums { sum: 0, squares: 1 });
    lie.instance = lie.claim.public_inputs(lie.circuit).unwrap();
    assert_no_proof(lie);
}

#[test]
fn a_stop_cannot_be_hidden_by_any_unmet_condition() {
    let scores = vec![[0; 4]; 32];
    let lie = hidden_stop(Version::One, audit(), scores.clone());
    let stop = &steps_past_the_stop(audit(), &scores)[30];
    assert_eq!(stop.reason, Some(StopReason::Same));
    let margins = stop_margins(&parameters(&audit()).unwrap(), stop);
    for unmet in 0..5 {
        let mut lie = lie.clone();
        let block = &mut lie.private.blocks[32];
        for k in 0..state::UNMET_CELLS {
            block[STATE_COLUMN][state::UNMET + k] = Fp::from(u64::from(k == unmet));
        }
        for (chunk, margin) in [
            (chunk::NOT_BETWEEN, margins[if unmet < 2 { 5 } else { 6 }]),
            (chunk::NOT_DECIDED, margins[unmet]),
        ] {
            fill(block, chunk, -margin - 1);
        }
        assert!(
            only_lookups_refuse(lie.circuit, &lie.instance, lie.private),
            "condition {unmet}",
        );
    }
}

/// Writes a value that may be negative, by division in the field: every equation holds.
fn fill(block: &mut Block, chunk: Chunk, value: i128) {
    let mut quotient = field(value);
    for row in chunk.rows() {
        block[chunk.column + FIRST_BYTE_COLUMN][row] = quotient;
        quotient *= Fp::from(256).invert().unwrap();
    }
}

fn field(value: i128) -> Fp {
    let magnitude = Fp::from_u128(value.unsigned_abs());
    if value < 0 {
        -magnitude
    } else {
        magnitude
    }
}

#[test]
fn a_smaller_half_width_is_not_accepted() {
    // H less one, where the rule shows SAME: every quantity that follows from it is told anew.
    let mut lie = run_of(audit(), vec![[0; 4]; 31]).prepare().unwrap();
    let outcome = outcome_block(lie.circuit.capacity());
    for block in &mut lie.private.blocks[FIRST_CHALLENGE_BLOCK..outcome] {
        let half_width = &mut block[STATE_COLUMN][state::HALF_WIDTH];
        *half_width -= Fp::ONE;
        let half_width = small(*half_width);
        let n = small(block[STATE_COLUMN][state::N]);
        fill(block, chunk::LOWER, half_width - 1);
        let upper = (n << 18) - half_width;
        fill(
            block,
            chunk::UPPER,
            if upper < 0 { -upper - 1 } else { upper },
        );
        let line = GRID[0];
        let exact = i128::from(line.den) * (small(block[PARAMETER_COLUMN][parameter::A]) << 32);
        let rounding = ((i128::from(line.num) * half_width) << 48) - exact;
        assert!(rounding < 0);
        fill(block, chunk::ROUNDING, rounding);
    }
    assert!(!is_satisfied(lie.circuit, &lie.instance, lie.private));
}

/// A field element that is a small number.
fn small(value: Fp) -> i128 {
    let bytes = value.to_repr();
    i128::from_le_bytes(bytes[..16].try_into().unwrap())
}

#[test]
fn another_line_of_the_grid_is_not_accepted() {
    // Every H as line 1 gives it, which is wider than line 0 here; n_max ends the run either way.
    let mut preset = audit();
    preset.n_max = 35;
    let run = run_of(preset, vec![[1_000, 0, 3_000, 0]; 35]);
    let mut lie = run.prepare().unwrap();
    assert_eq!(lie.claim.reason, StopReason::Exhausted);
    let honest = parameters(&preset).unwrap();
    let last_of_line_0 = honest[parameter::SWITCH];
    let steps: Vec<Step> = steps_past_the_stop(preset, &run.scores)
        .into_iter()
        .map(|step| {
            assert!(0 < step.squares && step.squares <= last_of_line_0);
            let half_width = line_1(honest[parameter::A + 1], step.squares);
            assert!(half_width > step.half_width);
            Step {
                half_width,
                lower: step.sum.saturating_sub(half_width),
                upper: (step.sum + half_width).min(step.n << 18),
                ..step
            }
        })
        .collect();
    let mut told = honest;
    told[parameter::SWITCH] = 0;
    let n_max = preset.n_max.into();
    let mut blocks = lay_out(&told, n_max, &run.scores, &steps, lie.circuit);
    // The parameters are those of the preset again.
    let outcome = outcome_block(lie.circuit.capacity());
    blocks[0][STATE_COLUMN][parameter::SWITCH] = Fp::from(last_of_line_0);
    for block in &mut blocks[1..=outcome] {
        block[PARAMETER_COLUMN][parameter::SWITCH] = Fp::from(last_of_line_0);
    }
    for (number, block) in blocks[FIRST_CHALLENGE_BLOCK..outcome]
        .iter_mut()
        .enumerate()
    {
        let squares = steps[number.min(steps.len() - 1)].squares;
        let above = i128::from(squares) - i128::from(last_of_line_0) - 1;
        fill(block, chunk::ABOVE_LINE_START, above);
    }
    lie.private.blocks = blocks;
    assert!(only_lookups_refuse(lie.circuit, &lie.instance, lie.private));
}

/// H as line 1 of the grid gives it.
fn line_1(a: u64, squares: u64) -> u64 {
    let line = GRID[1];
    let height = (u128::from(a) << 32) + u128::from(line.p) * u128::from(squares);
    let exact = u128::from(line.den) * height;
    u64::try_from(exact.div_ceil(u128::from(line.num) << 48)).unwrap()
}
