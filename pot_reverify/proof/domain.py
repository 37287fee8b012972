"""The rows of a circuit as powers of ω, seen from the challenge point x.

Halo2 book, "Background: Polynomials" (Lagrange basis) and "Design: Permutation argument"
(zero-knowledge adjustment: the blinding rows at the end are outside every argument).
"""

from dataclasses import dataclass

from pot_reverify.proof.expressions import Evaluations
from pot_reverify.proof.pasta_fields import P, invert
from pot_reverify.proof.verifying_key import VerifyingKey


@dataclass(frozen=True, slots=True)
class Challenges:
    """The challenges of the permutation and lookup arguments.

    Attributes:
        theta: compresses a tuple of a lookup into one value.
        beta: separates positions of cells, and inputs of lookups.
        gamma: separates values of cells, and tables of lookups.
    """

    theta: int
    beta: int
    gamma: int


@dataclass(frozen=True, slots=True)
class Opening:
    """The challenge point x, with what is known there: special Lagrange polynomials, columns.

    Attributes:
        x: where the prover opens its polynomials.
        omega: generator of the domain.
        power: x to the number of rows.
        first: the polynomial that is 1 on row 0 only, at x.
        last: the one that is 1 on the last row in use only.
        active: the one that is 1 on all rows before that.
        columns: the values of all queries of columns.
    """

    x: int
    omega: int
    power: int
    first: int
    last: int
    active: int
    columns: Evaluations

    def rotated(self, rotation: int) -> int:
        """Returns the point where a column, ``rotation`` rows on, is opened."""
        return self.x * pow(self.omega, rotation, P) % P


def opening_at(key: VerifyingKey, x: int, columns: Evaluations) -> Opening:
    """Evaluates the Lagrange polynomials at ``x``; raises what `pasta_fields.invert` raises."""
    rows = 1 << key.k
    power = pow(x, rows, P)

    def lagrange(row: int) -> int:
        root = pow(key.omega, row, P)
        return (power - 1) * root * invert(rows * (x - root)) % P

    last = lagrange(key.last_row)
    blind = sum(lagrange(row) for row in range(key.last_row + 1, 0))
    active = (1 - last - blind) % P
    return Opening(x, key.omega, power, lagrange(0), last, active, columns)
