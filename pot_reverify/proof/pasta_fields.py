"""The two Pasta prime fields, on plain integers.

Halo2 book, "Background: Fields" and "Cryptographic groups: The Pasta curves". A circuit computes
in the scalar field of Vesta (``Fp``); the coordinates of Vesta points live in ``Fq``. Elements
are integers in [0, modulus).
"""

from collections.abc import Sequence
from functools import cache

from pot_reverify.errors import Rejection

P = 0x40000000000000000000000000000000224698FC094CF91B992D30ED00000001
"""Modulus of Fp, the scalar field of Vesta: circuit values, challenges, evaluations."""

Q = 0x40000000000000000000000000000000224698FC0994A8DD8C46EB2100000001
"""Modulus of Fq, the base field of Vesta: coordinates of points."""

TWO_ADICITY = 32
"""2^32 divides both P - 1 and Q - 1; the odd cofactors follow."""

GENERATOR = 5
"""Generates the multiplicative group of either field."""

DELTA = pow(GENERATOR, 1 << TWO_ADICITY, P)
"""Generates the subgroup of odd order of Fp: it separates the columns of a permutation."""

ELEMENT_BYTES = 32

_ODD_COFACTOR = (Q - 1) >> TWO_ADICITY
_ROOT_OF_UNITY = pow(GENERATOR, _ODD_COFACTOR, Q)
_ROOT_OF_UNITY_INVERSE = pow(_ROOT_OF_UNITY, -1, Q)


def parse_scalar(encoding: bytes) -> int:
    """Parses the canonical little-endian encoding of an element of Fp.

    Raises:
        Rejection: ``proof.scalar-not-canonical`` for a value of P or more.
    """
    value = int.from_bytes(encoding, "little")
    if value >= P:
        raise Rejection("proof.scalar-not-canonical", "a scalar is not reduced modulo p")
    return value


def domain_generator(k: int) -> int:
    """Returns ω, of order 2^k in Fp: the rows of a circuit are its powers."""
    return pow(GENERATOR, (P - 1) >> k, P)


def invert(value: int) -> int:
    """Inverts an element of Fp that a challenge keeps from being zero.

    Raises:
        Rejection: ``proof.challenge-degenerate`` for zero, which no prover can aim for.
    """
    if not value % P:
        raise Rejection("proof.challenge-degenerate", "a challenge fell on a root")
    return pow(value, -1, P)


def invert_all(values: Sequence[int], modulus: int) -> list[int]:
    """Inverts non-zero values together, with one inversion (Montgomery's trick)."""
    products = []
    product = 1
    for value in values:
        products.append(product)
        product = product * value % modulus
    inverse = pow(product, -1, modulus)
    for index in range(len(products) - 1, -1, -1):
        products[index] = products[index] * inverse % modulus
        inverse = inverse * values[index] % modulus
    return products


@cache
def _logarithms() -> dict[int, int]:
    """Discrete logarithms in the subgroup of order 256 of Fq."""
    root = pow(_ROOT_OF_UNITY, 1 << 24, Q)
    return {pow(root, exponent, Q): exponent for exponent in range(256)}


def square_root(square: int) -> int | None:
    """Returns a square root in Fq, or None where there is none.

    Finds the part of ``square`` in the subgroup of order 2^32 by its discrete logarithm, eight
    bits at a time (Sarkar, "Computing square roots faster than the Tonelli-Shanks/Bernstein
    algorithm", eprint 2020/1407).
    """
    if not square:
        return 0
    power = pow(square, (_ODD_COFACTOR - 1) // 2, Q)
    root = square * power % Q
    residue = root * power % Q
    exponent = 0
    for shift in range(0, TWO_ADICITY, 8):
        rest = residue * pow(_ROOT_OF_UNITY_INVERSE, exponent, Q) % Q
        exponent += _logarithms()[pow(rest, 1 << (24 - shift), Q)] << shift
    if exponent & 1:
        return None
    return root * pow(_ROOT_OF_UNITY_INVERSE, exponent >> 1, Q) % Q
