"""The theorem is the test: at either boundary the rule errs in at most alpha / 2 of the runs."""

from fractions import Fraction
from math import comb

import pytest

from pot_reverify.decision.empirical_bernstein import SequentialTest, StopReason
from pot_reverify.decision.presets import PRESETS

RUNS = 2000
ERRORS = (StopReason.SAME, StopReason.DIFFERENT)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("error", ERRORS)
def test_error_rates_stay_within_the_level(simulation, name, error):
    (mean, laws), *_ = (
        (mean, laws)
        for wrong, mean, laws in simulation.boundary_laws(PRESETS[name])
        if wrong is error
    )
    for law in laws:
        cell = simulation.measure(PRESETS[name], error, mean, law, runs=RUNS, seed=2021)
        assert cell.holds, cell


def test_the_criterion_sees_a_rule_that_breaks_its_level(simulation):
    audit = PRESETS["audit"]
    wrong, mean, laws = simulation.boundary_laws(audit)[0]
    cell = simulation.measure(audit, wrong, mean, laws[0], runs=RUNS, seed=2021)
    tail = simulation.upper_tail(cell.seed_rule_errors, RUNS, cell.allowed)
    assert cell.seed_rule_errors > 20 * cell.allowed * RUNS
    assert tail < simulation.SIGNIFICANCE


@pytest.mark.parametrize("count", [0, 1, 9, 20])
def test_upper_tail_is_that_of_the_binomial_law(simulation, count):
    rate, runs = Fraction(1, 200), 2000
    below = sum(comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(count))
    assert simulation.upper_tail(count, runs, 0.005) == pytest.approx(float(1 - below), rel=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_parallel_runs_are_the_rule(simulation, name):
    """The simulated rule and the one that decides give the same integers at every step."""
    np = pytest.importorskip("numpy")
    preset, runs = PRESETS[name], 6
    laws = {
        (law.name, mean): law for _, mean, laws in simulation.boundary_laws(preset) for law in laws
    }
    for (_, mean), law in laws.items():
        generator = np.random.default_rng(7)
        parallel = simulation.ParallelRuns(preset, runs)
        tests, steps = [SequentialTest(preset) for _ in range(runs)], [None] * runs
        means = np.zeros(runs)
        for n in range(1, preset.n_max + 1):
            scores = law.draw(generator, mean, n, means)
            parallel.observe(scores)
            means = parallel.S / parallel.t
            for i, test in enumerate(tests):
                if steps[i] is not None and steps[i].reason is not None:
                    continue
                steps[i] = step = test.observe(scores[i].tolist())
                arrays = (parallel.S, parallel.V, parallel.H, parallel.L, parallel.U)
                assert [int(a[i]) for a in arrays] == [step.S, step.V, step.H, step.L, step.U]
                assert parallel.reasons[i] == (step.reason or "")
        assert [step.n for step in steps] == parallel.stopped_at.tolist()
        assert [step.reason for step in steps] == parallel.reasons.tolist()


def test_every_law_keeps_its_mean_and_stays_on_the_wrong_side(simulation):
    np = pytest.importorskip("numpy")
    generator = np.random.default_rng(11)
    for preset in PRESETS.values():
        for error, mean, laws in simulation.boundary_laws(preset):
            boundary = 32768 * float(
                preset.gamma if error is StopReason.SAME else (1 - preset.epsilon) * preset.delta
            )
            for law in laws:
                running = np.cumsum([mean * law.mean(n) for n in range(1, preset.n_max + 1)])
                running /= np.arange(1, preset.n_max + 1)
                if error is StopReason.SAME:
                    assert running.min() > boundary
                else:
                    assert running.max() < boundary
                scores = law.draw(generator, mean, 1, np.full(100_000, 1.01 * mean))
                expected, spread = mean * law.mean(1), scores.std() / scores.size**0.5
                assert abs(scores.mean() - expected) < 5 * spread
                assert scores.min() >= 0
                assert scores.max() <= 65535
