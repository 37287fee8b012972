"""How often rule ``eb/1`` errs where erring is easiest, against the rate that the theorem allows.

    python benchmarks/decision_error_rates.py [--runs 20000] [--seed 1]

Two boundaries: a mean divergence just above gamma, where SAME is an error, and one just below
(1 - epsilon) * delta, where DIFFERENT is. Each may happen in at most alpha / 2 of the runs. The
column "left [L, U]" counts runs in which the mean left its interval at any step up to n_max, stopped
or not: at most alpha. For comparison, the rule of the public project that gave the idea
(PoT_Experiments, `src/pot/core/diff_decision.py`, August 2025) on the same scores, one a query.

Thousands of runs go side by side in numpy; `tests/decision` holds this copy of the rule against the
one that decides.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import comb, log

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
from pot_reverify.decision.presets import PRESETS, Preset

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
SCORE_MAX = SCORE_RANGE - 1
# Exact products with score sums need numbers below 2^63.
DENOMINATOR_MAX = 10**4


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

    A half-width is below 2^40 and double precision errs by less than 10^-3 there, so a value
    further than that from an integer rounds up as the exact one does.
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


@dataclass(frozen=True)
class Law:
    """A law of scores.

    Attributes:
        name: what it shows.
        draw: from a generator, a target mean (score units), the challenge's number and S / t of
            each run, the scores of one challenge, shape (runs, 4).
        mean: the conditional mean of those scores as a multiple of the target mean.
    """

    name: str
    draw: Callable[[np.random.Generator, float, int, NDArray[np.float64]], Ints]
    mean: Callable[[int], float] = lambda _n: 1.0


def _spikes(
    generator: np.random.Generator, mean: float | NDArray[np.float64], high: int, runs: int
) -> Ints:
    hit = generator.random((runs, PROBES_PER_CHALLENGE)) < np.reshape(mean / high, (-1, 1))
    return np.where(hit, high, 0)


def spikes(high: int) -> Callable[[np.random.Generator, float, int, NDArray[np.float64]], Ints]:
    """Zero, or one height."""
    return lambda generator, mean, _n, means: _spikes(generator, mean, high, len(means))


def beta(
    concentration: float,
) -> Callable[[np.random.Generator, float, int, NDArray[np.float64]], Ints]:
    """Beta of small concentration: skewed. Rounded at random to an integer, so that the mean holds."""

    def draw(
        generator: np.random.Generator, mean: float, _n: int, means: NDArray[np.float64]
    ) -> Ints:
        size = (len(means), PROBES_PER_CHALLENGE)
        share = mean / SCORE_MAX
        x = SCORE_MAX * generator.beta(share * concentration, (1 - share) * concentration, size)
        return np.floor(x + generator.random(size)).astype(np.int64)

    return draw


BLOCK = 8


def _drift(*, high_first: bool) -> Callable[[int], float]:
    """Blocks of 8 challenges with half and one and a half times the mean, alternating."""
    return lambda n: 1.5 if ((n - 1) // BLOCK % 2 == 0) == high_first else 0.5


def _drifting_spikes(*, high_first: bool) -> Law:
    drift = _drift(high_first=high_first)
    return Law(
        "spikes {0, 2}, drifting mean",
        lambda generator, mean, n, means: _spikes(
            generator, min(mean * drift(n), SCORE_MAX), SCORE_MAX, len(means)
        ),
        drift,
    )


def _adaptive(
    generator: np.random.Generator, mean: float, _n: int, means: NDArray[np.float64]
) -> Ints:
    """Spikes whose height answers to the scores so far; the conditional mean never moves."""
    runs = len(means)
    return np.where(
        (means < mean)[:, None],
        _spikes(generator, mean, SCORE_MAX, runs),
        _spikes(generator, mean, min(SCORE_MAX, int(1.25 * mean) + 1), runs),
    )


def boundary_laws(preset: Preset) -> list[tuple[StopReason, float, list[Law]]]:
    """The decision that is an error, the mean at its boundary (score units), and the laws.

    The running mean of the conditional means stays on the wrong side at every step: a drifting law
    starts high where SAME is the error, and low where DIFFERENT is.
    """
    just_above = 1.001 * float(preset.gamma) * SCORE_UNIT
    just_below = 0.999 * float((1 - preset.epsilon) * preset.delta) * SCORE_UNIT
    both = [
        Law("spikes {0, 2}", spikes(SCORE_MAX)),
        Law("Beta, concentration 1", beta(1)),
        Law("Beta, concentration 8", beta(8)),
        Law("spikes that answer to the scores", _adaptive),
    ]
    return [
        (
            StopReason.SAME,
            just_above,
            [
                *both,
                Law("spikes {0, 1/2}", spikes(SCORE_UNIT // 2)),
                _drifting_spikes(high_first=True),
            ],
        ),
        (
            StopReason.DIFFERENT,
            just_below,
            [
                *both,
                Law("spikes {0, 1.3 delta}", spikes(int(1.3 * preset.delta * SCORE_UNIT))),
                _drifting_spikes(high_first=False),
            ],
        ),
    ]


@dataclass(frozen=True)
class Cell:
    """What many runs at one boundary showed, and what the theorem allows."""

    preset: str
    law: str
    error: StopReason
    runs: int
    errors: int
    departures: int
    seed_rule_errors: int
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether the counts are compatible with the theorem; see `upper_tail`."""
        return (
            upper_tail(self.errors, self.runs, self.allowed) >= SIGNIFICANCE
            and upper_tail(self.departures, self.runs, 2 * self.allowed) >= SIGNIFICANCE
        )


SIGNIFICANCE = 0.005


def upper_tail(count: int, runs: int, probability: float) -> float:
    """P(Binomial(runs, probability) >= count), exact up to rounding.

    Below s, the Clopper-Pearson lower bound of the rate at confidence 1 - s exceeds `probability`.
    """
    below = sum(
        comb(runs, k) * Fraction(probability) ** k * (1 - Fraction(probability)) ** (runs - k)
        for k in range(count)
    )
    return float(1 - below)


def measure(preset: Preset, error: StopReason, mean: float, law: Law, runs: int, seed: int) -> Cell:
    """Run to n_max, count errors of the first stop and departures from the interval."""
    generator = np.random.default_rng([seed, runs])
    parallel, seed_rule = ParallelRuns(preset, runs), SeedRule(preset, error, runs)
    expected, left = 0.0, np.zeros(runs, np.bool_)
    means: NDArray[np.float64] = np.zeros(runs)
    for n in range(1, preset.n_max + 1):
        scores = law.draw(generator, mean, n, means)
        parallel.observe(scores)
        seed_rule.observe(scores[:, 0])
        expected += PROBES_PER_CHALLENGE * mean * law.mean(n)
        left |= np.abs(parallel.S - expected) > parallel.H
        means = parallel.S / parallel.t
    return Cell(
        preset=preset.name,
        law=law.name,
        error=error,
        runs=runs,
        errors=int(np.count_nonzero(parallel.reasons == error)),
        departures=int(np.count_nonzero(left)),
        seed_rule_errors=int(np.count_nonzero(seed_rule.erred)),
        allowed=float(preset.alpha / 2),
    )


class SeedRule:
    """The public project's rule, with this preset's margins, looked at after every query.

    Half-width sqrt(2 v ln(3/alpha) / n) + 3 ln(3/alpha) / (n - 1), v the sample variance; zero if
    mean and variance are below 1e-10. SAME: interval within gamma, half-width at most eta * gamma.
    DIFFERENT: an end of the interval at delta or beyond, half-width at most epsilon * mean.
    """

    def __init__(self, preset: Preset, error: StopReason, runs: int) -> None:
        self._preset, self._error = preset, error
        self._n = 0
        self._sum = np.zeros(runs)
        self._squares = np.zeros(runs)
        self._stopped = np.zeros(runs, np.bool_)
        self.erred = np.zeros(runs, np.bool_)

    def observe(self, scores: Ints) -> None:
        self._n += 1
        n, preset, x = self._n, self._preset, scores / SCORE_UNIT
        self._sum += x
        self._squares += x**2
        if n < preset.n_min:
            return
        mean = self._sum / n
        variance = np.maximum(self._squares - n * mean**2, 0) / (n - 1)
        level = log(3 / float(preset.alpha))
        width = np.sqrt(2 * variance * level / n) + 3 * level / (n - 1)
        width[(mean < 1e-10) & (variance < 1e-10)] = 0
        gamma = float(preset.gamma)
        same = (mean + width <= gamma) & (mean - width >= -gamma)
        same &= width <= float(preset.eta) * gamma
        different = (mean + width >= float(preset.delta)) & (width <= float(preset.epsilon) * mean)
        wrong = same if self._error is StopReason.SAME else different & ~same
        self.erred |= wrong & ~self._stopped
        self._stopped |= same | different


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{options.runs} runs a line, seed {options.seed}; rates in percent\n")
    print("| preset | error | law of the scores | allowed | measured | left [L, U] | seed's rule |")
    print("|---|---|---|---:|---:|---:|---:|")
    for preset in PRESETS.values():
        for error, mean, laws in boundary_laws(preset):
            for law in laws:
                cell = measure(preset, error, mean, law, options.runs, options.seed)
                measured, departed, seeds = (
                    f"{100 * count / cell.runs:.3f}"
                    for count in (cell.errors, cell.departures, cell.seed_rule_errors)
                )
                print(
                    f"| {cell.preset} | {error.decision} | {law.name} | {100 * cell.allowed:.3f} "
                    f"| {measured} | {departed} | {seeds} |{'' if cell.holds else ' VIOLATED'}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
