"""The lookup argument: every input tuple occurs in the table.

Halo2 book, "Design: Lookup argument". The prover permutes input A and table S into A' and S', so
that each A' is the one above it or equals S' beside it; a grand product Z shows that both are
permutations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pot_reverify.proof.domain import Challenges, Opening
from pot_reverify.proof.expressions import Expression, evaluate
from pot_reverify.proof.multiopen import Commitment, OpeningClaim, commitment_to
from pot_reverify.proof.pasta_fields import P
from pot_reverify.proof.transcript import Transcript
from pot_reverify.proof.verifying_key import Lookup


@dataclass(frozen=True, slots=True)
class LookupEvaluations:
    """One lookup as the proof opens it.

    Attributes:
        product: commitment to the grand product Z.
        permuted_input: commitment to A'.
        permuted_table: commitment to S'.
        z: Z(x).
        z_following: Z(ω·x).
        a: A'(x).
        a_before: A'(x/ω).
        s: S'(x).
    """

    product: Commitment
    permuted_input: Commitment
    permuted_table: Commitment
    z: int
    z_following: int
    a: int
    a_before: int
    s: int


def read_permuted(transcript: Transcript) -> tuple[Commitment, Commitment]:
    """Reads the commitments to A' and S'."""
    return commitment_to(transcript.read_point()), commitment_to(transcript.read_point())


def read_evaluations(
    transcript: Transcript, permuted: tuple[Commitment, Commitment], product: Commitment
) -> LookupEvaluations:
    """Reads the five evaluations of a lookup."""
    return LookupEvaluations(product, *permuted, *transcript.read_scalars(5))


def constraints(
    lookup: Lookup,
    opened: LookupEvaluations,
    opening: Opening,
    challenges: Challenges,
) -> Iterator[int]:
    """Yields, at x, the polynomials that vanish on all rows if the lookup holds.

    Args:
        lookup: the expressions of input and table.
        opened: the evaluations of this lookup.
        opening: the challenge point x.
        challenges: theta, beta and gamma.
    """

    def compress(expressions: Sequence[Expression]) -> int:
        value = 0
        for expression in expressions:
            value = (value * challenges.theta + evaluate(expression, opening.columns)) % P
        return value

    z, a, s = opened.z, opened.a, opened.s
    beta, gamma = challenges.beta, challenges.gamma
    yield opening.first * (1 - z)
    yield opening.last * (z * z - z)
    left = opened.z_following * (a + beta) * (s + gamma)
    right = z * (compress(lookup.inputs) + beta) * (compress(lookup.table) + gamma)
    yield opening.active * (left - right)
    yield opening.first * (a - s)
    yield opening.active * (a - s) * (a - opened.a_before)


def opening_claims(opened: LookupEvaluations, opening: Opening) -> Iterator[OpeningClaim]:
    """Yields the claims that the evaluations of a lookup make."""
    yield OpeningClaim(opened.product, opening.x, opened.z)
    yield OpeningClaim(opened.permuted_input, opening.x, opened.a)
    yield OpeningClaim(opened.permuted_table, opening.x, opened.s)
    yield OpeningClaim(opened.permuted_input, opening.rotated(-1), opened.a_before)
    yield OpeningClaim(opened.product, opening.rotated(1), opened.z_following)
