"""Whether the scores that can be seen fit the signed sums, where others are withheld.

What is withheld lies within [0, 65535] and adds up to a known number. So after every challenge S
and V lie within bounds, which are one number where nothing before is withheld. Everything here
holds for every completion of the visible scores; `docs/statistics.md` derives it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from pot_reverify.decision.empirical_bernstein import (
    PROBES_PER_CHALLENGE,
    SCORE_UNIT,
    SequentialTest,
    StopReason,
)
from pot_reverify.decision.possible_sums import (
    SCORE_MAX,
    ceiling_of_ratio,
    least_squares_after,
)
from pot_reverify.decision.presets import Preset
from pot_reverify.errors import Rejection

Scores = Sequence[int | None]
"""The four scores of a challenge; None where one is withheld."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a number may be: `low` to `high`."""

    low: int
    high: int

    def nearest(self, other: "Range") -> int:
        """The least distance between a number of this range and one of the other."""
        return max(0, self.low - other.high, other.low - self.high)

    def farthest(self, other: "Range") -> int:
        """The greatest distance between a number of this range and one of the other."""
        return max(self.high - other.low, other.high - self.low)

    def clamp(self, value: int) -> int:
        """The number of the range that is nearest to a value."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one challenge adds to V.

    Attributes:
        centre: M, the centre of the challenge.
        withheld: how many of its scores are.
        of_visible: what its visible scores add.
        of_withheld: what its withheld scores add.
    """

    centre: Range
    withheld: int
    of_visible: Range
    of_withheld: Range

    @property
    def low(self) -> int:
        return self.of_visible.low + self.of_withheld.low

    @property
    def high(self) -> int:
        return self.of_visible.high + self.of_withheld.high


def require_fitting_scores(
    preset: Preset, attempt: int, challenges: Sequence[Scores], total: int, squares: int
) -> None:
    """Refuse visible scores that no withheld ones complete to a run with these sums.

    Args:
        preset: the parameters of the rule.
        attempt: the number of the attempt, from 1.
        challenges: the scores of every challenge, in order.
        total: S of the whole run.
        squares: V of the whole run.

    Raises:
        Rejection: ``decision.visible-scores`` if no completion has these sums, and
            ``decision.observed-after-stop`` if every one that has stops before the last challenge.
        Indeterminate: ``decision.constants-not-certain``.
    """
    rest, withheld = _withheld(challenges, total)
    sums = _sums_after(challenges, rest, withheld)
    parts = _parts(challenges, sums, rest, withheld)
    possible = Range(_least(parts, sums, rest, withheld, total), _most(parts, rest))
    if not possible.low <= squares <= possible.high:
        raise _contradiction("square_sum", possible, squares)
    test = SequentialTest(preset, attempt)
    most_before = accumulate(part.high for part in parts)
    least_after = [0, *accumulate(part.low for part in reversed(parts[1:]))][::-1]
    for n, (total_then, most, least) in enumerate(
        zip(sums[:-1], most_before, least_after, strict=False), 1
    ):
        reason = _certain_stop(test, preset, n, total_then, min(most, squares - least))
        if reason is not None:
            raise Rejection(
                "decision.observed-after-stop",
                "The visible scores and the signed sums stop the run before its last challenge.",
                where=f"challenge {n + 1}",
                expected=f"the last challenge to be {n} ({reason})",
            )


def _certain_stop(
    test: SequentialTest, preset: Preset, n: int, total: Range, squares: int
) -> StopReason | None:
    """The rule that stops the run after challenge n whatever S in `total` and V ≤ `squares` are.

    Each part of each rule is hardest to meet at one end of S and at the largest V.
    """
    if n < preset.n_min:
        return None
    lowest, highest = test.step_at(n, total.low, squares), test.step_at(n, total.high, squares)
    if highest.reason is StopReason.SAME:
        return StopReason.SAME
    if lowest.reason is StopReason.DIFFERENT:
        return StopReason.DIFFERENT
    scale = SCORE_UNIT * lowest.t
    is_between = (
        Fraction(lowest.L, scale) > preset.gamma and Fraction(highest.U, scale) < preset.delta
    )
    return StopReason.BETWEEN if is_between else None


def _withheld(challenges: Sequence[Scores], total: int) -> tuple[int, int]:
    """The sum of the withheld scores, and how many there are."""
    visible = sum(x for scores in challenges for x in scores if x is not None)
    withheld = sum(scores.count(None) for scores in challenges)
    if not visible <= total <= visible + withheld * SCORE_MAX:
        raise _contradiction("score_sum", Range(visible, visible + withheld * SCORE_MAX), total)
    return total - visible, withheld


def _sums_after(challenges: Sequence[Scores], rest: int, withheld: int) -> list[Range]:
    """What S may be after each challenge: the withheld scores before and after it share `rest`."""
    sums: list[Range] = []
    visible = done = 0
    for scores in challenges:
        visible += sum(x for x in scores if x is not None)
        done += scores.count(None)
        sums.append(
            Range(
                visible + max(0, rest - (withheld - done) * SCORE_MAX),
                visible + min(rest, done * SCORE_MAX),
            )
        )
    return sums


def _parts(
    challenges: Sequence[Scores], sums: Sequence[Range], rest: int, withheld: int
) -> list[_Part]:
    each = Range(max(0, rest - (withheld - 1) * SCORE_MAX), min(rest, SCORE_MAX))
    centre = Range(0, 0)
    parts: list[_Part] = []
    for n, (scores, after) in enumerate(zip(challenges, sums, strict=True), 1):
        visible = [x for x in scores if x is not None]
        count = len(scores) - len(visible)
        of_withheld = Range(count * each.nearest(centre) ** 2, count * each.farthest(centre) ** 2)
        parts.append(_Part(centre, count, _squares_around(visible, centre), of_withheld))
        t = PROBES_PER_CHALLENGE * n
        centre = Range(after.low // t, after.high // t)
    return parts


def _squares_around(scores: Sequence[int], centre: Range) -> Range:
    """What Σ(x − M)², convex in M, may be: most at an end, least at the number next to the mean."""

    def around(middle: int) -> int:
        return sum((x - middle) ** 2 for x in scores)

    mean = sum(scores) // max(1, len(scores))
    return Range(
        min(around(centre.clamp(mean)), around(centre.clamp(mean + 1))),
        max(around(centre.low), around(centre.high)),
    )


def _least(
    parts: Sequence[_Part], sums: Sequence[Range], rest: int, withheld: int, total: int
) -> int:
    """A lower bound of V, the best of three."""
    visible = sum(part.of_visible.low for part in parts)
    # Cauchy–Schwarz: the withheld scores add up to `rest`, and their centres to within `middle`.
    middle = Range(
        sum(part.withheld * part.centre.low for part in parts),
        sum(part.withheld * part.centre.high for part in parts),
    )
    apart = ceiling_of_ratio(middle.nearest(Range(rest, rest)) ** 2, max(1, withheld))
    one_by_one = sum(part.of_withheld.low for part in parts)
    from_here = (
        least + least_squares_after(n, sums[n - 1].low, sums[n - 1].high, len(parts), total)
        for n, least in enumerate(accumulate(part.low for part in parts[:-1]), 1)
    )
    return max([visible + max(apart, one_by_one), *from_here])


def _most(parts: Sequence[_Part], rest: int) -> int:
    """An upper bound of V, the better of two."""
    visible = sum(part.of_visible.high for part in parts)
    one_by_one = sum(part.of_withheld.high for part in parts)
    # (y − M)² ≤ M² + y·(65535 − 2M), its chord over the range of y.
    concerned = [part for part in parts if part.withheld]
    chords = sum(part.withheld * part.centre.high**2 for part in concerned) + rest * (
        SCORE_MAX - 2 * min((part.centre.low for part in concerned), default=0)
    )
    return visible + min(one_by_one, chords)


def _contradiction(name: str, possible: Range, got: int) -> Rejection:
    return Rejection(
        "decision.visible-scores",
        "The visible scores do not have the signed sums, whatever the withheld ones are.",
        where=f"predicate.{name}",
        expected=f"{possible.low} to {possible.high}",
        got=got,
    )
