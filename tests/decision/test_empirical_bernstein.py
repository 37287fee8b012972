import random
from fractions import Fraction
from itertools import product

import fraction_oracle
import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_presets import valid_presets

from pot_reverify.decision.constants import derive_constants
from pot_reverify.decision.empirical_bernstein import (
    PROBES_PER_CHALLENGE,
    SCORE_RANGE,
    SCORE_UNIT,
    Decision,
    SequentialTest,
    StopReason,
    decide,
    half_width,
)
from pot_reverify.decision.presets import PRESETS
from pot_reverify.errors import Rejection
from pot_reverify.score.affinity import SCORE_MAX

ZERO, MAXIMAL = [0] * 4, [SCORE_MAX] * 4
SCORES = st.one_of(
    st.integers(0, SCORE_MAX),
    st.integers(0, 3000),
    st.sampled_from([0, SCORE_MAX]),
    st.integers(30000, SCORE_MAX),
)
CHALLENGES = st.lists(SCORES, min_size=4, max_size=4)


class IntSubclass(int):
    pass


def run(preset, challenge, attempt=1):
    test = SequentialTest(preset, attempt)
    while True:
        step = test.observe(challenge)
        if step.reason is not None:
            return test.outcome()


def refusal(call, *arguments):
    with pytest.raises(Rejection) as caught:
        call(*arguments)
    return caught.value.code


def test_score_range_is_that_of_the_scores():
    assert SCORE_RANGE == SCORE_MAX + 1 == 2 * SCORE_UNIT


@pytest.mark.parametrize(("name", "n"), [("quick", 18), ("audit", 31), ("extended", 67)])
def test_identical_models_are_same_after(name, n):
    outcome = run(PRESETS[name], ZERO)
    assert (outcome.decision, outcome.reason, outcome.n) == (Decision.SAME, StopReason.SAME, n)
    assert outcome.S == outcome.V == 0
    assert outcome.margin == Fraction(outcome.H, SCORE_UNIT * 4 * n) <= PRESETS[name].gamma


@pytest.mark.parametrize(("name", "n"), [("quick", 10), ("audit", 30), ("extended", 50)])
def test_models_without_overlap_are_different_at_the_first_look(name, n):
    outcome = run(PRESETS[name], MAXIMAL)
    assert outcome.decision is Decision.DIFFERENT
    assert outcome.reason is StopReason.DIFFERENT
    assert outcome.n == n == PRESETS[name].n_min
    assert outcome.margin == 2


def test_undecided_has_two_reasons():
    audit = PRESETS["audit"]
    between = run(audit, [16000] * 4)
    assert (between.decision, between.reason) == (Decision.UNDECIDED, StopReason.BETWEEN)
    exhausted = run(audit, [int(audit.gamma * SCORE_UNIT)] * 4)
    assert (exhausted.decision, exhausted.reason) == (Decision.UNDECIDED, StopReason.EXHAUSTED)
    assert exhausted.n == audit.n_max


def test_each_further_attempt_needs_more_challenges():
    stops = [run(PRESETS["audit"], ZERO, attempt).n for attempt in range(1, 12)]
    assert stops == sorted(set(stops))


def test_integer_half_width_is_never_below_the_real_one_and_at_most_one_unit_above():
    generator = random.Random(20150304)
    for preset, attempt in product(PRESETS.values(), range(1, 6)):
        alpha = preset.effective_alpha(attempt)
        grid = derive_constants(alpha)
        for _ in range(700):
            squares = int(2 ** generator.uniform(0, 43.6))  # V of up to 3,200 probes
            real = fraction_oracle.real_half_width(alpha, squares)
            assert 0 <= half_width(grid, squares) - int(mpmath.ceil(real)) <= 1


@given(valid_presets(), st.integers(1, 3), st.lists(CHALLENGES, min_size=60, max_size=60))
def test_every_step_agrees_with_fraction_arithmetic(preset, attempt, scores):
    test = SequentialTest(preset, attempt)
    expected = fraction_oracle.run(preset, preset.effective_alpha(attempt), scores)
    for challenge, (*numbers, held) in zip(scores, expected, strict=False):
        step = test.observe(challenge)
        assert [step.n, step.S, step.V, step.H, step.L, step.U] == numbers
        assert step.t == PROBES_PER_CHALLENGE * step.n
        assert step.centre == step.S // step.t
        assert step.margin == Fraction(step.U, step.t * SCORE_UNIT)
        assert step.reason == (held[0] if held else None)
        if step.reason is not None:
            outcome = decide(preset, scores[: step.n], attempt)
            assert outcome == test.outcome()
            assert outcome.decision is step.decision
            assert [outcome.n, outcome.S, outcome.V, outcome.H] == numbers[:4]
            return
        assert step.decision is None
    pytest.fail("n_max is at most 60")


@st.composite
def looks(draw):
    """Any numbers that could stand at a look, reachable or not."""
    preset = draw(valid_presets())
    n = draw(st.integers(1, preset.n_max))
    top = SCORE_RANGE * PROBES_PER_CHALLENGE * n
    lower, total, upper = sorted(draw(st.tuples(*[st.integers(0, top)] * 3)))
    return preset, n, PROBES_PER_CHALLENGE * n, total, lower, upper


@given(looks())
def test_the_first_rule_that_holds_stops_and_same_excludes_different(look):
    preset, *numbers = look
    held = fraction_oracle.rules_that_hold(preset, numbers)
    assert SequentialTest(preset)._stop_reason(*numbers) == (held[0] if held else None)
    assert not {"same", "different"} <= set(held)
    assert not {"same", "between"} <= set(held)
    assert not {"different", "between"} <= set(held)


@given(st.integers(0, 2**44), st.integers(0, 2**44))
def test_half_width_grows_with_the_spread_and_with_the_attempt(one, other):
    grids = [derive_constants(PRESETS["audit"].effective_alpha(attempt)) for attempt in range(1, 4)]
    small, large = sorted((one, other))
    assert half_width(grids[0], small) <= half_width(grids[0], large)
    assert sorted({half_width(grid, large) for grid in grids}) == [
        half_width(grid, large) for grid in grids
    ]


@given(st.permutations([0, 900, 31000, SCORE_MAX]), st.lists(CHALLENGES, max_size=5))
def test_the_order_of_the_probes_in_a_challenge_does_not_matter(shuffled, before):
    tests = SequentialTest(PRESETS["audit"]), SequentialTest(PRESETS["audit"])
    for challenge in before:
        assert tests[0].observe(challenge) == tests[1].observe(sorted(challenge))
    assert tests[0].observe(shuffled) == tests[1].observe(sorted(shuffled))


@pytest.mark.parametrize(
    ("scores", "code"),
    [
        ([], "decision.score-count"),
        ([0] * 3, "decision.score-count"),
        ([0] * 5, "decision.score-count"),
        ([0, 0, 0, -1], "decision.score-out-of-range"),
        ([0, 0, 0, 65536], "decision.score-out-of-range"),
        ([0, 0, 0, 0.0], "decision.score-not-an-integer"),
        ([0, 0, 0, float("nan")], "decision.score-not-an-integer"),
        ([0, 0, 0, True], "decision.score-not-an-integer"),
        ([0, 0, 0, None], "decision.score-not-an-integer"),
        ([0, 0, 0, Fraction(1)], "decision.score-not-an-integer"),
        ([0, 0, 0, IntSubclass(7)], "decision.score-not-an-integer"),
        ("0000", "decision.score-not-an-integer"),
    ],
)
def test_wrong_scores_are_refused_and_leave_no_trace(scores, code):
    test, other = SequentialTest(PRESETS["quick"]), SequentialTest(PRESETS["quick"])
    test.observe([5, 6, 7, 8])
    other.observe([5, 6, 7, 8])
    assert refusal(test.observe, scores) == code
    assert test.observe(ZERO) == other.observe(ZERO)


def test_nothing_is_observed_after_the_stop():
    quick = PRESETS["quick"]
    assert refusal(decide, quick, [MAXIMAL] * 11) == "decision.observed-after-stop"
    assert decide(quick, [MAXIMAL] * 10).n == 10


@pytest.mark.parametrize("challenges", [0, 1, 9])
def test_a_run_that_ends_before_the_stop_has_no_outcome(challenges):
    assert refusal(decide, PRESETS["quick"], [MAXIMAL] * challenges) == "decision.not-stopped"


def test_attempt_zero_is_refused():
    assert refusal(SequentialTest, PRESETS["quick"], 0) == "decision.attempt-out-of-range"


def test_a_preset_cannot_hold_floats():
    with pytest.raises(AttributeError):
        type(PRESETS["quick"])("custom", 0.01, 0.1, 0.5, 1.0, 0.1, 1, 2)
