"""Ed25519 (RFC 8032) under rules that leave one answer for each key, message and signature.

Libraries disagree about encodings that no honest signer makes (Chalkias, Garillot, Nikolaenko,
"Taming the many EdDSAs", 2020). Refusing those first makes the answers of libsodium and OpenSSL
equal on every public vector.
"""

from typing import Final

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from pot_reverify.errors import Rejection

PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

# The field and the order of the base point (RFC 8032 §5.1).
_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
# y of the points whose order divides 8: of order 1, 2, 4, and the two of order 8. With either sign
# of x, and written as y + p where that fits, they make the 14 low-order encodings.
_Y_OF_ORDER_8: Final = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_LOW_ORDER_Y: Final = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})


def check_public_key(public_key: bytes) -> None:
    """Refuses what no key generation makes.

    Raises:
        Rejection: ``key.length``, ``key.non-canonical`` or ``key.low-order``.
    """
    _check_length(public_key, PUBLIC_KEY_BYTES, "key.length", "public key")
    _check_point(public_key, "key", "public key")


def verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Verifies pure Ed25519 for a key that `check_public_key` let pass.

    Raises:
        Rejection: ``signature.length``, ``signature.non-canonical`` (S not below L, or a
            coordinate of R not below p), ``signature.low-order`` or ``signature.invalid``.
    """
    _check_length(signature, SIGNATURE_BYTES, "signature.length", "signature")
    if int.from_bytes(signature[32:], "little") >= _L:
        raise Rejection("signature.non-canonical", "S of the signature is not below the order L")
    _check_point(signature[:32], "signature", "R of the signature")
    try:
        VerifyKey(public_key).verify(message, signature)
    except BadSignatureError as error:
        raise Rejection("signature.invalid", "the signature does not verify") from error


def _check_length(data: bytes, length: int, code: str, what: str) -> None:
    if len(data) != length:
        raise Rejection(
            code,
            f"an Ed25519 {what} has the wrong length",
            expected=f"{length} bytes",
            got=f"{len(data)} bytes",
        )


def _check_point(encoding: bytes, area: str, what: str) -> None:
    y = int.from_bytes(encoding, "little") & (2**255 - 1)
    if y >= _P:
        raise Rejection(f"{area}.non-canonical", f"the y coordinate of the {what} is not below p")
    if y in _LOW_ORDER_Y:
        raise Rejection(f"{area}.low-order", f"the {what} is a point of low order")
