"""Rule ``eb/1`` for thousands of runs at once, in numpy, for simulations only.

`tests/decision/test_error_rates.py` holds it against the rule that decides, step by step.
"""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pot_reverify.decision.constants import GridLine, derive_constants
from pot_reverify.decision.empirical_bernstein import (
    PROBES_PER_CHALLENGE,
    SCORE_RANGE,
    SCORE_UNIT,
    StopReason,
    half_width,
)
from pot_reverify.decision.presets import Preset

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
DENOMINATOR_MAX = 10**4
"""Products with score sums must stay below 2^63."""


class ParallelRuns:
    """Rule ``eb/1`` for many runs at once, step by step, with the same integers.

    Args:
        preset: the parameters; products of two denominators at most 10^4.
        runs: how many runs go side by side.

    Attributes:
        reasons: for each run its stop reason, or "" while it goes on.
        stopped_at: the challenge at which it stopped, or 0.
        S, V, H, L, U: the state of each run; it goes on being updated after the stop.
    """

    def __init__(self, preset: Preset, runs: int) -> None:
        self._preset = preset
        self._grid = derive_constants(preset.effective_alpha(1))
        self._centre: Ints = np.zeros(runs, np.int64)
        self.n = 0
        self.S: Ints = np.zeros(runs, np.int64)
        self.V: Ints = np.zeros(runs, np.int64)
        self.H: Ints = np.zeros(runs, np.int64)
        self.L: Ints = np.zeros(runs, np.int64)
        self.U: Ints = np.zeros(runs, np.int64)
        self.reasons = np.full(runs, "", dtype="<U9")
        self.stopped_at: Ints = np.zeros(runs, np.int64)

    @property
    def t(self) -> int:
        """Probes observed in each run."""
        return PROBES_PER_CHALLENGE * self.n

    def observe(self, scores: Ints) -> None:
        """Take one challenge of each run, an array of shape (runs, 4)."""
        self.n += 1
        self.V += ((scores - self._centre[:, None]) ** 2).sum(axis=1)
        self.S += scores.sum(axis=1)
        self._centre = self.S // self.t
        self.H = _half_widths(self._grid, self.V)
        self.L = np.maximum(0, self.S - self.H)
        self.U = np.minimum(SCORE_RANGE * self.t, self.S + self.H)
        if self.n < self._preset.n_min:
            return
        for reason, holds in self._rules():
            first = holds & (self.stopped_at == 0)
            self.reasons[first] = reason
            self.stopped_at[first] = self.n

    def _rules(self) -> Iterator[tuple[StopReason, Bools]]:
        preset, unit, width = self._preset, SCORE_UNIT * self.t, self.U - self.L
        certified = (1 - preset.epsilon) * preset.delta
        yield (
            StopReason.SAME,
            _at_most(self.U, preset.gamma, unit)
            & _at_most(width, 2 * preset.eta * preset.gamma, unit),
        )
        yield (
            StopReason.DIFFERENT,
            ~_below(self.S, preset.delta, unit)
            & _at_most(width, 2 * preset.epsilon, self.S)
            & ~_below(self.L, certified, unit),
        )
        yield (
            StopReason.BETWEEN,
            ~_at_most(self.L, preset.gamma, unit) & _below(self.U, preset.delta, unit),
        )
        if self.n == preset.n_max:
            yield StopReason.EXHAUSTED, np.ones_like(self.S, np.bool_)


def _at_most(value: Ints, bound: Fraction, scale: Ints | int) -> Bools:
    assert bound.denominator <= DENOMINATOR_MAX
    return value * bound.denominator <= bound.numerator * scale


def _below(value: Ints, bound: Fraction, scale: Ints | int) -> Bools:
    assert bound.denominator <= DENOMINATOR_MAX
    return value * bound.denominator < bound.numerator * scale


def _half_widths(grid: tuple[GridLine, ...], squares: Ints) -> Ints:
    """H of each run: by float where that is safe, by the rule's own integers where it is not.

    Here half-widths are below 2^32, where a few roundings to double precision err by less than
    10^-5; a value further than 10^-3 from every integer rounds up as the exact one does.
    """
    exact_lines = [
        (line.A * SCORE_RANGE / float(line.lam) / 2**32, line.P / float(line.lam) / 2**48)
        for line in grid
    ]
    approximate = np.min([intercept + slope * squares for intercept, slope in exact_lines], axis=0)
    widths: Ints = np.ceil(approximate).astype(np.int64)
    for run in np.flatnonzero(np.abs(approximate - np.rint(approximate)) < 1e-3):
        widths[run] = half_width(grid, int(squares[run]))
    return widths
