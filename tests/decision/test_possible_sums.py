"""Sums that every run has are accepted, and others are refused."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_empirical_bernstein import CHALLENGES, refusal
from test_presets import valid_presets

from pot_reverify.decision.empirical_bernstein import SequentialTest
from pot_reverify.decision.possible_sums import (
    SCORE_MAX,
    least_squares,
    least_squares_after,
    most_squares,
    require_possible_sums,
)

IMPOSSIBLE = "decision.impossible-sums"


def sums(challenges):
    """S and V after every challenge, by the definition."""
    total = squares = centre = 0
    for n, scores in enumerate(challenges, 1):
        squares += sum((x - centre) ** 2 for x in scores)
        total += sum(scores)
        centre = total // (4 * n)
        yield total, squares


@given(st.lists(CHALLENGES, min_size=1, max_size=30))
def test_every_run_has_possible_sums(challenges):
    for n, (total, squares) in enumerate(sums(challenges), 1):
        require_possible_sums(n, total, squares)


@pytest.mark.parametrize("seed", range(8))
def test_long_runs_have_possible_sums(seed):
    """Levels that rise, fall, jump and stay, up to the longest run that a preset allows."""
    draw = random.Random(seed)
    level, challenges = draw.choice([0, 7, 30_000, SCORE_MAX]), []
    while len(challenges) < 10_000:
        if draw.random() < 0.01:
            level = draw.choice([0, 1, draw.randrange(SCORE_MAX), SCORE_MAX])
        spread = draw.choice([0, 1, 50, 20_000])
        challenges.append(
            [min(SCORE_MAX, max(0, level + draw.randint(-spread, spread))) for _ in range(4)]
        )
    for n, (total, squares) in enumerate(sums(challenges), 1):
        require_possible_sums(n, total, squares)


@given(st.integers(1, 10_000), st.data())
def test_only_a_sum_of_nothing_has_squares_of_nothing(n, data):
    assert least_squares(n, 0) == most_squares(n, 0) == 0
    total = data.draw(st.integers(1, 4 * n * SCORE_MAX))
    assert least_squares(n, total) > 0
    assert refusal(require_possible_sums, n, total, 0) == IMPOSSIBLE
    assert refusal(require_possible_sums, n, 0, 2) == IMPOSSIBLE


@given(st.integers(1, 10_000), st.integers(0, 4 * 10_000 * SCORE_MAX))
def test_squares_are_bounded_by_the_range_of_the_scores(n, total):
    assert most_squares(n, total) <= SCORE_MAX**2 * 4 * n
    assert refusal(require_possible_sums, n, total, SCORE_MAX**2 * 4 * n + 2) == IMPOSSIBLE


@pytest.mark.parametrize("n", [1, 30, 10_000])
def test_a_sum_is_at_most_that_of_maximal_scores(n):
    highest = 4 * n * SCORE_MAX
    require_possible_sums(n, highest, 4 * SCORE_MAX**2)
    for total in (highest + 2, 10**15, 2**63 - 1, -2):
        assert refusal(require_possible_sums, n, total, 4 * SCORE_MAX**2) == IMPOSSIBLE


@given(st.lists(CHALLENGES, min_size=1, max_size=5))
def test_one_more_square_is_never_possible(challenges):
    *_, (total, squares) = sums(challenges)
    assert refusal(require_possible_sums, len(challenges), total, squares + 1) == IMPOSSIBLE


@pytest.mark.parametrize("x", [1, 300, SCORE_MAX])
def test_the_bounds_of_one_challenge_are_exact(x):
    """Least for equal scores, most for scores at both ends."""
    assert least_squares(1, 4 * x) == 4 * x * x
    assert most_squares(1, 2 * SCORE_MAX) == 2 * SCORE_MAX**2
    assert refusal(require_possible_sums, 1, 4 * x, 4 * x * x - 2) == IMPOSSIBLE


@pytest.mark.parametrize("n", [30, 400, 10_000])
def test_scores_that_are_nearly_all_maximal_are_not_spread(n):
    total = 4 * n * SCORE_MAX - 100
    assert refusal(require_possible_sums, n, total, SCORE_MAX**2 * 4 * n // 2 & ~1) == IMPOSSIBLE


@pytest.mark.parametrize("n", [2, 18, 400, 2000])
def test_the_lower_bound_is_nearly_reached(n):
    """By a mean that starts high and approaches its end with steps of 1/i² each."""
    mean, challenges, last = 0.0, [], None
    for i in range(1, n + 1):
        change = 20_000 / i**2
        challenges.append([round(mean + i * change)] * 4)
        mean += change
    *_, last = sums(challenges)
    total, squares = last
    require_possible_sums(n, total, squares)
    assert squares < 1.3 * least_squares(n, total)


@given(valid_presets(), st.integers(1, 10_000), st.data())
def test_possible_sums_lie_within_their_interval(preset, n, data):
    total = data.draw(st.integers(0, 4 * n * SCORE_MAX))
    low, high = least_squares(n, total), most_squares(n, total)
    squares = data.draw(st.integers(low, high)) if low <= high else low
    step = SequentialTest(preset).step_at(n, total, squares)
    assert 0 <= step.L <= total <= step.U <= 65536 * 4 * n


@given(st.lists(CHALLENGES, min_size=2, max_size=30), st.data())
def test_the_rest_of_a_run_adds_what_its_way_needs(challenges, data):
    states = list(sums(challenges))
    last, (total, squares) = len(states), states[-1]
    for n, (then, squares_then) in enumerate(states[:-1], 1):
        low = then - data.draw(st.integers(0, 1000))
        high = then + data.draw(st.integers(0, 1000))
        assert squares - squares_then >= least_squares_after(n, low, high, last, total)


@pytest.mark.parametrize(("before", "after"), [(0, 40_000), (40_000, 0)])
def test_a_long_way_needs_large_squares(before, after):
    """Ten challenges at one level, ten at another: V grows by a fair part of what is needed."""
    states = list(sums([[before] * 4] * 10 + [[after] * 4] * 10))
    (then, squares_then), (total, squares) = states[9], states[19]
    needed = least_squares_after(10, then, then, 20, total)
    assert needed > (squares - squares_then) // 2


def test_the_bounds_are_those_of_whole_numbers():
    """A bound that is no integer is rounded so that it holds: up from below, down from above."""
    assert [least_squares(2, total) for total in (1, 2, 5, 24)] == [1, 1, 2, 24]
    assert all(low <= high for low, high in pairwise(least_squares(3, s) for s in range(200)))
