"""The inner product argument: a committed polynomial has a claimed value at a point.

Halo2 book, "Background: Polynomial commitment using inner product argument" and "Design: Inner
product argument". The one costly step, a sum over all generators, is left to the caller: sums of
many proofs can be taken together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pot_reverify.proof.multiopen import LinearCombination, add_multiple
from pot_reverify.proof.params import Generators
from pot_reverify.proof.pasta_fields import P, invert
from pot_reverify.proof.transcript import Transcript


@dataclass(frozen=True, slots=True)
class DeferredOpening:
    """A sum of multiples of points that is the identity if, and only if, an opening is right.

    Attributes:
        terms: the multiples of points of the proof and of the key.
        scale: factor of the generators' share.
        folding: the challenges u_1 to u_k; generator i has the coefficient that X^i has in
            scale·(1 + u_k·X)·(1 + u_(k-1)·X²)·…
        generators: the generators.
    """

    terms: LinearCombination
    scale: int
    folding: tuple[int, ...]
    generators: Generators

    def add_to(self, total: LinearCombination, weight: int) -> None:
        """Adds ``weight`` times this sum to ``total``."""
        for point, scalar in self.terms.items():
            add_multiple(total, point, scalar * weight)
        coefficients = [self.scale * weight % P]
        for challenge in reversed(self.folding):
            coefficients += [value * challenge % P for value in coefficients]
        for point, coefficient in zip(self.generators.g, coefficients, strict=True):
            add_multiple(total, point, coefficient)


def read_opening(
    transcript: Transcript,
    generators: Generators,
    commitment: LinearCombination,
    x: int,
    value: int,
) -> DeferredOpening:
    """Reads the last part of a proof, that the committed polynomial has ``value`` at ``x``.

    Args:
        transcript: the transcript; read to its end.
        generators: the generators for this size.
        commitment: the commitment.
        x: the point.
        value: the claimed value.

    Raises:
        Rejection: ``proof.trailing-bytes``, or what the transcript raises.
    """
    terms = dict(commitment)
    add_multiple(terms, generators.g[0], -value)
    blind = transcript.read_point()
    xi, z = transcript.squeeze(), transcript.squeeze()
    add_multiple(terms, blind, xi)
    folding: list[int] = []
    for _ in range(len(generators.g).bit_length() - 1):
        left, right = transcript.read_points(2)
        challenge = transcript.squeeze()
        add_multiple(terms, left, invert(challenge))
        add_multiple(terms, right, challenge)
        folding.append(challenge)
    c, f = transcript.read_scalars(2)
    transcript.finish()
    add_multiple(terms, generators.u, -c * _folded_powers(folding, x) * z)
    add_multiple(terms, generators.w, -f)
    return DeferredOpening(terms, -c % P, tuple(folding), generators)


def _folded_powers(folding: Sequence[int], x: int) -> int:
    """Folds the vector 1, x, x², … as the rounds fold the generators."""
    product, power = 1, x
    for challenge in reversed(folding):
        product = product * (1 + challenge * power) % P
        power = power * power % P
    return product
