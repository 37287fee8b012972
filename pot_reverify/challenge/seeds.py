"""From the committed secret to the seed of every challenge (docs/format.md, section 6).

The secret is committed to before the run and revealed after it; a counterpart's nonce, given only
after the commitment, keeps the recorder from choosing the challenges by choosing the secret.
"""

import hashlib
import hmac

SECRET_BYTES = 32
NONCE_BYTES = 32
RUN_ID_BYTES = 16
_SECRET_TAG = b"pot-audit/secret/1"
_KEY_INFO = b"pot-audit/challenge-key/1"


def secret_commitment(secret: bytes, run_id: bytes) -> bytes:
    """SHA-256(tag ‖ secret ‖ run id): binding, and hiding because the secret has 256 bits."""
    return hashlib.sha256(_SECRET_TAG + secret + run_id).digest()


def derive_challenge_key(secret: bytes, counterpart_nonce: bytes, run_id: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) of secret ‖ nonce, with the run id as salt; one block of output.

    Args:
        secret: 32 bytes.
        counterpart_nonce: 32 bytes, or empty where the precommit names no counterpart.
        run_id: 16 bytes.
    """
    extracted = hmac.digest(run_id, secret + counterpart_nonce, "sha256")
    return hmac.digest(extracted, _KEY_INFO + b"\x01", "sha256")


def challenge_seed(challenge_key: bytes, run_id: bytes, index: int) -> bytes:
    """HMAC-SHA256(key, run id ‖ index as 8 bytes big-endian); indices count from 1."""
    return hmac.digest(challenge_key, run_id + index.to_bytes(8, "big"), "sha256")
