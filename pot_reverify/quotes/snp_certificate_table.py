"""The table of certificates that an AMD host hands its guests beside an extended report.

Source: AMD publication 56421 (GHCB), SNP Extended Guest Request: entries of a GUID, an offset and a
length, little-endian, up to an entry of zeros. Nothing in it is believed before a pinned root.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from pot_reverify.errors import Rejection

_WHERE: Final = "certificate table"
_ENTRY_BYTES: Final = 24
_MAX_ENTRIES: Final = 16
_CHAIN: Final = (
    uuid.UUID("63da758d-e664-4564-adc5-f4b93be8accd"),  # VCEK
    uuid.UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1"),  # VLEK
    uuid.UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782"),  # ASK
    uuid.UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae"),  # ARK
)
"""In the order of a chain; a host has one of the first two."""
_CRL: Final = uuid.UUID("92f81bc3-5811-4d3d-97ff-d19f88dc67ea")


@dataclass(frozen=True, slots=True)
class CertificateTable:
    """What the host added: each DER, or PEM blocks.

    Args:
        certificates: the signing key's first.
        crls: AMD's revocation lists.
    """

    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]


def parse_certificate_table(data: bytes) -> CertificateTable:
    """Read a table whose values are DER or PEM; entries of other kinds are passed over.

    Raises:
        Rejection: ``quote.wrapping``.
    """
    found: dict[uuid.UUID, bytes] = {}
    for number in range(_MAX_ENTRIES + 1):
        entry = data[number * _ENTRY_BYTES : (number + 1) * _ENTRY_BYTES]
        if len(entry) < _ENTRY_BYTES:
            raise _refuse("the table has no end")
        if not any(entry):
            break
        # RFC 9562's byte order, as the kernel and AMD's tools have it.
        kind = uuid.UUID(bytes=entry[:16])
        start, size = (int.from_bytes(entry[at : at + 4], "little") for at in (16, 20))
        if start + size > len(data):
            raise _refuse("an entry lies outside the table")
        if kind in found:
            raise _refuse("an entry stands twice")
        found[kind] = data[start : start + size]
    else:
        raise _refuse("too many entries")
    chain = tuple(found[kind] for kind in _CHAIN if kind in found)
    return CertificateTable(chain, (found[_CRL],) if _CRL in found else ())


def _refuse(message: str) -> Rejection:
    return Rejection("quote.wrapping", message, where=_WHERE)
