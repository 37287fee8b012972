"""Verification of one signature by one key, under the key's own algorithm."""

from typing import Final

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.seal import ecdsa_p256, ed25519_strict
from pot_reverify.seal.public_keys import Algorithm, PublicKey

_ML_DSA_65_SIGNATURE_BYTES: Final = 3309  # FIPS 204, table 2
_BACKEND: Final = "pip install 'pot-audit[pq]'"


def verify_signature(key: PublicKey, message: bytes, signature: bytes) -> None:
    """Verifies a signature over a whole message; returns only if it is good.

    Args:
        key: a key that somebody named; its algorithm is the one that is run.
        message: the bytes that were signed: `pot_reverify.seal.dsse.pae` of the document, never
            the document itself.
        signature: 64 bytes for Ed25519 (RFC 8032, strict), DER for ECDSA P-256 with SHA-256, 3309
            bytes for pure ML-DSA-65 with the empty context (FIPS 204, algorithm 3).

    Raises:
        Rejection: ``signature.length``, ``signature.non-canonical``, ``signature.low-order`` or
            ``signature.invalid``.
        Indeterminate: ``signature.backend-missing`` where the key's algorithm is not installed.
    """
    if key.algorithm is Algorithm.ED25519:
        ed25519_strict.verify(key.raw, message, signature)
    elif key.algorithm is Algorithm.ECDSA_P256:
        ecdsa_p256.verify(key.raw, message, signature)
    else:
        _verify_ml_dsa_65(key.raw, message, signature)


def _verify_ml_dsa_65(public_key: bytes, message: bytes, signature: bytes) -> None:
    if len(signature) != _ML_DSA_65_SIGNATURE_BYTES:
        raise Rejection(
            "signature.length",
            "an ML-DSA-65 signature has the wrong length",
            expected=f"{_ML_DSA_65_SIGNATURE_BYTES} bytes",
            got=f"{len(signature)} bytes",
        )
    try:
        # Heavy, and not every reader has it.
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.mldsa import (  # noqa: PLC0415
            MLDSA65PublicKey,
        )
    except ImportError as error:
        raise _backend_missing() from error
    try:
        MLDSA65PublicKey.from_public_bytes(public_key).verify(signature, message)
    except UnsupportedAlgorithm as error:
        raise _backend_missing() from error
    except InvalidSignature as error:
        raise Rejection("signature.invalid", "the signature does not verify") from error


def _backend_missing() -> Indeterminate:
    return Indeterminate(
        "signature.backend-missing", "ML-DSA-65 is not available here", needs=_BACKEND
    )
