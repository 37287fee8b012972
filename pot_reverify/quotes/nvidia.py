"""NVIDIA attestation reports of GPUs (Hopper, Blackwell) and of the switches between them.

Device certificates do not expire, and their revocation is only told online (OCSP): here it is
always "not judged". A GPU's report does not say which machine it sits in; only a shared nonce ties
it to a CPU's quote, and relays share nonces.

A switch reports in the same form and under the same root, below a certificate that calls itself
"GH100 Identity". What a device is, NVIDIA says in the certificate that issued the device's own.
"""

import base64
import re
from collections.abc import Mapping
from typing import Final

from cryptography import x509

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes import vendor_json
from pot_reverify.quotes.chain import Chain, extension_value, verify_chain, verify_p384
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.nvidia_layout import WHERE, parse_report

_MAX_DEVICES: Final = 32
# TCG DICE: the firmware's digest, certified for the device's key when it booted.
_FWID_OIDS: Final = ("2.23.133.5.4.1.1", "2.23.133.5.4.1")
_OCTET_STRING_48: Final = b"\x04\x30"
_PROVISIONER: Final = re.compile(r"NVIDIA ([A-Z0-9_]{1,16}) Provisioner ICA [0-9]{1,8}", re.ASCII)
_DEPTH_OF_PROVISIONER: Final = 2
_CHIPS: Final = {
    QuoteKind.NVIDIA_GPU: re.compile(r"G[A-Z][0-9]{3}", re.ASCII),
    QuoteKind.NVIDIA_SWITCH: re.compile(r"LS_?[0-9]{2}", re.ASCII),
}
_NAMES: Final = {QuoteKind.NVIDIA_GPU: "GPU", QuoteKind.NVIDIA_SWITCH: "NVSwitch"}
_ARCHITECTURES: Final = {
    "HOPPER": QuoteKind.NVIDIA_GPU,
    "BLACKWELL": QuoteKind.NVIDIA_GPU,
    "LS10": QuoteKind.NVIDIA_SWITCH,
}

_PEM: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{1,20000}?)-----END CERTIFICATE-----"
)


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises a report with the device's chain; golden measurements are the policy's.

    Args:
        evidence: of the kind that the report's fields show; its chain has to say the same.

    Raises:
        Rejection: ``quote.*``; ``quote.device`` where NVIDIA made the key for another device.
        Indeterminate: ``quote.certificate-missing``, ``quote.device-not-known``.
    """
    report = parse_report(evidence.data)
    chain = verify_chain(evidence.certificates, policy.roots_of("nvidia"), "NVIDIA chain")
    verify_p384(chain.leaf, report.signature, report.signed, WHERE)
    chip = _require_device(chain, evidence.kind)
    if report.fwid is not None:
        _check_fwid(chain.leaf, report.fwid)
    chain.window.require(at_ns, "NVIDIA chain")
    return QuoteAppraisal(
        kind=evidence.kind,
        product=f"NVIDIA {chip} {_NAMES[evidence.kind]}",
        root=chain.root,
        registers={
            **{f"measurement{index:02d}": value for index, value in report.measurements.items()},
            "driver": report.driver,
            "vbios": report.vbios,
        },
        bindings={"nonce": report.nonce},
        claims={"features": report.features.hex()},
        window=chain.window,
        evaluated_at_ns=at_ns,
        not_judged=("revocation",) if report.fwid else ("revocation", "fwid"),
    )


def parse_evidence_list(document: object, where: str) -> tuple[QuoteEvidence, ...]:
    """The devices of the list that NVIDIA's SDK makes: base64 reports with base64 PEM chains.

    Args:
        document: the decoded JSON array.
        where: its name in errors.

    Raises:
        Rejection: ``quote.json``, ``quote.too-large``, or ``quote.device`` for a report that the
            list calls one of another kind of device.
    """
    entries = vendor_json.as_list(document, where)
    if not 1 <= len(entries) <= _MAX_DEVICES:
        raise Rejection("quote.json", "no devices, or too many", where=where, got=len(entries))
    return tuple(
        _parse_entry(vendor_json.as_object(entry, where), f"{where}[{number}]")
        for number, entry in enumerate(entries)
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


def _parse_entry(entry: Mapping[str, object], where: str) -> QuoteEvidence:
    data = _base64(entry, "evidence", where)
    chain = parse_pem_chain(_base64(entry, "certificate", where))
    is_of_switch = parse_report(data).is_of_switch
    kind = QuoteKind.NVIDIA_SWITCH if is_of_switch else QuoteKind.NVIDIA_GPU
    architecture = entry.get("arch")
    said = _ARCHITECTURES.get(architecture) if isinstance(architecture, str) else None
    if said not in (None, kind):
        raise Rejection(
            "quote.device",
            "the list calls a device what its report does not",
            where=where,
            expected=f"a {_NAMES[said]}, as arch says",
            got=f"the report of a {_NAMES[kind]}",
        )
    return QuoteEvidence(kind, data, certificates=chain)


def _require_device(chain: Chain, kind: QuoteKind) -> str:
    """The chip that NVIDIA made the device's key for, if it is one of that kind."""
    above = chain.certificates[_DEPTH_OF_PROVISIONER:]
    found = _PROVISIONER.fullmatch(_common_name(above[0])) if above else None
    chip = "" if found is None else found[1]
    kinds = [one for one, pattern in _CHIPS.items() if pattern.fullmatch(chip)]
    if not kinds:
        raise Indeterminate(
            "quote.device-not-known",
            f"the chain is of a device that this version does not know: {chip or 'unnamed'}",
            needs="a version of pot-audit that knows whether it is a GPU",
            where="NVIDIA chain",
        )
    if kind not in kinds:
        raise Rejection(
            "quote.device",
            "NVIDIA made the key for another kind of device than the report is of",
            where=WHERE,
            expected=f"the chain of a {_NAMES[kind]}",
            got=f"that of a {_NAMES[kinds[0]]} ({chip})",
        )
    return chip


def _check_fwid(leaf: x509.Certificate, fwid: bytes) -> None:
    certified = [extension_value(leaf, oid) or b"" for oid in _FWID_OIDS]
    if len(fwid) != 48 or not any(_OCTET_STRING_48 + fwid in value for value in certified):
        raise Rejection(
            "quote.fwid",
            "the firmware that answered is not the one that the device's key was made for",
            where=WHERE,
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
