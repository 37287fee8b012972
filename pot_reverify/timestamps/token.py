"""What a time-stamp response (RFC 3161) says, read strictly; nothing is verified here."""

import hashlib
from dataclasses import dataclass
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.timestamps import der
from pot_reverify.timestamps.der import Element, Fields, context, malformed
from pot_reverify.timestamps.signer_info import (
    TST_INFO,
    SignerInfo,
    hash_name,
    parse_signer_info,
    require_oid,
)

MAX_TOKEN_BYTES: Final = 1 << 16
MAX_CERTIFICATES: Final = 16
MEDIA_TYPE: Final = "application/timestamp-reply"

_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_RESOLUTION_NS: Final = 1_000_000_000
_STATUS_WORDS: Final = {
    1: "granted with modifications",
    2: "rejection",
    3: "waiting",
    4: "revocation warning",
    5: "revocation notification",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A time-stamp response as it was read.

    Args:
        data: the whole response, which is what a renewal is over.
        imprint_algorithm: ``sha256``, ``sha384`` or ``sha512``.
        accuracy_ns: how far `gen_time_ns` may be off; one second if the token does not say.
        certificates: DER of what travelled with it; nobody vouches for these.
    """

    data: bytes
    where: str
    imprint_algorithm: str
    imprint: bytes
    gen_time_ns: int
    accuracy_ns: int
    serial: int
    policy: str
    nonce: int | None
    certificates: tuple[bytes, ...]
    signer: SignerInfo

    def covers(self, message: bytes) -> bool:
        """Whether the token is over these bytes."""
        return hashlib.new(self.imprint_algorithm, message).digest() == self.imprint


def parse_token(data: bytes, where: str) -> Token:
    """Read one DER TimeStampResp.

    Raises:
        Rejection: ``time.token-malformed``, ``time.token-status`` or ``time.token-algorithm``.
    """
    if len(data) > MAX_TOKEN_BYTES:
        raise malformed(where, "longer than any token", f"at most {MAX_TOKEN_BYTES}", len(data))
    response = der.parse_one(data, where).fields()
    _require_granted(response.take(der.SEQUENCE).fields(), where)
    content_info = response.take(der.SEQUENCE).fields()
    response.finish()
    require_oid(content_info.take(der.OBJECT_IDENTIFIER), _SIGNED_DATA)
    wrapped = content_info.take(context(0)).fields(context(0))
    content_info.finish()
    signed_data = wrapped.take(der.SEQUENCE).fields()
    wrapped.finish()
    signed_data.take(der.INTEGER).integer()
    signed_data.take(der.SET).sorted_items()
    content = _encapsulated(signed_data.take(der.SEQUENCE).fields())
    certificates = signed_data.take_optional(context(0))
    signed_data.take_optional(context(1))  # revocation lists, which nobody here relies on
    signers = signed_data.take(der.SET).items()
    signed_data.finish()
    if len(signers) != 1:
        raise malformed(where, "not exactly one signer", 1, len(signers))
    embedded = () if certificates is None else certificates.sorted_items()
    if len(embedded) > MAX_CERTIFICATES:
        raise malformed(where, "too many certificates", MAX_CERTIFICATES, len(embedded))
    return _assemble(
        data,
        where,
        content,
        tuple(one.require(der.SEQUENCE).encoded for one in embedded),
        signers[0].fields(),
    )


def _require_granted(status: Fields, where: str) -> None:
    number = status.take(der.INTEGER).integer()
    texts = status.take_optional(der.SEQUENCE)
    status.take_optional(der.BIT_STRING)
    status.finish()
    said = [] if texts is None else texts.items()
    words = [one.require(der.UTF8_STRING).content.decode(errors="replace") for one in said]
    if number != 0:
        raise Rejection(
            "time.token-status",
            "the authority granted no time stamp",
            where=where,
            expected="granted",
            got=": ".join([_STATUS_WORDS.get(number, str(number)), *words]),
        )


def _encapsulated(info: Fields) -> bytes:
    require_oid(info.take(der.OBJECT_IDENTIFIER), TST_INFO)
    wrapped = info.take(context(0)).fields(context(0))
    info.finish()
    content = wrapped.take(der.OCTET_STRING).content
    wrapped.finish()
    return content


def _assemble(
    data: bytes, where: str, content: bytes, certificates: tuple[bytes, ...], signer: Fields
) -> Token:
    info = der.parse_one(content, where).fields()
    if info.take(der.INTEGER).integer() != 1:
        raise malformed(where, "a version of tokens that this program does not know")
    policy = info.take(der.OBJECT_IDENTIFIER).oid()
    imprint = info.take(der.SEQUENCE).fields()
    imprint_algorithm = hash_name(imprint.take(der.SEQUENCE))
    imprint_digest = imprint.take(der.OCTET_STRING).content
    imprint.finish()
    if len(imprint_digest) != hashlib.new(imprint_algorithm).digest_size:
        raise malformed(where, f"not a {imprint_algorithm} digest", got=len(imprint_digest))
    serial = info.take(der.INTEGER).integer()
    gen_time_ns, has_fraction = info.take(der.GENERALIZED_TIME).time_ns()
    accuracy = info.take_optional(der.SEQUENCE)
    accuracy_ns = _RESOLUTION_NS if accuracy is None else _accuracy_ns(accuracy)
    ordering = info.take_optional(der.BOOLEAN)
    if ordering is not None:
        ordering.boolean()
    nonce = info.take_optional(der.INTEGER)
    info.take_optional(context(0))  # the authority's name for itself; the certificate has one too
    _require_no_critical(info.take_optional(context(1)))
    info.finish()
    return Token(
        data=data,
        where=where,
        imprint_algorithm=imprint_algorithm,
        imprint=imprint_digest,
        gen_time_ns=gen_time_ns,
        # A time without a fraction is cut off, so it may lie up to a second back.
        accuracy_ns=accuracy_ns if has_fraction else max(accuracy_ns, _RESOLUTION_NS),
        serial=serial,
        policy=policy,
        nonce=None if nonce is None else nonce.integer(),
        certificates=certificates,
        signer=parse_signer_info(signer, content, where),
    )


def _accuracy_ns(accuracy: Element) -> int:
    fields = accuracy.fields()
    total = 0
    for tag, unit_ns in ((der.INTEGER, 10**9), (0x80, 10**6), (0x81, 10**3)):
        part = fields.take_optional(tag)
        if part is not None:
            value = Element(der.INTEGER, part.content, part.encoded, part.where).integer()
            if value < 0 or (tag != der.INTEGER and not 1 <= value <= 999):
                raise malformed(part.where, "not an accuracy", got=value)
            total += value * unit_ns
    fields.finish()
    return total


def _require_no_critical(extensions: Element | None) -> None:
    for extension in () if extensions is None else extensions.items():
        fields = extension.fields()
        oid = fields.take(der.OBJECT_IDENTIFIER).oid()
        critical = fields.take_optional(der.BOOLEAN)
        fields.take(der.OCTET_STRING)
        fields.finish()
        if critical is not None and critical.boolean():
            raise malformed(extension.where, "a critical extension is not understood", got=oid)
