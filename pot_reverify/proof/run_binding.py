"""What ties a proof to one run: the run digest, salts, and the text of the score commitment."""

import hashlib
import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.proof.eb_instance import SALT_BYTES
from pot_reverify.proof.pasta_fields import P

_RUN_DOMAIN: Final = b"pot-audit/run/1\x00"
_SALT_DOMAIN: Final = b"pot-audit/score-salt/1\x00"
_CHALLENGE_SALT_DOMAIN: Final = b"pot-audit/challenge-salt/2\x00"
_PREFIXES: Final = MappingProxyType({1: "poseidon-p128pow5t3:", 2: "poseidon-p128pow5t3/2:"})
"""One a version of the circuits."""
_DIGITS: Final = re.compile("[0-9a-f]{64}", re.ASCII)


def run_digest(run_id: bytes, transcript_root: bytes) -> bytes:
    """Returns the digest that a proof names its run by: 32 bytes.

    Args:
        run_id: 16 bytes.
        transcript_root: root of the tree over HEAD, the records and their contents; withholding
            does not change it, and neither do documents that are added afterwards.
    """
    return hashlib.sha256(_RUN_DOMAIN + run_id + transcript_root).digest()


def score_salt(run_id: bytes, content_salts: Iterable[bytes]) -> bytes:
    """Returns the salt of the score commitment of version 1.

    Whoever lacks one content cannot guess it.

    Args:
        run_id: 16 bytes.
        content_salts: of all contents of the run, in order.
    """
    return hashlib.sha256(_SALT_DOMAIN + run_id + b"".join(content_salts)).digest()[:SALT_BYTES]


def challenge_salt(run_id: bytes, index: int, content_salts: Iterable[bytes]) -> bytes:
    """Returns the salt of the commitment to one challenge, of version 2.

    It follows from the four contents, so nothing is stored for it, and whoever lacks one of them
    cannot guess the scores.

    Args:
        run_id: 16 bytes.
        index: of the challenge, from 1.
        content_salts: of its four contents, in order.
    """
    of_contents = index.to_bytes(4, "big") + b"".join(content_salts)
    digest = hashlib.sha256(_CHALLENGE_SALT_DOMAIN + run_id + of_contents).digest()
    return digest[:SALT_BYTES]


def format_commitment(commitment: int, version: int) -> str:
    """The text of a score commitment in a statement.

    Args:
        version: of the circuit.
    """
    return f"{_PREFIXES[version]}{commitment:064x}"


def parse_commitment(text: str, version: int, where: str) -> int:
    """Reads the text of a score commitment.

    Args:
        version: of the circuit that the commitment is for.

    Raises:
        Rejection: ``proof.commitment-malformed``.
    """
    prefix = _PREFIXES[version]
    digits = text.removeprefix(prefix)
    is_formed = text.startswith(prefix) and _DIGITS.fullmatch(digits)
    commitment = int(digits, 16) if is_formed else P
    if commitment >= P:
        raise Rejection(
            "proof.commitment-malformed",
            "not a score commitment",
            where=where,
            expected=f"{prefix} and an element of the field, 64 lower-case hex digits",
            got=repr(text[:120]),
        )
    return commitment
