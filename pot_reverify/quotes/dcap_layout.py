"""The layouts of SGX quotes version 3 and TDX quotes versions 4 and 5.

Intel, "SGX ECDSA QuoteLibReference DCAP API" A.4, and "TDX DCAP Quoting Library API" A.3.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes.byte_reader import ByteReader
from pot_reverify.quotes.evidence import QuoteKind

_HEADER_BYTES: Final = 48
_SGX_BODY_BYTES: Final = 384
_TD10_BODY_BYTES: Final = 584
_TD15_BODY_BYTES: Final = 648
_BODY_BYTES_BY_V5_TYPE: Final = {2: _TD10_BODY_BYTES, 3: _TD15_BODY_BYTES}
_TEE: Final = {(3, 0): QuoteKind.SGX, (4, 0x81): QuoteKind.TDX, (5, 0x81): QuoteKind.TDX}
_ECDSA_P256: Final = 2
PCK_CHAIN: Final = 5
_QE_REPORT_CERTIFICATION: Final = 6
# dcap-qvl reads PEM generously, and nobody signs what stands around a certificate.
_PEM_CHAIN: Final = re.compile(
    rb"(?:-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n"
    rb"-----END CERTIFICATE-----\n?){1,4}\x00?"
)

_SGX_REGISTERS: Final = {
    "mrenclave": (64, 32),
    "mrsigner": (128, 32),
    "isv_prod_id": (256, 2),
    "isv_svn": (258, 2),
}
_TDX_REGISTERS: Final = {
    "mrseam": (16, 48),
    "mrtd": (136, 48),
    "mrconfigid": (184, 48),
    "mrowner": (232, 48),
    "mrownerconfig": (280, 48),
    "rtmr0": (328, 48),
    "rtmr1": (376, 48),
    "rtmr2": (424, 48),
    "rtmr3": (472, 48),
}


@dataclass(frozen=True, slots=True)
class DcapQuote:
    """A quote cut into what is judged here.

    Args:
        kind: SGX or TDX.
        version: of the header.
        body: the report that the quoting enclave signed.
        size_bytes: where the quote ends in what was given.
        qe_report: of the quoting enclave, 384 bytes.
        qe_binds: SHA-256 of the attestation key and the authentication data.
        certification: the type of the certification data; 5 is a PCK chain.
    """

    kind: QuoteKind
    version: int
    body: bytes
    size_bytes: int
    qe_report: bytes
    qe_binds: bytes
    certification: int

    @property
    def registers(self) -> dict[str, bytes]:
        """Measurements by name."""
        fields = _SGX_REGISTERS if self.kind is QuoteKind.SGX else _TDX_REGISTERS
        return {name: self.body[at : at + size] for name, (at, size) in fields.items()}

    @property
    def report_data(self) -> bytes:
        """The 64 bytes that the software chose."""
        at = 320 if self.kind is QuoteKind.SGX else 520
        return self.body[at : at + 64]


def parse_quote(data: bytes) -> DcapQuote:
    """Cuts a quote; bytes after its end are for the caller to judge.

    Raises:
        Rejection: ``quote.version``, ``quote.algorithm``, ``quote.truncated``, or
            ``quote.trailing-bytes`` inside the signature data.
    """
    reader = ByteReader(data, "DCAP quote")
    header = reader.take(_HEADER_BYTES)
    version, key_type = (int.from_bytes(header[i : i + 2], "little") for i in (0, 2))
    kind = _TEE.get((version, int.from_bytes(header[4:8], "little")))
    if kind is None:
        raise Rejection(
            "quote.version", "not an SGX quote v3 or a TDX quote v4 or v5", got=header[:8].hex()
        )
    if key_type != _ECDSA_P256:
        raise Rejection("quote.algorithm", "not an ECDSA P-256 quote", got=key_type)
    body = reader.take(_body_bytes(kind, version, reader))
    signature = ByteReader(reader.take(reader.take_uint(4)), "DCAP quote, signature data")
    signature.take(64)
    key = signature.take(64)
    if kind is QuoteKind.TDX:
        if signature.take_uint(2) != _QE_REPORT_CERTIFICATION:
            raise Rejection("quote.version", "the quoting enclave's report is missing")
        inner = ByteReader(signature.take(signature.take_uint(4)), "DCAP quote, certification")
        signature.finish()
        signature = inner
    qe_report = signature.take(_SGX_BODY_BYTES)
    signature.take(64)
    authentication = signature.take(signature.take_uint(2))
    certification = signature.take_uint(2)
    certification_data = signature.take(signature.take_uint(4))
    signature.finish()
    if certification == PCK_CHAIN and not _PEM_CHAIN.fullmatch(certification_data):
        raise Rejection("quote.certificate-malformed", "not the PEM of a chain, and nothing else")
    return DcapQuote(
        kind=kind,
        version=version,
        body=body,
        size_bytes=reader.offset,
        qe_report=qe_report,
        qe_binds=sha256(key + authentication).digest(),
        certification=certification,
    )


def cut_padding(data: bytes) -> bytes:
    """The quote without the zeros that vendors hand out after it.

    Raises:
        Rejection: ``quote.trailing-bytes`` where it is not zeros; as `parse_quote`.
    """
    size_bytes = parse_quote(data).size_bytes
    if any(data[size_bytes:]):
        raise Rejection("quote.trailing-bytes", "the padding is not zero", where="DCAP quote")
    return data[:size_bytes]


def _body_bytes(kind: QuoteKind, version: int, reader: ByteReader) -> int:
    if kind is QuoteKind.SGX:
        return _SGX_BODY_BYTES
    if version == 4:
        return _TD10_BODY_BYTES
    body_type, size_bytes = reader.take_uint(2), reader.take_uint(4)
    if _BODY_BYTES_BY_V5_TYPE.get(body_type) != size_bytes:
        raise Rejection("quote.version", "not a TD report 1.0 or 1.5", got=f"type {body_type}")
    return size_bytes
