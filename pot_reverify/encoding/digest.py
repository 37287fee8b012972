"""SHA-256 digests: 32 bytes inside, ``sha256:`` and lower-case hex in documents."""

import hashlib
import re
from typing import Final

from pot_reverify.errors import Rejection

DIGEST_BYTES: Final = 32

_TEXT_FORM: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_PREFIX: Final = "sha256:"


def sha256_digest(data: bytes) -> bytes:
    """The 32 bytes of SHA-256 (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def format_digest(digest: bytes) -> str:
    """``sha256:`` and 64 lower-case hex digits.

    Raises:
        ValueError: not 32 bytes.
    """
    if len(digest) != DIGEST_BYTES:
        raise ValueError(f"a SHA-256 digest has {DIGEST_BYTES} bytes, not {len(digest)}")
    return _PREFIX + digest.hex()


def parse_digest(text: str) -> bytes:
    """The 32 bytes of a digest in the one accepted text form.

    Raises:
        Rejection: ``digest.malformed``: another algorithm, upper case, or another length.
    """
    if _TEXT_FORM.fullmatch(text) is None:
        raise Rejection(
            "digest.malformed",
            "not a digest",
            expected="sha256: and 64 lower-case hex digits",
            got=repr(text[:80]),
        )
    return bytes.fromhex(text.removeprefix(_PREFIX))
