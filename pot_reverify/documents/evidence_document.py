"""``quote/NAME.json``: one piece of TEE evidence, with what travelled with it and what it is for.

A JSON collection of conceptual messages (draft-ietf-rats-msg-wrap): each member but the type is a
record ``[media type, base64url, indicator]`` or a collection of records. Nothing in it is believed:
it says what somebody claims that the quote binds, and the checks compute what it has to bind.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pot_reverify.documents.blob import EXCHANGE_PREFIX
from pot_reverify.encoding import strict_json
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection
from pot_reverify.quotes.evidence import (
    MAX_CERTIFICATES,
    MAX_CRLS,
    QuoteEvidence,
    QuoteKind,
)

COLLECTION_TYPE: Final = "tag:pot-audit,2026:evidence/1"
CERTIFICATES_TYPE: Final = "tag:pot-audit,2026:certificates/1"
CRLS_TYPE: Final = "tag:pot-audit,2026:crls/1"
ABOUT_TYPE: Final = "application/vnd.pot-audit.evidence-about+json"
ABOUT_KIND: Final = "pot-audit/evidence-about/1"
QUOTE_TYPE: Final = "application/vnd.pot-audit.quote; kind="
_MAX_CHANNEL_KEY_BYTES: Final = 4096
_MAX_EXCHANGE_BLOBS: Final = 64
# The indicator of a conceptual message: RFC 9334's endorsements and evidence.
_ENDORSEMENTS: Final = 2
_EVIDENCE: Final = 4


class Binding(StrEnum):
    """What the quote is there for."""

    RUN = "run"
    """Grade A: the TEE commits to the run and to a key that signs the statement."""
    KEY = "key"
    """Grade B: the TEE attests a key that signs every request and response."""
    CHANNEL = "channel"
    """Grade C: the TEE attests the key of the channel to the endpoint."""


class Subject(StrEnum):
    """Whose quote it is."""

    RUN = "run"
    """The recorder's own: it ran both models."""
    REFERENCE = "reference"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class EvidenceDocument:
    """A piece of evidence and its purpose.

    Args:
        binding: what it is there for.
        subject: whose it is; only a run-bound quote can be of the whole run.
        quote: the evidence itself, with its endorsements.
        channel_key: DER SubjectPublicKeyInfo of the endpoint's channel key, for a channel only.
        exchanges: names of the blobs of exchanges, in order, for a key only.

    Raises:
        Rejection: ``evidence.purpose``.
    """

    binding: Binding
    subject: Subject
    quote: QuoteEvidence
    channel_key: bytes | None = None
    exchanges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (
            (self.binding is not Binding.RUN and self.subject is Subject.RUN)
            or (self.binding is Binding.CHANNEL) != (self.channel_key is not None)
            or (self.binding is Binding.KEY) != bool(self.exchanges)
        ):
            raise Rejection(
                "evidence.purpose",
                "a channel's key belongs to a channel, exchanges to a key, both to one model",
                got=f"{self.binding} of {self.subject}",
            )

    def to_json(self) -> bytes:
        """The blob."""
        quote = self.quote
        document: dict[str, object] = {
            "__cmwc_t": COLLECTION_TYPE,
            "about": [ABOUT_TYPE, _encode(strict_json.encode(self._about()))],
            "evidence": [QUOTE_TYPE + quote.kind.value, _encode(quote.data), _EVIDENCE],
        }
        if quote.collateral:
            document["collateral"] = [
                "application/json",
                _encode(quote.collateral),
                _ENDORSEMENTS,
            ]
        if quote.certificates:
            document["certificates"] = _list(
                CERTIFICATES_TYPE, "application/pkix-cert", quote.certificates
            )
        if quote.crls:
            document["crls"] = _list(CRLS_TYPE, "application/pkix-crl", quote.crls)
        return strict_json.encode(document)

    def _about(self) -> dict[str, object]:
        key = self.channel_key
        return {
            "binding": self.binding.value,
            "channel_key": None if key is None else _encode(key),
            "exchanges": list(self.exchanges),
            "kind": ABOUT_KIND,
            "subject": self.subject.value,
        }


def parse_evidence_document(data: bytes, where: str) -> EvidenceDocument:
    """Read a blob below ``quote/``.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``evidence.purpose``, ``evidence.base64``,
            ``quote.too-large``.
    """
    fields = Fields(strict_json.decode(data), where)
    fields.take_literal("__cmwc_t", COLLECTION_TYPE)
    about_type, about = _take_record(fields, "about", None)
    if about_type != ABOUT_TYPE:
        raise _unknown(fields.at("about"), ABOUT_TYPE, about_type)
    media_type, quote = _take_record(fields, "evidence", _EVIDENCE)
    kinds = {QUOTE_TYPE + kind.value: kind for kind in QuoteKind}
    if media_type not in kinds:
        raise _unknown(fields.at("evidence"), " or ".join(kinds), media_type)
    collateral = b""
    if fields.has("collateral"):
        collateral_type, collateral = _take_record(fields, "collateral", _ENDORSEMENTS)
        if collateral_type != "application/json":
            raise _unknown(fields.at("collateral"), "application/json", collateral_type)
    evidence = QuoteEvidence(
        kinds[media_type],
        quote,
        collateral=collateral,
        certificates=_take_list(
            fields, "certificates", CERTIFICATES_TYPE, "application/pkix-cert", MAX_CERTIFICATES
        ),
        crls=_take_list(fields, "crls", CRLS_TYPE, "application/pkix-crl", MAX_CRLS),
    )
    fields.finish()
    return _with_purpose(Fields(strict_json.decode(about), f"{where}.about"), evidence)


def _with_purpose(fields: Fields, quote: QuoteEvidence) -> EvidenceDocument:
    fields.take_literal("kind", ABOUT_KIND)
    key = None
    if not fields.drop_null("channel_key"):
        text = fields.take_str("channel_key", 2 * _MAX_CHANNEL_KEY_BYTES)
        key = _decode(text, fields.at("channel_key"))
    names = fields.take_list("exchanges", 0, _MAX_EXCHANGE_BLOBS)
    exchanges = tuple(name for name in names if isinstance(name, str))
    if len(exchanges) < len(names) or not all(
        name.startswith(EXCHANGE_PREFIX) for name in exchanges
    ):
        raise _unknown(fields.at("exchanges"), f"names below {EXCHANGE_PREFIX}", names)
    document = EvidenceDocument(
        binding=Binding(fields.take_literal("binding", *Binding)),
        subject=Subject(fields.take_literal("subject", *Subject)),
        quote=quote,
        channel_key=key,
        exchanges=exchanges,
    )
    fields.finish()
    return document


def _take_record(fields: Fields, name: str, indicator: int | None) -> tuple[str, bytes]:
    """A record; the indicator has to be the given one, and stands only where one is given."""
    return _record(fields.take(name), fields.at(name), indicator)


def _record(value: object, where: str, indicator: int | None) -> tuple[str, bytes]:
    match value:
        case [str(media_type), str(text)] if indicator is None:
            pass
        case [str(media_type), str(text), int(stated)] if stated is not True and (
            stated == indicator
        ):
            pass
        case _:
            raise Rejection(
                "schema.wrong-type",
                "not a record of a conceptual message",
                where=where,
                expected=f"[media type, base64url{'' if indicator is None else f', {indicator}'}]",
            )
    return media_type, _decode(text, where)


def _take_list(
    fields: Fields, name: str, list_type: str, media_type: str, most: int
) -> tuple[bytes, ...]:
    """A collection whose labels are 0, 1, 2 and so on; absent where it would be empty."""
    if not fields.has(name):
        return ()
    inner = fields.take_fields(name)
    inner.take_literal("__cmwc_t", list_type)
    items: list[bytes] = []
    while inner.has(str(len(items))) and len(items) < most:
        label = str(len(items))
        found, data = _take_record(inner, label, _ENDORSEMENTS)
        if found != media_type:
            raise _unknown(inner.at(label), media_type, found)
        items.append(data)
    inner.finish()
    if not items:
        raise Rejection("schema.missing-field", "an empty collection", where=inner.at("0"))
    return tuple(items)


def _list(list_type: str, media_type: str, items: Sequence[bytes]) -> dict[str, object]:
    records: dict[str, object] = {
        str(number): [media_type, _encode(item), _ENDORSEMENTS] for number, item in enumerate(items)
    }
    return {"__cmwc_t": list_type, **records}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str, where: str) -> bytes:
    """Base64url without padding, in its one form."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejection("evidence.base64", "not base64url", where=where) from error
    if _encode(data) != text:
        raise Rejection("evidence.base64", "not base64url in its one form", where=where)
    return data


def _unknown(where: str, expected: str, got: object) -> Rejection:
    return Rejection(
        "schema.unknown-value",
        "this version does not know the value",
        where=where,
        expected=expected,
        got=str(got)[:80],
    )
