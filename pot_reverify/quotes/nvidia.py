"""NVIDIA GPU attestation reports (Hopper, Blackwell).

A report is an SPDM 1.1 exchange (DMTF DSP0274): GET_MEASUREMENTS with the verifier's nonce, then
MEASUREMENTS with the device's signature over both. Device certificates do not expire, and their
revocation is only told online (OCSP): here it is always "not judged". A GPU's report does not say
which machine it sits in; only a shared nonce ties it to a CPU's quote, and relays share nonces.
"""

import base64
import re
from collections.abc import Mapping
from typing import Final

from cryptography import x509

from pot_reverify.errors import Rejection
from pot_reverify.quotes import vendor_json
from pot_reverify.quotes.byte_reader import ByteReader
from pot_reverify.quotes.chain import extension_value, verify_chain, verify_p384
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteEvidence, QuoteKind, QuotePolicy

_WHERE: Final = "NVIDIA report"
_SPDM_1_1: Final = 0x11
_GET_MEASUREMENTS: Final = 0xE0
_MEASUREMENTS: Final = 0x60
_DMTF: Final = 1
_NONCE_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 96
_MAX_DEVICES: Final = 32

_OPAQUE_DRIVER: Final = 3
_OPAQUE_VBIOS: Final = 6
_OPAQUE_FWID: Final = 20
_OPAQUE_FEATURES: Final = 36
# TCG DICE: the firmware's digest, certified for the device's key when it booted.
_FWID_OIDS: Final = ("2.23.133.5.4.1.1", "2.23.133.5.4.1")
_OCTET_STRING_48: Final = b"\x04\x30"

_PEM: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{1,20000}?)-----END CERTIFICATE-----"
)


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises a report with the device's chain; golden measurements are the policy's.

    Raises:
        Rejection: ``quote.*``.
        Indeterminate: ``quote.certificate-missing``.
    """
    reader = ByteReader(evidence.data, _WHERE)
    nonce = _parse_request(reader)
    measurements = _parse_measurements(reader)
    reader.take(_NONCE_BYTES)  # the device's own
    opaque = _parse_opaque(reader.take(reader.take_uint(2)))
    signed = evidence.data[: reader.offset]
    signature = reader.take(_SIGNATURE_BYTES)
    reader.finish()
    chain = verify_chain(evidence.certificates, policy.roots_of("nvidia"), "NVIDIA chain")
    verify_p384(chain.leaf, signature, signed, _WHERE)
    fwid = opaque.get(_OPAQUE_FWID)
    if fwid is not None:  # drivers before 550 do not report it
        _check_fwid(chain.leaf, fwid)
    chain.window.require(at_ns, "NVIDIA chain")
    return QuoteAppraisal(
        kind=QuoteKind.NVIDIA_GPU,
        product=_common_name(chain.certificates[-2]),
        root=chain.root,
        registers={
            **{f"measurement{index:02d}": value for index, value in measurements.items()},
            "driver": opaque.get(_OPAQUE_DRIVER, b"").rstrip(b"\x00"),
            "vbios": opaque.get(_OPAQUE_VBIOS, b""),
        },
        bindings={"nonce": nonce},
        claims={"features": opaque.get(_OPAQUE_FEATURES, b"").hex()},
        window=chain.window,
        evaluated_at_ns=at_ns,
        not_judged=("revocation",) if fwid else ("revocation", "fwid"),
    )


def parse_evidence_list(document: object, where: str) -> tuple[QuoteEvidence, ...]:
    """The devices of the list that NVIDIA's SDK makes: base64 reports with base64 PEM chains.

    Args:
        document: the decoded JSON array.
        where: its name in errors.

    Raises:
        Rejection: ``quote.json`` or ``quote.too-large``.
    """
    entries = vendor_json.as_list(document, where)
    if not 1 <= len(entries) <= _MAX_DEVICES:
        raise Rejection("quote.json", "no devices, or too many", where=where, got=len(entries))
    return tuple(
        QuoteEvidence(
            QuoteKind.NVIDIA_GPU,
            _base64(entry, "evidence", where),
            certificates=parse_pem_chain(_base64(entry, "certificate", where)),
        )
        for entry in (vendor_json.as_object(value, where) for value in entries)
    )


def parse_pem_chain(pem: bytes) -> tuple[bytes, ...]:
    """DER of the certificates in PEM (RFC 7468), in order.

    Raises:
        Rejection: ``quote.certificate-malformed``.
    """
    try:
        return tuple(
            base64.b64decode(b"".join(body.split()), validate=True) for body in _PEM.findall(pem)
        )
    except ValueError as error:
        raise Rejection("quote.certificate-malformed", "not PEM", where="PEM chain") from error


def _parse_request(reader: ByteReader) -> bytes:
    version, code = reader.take(2)
    reader.take(2)
    nonce = reader.take(_NONCE_BYTES)
    reader.take(1)
    if (version, code) != (_SPDM_1_1, _GET_MEASUREMENTS):
        raise _malformed("the request")
    return nonce


def _parse_measurements(reader: ByteReader) -> dict[int, bytes]:
    version, code, *_, blocks = reader.take(5)
    if (version, code) != (_SPDM_1_1, _MEASUREMENTS):
        raise _malformed("the response")
    record = ByteReader(reader.take(reader.take_uint(3)), f"{_WHERE}, measurement record")
    measurements = {}
    for _ in range(blocks):
        index, specification = record.take(2)
        block = ByteReader(record.take(record.take_uint(2)), f"{_WHERE}, measurement {index}")
        block.take(1)
        value = block.take(block.take_uint(2))
        block.finish()
        if specification != _DMTF or index in measurements:
            raise _malformed(f"measurement {index}")
        measurements[index] = value
    record.finish()
    return measurements


def _parse_opaque(data: bytes) -> dict[int, bytes]:
    reader = ByteReader(data, f"{_WHERE}, opaque data")
    fields: dict[int, bytes] = {}
    while reader.offset < len(data):
        kind = reader.take_uint(2)
        value = reader.take(reader.take_uint(2))
        if kind in fields:
            raise _malformed(f"opaque field {kind}")
        fields[kind] = value
    return fields


def _check_fwid(leaf: x509.Certificate, fwid: bytes) -> None:
    certified = [extension_value(leaf, oid) or b"" for oid in _FWID_OIDS]
    if len(fwid) != 48 or not any(_OCTET_STRING_48 + fwid in value for value in certified):
        raise Rejection(
            "quote.fwid",
            "the firmware that answered is not the one that the device's key was made for",
            where=_WHERE,
            got=fwid.hex(),
        )


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _base64(entry: Mapping[str, object], name: str, where: str) -> bytes:
    try:
        return base64.b64decode(vendor_json.text(entry, name, where), validate=True)
    except ValueError as error:
        raise Rejection("quote.json", "not base64", where=f"{where}.{name}") from error


def _malformed(what: str) -> Rejection:
    return Rejection("quote.malformed", f"{what} is not as NVIDIA makes it", where=_WHERE)
