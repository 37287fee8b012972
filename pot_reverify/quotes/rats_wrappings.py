"""What RATS software hands out around a report: TSM reports, CMW records and collections, EATs.

A TSM report is what Linux gives (configfs-tsm): ``outblob`` is the report, ``auxblob`` of SEV-SNP
the host's table of certificates, ``provider`` the driver. Veraison's ratsd puts it into a
conceptual message wrapper (draft-ietf-rats-msg-wrap), and that into an entity attestation token
(RFC 9711), in JSON or in CBOR (docs/tsm-report.cddl and docs/ratsd-token.cddl of veraison/ratsd).

Nothing of a wrapping is believed, its own signature and nonce neither: it is taken off, and the
report inside is judged as if it had come alone.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes import strict_cbor, vendor_json
from pot_reverify.quotes.evidence import QuoteKind
from pot_reverify.quotes.snp_certificate_table import CertificateTable, parse_certificate_table

_WHERE: Final = "wrapping"
_COLLECTION: Final = "__cmwc_t"
_TSM_TYPES: Final = frozenset(
    {
        "application/vnd.veraison.tsm-report+json",
        "application/vnd.veraison.tsm-report+cbor",
        "application/vnd.veraison.configfs-tsm+json",
    }
)
PROVIDERS: Final = {"sev_guest": QuoteKind.SEV_SNP, "tdx_guest": QuoteKind.TDX}
"""The drivers whose reports are read, and what they give."""
_MAX_DEPTH: Final = 4
# A map, an array of 2 or 3, and COSE_Sign1 with and without its tag.
_CBOR_HEADS: Final = (*range(0xA0, 0xC0), 0x82, 0x83, 0x84, 0xD2)


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """What was inside.

    Args:
        report: the TEE's report or quote.
        provider: the driver that gave it, such as ``sev_guest``.
        endorsements: the certificates and lists that the host added.
    """

    report: bytes
    provider: str
    endorsements: CertificateTable


def unwrap(data: bytes) -> Unwrapped | None:
    """The report in a wrapping; None where it is none of those that are read here.

    Raises:
        Rejection: ``quote.wrapping`` where it is one and cannot be read; ``quote.json``.
    """
    found = list(_reports(_decode(data), 0))
    if len(found) > 1:
        raise _refuse("more than one report: which one counts is not said")
    return found[0] if found else None


def _decode(data: bytes) -> object:
    """The JSON or CBOR value, or None; a quote in another form is neither."""
    if data.lstrip()[:1] in (b"{", b"["):
        return vendor_json.decode(data, _WHERE)
    if data[:1] and data[0] in _CBOR_HEADS:
        try:
            return strict_cbor.decode(data)
        except Rejection:
            return None
    return None


def _reports(value: object, depth: int) -> Iterable[Unwrapped]:
    if depth > _MAX_DEPTH:
        raise _refuse("too many wrappings inside each other")
    match value:
        case {"outblob": outblob, "provider": provider, **others}:
            yield _tsm_report(outblob, provider, others.get("auxblob"))
        case {"__cmwc_t": str(), **members}:
            for member in members.values():
                yield from _reports(member, depth + 1)
        # A record; the third member says that it is evidence, or is left out.
        case [str(media_type), str() | bytes() as content, *rest] if (
            media_type in _TSM_TYPES and len(rest) <= 1
        ):
            yield from _reports(_decode(_octets(content)), depth + 1)
        # A token in JSON has the collection as base64url of JSON, ratsd's in CBOR as the payload.
        case {"eat_profile": str(), "cmw": str() | bytes() as content}:
            yield from _reports(_decode(_octets(content)), depth + 1)
        case {"eat_profile": str(), "cmw": dict() as collection}:
            yield from _reports(collection, depth + 1)
        case [bytes(), dict(), bytes(payload), bytes()]:
            inner = _decode(payload)
            if isinstance(inner, dict) and _COLLECTION in inner:
                yield from _reports(inner, depth + 1)


def _tsm_report(outblob: object, provider: object, auxblob: object) -> Unwrapped:
    if isinstance(provider, bytes):
        provider = provider.decode("ascii", "replace")
    if not isinstance(provider, str):
        raise _refuse("the provider is no text")
    name = provider.strip()  # the kernel ends it with a new line
    empty = CertificateTable((), ())
    # Of other drivers the format of the auxiliary blob is theirs, and nothing in it is needed.
    is_table = PROVIDERS.get(name) is QuoteKind.SEV_SNP and auxblob not in (None, "", b"")
    table = parse_certificate_table(_octets(auxblob)) if is_table else empty
    return Unwrapped(_octets(outblob), name, table)


def _octets(value: object) -> bytes:
    """Bytes of CBOR, or base64 of JSON in either alphabet, padded or not."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise _refuse("neither bytes nor text")
    text = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refuse("not base64") from error


def _refuse(message: str) -> Rejection:
    return Rejection("quote.wrapping", message, where=_WHERE)
