"""The Vesta curve y² = x³ + 5 over Fq: encodings, and sums of multiples of points.

Halo2 book, "Background: Elliptic curves"; encodings as in the Zcash protocol specification,
section 5.4.9.6. The group has prime order P, so that every point of the curve is in it. Points
are affine; the identity, which has no coordinates, is None.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from pot_reverify.errors import Rejection
from pot_reverify.proof.pasta_fields import ELEMENT_BYTES, Q, invert_all, square_root

Point: TypeAlias = tuple[int, int]

_SIGN_BIT = 8 * ELEMENT_BYTES - 1


def decompress(encoding: bytes) -> Point:
    """Parses the 32 bytes of a point: x little-endian, the parity of y in the top bit.

    Raises:
        Rejection: ``proof.point-not-canonical``, ``proof.point-is-identity`` (a transcript has no
            place for it) or ``proof.point-not-on-curve``.
    """
    value = int.from_bytes(encoding, "little")
    parity, x = value >> _SIGN_BIT, value & ((1 << _SIGN_BIT) - 1)
    if not value:
        raise Rejection("proof.point-is-identity", "the point at infinity is not allowed")
    if x >= Q:
        raise Rejection("proof.point-not-canonical", "a coordinate is not reduced modulo q")
    y = square_root((x * x * x + 5) % Q)
    if y is None:
        raise Rejection("proof.point-not-on-curve", "no point has this x coordinate")
    return (x, y if y & 1 == parity else Q - y)


def add_pairs(pairs: Sequence[tuple[Point, Point]]) -> list[Point | None]:
    """Adds the two points of each pair; all pairs share one field inversion."""
    # The slope of a chord, or of the tangent where the points coincide; y is never zero.
    inverses = invert_all([(x2 - x1) or 2 * y1 for (x1, y1), (x2, _) in pairs], Q)
    sums: list[Point | None] = []
    for ((x1, y1), (x2, y2)), inverse in zip(pairs, inverses, strict=True):
        if x1 != x2:
            slope = (y2 - y1) * inverse % Q
        elif y1 == y2:
            slope = 3 * x1 * x1 * inverse % Q
        else:
            sums.append(None)
            continue
        x3 = (slope * slope - x1 - x2) % Q
        sums.append((x3, (slope * (x1 - x3) - y1) % Q))
    return sums


def _add_columns(left: list[Point | None], right: list[Point | None]) -> list[Point | None]:
    """Adds two columns of points, identities among them."""
    rows = list(zip(left, right, strict=True))
    sums = iter(add_pairs([(a, b) for a, b in rows if a and b]))
    return [next(sums) if a and b else a or b for a, b in rows]


def _bucket_sums(
    multiples: Iterable[tuple[int, Point, Point]], shift: int, half: int
) -> dict[int, Point]:
    """Sums the points whose digit at ``shift`` has the same magnitude, 1 to ``half``."""
    buckets: dict[int, list[Point]] = defaultdict(list)
    for scalar, point, negative in multiples:
        digit = (scalar >> shift & 2 * half - 1) - half
        if digit > 0:
            buckets[digit].append(point)
        elif digit:
            buckets[-digit].append(negative)
    while any(len(points) > 1 for points in buckets.values()):
        halves = [iter(points) for points in buckets.values()]
        sums = iter(
            add_pairs([pair for points in halves for pair in zip(points, points, strict=False)])
        )
        for magnitude, points in buckets.items():
            rest = points[len(points) & ~1 :]
            added = [point for point in islice(sums, len(points) // 2) if point]
            buckets[magnitude] = added + rest
    return {magnitude: points[0] for magnitude, points in buckets.items() if points}


def sum_of_multiples(terms: Mapping[Point, int]) -> Point | None:
    """Computes Σ scalar·point, by Pippenger's algorithm with signed digits.

    Args:
        terms: a scalar, 0 or more, for each point.

    Returns:
        The sum; None is the identity.
    """
    width = max(3, len(terms).bit_length() - 4)  # a digit's bits: buckets cost what points cost
    half = 1 << (width - 1)
    windows = (max(terms.values(), default=0).bit_length() + 1) // width + 1
    # Digits of scalar + offset, each less half, are the signed digits of the scalar.
    offset = sum(half << width * window for window in range(windows))
    multiples = [(scalar + offset, (x, y), (x, Q - y)) for (x, y), scalar in terms.items()]
    buckets = [_bucket_sums(multiples, width * window, half) for window in range(windows)]
    # Σ d·bucket(d) is the sum of the partial sums from the top, in all windows at once.
    partial: list[Point | None] = [None] * windows
    total = partial
    for magnitude in range(half, 0, -1):
        partial = _add_columns(partial, [bucket.get(magnitude) for bucket in buckets])
        total = _add_columns(total, partial)
    result: list[Point | None] = [None]
    for window in reversed(total):
        for _ in range(width):
            result = _add_columns(result, result)
        result = _add_columns(result, [window])
    return result[0]
