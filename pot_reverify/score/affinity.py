"""Score ``affinity/1``: how far apart two models' next-token laws are along one text.

Both models read the same tokens. At each scored position the recorder keeps, for the set J of the
tokens that either model ranks among its top 8, both probabilities as integers floor(p * 2^32); all
other tokens form one rest cell. The score is the squared Hellinger distance between the two laws
of the whole continuation, and merging tokens into the rest cell can only lower it (data-processing
inequality). Everything here is exact integer arithmetic: design, `docs/statistics.md`.
"""

import struct
from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate, compress, pairwise
from math import isqrt
from operator import ge, mul

from pot_reverify.errors import Rejection

SCORE_ID = "affinity/1"
SCORE_MAX = 65535
"""The largest score; a score counts units of 2^-15, so that 65535 stands for (just under) 2."""
POSITIONS_MIN = 16
POSITIONS_MAX = 32
CELLS_MAX = 16
"""The union of two top-8 sets has at most 16 tokens."""
WHOLE = 1 << 32
"""Probability 1, and affinity 1, in units of 2^-32."""


@dataclass(frozen=True, slots=True)
class ProbeDistributions:
    """The recorded next-token distributions of both models at the positions of one probe.

    Made by `parse_distributions`, which is where untrusted bytes become one.

    Attributes:
        position_sizes: |J| of each position, one byte a position (16 to 32 positions of 1 to 16).
        token_ids: the ids of J, position after position, packed little-endian u32.
        p: the reference's probabilities of those tokens, units of 2^-32, packed the same way.
        q: the candidate's.
    """

    position_sizes: bytes
    token_ids: bytes
    p: bytes
    q: bytes


def parse_distributions(
    position_sizes: bytes, token_ids: bytes, p: bytes, q: bytes
) -> ProbeDistributions:
    """Check recorded distributions against the format.

    Args:
        position_sizes: |J| of each position, one byte a position.
        token_ids: packed little-endian u32, strictly increasing within a position.
        p: packed little-endian u32, units of 2^-32, sum at most 2^32 at each position.
        q: like `p`.

    Raises:
        Rejection: ``score.position-count``, ``score.position-size``, ``score.array-length``,
            ``score.token-order`` or ``score.mass-above-one``.
    """
    if not POSITIONS_MIN <= len(position_sizes) <= POSITIONS_MAX:
        raise Rejection(
            "score.position-count",
            "a probe has a number of positions that the score does not allow",
            expected=f"{POSITIONS_MIN} to {POSITIONS_MAX}",
            got=len(position_sizes),
        )
    if not 1 <= min(position_sizes) <= max(position_sizes) <= CELLS_MAX:
        raise Rejection(
            "score.position-size",
            "a position has a number of tokens that the score does not allow",
            expected=f"1 to {CELLS_MAX}",
            got=f"{min(position_sizes)} to {max(position_sizes)}",
        )
    expected_bytes = 4 * sum(position_sizes)
    for name, packed in (("token_ids", token_ids), ("p", p), ("q", q)):
        if len(packed) != expected_bytes:
            raise Rejection(
                "score.array-length",
                "a packed array does not hold one u32 for each token of each position",
                where=name,
                expected=f"{expected_bytes} bytes",
                got=f"{len(packed)} bytes",
            )
    bounds = (0, *accumulate(position_sizes))
    ids, ends = _unpack(token_ids), frozenset(bounds)
    for cell in compress(range(1, len(ids)), map(ge, ids, ids[1:])):
        if cell not in ends:
            raise Rejection(
                "score.token-order",
                "token ids must strictly increase within a position",
                where=f"position {bisect(bounds, cell) - 1}",
            )
    p_cells, q_cells = _unpack(p), _unpack(q)
    for position, (start, end) in enumerate(pairwise(bounds)):
        mass = max(sum(p_cells[start:end]), sum(q_cells[start:end]))
        if mass > WHOLE:
            raise Rejection(
                "score.mass-above-one",
                "the recorded probabilities of a position exceed one",
                where=f"position {position}",
                expected=f"at most {WHOLE}",
                got=mass,
            )
    return ProbeDistributions(position_sizes, token_ids, p, q)


def affinity(distributions: ProbeDistributions) -> int:
    """Bhattacharyya affinity of the two laws of the continuation, in units of 2^-32.

    The product over the positions of BC = sum over cells of isqrt(p * q), the rest cell among them,
    with a floor to 2^-32 after each product. It is 2^32 exactly if the two models' integers are the
    same everywhere: floors keep every other BC below 2^32 (Cauchy-Schwarz).
    """
    p, q = _unpack(distributions.p), _unpack(distributions.q)
    roots = tuple(map(isqrt, map(mul, p, q)))
    product = WHOLE
    for start, end in pairwise(accumulate(distributions.position_sizes, initial=0)):
        rest = isqrt((WHOLE - sum(p[start:end])) * (WHOLE - sum(q[start:end])))
        product = product * (sum(roots[start:end]) + rest) >> 32
    return product


def affinity_score(distributions: ProbeDistributions) -> int:
    """Squared Hellinger distance 2 * (1 - affinity), in units of 2^-15, from 0 to 65535."""
    return min(SCORE_MAX, 2 * (WHOLE - affinity(distributions)) >> 17)


def _unpack(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(packed) // 4}I", packed)
