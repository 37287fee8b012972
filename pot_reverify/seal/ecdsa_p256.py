"""ECDSA over P-256 with SHA-256 (FIPS 186-5), under rules that leave each pair (r, s) one encoding.

Keys are uncompressed points. Signatures are DER (RFC 3279 §2.2.3) and nothing that is only BER.
ECDSA itself stays malleable: who has (r, s) can write (r, n − s). Nothing here takes the bytes of
a signature for its identity, so that both are accepted.
"""

from typing import Final

from pot_reverify.errors import Indeterminate, Rejection

PUBLIC_KEY_BYTES: Final = 65
# SEQUENCE { INTEGER r, INTEGER s } with two integers of 1 to 33 bytes.
MIN_SIGNATURE_BYTES: Final = 8
MAX_SIGNATURE_BYTES: Final = 72

# The field, the coefficient b and the order of the base point (SP 800-186 §3.2.1.3); a is −3.
_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_UNCOMPRESSED: Final = 4
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_BACKEND: Final = "pip install 'pot-audit[pq]'"


def check_public_key(public_key: bytes) -> None:
    """Refuses what is no uncompressed point of the curve. Its order is prime: there is no more.

    Raises:
        Rejection: ``key.length``, ``key.non-canonical`` or ``key.not-on-curve``.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or public_key[0] != _UNCOMPRESSED:
        raise Rejection(
            "key.length",
            "a P-256 public key is an uncompressed point",
            expected=f"{PUBLIC_KEY_BYTES} bytes, the first of them 04",
            got=f"{len(public_key)} bytes: {public_key[:8].hex()}…",
        )
    x, y = (int.from_bytes(public_key[at : at + 32], "big") for at in (1, 33))
    if x >= _P or y >= _P:
        raise Rejection("key.non-canonical", "a coordinate of the public key is not below p")
    if (y * y - (x * x * x - 3 * x + _B)) % _P != 0:
        raise Rejection("key.not-on-curve", "the public key is not a point of P-256")


def verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Verifies a signature over a whole message for a key that `check_public_key` let pass.

    Raises:
        Rejection: ``signature.length``, ``signature.non-canonical`` or ``signature.invalid``.
        Indeterminate: ``signature.backend-missing``.
    """
    _check_signature(signature)
    try:
        # Heavy, and not every reader has it.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    except ImportError as error:
        raise Indeterminate(
            "signature.backend-missing", "ECDSA P-256 is not available here", needs=_BACKEND
        ) from error
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    try:
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise Rejection("signature.invalid", "the signature does not verify") from error


def _check_signature(signature: bytes) -> None:
    if not MIN_SIGNATURE_BYTES <= len(signature) <= MAX_SIGNATURE_BYTES:
        raise Rejection(
            "signature.length",
            "an ECDSA P-256 signature in DER has another length",
            expected=f"{MIN_SIGNATURE_BYTES} to {MAX_SIGNATURE_BYTES} bytes",
            got=f"{len(signature)} bytes",
        )
    if signature[0] != _SEQUENCE or signature[1] != len(signature) - 2:
        raise _not_der("not one DER sequence")
    position = 2
    for name in ("r", "s"):
        position = _check_integer(signature, position, name)
    if position != len(signature):
        raise _not_der("something follows s")


def _check_integer(signature: bytes, position: int, name: str) -> int:
    """The place after a DER INTEGER from 1 to n − 1."""
    header = signature[position : position + 2]
    end = position + 2 + (header[1] if len(header) == 2 else 0)
    content = signature[position + 2 : end]
    if len(header) < 2 or header[0] != _INTEGER or end > len(signature) or not content:
        raise _not_der(f"{name} is not a DER integer")
    value = int.from_bytes(content, "big", signed=True)
    if len(content) != value.bit_length() // 8 + 1:
        raise _not_der(f"{name} is not as short as DER has it")
    if not 1 <= value < _N:
        raise _not_der(f"{name} is not between 1 and the order n")
    return end


def _not_der(what: str) -> Rejection:
    return Rejection("signature.non-canonical", f"the ECDSA signature is not canonical: {what}")
