"""Rule ``eb/1``: SAME, DIFFERENT or UNDECIDED from scores, at any stopping time, in integers.

An empirical-Bernstein confidence sequence over a grid of lambda: with probability at least
1 - alpha, the sum of the scores stays within H of the sum of their conditional means at all times
at once (Fan, Grama, Liu 2015; Howard, Ramdas, McAuliffe, Sekhon 2021, Theorem 4; Ville's
inequality and a union bound). Statement, proof sketch and limits: `docs/statistics.md`.

Letters are those of the design. Sums count units of the score, 2^-15: t probes, S = sum of x,
V = sum of (x - M)^2 for the centre M, H the half-width of S, and S within [L, U].
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from pot_reverify.decision.constants import FIXED_POINT_BITS, GridLine, derive_constants
from pot_reverify.decision.presets import Preset
from pot_reverify.errors import Rejection

RULE_ID = "eb/1"
PROBES_PER_CHALLENGE = 4
SCORE_RANGE = 1 << 16
"""R: the range of a score, 2.0, in units of the score."""
SCORE_UNIT = 1 << 15
"""u: 1.0 in units of the score."""


class Decision(StrEnum):
    """What the scores say about the two models."""

    SAME = "SAME"
    DIFFERENT = "DIFFERENT"
    UNDECIDED = "UNDECIDED"


class StopReason(StrEnum):
    """Which of the four stopping rules ended the run."""

    SAME = "same"
    DIFFERENT = "different"
    BETWEEN = "between"
    EXHAUSTED = "exhausted"

    @property
    def decision(self) -> Decision:
        """The decision that goes with this reason."""
        if self is StopReason.SAME:
            return Decision.SAME
        if self is StopReason.DIFFERENT:
            return Decision.DIFFERENT
        return Decision.UNDECIDED


@dataclass(frozen=True, slots=True)
class Step:
    """The state after one challenge.

    Attributes:
        n: challenges observed.
        t: probes observed, 4 a challenge.
        S: sum of the scores.
        V: sum of the squared distances of the scores from the centre of their challenge.
        centre: floor(S / t), the centre of the next challenge (that of the first is 0).
        H: half-width of S.
        L: max(0, S - H).
        U: min(R * t, S + H).
        reason: why the run stops here, or None if it goes on.
    """

    n: int
    t: int
    S: int
    V: int
    centre: int
    H: int
    L: int
    U: int
    reason: StopReason | None

    @property
    def decision(self) -> Decision | None:
        """The decision, or None if the run goes on."""
        return None if self.reason is None else self.reason.decision

    @property
    def margin(self) -> Fraction:
        """The certified margin U / (u * t): the mean divergence is at most this."""
        return Fraction(self.U, SCORE_UNIT * self.t)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: the last step, under names that a statement repeats.

    Attributes:
        decision: SAME, DIFFERENT or UNDECIDED.
        reason: the stopping rule that ended the run.
        n: challenges observed.
        S: sum of the scores.
        V: sum of the squared distances from the centres.
        H: half-width of S.
        margin: U / (u * t), the largest mean divergence that the run leaves possible.
    """

    decision: Decision
    reason: StopReason
    n: int
    S: int
    V: int
    H: int
    margin: Fraction


class SequentialTest:
    """One run of the rule, challenge by challenge.

    Args:
        preset: the parameters.
        attempt: the number of this attempt at the same claim, from 1; see
            `Preset.effective_alpha`.

    Raises:
        Rejection: ``decision.attempt-out-of-range``.
    """

    def __init__(self, preset: Preset, attempt: int = 1) -> None:
        self._preset = preset
        self._grid = derive_constants(preset.effective_alpha(attempt))
        self._narrow_for_same = 2 * preset.eta * preset.gamma
        self._narrow_for_different = 2 * preset.epsilon
        self._certified_by_different = (1 - preset.epsilon) * preset.delta
        self._step = Step(
            n=0, t=0, S=0, V=0, centre=0, H=half_width(self._grid, 0), L=0, U=0, reason=None
        )

    def observe(self, scores: Sequence[int]) -> Step:
        """Take the scores of the next challenge, and look.

        Args:
            scores: the 4 scores of the challenge, each 0 to 65535.

        Raises:
            Rejection: ``decision.score-count``, ``decision.score-not-an-integer``,
                ``decision.score-out-of-range``, or ``decision.observed-after-stop``; the state is
                as before.
        """
        before = self._step
        if before.reason is not None:
            raise Rejection(
                "decision.observed-after-stop",
                "the run has stopped; a later challenge does not belong to it",
                where=f"challenge {before.n + 1}",
                expected=f"the last challenge to be {before.n} ({before.reason})",
            )
        _require_scores(scores, before.n + 1)
        squares = before.V + sum((x - before.centre) ** 2 for x in scores)
        self._step = self.step_at(before.n + 1, before.S + sum(scores), squares)
        return self._step

    def step_at(self, n: int, total: int, squares: int) -> Step:
        """What the sums S and V of the first n challenges say, however they came about."""
        t = n * PROBES_PER_CHALLENGE
        width = half_width(self._grid, squares)
        lower, upper = max(0, total - width), min(SCORE_RANGE * t, total + width)
        return Step(
            n=n,
            t=t,
            S=total,
            V=squares,
            centre=total // t,
            H=width,
            L=lower,
            U=upper,
            reason=self._stop_reason(n, t, total, lower, upper),
        )

    def outcome(self) -> Outcome:
        """The outcome of a run that has stopped.

        Raises:
            Rejection: ``decision.not-stopped``.
        """
        step = self._step
        if step.reason is None:
            raise Rejection(
                "decision.not-stopped",
                "the scores end before the rule stops",
                where=f"challenge {step.n}",
            )
        return Outcome(
            decision=step.reason.decision,
            reason=step.reason,
            n=step.n,
            S=step.S,
            V=step.V,
            H=step.H,
            margin=step.margin,
        )

    def _stop_reason(self, n: int, t: int, total: int, lower: int, upper: int) -> StopReason | None:
        """The first stopping rule that holds, in the order of the design."""
        preset, scale = self._preset, SCORE_UNIT * t
        if n < preset.n_min:
            return None
        if _at_most(upper, preset.gamma, scale) and _at_most(
            upper - lower, self._narrow_for_same, scale
        ):
            return StopReason.SAME
        if (
            _at_least(total, preset.delta, scale)
            and _at_most(upper - lower, self._narrow_for_different, total)
            and _at_least(lower, self._certified_by_different, scale)
        ):
            return StopReason.DIFFERENT
        if not _at_most(lower, preset.gamma, scale) and not _at_least(upper, preset.delta, scale):
            return StopReason.BETWEEN
        return StopReason.EXHAUSTED if n == preset.n_max else None


def decide(
    preset: Preset, scores_by_challenge: Iterable[Sequence[int]], attempt: int = 1
) -> Outcome:
    """Run the rule over the scores of a whole run, which must end where the rule stops.

    Args:
        preset: the parameters.
        scores_by_challenge: for each challenge in order, its 4 scores.
        attempt: the number of this attempt at the same claim, from 1.

    Raises:
        Rejection: as `SequentialTest.observe`; ``decision.not-stopped`` if scores are missing.
    """
    test = SequentialTest(preset, attempt)
    for scores in scores_by_challenge:
        test.observe(scores)
    return test.outcome()


def half_width(grid: Sequence[GridLine], squares: int) -> int:
    """H: the half-width of S, rounded up, the least over the lines of the grid.

    Args:
        grid: from `derive_constants`.
        squares: V, in squared units of the score.
    """
    return min(
        -(
            -line.lam.denominator
            * (line.A * SCORE_RANGE**2 + line.P * squares)
            // (line.lam.numerator * SCORE_RANGE << FIXED_POINT_BITS)
        )
        for line in grid
    )


def _require_scores(scores: Sequence[int], n: int) -> None:
    if len(scores) != PROBES_PER_CHALLENGE:
        raise Rejection(
            "decision.score-count",
            "a challenge has one score for each probe",
            where=f"challenge {n}",
            expected=PROBES_PER_CHALLENGE,
            got=len(scores),
        )
    for x in scores:
        if type(x) is not int:
            raise Rejection(
                "decision.score-not-an-integer",
                "a score is an integer",
                where=f"challenge {n}",
                got=repr(x),
            )
        if not 0 <= x < SCORE_RANGE:
            raise Rejection(
                "decision.score-out-of-range",
                "a score lies outside its range",
                where=f"challenge {n}",
                expected=f"0 to {SCORE_RANGE - 1}",
                got=x,
            )


def _at_most(value: int, bound: Fraction, scale: int) -> bool:
    """Whether value <= bound * scale, by cross-multiplication."""
    return value * bound.denominator <= bound.numerator * scale


def _at_least(value: int, bound: Fraction, scale: int) -> bool:
    """Whether value >= bound * scale, by cross-multiplication."""
    return value * bound.denominator >= bound.numerator * scale
