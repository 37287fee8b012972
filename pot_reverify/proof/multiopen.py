"""The multipoint opening argument: many claimed evaluations become one.

Halo2 book, "Design: Multipoint opening argument". Polynomials that are opened at the same set of
points are combined with powers of x_1, the sets with powers of x_2; the prover commits to the
quotient and opens everything at x_3, combined with powers of x_4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pot_reverify.errors import Rejection
from pot_reverify.proof.pasta_fields import P, invert
from pot_reverify.proof.transcript import Transcript
from pot_reverify.proof.vesta import Point

LinearCombination = dict[Point, int]


@dataclass(frozen=True, slots=True, eq=False)
class Commitment:
    """A commitment to one polynomial: equal only to itself, whatever its value.

    Attributes:
        terms: the (point, scalar) pairs that it is the sum of.
    """

    terms: tuple[tuple[Point, int], ...]


def commitment_to(point: Point) -> Commitment:
    """Takes a point as a commitment."""
    return Commitment(((point, 1),))


@dataclass(frozen=True, slots=True)
class OpeningClaim:
    """A claim that a committed polynomial has a value at a point."""

    commitment: Commitment
    point: int
    value: int


def add_multiple(total: LinearCombination, point: Point, scalar: int) -> None:
    """Adds ``scalar`` times ``point`` to a linear combination."""
    total[point] = (total.get(point, 0) + scalar) % P


def _interpolate(values: dict[int, int], at: int) -> int:
    """Evaluates, at ``at``, the polynomial of least degree through (point, value) pairs."""
    result = 0
    for point, value in values.items():
        numerator, denominator = value, 1
        for other in values:
            if other != point:
                numerator = numerator * (at - other) % P
                denominator = denominator * (point - other) % P
        result += numerator * invert(denominator)
    return result % P


def reduce_claims(
    transcript: Transcript, claims: Sequence[OpeningClaim]
) -> tuple[LinearCombination, int, int]:
    """Reduces all claims to one.

    Returns:
        The commitment to the combined polynomial, the point x_3, and its claimed value there.

    Raises:
        Rejection: ``proof.query-collision`` where one polynomial is opened twice at a point, or
            what the transcript raises.
    """
    x_1, x_2 = transcript.squeeze(), transcript.squeeze()
    # Commitments, points and sets of points are numbered as they first occur.
    number: dict[int, int] = {}
    values_of: dict[Commitment, dict[int, int]] = {}
    for claim in claims:
        number.setdefault(claim.point, len(number))
        values = values_of.setdefault(claim.commitment, {})
        if claim.point in values:
            raise Rejection("proof.query-collision", "one polynomial is opened twice at a point")
        values[claim.point] = claim.value
    groups: dict[frozenset[int], list[Commitment]] = {}
    for commitment, values in values_of.items():
        groups.setdefault(frozenset(values), []).append(commitment)
    combined = [_combine(group, values_of, x_1) for group in groups.values()]

    quotient = transcript.read_point()
    x_3 = transcript.squeeze()
    openings = transcript.read_scalars(len(groups))
    value = 0
    for (_, values), opening in zip(combined, openings, strict=True):
        term = opening - _interpolate(values, x_3)
        for at in values:
            term = term * invert(x_3 - at) % P
        value = (value * x_2 + term) % P

    x_4 = transcript.squeeze()
    total: LinearCombination = {quotient: pow(x_4, len(groups), P)}
    for index, ((terms, _), opening) in enumerate(zip(combined, openings, strict=True), start=1):
        value = (value * x_4 + opening) % P
        power = pow(x_4, len(groups) - index, P)
        for point, scalar in terms.items():
            add_multiple(total, point, scalar * power)
    return total, x_3, value


def _combine(
    group: list[Commitment], values_of: dict[Commitment, dict[int, int]], x_1: int
) -> tuple[LinearCombination, dict[int, int]]:
    """Combines commitments that are opened at the same points; the last has the factor 1."""
    terms: LinearCombination = {}
    combined = dict.fromkeys(values_of[group[0]], 0)
    power = 1
    for commitment in reversed(group):
        for point, scalar in commitment.terms:
            add_multiple(terms, point, scalar * power)
        for at, value in values_of[commitment].items():
            combined[at] = (combined[at] + value * power) % P
        power = power * x_1 % P
    return terms, combined
