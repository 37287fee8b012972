"""No true run with withheld scores is refused; one that contradicts itself is."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_empirical_bernstein import CHALLENGES, refusal
from test_possible_sums import sums
from test_presets import valid_presets

from pot_reverify.decision.empirical_bernstein import SequentialTest
from pot_reverify.decision.possible_sums import SCORE_MAX
from pot_reverify.decision.presets import CUSTOM, PRESETS
from pot_reverify.decision.visible_scores import Range, _squares_around, require_fitting_scores

AUDIT = PRESETS["audit"]
WIDE = replace(AUDIT, name=CUSTOM, n_min=100)
CONTRADICTION, EARLIER = "decision.visible-scores", "decision.observed-after-stop"


def run(preset, challenges, attempt=1):
    """The challenges up to the stop, or all of them, and S and V at the end."""
    test, taken = SequentialTest(preset, attempt), []
    for scores in challenges:
        taken.append(scores)
        step = test.observe(scores)
        if step.reason is not None:
            break
    return taken, step.S, step.V


def mask(challenges, is_withheld):
    return [
        [None if is_withheld(i, j) else x for j, x in enumerate(scores)]
        for i, scores in enumerate(challenges)
    ]


@given(
    valid_presets(),
    st.lists(CHALLENGES, min_size=1, max_size=25),
    st.randoms(use_true_random=False),
    st.integers(1, 3),
)
def test_no_true_run_is_refused(preset, challenges, draw, attempt):
    taken, total, squares = run(preset, challenges, attempt)
    part = draw.random()
    seen = draw.randrange(len(taken) + 1)
    for how in (
        lambda *_: draw.random() < part,
        lambda i, _: i >= seen,
        lambda i, _: i < seen,
        lambda *_: True,
    ):
        require_fitting_scores(preset, attempt, mask(taken, how), total, squares)


@pytest.mark.parametrize("seed", range(12))
def test_no_true_run_of_a_named_preset_is_refused(seed):
    draw = random.Random(seed)
    preset = draw.choice(list(PRESETS.values()))
    mean, spread = draw.choice([(0, 1), (400, 200), (20_000, 9000), (33_000, 400), (60_000, 9000)])
    scores = [
        [min(SCORE_MAX, max(0, round(draw.gauss(mean, spread)))) for _ in range(4)]
        for _ in range(preset.n_max)
    ]
    taken, total, squares = run(preset, scores)
    for part in (0.01, 0.1, 0.5, 0.9):
        hidden = mask(taken, lambda *_, part=part: draw.random() < part)
        require_fitting_scores(preset, 1, hidden, total, squares)


@given(st.lists(CHALLENGES, min_size=1, max_size=10), st.data())
def test_one_withheld_score_leaves_no_room(challenges, data):
    """The sum gives it away, and with it every square."""
    i = data.draw(st.integers(0, len(challenges) - 1))
    j = data.draw(st.integers(0, 3))
    *_, (total, squares) = sums(challenges)
    hidden = mask(challenges, lambda *at: at == (i, j))
    require_fitting_scores(WIDE, 1, hidden, total, squares)
    for change in (-2, 2, 1000):
        got = refusal(require_fitting_scores, WIDE, 1, hidden, total, squares + change)
        assert got == CONTRADICTION
    x = challenges[i][j]
    for impossible in (total - x - 1, total - x + SCORE_MAX + 1):
        got = refusal(require_fitting_scores, WIDE, 1, hidden, impossible, squares)
        assert got == CONTRADICTION


def test_71_of_72_maximal_scores_have_no_sum_of_nothing():
    hidden = mask([[SCORE_MAX] * 4] * 18, lambda *at: at == (9, 2))
    assert refusal(require_fitting_scores, PRESETS["quick"], 1, hidden, 0, 0) == CONTRADICTION


LEVEL = [300] * 4


@pytest.mark.parametrize(
    ("name", "challenges", "hidden", "change"),
    [
        ("each is far from its centre, one more than the other",
         [[0] * 4, [0, 0, 0, 65_000], *[[31_000] * 4] * 40, [31_000] * 3 + [65_000]],
         lambda i, j: i in (1, 42) and j == 3, -4 * 10**8),
        ("together they are far: each could lie at the centre, but not all at their sum",
         [LEVEL] * 9 + [[20_000] * 4], lambda i, _: i == 9, -(10**7)),
        ("the mean has to rise, and not for nothing",
         [LEVEL] * 10 + [[20_000] * 4] * 20, lambda i, _: i >= 10, -(10**10)),
        ("the mean has to fall, and not for nothing",
         [[60_000] * 4] * 10 + [[0] * 4] * 20, lambda i, _: i >= 10, -(10**11)),
        ("their sum is small, so none lies far away",
         [LEVEL] * 9 + [[300, 301, 299, 300]], lambda i, _: i == 9, 10**7),
        ("two at each end are the farthest that add up",
         [[30_000] * 4] * 9 + [[0, SCORE_MAX, 0, SCORE_MAX]], lambda i, _: i == 9, 10**6),
    ],
)  # fmt: skip
def test_impossible_squares_are_refused(name, challenges, hidden, change):
    *_, (total, squares) = sums(challenges)
    visible = mask(challenges, hidden)
    require_fitting_scores(WIDE, 1, visible, total, squares)
    got = refusal(require_fitting_scores, WIDE, 1, visible, total, squares + change)
    assert got == CONTRADICTION, name


@given(st.lists(st.integers(0, 30), max_size=4), st.integers(0, 30), st.integers(0, 30))
def test_squares_around_a_free_centre_are_those_of_the_nearest_and_the_farthest(scores, one, two):
    centre = Range(min(one, two), max(one, two))
    every = [sum((x - m) ** 2 for x in scores) for m in range(centre.low, centre.high + 1)]
    assert _squares_around(scores, centre) == Range(min(every), max(every))


@pytest.mark.parametrize(("x", "n"), [(5000, 36), (10_000, 41), (20_000, 54)])
def test_the_signed_squares_say_how_little_is_withheld(x, n):
    """Eight withheld scores might be larger, if the rest of V left room for it."""
    challenges = [[x if i < 8 else 0, 0, 0, 0] for i in range(n)]
    assert len(run(AUDIT, challenges)[0]) < n
    *_, (total, squares) = sums(challenges)
    hidden = mask(challenges, lambda i, j: i < 8 and j == 0)
    assert refusal(require_fitting_scores, AUDIT, 1, hidden, total, squares) == EARLIER


@pytest.mark.parametrize(
    ("challenge", "n"),
    [([0] * 4, 31), ([SCORE_MAX] * 4, 30), ([24_000] * 4, 30)],
    ids=["same", "different", "between"],
)
def test_a_visible_stop_is_the_last_challenge(challenge, n):
    taken, total, squares = run(AUDIT, [challenge] * 100)
    assert len(taken) == n
    longer = [challenge] * (n + 3)
    *_, (total, squares) = sums(longer)
    hidden = mask(longer, lambda i, _: i > n)
    assert refusal(require_fitting_scores, AUDIT, 1, hidden, total, squares) == EARLIER


@pytest.mark.parametrize("challenge", [[0] * 4, [SCORE_MAX] * 4, [24_000] * 4])
def test_a_stop_is_seen_through_a_few_withheld_scores(challenge):
    """What three withheld scores may be leaves no way round the stop."""
    longer = [challenge] * 40
    *_, (total, squares) = sums(longer)
    hidden = mask(longer, lambda i, j: i in (3, 17, 39) and j == 0)
    assert refusal(require_fitting_scores, AUDIT, 1, hidden, total, squares) == EARLIER


def test_what_may_still_go_on_is_not_refused():
    """With every score withheld, another order of them may have gone on."""
    longer = [[0] * 4] * 40 + [[SCORE_MAX] * 4] * 8
    *_, (total, squares) = sums(longer)
    require_fitting_scores(AUDIT, 1, mask(longer, lambda *_: True), total, squares)
