"""The forms in which people keep evidence: raw, hex, base64, PEM, and JSON or CBOR around it."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes import vendor_json
from pot_reverify.quotes.dcap_layout import cut_padding
from pot_reverify.quotes.evidence import MAX_QUOTE_BYTES, QuoteEvidence, QuoteKind
from pot_reverify.quotes.rats_wrappings import PROVIDERS, unwrap
from pot_reverify.quotes.snp_certificate_table import CertificateTable
from pot_reverify.quotes.verify import identify_quote

MAX_EVIDENCE_FILE_BYTES: Final = 4 * MAX_QUOTE_BYTES
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----")
_MAX_PADDING: Final = 2
_DCAP: Final = (QuoteKind.SGX, QuoteKind.TDX)
_NOTHING: Final = CertificateTable((), ())


def read_quote(data: bytes) -> tuple[QuoteKind, bytes]:
    """The evidence in a file, and the kind that it claims to be.

    Zeros after an SGX or TDX quote, which nobody signed, are cut off.

    Raises:
        Rejection: ``quote.unknown-kind``, ``quote.too-large``, ``quote.json``, ``quote.wrapping``,
            or ``quote.kind`` for a wrapping that calls it another.
    """
    kind, raw, _ = _read(data)
    return kind, raw


def _read(data: bytes) -> tuple[QuoteKind, bytes, CertificateTable]:
    """The evidence, its kind, and what a wrapping around it had besides."""
    if len(data) > MAX_EVIDENCE_FILE_BYTES:
        raise Rejection("quote.too-large", "more than any form of evidence", got=len(data))
    for form in _forms(data):
        wrapped = unwrap(form)
        quote = form if wrapped is None else wrapped.report
        try:
            kind = identify_quote(quote)
        except Rejection as error:
            if error.code != "quote.unknown-kind":
                raise
            continue
        if wrapped is not None and PROVIDERS.get(wrapped.provider) is not kind:
            raise Rejection(
                "quote.kind",
                "the wrapping calls the report that of another TEE",
                expected=kind,
                got=wrapped.provider[:40],
            )
        table = _NOTHING if wrapped is None else wrapped.endorsements
        return kind, _without_padding(quote) if kind in _DCAP else quote, table
    raise Rejection(
        "quote.unknown-kind", "not a form of evidence that is read here", got=data[:8].hex()
    )


def read_evidence(
    data: bytes, collateral: bytes, certificates: Iterable[bytes], crls: Iterable[bytes]
) -> QuoteEvidence:
    """A quote with what travelled with it, each in any of the forms.

    Args:
        data: as `read_quote` takes it.
        collateral: JSON; empty for none.
        certificates: files, each PEM blocks or one DER certificate, the end entity first. Where
            there is none, those that came with the quote in its wrapping.
        crls: the same of CRLs.

    Raises:
        Rejection: as `read_quote`; ``quote.too-large``.
    """
    kind, raw, table = _read(data)
    return QuoteEvidence(
        kind,
        raw,
        collateral=collateral,
        certificates=_ders(certificates) or _ders(table.certificates),
        crls=_ders(crls) or _ders(table.crls),
    )


def _ders(files: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(der for file in files for der in split_der(file))


def split_der(data: bytes) -> tuple[bytes, ...]:
    """The DER of every PEM block, or the file itself where it has none.

    Raises:
        Rejection: ``quote.certificate-malformed`` for a block that is no base64.
    """
    blocks = _PEM.findall(data)
    if not blocks:
        return (data,)
    ders = tuple(_base64(body) for _, body in blocks)
    if None in ders:
        raise Rejection("quote.certificate-malformed", "a PEM block is not base64")
    return tuple(der for der in ders if der is not None)


def _forms(data: bytes) -> Iterable[bytes]:
    yield data
    if data.lstrip()[:1] == b"{":
        # dstack's getQuote answers with the quote in a member; nothing else of it is looked at.
        document = vendor_json.decode_object(data, "evidence")
        if isinstance(document.get("quote"), str):
            yield vendor_json.hex_bytes(document, "quote", "evidence")
        return
    if (block := _PEM.search(data)) and (decoded := _base64(block[2])):
        yield decoded
    if decoded := _hex(data):
        yield decoded
    if data.count(b"=") <= _MAX_PADDING and (decoded := _base64(data)):
        yield decoded


def _without_padding(quote: bytes) -> bytes:
    try:
        return cut_padding(quote)
    except Rejection:
        return quote  # for the verification to refuse, as the quote that it claims to be


def _hex(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.strip().removeprefix(b"0x").decode("ascii"))
    except ValueError:
        return None


def _base64(text: bytes) -> bytes | None:
    body = b"".join(text.split()).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(body + b"=" * (-len(body) % 4), validate=True)
    except binascii.Error:
        return None
