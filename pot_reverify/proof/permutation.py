"""The permutation argument: cells under copy constraints hold equal values.

Halo2 book, "Design: Permutation argument". Columns are split into chunks that the degree of the
circuit has room for; each chunk has a grand product that starts where the one before it ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pot_reverify.proof.domain import Challenges, Opening
from pot_reverify.proof.expressions import evaluate
from pot_reverify.proof.multiopen import Commitment, OpeningClaim, commitment_to
from pot_reverify.proof.pasta_fields import DELTA, P
from pot_reverify.proof.transcript import Transcript
from pot_reverify.proof.verifying_key import VerifyingKey


@dataclass(frozen=True, slots=True)
class GrandProduct:
    """The running product Z of one chunk.

    Attributes:
        commitment: commitment to Z.
        current: Z(x).
        following: Z(ω·x).
        at_last: Z at x, rotated to the last row in use; of no use for the last chunk.
    """

    commitment: Commitment
    current: int
    following: int
    at_last: int


def read_commitments(transcript: Transcript, key: VerifyingKey) -> list[Commitment]:
    """Reads the commitments to the grand products."""
    chunks = -(-len(key.permutation_columns) // key.permutation_chunk)
    return [commitment_to(point) for point in transcript.read_points(chunks)]


def read_evaluations(
    transcript: Transcript, commitments: Sequence[Commitment]
) -> list[GrandProduct]:
    """Reads the evaluations of the grand products."""
    products = []
    for position, commitment in enumerate(commitments, start=1):
        current, following = transcript.read_scalars(2)
        at_last = transcript.read_scalar() if position < len(commitments) else 0
        products.append(GrandProduct(commitment, current, following, at_last))
    return products


def constraints(
    key: VerifyingKey,
    products: Sequence[GrandProduct],
    permuted: Sequence[int],
    opening: Opening,
    challenges: Challenges,
) -> Iterator[int]:
    """Yields, at x, the polynomials that vanish on all rows if the products are right.

    Args:
        key: the verifying key.
        products: the grand products.
        permuted: the permutation polynomial of each column, at x.
        opening: the challenge point x.
        challenges: beta and gamma.
    """
    if not products:
        return
    yield opening.first * (1 - products[0].current)
    final = products[-1].current
    yield opening.last * (final * final - final)
    for before, product in pairwise(products):
        yield opening.first * (product.current - before.at_last)
    chunk, beta, gamma = key.permutation_chunk, challenges.beta, challenges.gamma
    position = beta * opening.x % P
    for index, product in enumerate(products):
        columns = slice(index * chunk, (index + 1) * chunk)
        left, right = product.following, product.current
        for query, image in zip(key.permutation_columns[columns], permuted[columns], strict=True):
            value = evaluate(query, opening.columns)
            left = left * (value + beta * image + gamma) % P
            right = right * (value + position + gamma) % P
            position = position * DELTA % P
        yield opening.active * (left - right)


def opening_claims(
    key: VerifyingKey, products: Sequence[GrandProduct], opening: Opening
) -> Iterator[OpeningClaim]:
    """Yields the claims that the evaluations of the grand products make."""
    for product in products:
        yield OpeningClaim(product.commitment, opening.x, product.current)
        yield OpeningClaim(product.commitment, opening.rotated(1), product.following)
    for product in reversed(products[:-1]):
        yield OpeningClaim(product.commitment, opening.rotated(key.last_row), product.at_last)
