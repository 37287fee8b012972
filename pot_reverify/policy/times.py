"""Which times the reader wants proven, and whose clocks the reader believes."""

from dataclasses import dataclass
from enum import StrEnum

from pot_reverify.encoding.digest import format_digest, sha256_digest


class ProvenTime(StrEnum):
    """What a reader may want to see proven."""

    PRECOMMIT = "precommit"
    """The precommit existed before the first challenge."""
    STATEMENT = "statement"
    """The sealed statement, and with it all that it commits to, existed by some time."""


@dataclass(frozen=True, slots=True)
class TimeAuthority:
    """A time-stamping authority (RFC 3161) that the reader names.

    Args:
        name: shown to people.
        root: DER of the certificate that its certificates chain to.
        certificate: DER of its own certificate, where only this one will do.
    """

    name: str
    root: bytes
    certificate: bytes | None = None

    def to_document(self) -> dict[str, object]:
        """The authority as JSON values; certificates by their digest."""
        pinned = self.certificate
        return {
            "certificate": None if pinned is None else format_digest(sha256_digest(pinned)),
            "name": self.name,
            "root": format_digest(sha256_digest(self.root)),
        }


@dataclass(frozen=True, slots=True)
class TimePolicy:
    """The reader's clocks and demands."""

    authorities: tuple[TimeAuthority, ...] = ()
    required: frozenset[ProvenTime] = frozenset()

    def to_document(self) -> dict[str, object]:
        """The policy as JSON values."""
        return {
            "authorities": [one.to_document() for one in self.authorities],
            "required": sorted(self.required),
        }
