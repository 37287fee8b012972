"""The vanishing argument: all constraints hold on all rows.

Halo2 book, "Design: Vanishing argument". The constraints, combined with powers of y, are a
multiple of X^n - 1; the prover commits to the quotient h in pieces of n coefficients.
"""

from collections.abc import Iterable, Sequence

from pot_reverify.proof.domain import Opening
from pot_reverify.proof.multiopen import Commitment, OpeningClaim
from pot_reverify.proof.pasta_fields import P, invert
from pot_reverify.proof.vesta import Point


def quotient_claim(
    constraints: Iterable[int], pieces: Sequence[Point], opening: Opening, y: int
) -> OpeningClaim:
    """Returns the claim that h(x) is what the constraints at x require.

    Raises:
        Rejection: what `pasta_fields.invert` raises.
    """
    combined = 0
    for value in constraints:
        combined = (combined * y + value) % P
    powers = (pow(opening.power, index, P) for index in range(len(pieces)))
    return OpeningClaim(
        Commitment(tuple(zip(pieces, powers, strict=False))),
        opening.x,
        combined * invert(opening.power - 1) % P,
    )
