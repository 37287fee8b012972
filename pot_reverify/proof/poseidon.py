"""The Poseidon hash P128Pow5T3 over Fp, with the constants that Zcash Orchard uses.

Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A new hash function for
zero-knowledge proof systems" (USENIX Security 2021): width 3, rate 2, x^5, 8 full and 56 partial
rounds; constants from its Grain LFSR (appendix E); sponge for messages of constant length as in
``halo2_poseidon::ConstantLength``.
"""

from collections.abc import Iterator, Sequence
from functools import cache

from pot_reverify.proof.pasta_fields import P

WIDTH = 3
RATE = 2
FULL_ROUNDS = 8
PARTIAL_ROUNDS = 56
_FIELD_BITS = 255
_GRAIN_TAPS = sum(1 << tap for tap in (79, 66, 56, 41, 28, 17))

Matrix = tuple[tuple[int, ...], ...]


def _grain_bits() -> Iterator[int]:
    """Yields the bits of the Grain LFSR, self-shrunk: a bit counts if the one before it is 1."""
    state = 0
    settings = ((1, 2), (0, 4), (_FIELD_BITS, 12), (WIDTH, 12), (FULL_ROUNDS, 10))
    for value, bits in (*settings, (PARTIAL_ROUNDS, 10), ((1 << 30) - 1, 30)):
        state = state << bits | value

    def clock() -> int:
        nonlocal state
        bit = (state & _GRAIN_TAPS).bit_count() & 1
        state = (state << 1 | bit) & (1 << 80) - 1
        return bit

    for _ in range(160):
        clock()
    while True:
        counts = clock()
        bit = clock()
        if counts:
            yield bit


@cache
def _constants() -> tuple[Matrix, Matrix]:
    """Returns the round constants, and the MDS matrix."""
    bits = _grain_bits()

    def word() -> int:
        return sum(next(bits) << position for position in reversed(range(_FIELD_BITS)))

    def element() -> int:
        while (value := word()) >= P:
            pass
        return value

    rounds = range(FULL_ROUNDS + PARTIAL_ROUNDS)
    constants = tuple(tuple(element() for _ in range(WIDTH)) for _ in rounds)
    x, y = ([word() % P for _ in range(WIDTH)] for _ in range(2))
    return constants, tuple(tuple(pow(a + b, -1, P) for b in y) for a in x)


def _permute(state: Sequence[int]) -> list[int]:
    constants, matrix = _constants()
    half = FULL_ROUNDS // 2
    for index, addends in enumerate(constants):
        first, *rest = (value + addend for value, addend in zip(state, addends, strict=True))
        if not half <= index < half + PARTIAL_ROUNDS:
            rest = [pow(value, 5, P) for value in rest]
        mixed = (pow(first, 5, P), *rest)
        state = [sum(a * b for a, b in zip(row, mixed, strict=True)) % P for row in matrix]
    return list(state)


def poseidon_digest(message: Sequence[int]) -> int:
    """Hashes a non-empty message of elements of Fp to one element of Fp."""
    state = [0, 0, len(message) << 64]
    for start in range(0, len(message), RATE):
        block = [*message[start : start + RATE], 0][:RATE]
        state = _permute([(state[0] + block[0]) % P, (state[1] + block[1]) % P, state[2]])
    return state[0]
