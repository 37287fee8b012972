"""Which sums S and V a run can have, whatever its scores are.

Where scores are withheld, the signed sums cannot be recomputed. What stands here holds for every
run, so sums that break it belong to none. `docs/statistics.md` ("Possible sums") derives it.
"""

from typing import Final

from pot_reverify.decision.empirical_bernstein import PROBES_PER_CHALLENGE, SCORE_RANGE
from pot_reverify.errors import Rejection

SCORE_MAX: Final = SCORE_RANGE - 1
"""The highest score, in units of the score."""


def require_possible_sums(n: int, total: int, squares: int) -> None:
    """Refuse sums that no scores of n challenges have.

    Where they are possible, L ≤ S ≤ U: S lies in [0, R·t], where L and U are cut off.

    Args:
        n: challenges, at least 1.
        total: S, in units of the score.
        squares: V, in squared units of the score.

    Raises:
        Rejection: ``decision.impossible-sums``.
    """
    highest = SCORE_MAX * PROBES_PER_CHALLENGE * n
    if not 0 <= total <= highest:
        raise _impossible("score_sum", f"0 to {highest}", total)
    low, high = least_squares(n, total), most_squares(n, total)
    if not low <= squares <= high:
        raise _impossible("square_sum", f"{low} to {high} with a score_sum of {total}", squares)
    # (x − M)² is odd if and only if x − M is, and the four scores of a challenge share M.
    if (squares - total) % 2:
        kind = "an odd" if total % 2 else "an even"
        raise _impossible("square_sum", f"{kind} number, like the score_sum", squares)


def least_squares(n: int, total: int) -> int:
    """A lower bound of V: S² / (4n(2n − 1)). It is 0 only if S is."""
    return ceiling_of_ratio(total**2, 4 * n * (2 * n - 1))


def least_squares_after(n: int, low: int, high: int, last: int, total: int) -> int:
    """A lower bound of what the challenges n + 1 to `last` add to V.

    Args:
        n: at least 1, below `last`.
        low: the lowest S that is possible after challenge n.
        high: the highest.
        total: S after challenge `last`.
    """
    down = low * last - total * n - 2 * (last**2 - n**2)
    way = max(0, total * n - high * last, down)
    return ceiling_of_ratio(way**2, 4 * n * last * (last - n))


def most_squares(n: int, total: int) -> int:
    """An upper bound of V, the least of three. It is 0 if S is."""
    t = PROBES_PER_CHALLENGE * n
    spread = total * (SCORE_MAX * t - total) // t
    return min(
        SCORE_MAX**2 * t,
        SCORE_MAX * total + (total**2 // 2 if n > 1 else 0),
        spread + 4 * SCORE_MAX**2 * n.bit_length() + (2 * SCORE_MAX + 1) * t,
    )


def ceiling_of_ratio(numerator: int, denominator: int) -> int:
    """The quotient, rounded up."""
    return -(-numerator // denominator)


def _impossible(name: str, expected: str, got: int) -> Rejection:
    return Rejection(
        "decision.impossible-sums",
        "No scores have the signed sums.",
        where=f"predicate.{name}",
        expected=expected,
        got=got,
    )
