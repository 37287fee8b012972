"""Whom the reader names: keys, what their owners may vouch for, and when they may."""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pot_reverify.input_files import read_file
from pot_reverify.seal.public_keys import PublicKey, parse_public_keys


class Role(StrEnum):
    """What a named signer may vouch for."""

    RECORDER = "recorder"
    VENDOR = "vendor"
    AUDITOR = "auditor"
    TEE = "tee"
    COUNTERPART = "counterpart"
    """Gives half of the challenges' randomness; it signs that, and no statement."""


@dataclass(frozen=True, slots=True)
class NamedSigner:
    """A key that the reader names, with the roles that the reader gives it.

    Args:
        name: whose key it is; one owner may have several keys, and counts once.
        not_before_ns: Unix time before which the key's signatures do not count; None: no limit.
        not_after_ns: Unix time after which they do not count; None: no limit.
    """

    name: str
    key: PublicKey
    roles: frozenset[Role] = frozenset({Role.RECORDER})
    not_before_ns: int | None = None
    not_after_ns: int | None = None

    def to_document(self) -> dict[str, object]:
        """The signer as JSON values."""
        return {
            "algorithm": self.key.algorithm.value,
            "key_id": self.key.key_id,
            "name": self.name,
            "not_after_ns": self.not_after_ns,
            "not_before_ns": self.not_before_ns,
            "roles": sorted(self.roles),
        }


def load_signer(
    path: str | Path, name: str | None = None, roles: frozenset[Role] = frozenset({Role.RECORDER})
) -> tuple[NamedSigner, ...]:
    """Name the keys of a public key file; two keys in one file have one owner.

    Args:
        path: PEM, as ``pot-audit keygen`` writes it.
        name: what to call the owner; the file's name by default.

    Raises:
        OSError: the file cannot be read.
        Rejection: ``key.*``, ``file.*``.
    """
    path = Path(path)
    keys = parse_public_keys(read_file(path))
    # A file's name may be no text; a policy's name for somebody is.
    owner = name or os.fsencode(path.stem).decode(errors="backslashreplace")
    return tuple(NamedSigner(owner, key, roles) for key in keys)
