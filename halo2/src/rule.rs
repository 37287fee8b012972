//! Rule `eb/1`: SAME, DIFFERENT or UNDECIDED from scores, in integers.
//!
//! A second implementation of the definition in the re-verifier; golden vectors hold the two
//! together, and the circuit proves what this module computes. Letters: t = 4n probes, S = sum of
//! the scores, V = sum of their squared distances from the centre M, H the half-width of S.

use crate::constants::{derive_constants, Constants, FIXED_POINT_BITS, GRID, SCORE_RANGE_BITS};
use crate::error::Error;
use crate::preset::Preset;

/// Scores of one challenge.
pub const PROBES_PER_CHALLENGE: usize = 4;
/// R * t = 2^18 * n: the largest sum that n challenges can reach.
pub const RANGE_PER_CHALLENGE_BITS: u32 = SCORE_RANGE_BITS + 2;
/// u * t = 2^17 * n: a mean of 1.0 over n challenges.
pub const UNIT_PER_CHALLENGE_BITS: u32 = RANGE_PER_CHALLENGE_BITS - 1;

/// The scores of one challenge, each in units of 2^-15.
pub type ChallengeScores = [u16; PROBES_PER_CHALLENGE];

/// Which of the four stopping rules ended the run. The numbers are public inputs of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum StopReason {
    /// U <= gamma, with a narrow interval.
    Same = 1,
    /// Mean at least delta, narrow interval, L >= (1 - epsilon) * delta.
    Different = 2,
    /// L > gamma and U < delta: no later step could decide, except by error.
    Between = 3,
    /// n = n_max.
    Exhausted = 4,
}

/// What the scores say about the two models. The numbers are public inputs of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Decision {
    /// The mean divergence is at most gamma.
    Same = 1,
    /// The mean divergence is more than (1 - epsilon) * delta.
    Different = 2,
    /// Neither was shown.
    Undecided = 3,
}

impl StopReason {
    /// The decision that goes with this reason.
    pub fn decision(self) -> Decision {
        match self {
            Self::Same => Decision::Same,
            Self::Different => Decision::Different,
            Self::Between | Self::Exhausted => Decision::Undecided,
        }
    }

    /// The word for it in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::Between => "between",
            Self::Exhausted => "exhausted",
        }
    }

    /// All four, in the order in which the rule tries them.
    pub const ALL: [Self; 4] = [Self::Same, Self::Different, Self::Between, Self::Exhausted];
}

impl Decision {
    /// The word for it in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "SAME",
            Self::Different => "DIFFERENT",
            Self::Undecided => "UNDECIDED",
        }
    }
}

/// The state after one challenge; sums count units of the score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Challenges observed.
    pub n: u64,
    /// S: sum of the scores.
    pub sum: u64,
    /// V: sum of the squared distances of the scores from the centre of their challenge.
    pub squares: u64,
    /// M = floor(S / t): the centre of the next challenge.
    pub centre: u64,
    /// H: half-width of S.
    pub half_width: u64,
    /// L = max(0, S - H).
    pub lower: u64,
    /// U = min(R * t, S + H).
    pub upper: u64,
    /// Why the run stops here, if it does.
    pub reason: Option<StopReason>,
}

/// One run of the rule, challenge by challenge.
#[derive(Clone, Debug)]
pub struct SequentialTest {
    preset: Preset,
    constants: Constants,
    step: Step,
}

impl SequentialTest {
    /// A run that has seen nothing.
    ///
    /// # Errors
    /// Those of [`derive_constants`].
    pub fn new(preset: Preset) -> Result<Self, Error> {
        Ok(Self {
            preset,
            constants: derive_constants(preset.alpha, preset.attempt)?,
            step: Step::default(),
        })
    }

    /// The constants of the level of this run.
    pub fn constants(&self) -> &Constants {
        &self.constants
    }

    /// Takes the scores of the next challenge, and looks.
    pub fn observe(&mut self, scores: ChallengeScores) -> Step {
        let before = self.step;
        let n = before.n + 1;
        let sum = before.sum + scores.map(u64::from).iter().sum::<u64>();
        let squares = before.squares
            + scores
                .map(|x| u64::from(x).abs_diff(before.centre).pow(2))
                .iter()
                .sum::<u64>();
        let half_width = half_width(&self.constants, squares);
        let mut step = Step {
            n,
            sum,
            squares,
            centre: sum / (PROBES_PER_CHALLENGE as u64 * n),
            half_width,
            lower: sum.saturating_sub(half_width),
            upper: (sum + half_width).min(n << RANGE_PER_CHALLENGE_BITS),
            reason: None,
        };
        step.reason = self.stop_reason(&step);
        self.step = step;
        step
    }

    /// The first stopping rule that holds, in the order of the design.
    fn stop_reason(&self, step: &Step) -> Option<StopReason> {
        let preset = &self.preset;
        if step.n < u64::from(preset.n_min) {
            return None;
        }
        let unit = step.n << UNIT_PER_CHALLENGE_BITS;
        let width = step.upper - step.lower;
        let gamma = (preset.gamma.num().into(), preset.gamma.den().into());
        let delta = (preset.delta.num().into(), preset.delta.den().into());
        let twice_epsilon = (
            2 * u128::from(preset.epsilon.num()),
            preset.epsilon.den().into(),
        );
        if at_most(step.upper, gamma, unit) && at_most(width, preset.width_for_same(), unit) {
            Some(StopReason::Same)
        } else if at_least(step.sum, delta, unit)
            && at_most(width, twice_epsilon, step.sum)
            && at_least(step.lower, preset.certified_by_different(), unit)
        {
            Some(StopReason::Different)
        } else if !at_most(step.lower, gamma, unit) && !at_least(step.upper, delta, unit) {
            Some(StopReason::Between)
        } else {
            (step.n == u64::from(preset.n_max)).then_some(StopReason::Exhausted)
        }
    }
}

/// H: the half-width of S, rounded up, the least over the lines of the grid.
pub fn half_width(constants: &Constants, squares: u64) -> u64 {
    let height = |k: usize| {
        let line = GRID[k];
        let a = u128::from(constants.a[k]) << (2 * SCORE_RANGE_BITS);
        let scaled = u128::from(line.den) * (a + u128::from(line.p) * u128::from(squares));
        let divisor = u128::from(line.num) << (SCORE_RANGE_BITS + FIXED_POINT_BITS);
        scaled.div_ceil(divisor)
    };
    let least = (0..GRID.len()).map(height).min().unwrap_or(u128::MAX);
    u64::try_from(least).unwrap_or(u64::MAX)
}

/// Runs the rule over the scores of a whole run, which must end exactly where the rule stops.
///
/// # Errors
/// `decision.observed-after-stop` if the rule stops earlier, `decision.not-stopped` if later, and
/// those of [`SequentialTest::new`].
pub fn run(preset: Preset, scores: &[ChallengeScores]) -> Result<Vec<Step>, Error> {
    let mut test = SequentialTest::new(preset)?;
    let steps: Vec<Step> = scores.iter().map(|&x| test.observe(x)).collect();
    match steps.iter().position(|step| step.reason.is_some()) {
        Some(stop) if stop + 1 == steps.len() => Ok(steps),
        Some(stop) => Err(Error::input(
            "decision.observed-after-stop",
            format!("the rule stops at challenge {}, the scores go on", stop + 1),
        )),
        None => Err(Error::input(
            "decision.not-stopped",
            format!("the rule does not stop within {} challenges", steps.len()),
        )),
    }
}

fn at_most(value: u64, (num, den): (u128, u128), scale: u64) -> bool {
    u128::from(value) * den <= num * u128::from(scale)
}

fn at_least(value: u64, (num, den): (u128, u128), scale: u64) -> bool {
    u128::from(value) * den >= num * u128::from(scale)
}
