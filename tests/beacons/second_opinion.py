"""py-ecc, BLS12-381 in pure Python: another implementation of everything that pyblst does here.

Importing it raises the interpreter's recursion limit for the whole process, which other tests
rely on; it is put back at once.
"""

import hashlib
import sys

_LIMIT = sys.getrecursionlimit()

from py_ecc.bls.hash_to_curve import hash_to_G1, hash_to_G2  # noqa: E402
from py_ecc.bls.point_compression import compress_G1, decompress_G1, decompress_G2  # noqa: E402
from py_ecc.optimized_bls12_381 import (  # noqa: E402
    FQ12,
    G1,
    G2,
    add,
    final_exponentiate,
    is_inf,
    multiply,
    neg,
    normalize,
    pairing,
)

sys.setrecursionlimit(_LIMIT)

from pot_reverify.beacons.bls import HASH_TAGS  # noqa: E402

__all__ = ["add", "agrees", "compress_G1", "g1", "g2", "is_inf", "multiply", "normalize"]


def g1(data):
    """A point of the curve, whether or not it is in the subgroup."""
    return decompress_G1(int.from_bytes(data))


def g2(data):
    """A point of the twist, likewise."""
    return decompress_G2((int.from_bytes(data[:48]), int.from_bytes(data[48:])))


def agrees(chain, message, signature):
    """Whether the pairing equation holds, and nothing more: no check of subgroups."""
    tag = HASH_TAGS[chain.scheme]
    if chain.scheme.is_chained:
        hashed = hash_to_G2(message, tag, hashlib.sha256)
        pairs = ((hashed, g1(chain.public_key)), (g2(signature), neg(G1)))
    else:
        hashed = hash_to_G1(message, tag, hashlib.sha256)
        pairs = ((g2(chain.public_key), hashed), (neg(G2), g1(signature)))
    left, right = (pairing(*pair, final_exponentiate=False) for pair in pairs)
    return final_exponentiate(left * right) == FQ12.one()
