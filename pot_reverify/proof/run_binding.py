"""What ties a proof to one run: the run digest, the salt, and the text of the score commitment."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.proof.eb_instance import SALT_BYTES
from pot_reverify.proof.pasta_fields import P

_RUN_DOMAIN: Final = b"pot-audit/run/1\x00"
_SALT_DOMAIN: Final = b"pot-audit/score-salt/1\x00"
_PREFIX: Final = "poseidon-p128pow5t3:"
_TEXT_FORM: Final = re.compile(_PREFIX + "[0-9a-f]{64}", re.ASCII)


def run_digest(run_id: bytes, transcript_root: bytes) -> bytes:
    """Returns the digest that a proof names its run by: 32 bytes.

    Args:
        run_id: 16 bytes.
        transcript_root: root of the tree over HEAD, the records and their contents; withholding
            does not change it, and neither do documents that are added afterwards.
    """
    return hashlib.sha256(_RUN_DOMAIN + run_id + transcript_root).digest()


def score_salt(run_id: bytes, content_salts: Iterable[bytes]) -> bytes:
    """Returns the salt of the score commitment: whoever lacks one content cannot guess it.

    Args:
        run_id: 16 bytes.
        content_salts: of all contents of the run, in order.
    """
    return hashlib.sha256(_SALT_DOMAIN + run_id + b"".join(content_salts)).digest()[:SALT_BYTES]


def format_commitment(commitment: int) -> str:
    """The text of a score commitment in a statement."""
    return f"{_PREFIX}{commitment:064x}"


def parse_commitment(text: str, where: str) -> int:
    """Reads the text of a score commitment.

    Raises:
        Rejection: ``proof.commitment-malformed``.
    """
    commitment = int(text[len(_PREFIX) :], 16) if _TEXT_FORM.fullmatch(text) else P
    if commitment >= P:
        raise Rejection(
            "proof.commitment-malformed",
            "not a score commitment",
            where=where,
            expected=f"{_PREFIX} and an element of the field, 64 lower-case hex digits",
            got=repr(text[:120]),
        )
    return commitment
