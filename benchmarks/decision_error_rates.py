"""How often rule ``eb/1`` errs where erring is easiest, against the rate that the theorem allows.

    python benchmarks/decision_error_rates.py [--runs 20000] [--seed 1]

Two boundaries: a mean divergence just above gamma, where SAME is an error, and one just below
(1 - epsilon) * delta, where DIFFERENT is. Each may happen in at most alpha / 2 of the runs. The
column "left [L, U]" counts the runs in which the mean is outside the interval at any step up to
n_max, stopped or not: at most alpha. The last column is the rule of the public project that gave
the idea (PoT_Experiments, `src/pot/core/diff_decision.py`, commit fb16f91) on the same scores, one
a query.

The laws are kept on the wrong side at every step: the running mean of the conditional means never
crosses the boundary.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, fsum, lgamma, log, log1p

import numpy as np
from numpy.typing import NDArray
from parallel_runs import Ints, ParallelRuns

from pot_reverify.decision.empirical_bernstein import (
    PROBES_PER_CHALLENGE,
    SCORE_RANGE,
    SCORE_UNIT,
    StopReason,
)
from pot_reverify.decision.presets import PRESETS, Preset

SCORE_MAX = SCORE_RANGE - 1
BLOCK = 8
"""Challenges between two changes of a drifting mean."""
SIGNIFICANCE = 0.005
"""A count is called a violation if the theorem gives it less probability than this."""
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, float, int, Floats], Ints]


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
    draw: Draw
    mean: Callable[[int], float] = lambda _n: 1.0


def _spikes(generator: np.random.Generator, mean: float | Floats, high: int, runs: int) -> Ints:
    hit = generator.random((runs, PROBES_PER_CHALLENGE)) < np.reshape(mean / high, (-1, 1))
    return np.where(hit, high, 0)


def spikes(high: int) -> Draw:
    """Zero, or one height."""
    return lambda generator, mean, _n, means: _spikes(generator, mean, high, len(means))


def beta(
    concentration: float,
) -> Draw:
    """Skewed Beta; rounded to one of the two next integers at random, so that the mean holds."""

    def draw(generator: np.random.Generator, mean: float, _n: int, means: Floats) -> Ints:
        size = (len(means), PROBES_PER_CHALLENGE)
        share = mean / SCORE_MAX
        x = SCORE_MAX * generator.beta(share * concentration, (1 - share) * concentration, size)
        return np.floor(x + generator.random(size)).astype(np.int64)

    return draw


def _drift(*, high_first: bool) -> Callable[[int], float]:
    """Blocks of 8 challenges with half and one and a half times the mean, alternating."""
    return lambda n: 1.5 if ((n - 1) // BLOCK % 2 == 0) == high_first else 0.5


def _drifting_spikes(*, high_first: bool) -> Law:
    drift = _drift(high_first=high_first)
    return Law(
        "spikes {0, 2}, drifting mean",
        lambda generator, mean, n, means: _spikes(
            generator, mean * drift(n), SCORE_MAX, len(means)
        ),
        drift,
    )


def _adaptive(generator: np.random.Generator, mean: float, _n: int, means: Floats) -> Ints:
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


def upper_tail(count: int, runs: int, probability: float) -> float:
    """P(Binomial(runs, probability) >= count).

    Below s, the Clopper-Pearson lower bound of the rate at confidence 1 - s exceeds `probability`.
    """
    return 1 - fsum(
        exp(
            lgamma(runs + 1)
            - lgamma(k + 1)
            - lgamma(runs - k + 1)
            + k * log(probability)
            + (runs - k) * log1p(-probability)
        )
        for k in range(count)
    )


def measure(
    preset: Preset, error: StopReason, mean: float, law: Law, *, runs: int, seed: int
) -> Cell:
    """Run to n_max, count errors of the first stop and departures from the interval."""
    generator = np.random.default_rng([seed, *preset.name.encode(), *law.name.encode()])
    parallel, seed_rule = ParallelRuns(preset, runs), SeedRule(preset, error, runs)
    expected, left = 0.0, np.zeros(runs, np.bool_)
    means: Floats = np.zeros(runs)
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
        """Take one score of each run."""
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
                cell = measure(preset, error, mean, law, runs=options.runs, seed=options.seed)
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
