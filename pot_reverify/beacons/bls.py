"""BLS signatures on BLS12-381, as drand makes them, on the library `pyblst` (bindings of blst).

draft-irtf-cfrg-bls-signature-05, sections 2.7 and 4.2.1 to 4.2.3, with the suites of RFC 9380.
Encodings are ZCash's: compressed, 48 bytes in G1 and 96 in G2, the three top bits are flags.
"""

from types import MappingProxyType
from typing import Any, Final

from pot_reverify.beacons.chains import Scheme
from pot_reverify.errors import Indeterminate, Rejection

NEEDS_BACKEND: Final = "the extra `beacon` (pip install 'pot-audit[beacon]')"
HASH_TAGS: Final = MappingProxyType(
    {
        Scheme.UNCHAINED_G1: b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_",
        Scheme.CHAINED: b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_",
    }
)
"""Domain separation tags of hashing to the signatures' group (RFC 9380, section 3.1)."""
G1_GENERATOR: Final = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
    "6c55e83ff97a1aeffb3af00adb22c6bb"
)
G2_GENERATOR: Final = bytes.fromhex(
    "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049"
    "334cf11213945d57e5ac7d055d042b7e024aa2b2f08f0a91260805272dc51051"
    "c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
)
_G1_BYTES: Final = 48
_COMPRESSED: Final = 0x80
_INFINITY: Final = 0x40


def verify_bls(scheme: Scheme, public_key: bytes, message: bytes, signature: bytes) -> None:
    """Accept a signature; points that are no point of the group, or its neutral one, are refused.

    Raises:
        Rejection: ``beacon.point``, ``beacon.signature``.
        Indeterminate: ``beacon.backend-missing``.
    """
    blst = load_backend()
    key_group, group = blst.BlstP2Element, blst.BlstP1Element
    if scheme.is_chained:
        key_group, group = group, key_group
    key = _point(key_group, public_key, scheme.key_bytes, "the group key")
    point = _point(group, signature, scheme.signature_bytes, "the signature")
    hashed = group.hash_to_group(message, HASH_TAGS[scheme])
    generator = key_group.uncompress(G1_GENERATOR if scheme.is_chained else G2_GENERATOR)
    # e(H(m), key) = e(signature, generator); the Miller loop takes G1 first.
    pairs = ((hashed, key), (point, generator))
    left, right = (
        blst.miller_loop(*(reversed(pair) if scheme.is_chained else pair)) for pair in pairs
    )
    if not blst.final_verify(left, right):
        raise Rejection("beacon.signature", "The round was not signed by the beacon's group key.")


def _point(group: Any, data: bytes, size: int, what: str) -> Any:  # noqa: ANN401  the library has no types
    """A point of the group, from its one encoding.

    The library refuses coordinates at or above p, points off the curve and points outside the
    subgroup. That is tested; size, compression and the neutral element are not left to it.
    """
    is_form = len(data) == size and data[0] & _COMPRESSED and not data[0] & _INFINITY
    try:
        if is_form:
            return group.uncompress(data)
    except ValueError:
        pass
    name = "G1" if size == _G1_BYTES else "G2"
    raise Rejection(
        "beacon.point",
        f"{what[0].upper()}{what[1:]} is no point that a signature may have.",
        expected=f"the {size} bytes of a compressed point of {name}, not the neutral one",
        got=f"{len(data)} bytes",
    )


def load_backend() -> Any:  # noqa: ANN401
    """The library.

    Raises:
        Indeterminate: ``beacon.backend-missing``.
    """
    try:
        import pyblst  # type: ignore[import-untyped]  # noqa: PLC0415  needs an extra
    except ImportError:
        raise Indeterminate(
            "beacon.backend-missing",
            "The beacon's signature needs the package pyblst.",
            needs=NEEDS_BACKEND,
        ) from None
    return pyblst
