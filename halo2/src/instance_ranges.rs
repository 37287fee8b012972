//! The ranges of public inputs that the soundness of the circuits rests on.

use ff::PrimeField;

use crate::circuits::{Circuit, Version};
use crate::constants::SQUARES_BITS;
use crate::error::Error;
use crate::public_inputs::{
    parameter, Instance, CHALLENGES, CIRCUIT_ID, DENOMINATOR_MAX, N_MAX, PARAMETERS, ROW_NAMES,
    SCORE_SUM, SQUARE_SUM,
};
use crate::rule::PROBES_PER_CHALLENGE;

const A_BITS: u32 = 38;
const SCORE_MAX: u64 = u16::MAX as u64;

/// Checks the ranges on which the soundness of the circuit rests, for a verifier that is given an
/// instance column instead of a claim.
///
/// # Errors
/// `instance.length` or `instance.out-of-range`.
pub fn check_ranges(instance: &Instance, circuit: Circuit) -> Result<(), Error> {
    let small = |row: usize| -> Result<u64, Error> {
        let bytes = instance[row].to_repr();
        let (low, high) = bytes.split_at(8);
        match (<[u8; 8]>::try_from(low), high.iter().all(|&b| b == 0)) {
            (Ok(low), true) => Ok(u64::from_le_bytes(low)),
            _ => Err(out_of_range(row)),
        }
    };
    let require = |row: usize, holds: bool| holds.then_some(()).ok_or_else(|| out_of_range(row));
    let value = |index: usize| small(PARAMETERS + index);

    let rows = circuit.version().rows();
    if instance.len() != rows {
        let message = format!("{} public inputs instead of {rows}", instance.len());
        return Err(Error::input("instance.length", message));
    }
    require(CIRCUIT_ID, instance[CIRCUIT_ID] == circuit.id_value())?;
    let (n, n_min, n_max) = (small(CHALLENGES)?, value(parameter::N_MIN)?, small(N_MAX)?);
    let smallest = usize::try_from(n)
        .ok()
        .and_then(|n| Circuit::for_challenges(circuit.version(), n).ok());
    require(CHALLENGES, smallest == Some(circuit))?;
    require(N_MAX, n_max < 1 << 16)?;
    require(
        PARAMETERS + parameter::N_MIN,
        1 <= n_min && n_min <= n && n <= n_max,
    )?;
    for index in parameter::A..parameter::SWITCH {
        require(PARAMETERS + index, value(index)? >> A_BITS == 0)?;
    }
    for index in parameter::SWITCH..parameter::DENOMINATOR {
        let above = index == parameter::SWITCH || value(index - 1)? < value(index)?;
        require(
            PARAMETERS + index,
            above && value(index)? >> SQUARES_BITS == 0,
        )?;
    }
    let denominator = value(parameter::DENOMINATOR)?;
    let in_range = (1..=DENOMINATOR_MAX).contains(&denominator);
    require(PARAMETERS + parameter::DENOMINATOR, in_range)?;
    for (index, most) in [
        (parameter::GAMMA, 2),
        (parameter::WIDTH, 4),
        (parameter::DELTA, 2),
        (parameter::CERTIFIED, 2),
        (parameter::TWICE_EPSILON, 2),
    ] {
        require(PARAMETERS + index, value(index)? <= most * denominator)?;
    }
    let certified = value(parameter::CERTIFIED)?;
    let ordered = value(parameter::GAMMA)? < certified && certified <= value(parameter::DELTA)?;
    require(PARAMETERS + parameter::CERTIFIED, ordered)?;
    if circuit.version() == Version::Two {
        // n is in range: these products fit.
        let probes = PROBES_PER_CHALLENGE as u64 * n;
        require(SCORE_SUM, small(SCORE_SUM)? <= SCORE_MAX * probes)?;
        require(
            SQUARE_SUM,
            small(SQUARE_SUM)? <= SCORE_MAX * SCORE_MAX * probes,
        )?;
    }
    Ok(())
}

fn out_of_range(row: usize) -> Error {
    Error::input(
        "instance.out-of-range",
        format!("public input {row} ({}) is out of range", ROW_NAMES[row]),
    )
}
