"""Blocks of challenges: what is run before the decision can stop the run."""

from fractions import Fraction

GROWTH = Fraction(3, 2)


def plan_blocks(n_min: int, n_max: int) -> tuple[range, ...]:
    """Challenge indices, counted from 1: a block of n_min, then half as many again each time.

    No decision falls before n_min. Each later block ends at 1.5 times the challenges so far, so
    that a run throws away less than a third of what it ran, however early it could have stopped.

    Args:
        n_min: challenges before the first possible decision, at least 1.
        n_max: challenges in all.
    """
    if not 1 <= n_min <= n_max:
        raise ValueError(f"need 1 <= n_min <= n_max, got {n_min} and {n_max}")
    blocks = [range(1, n_min + 1)]
    while (done := blocks[-1].stop - 1) < n_max:
        end = min(n_max, max(done + 1, int(done * GROWTH)))
        blocks.append(range(done + 1, end + 1))
    return tuple(blocks)
