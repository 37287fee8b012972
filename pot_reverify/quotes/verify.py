"""The verification of a quote of any kind, offline, at a stated time."""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from hmac import compare_digest
from typing import Final

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes import vendor_json
from pot_reverify.quotes.evidence import (
    NamedSoftware,
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
)
from pot_reverify.quotes.nvidia_layout import GET_MEASUREMENTS_1_1, parse_report

_Verifier = Callable[[QuoteEvidence, int, QuotePolicy], QuoteAppraisal]

_MODULES: Final = {
    QuoteKind.SGX: "dcap",
    QuoteKind.TDX: "dcap",
    QuoteKind.SEV_SNP: "snp",
    QuoteKind.NITRO: "nitro",
    QuoteKind.NVIDIA_GPU: "nvidia",
    QuoteKind.NVIDIA_SWITCH: "nvidia",
    QuoteKind.NVIDIA_LIST: "nvidia_list",
    QuoteKind.NRAS: "nras",
    QuoteKind.PHALA: "phala",
    QuoteKind.ACI: "aci",
}
_OPTIONAL: Final = frozenset({"cryptography", "dcap_qvl"})
_INTEL_QE_VENDOR: Final = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
_DCAP_HEADS: Final = {
    b"\x03\x00\x02\x00\x00\x00\x00\x00": QuoteKind.SGX,
    b"\x04\x00\x02\x00\x81\x00\x00\x00": QuoteKind.TDX,
    b"\x05\x00\x02\x00\x81\x00\x00\x00": QuoteKind.TDX,
}
_SNP_REPORT_BYTES: Final = 0x4A0
_SNP_HEADS: Final = tuple(bytes([version, 0, 0, 0]) for version in range(2, 6))
_COSE_SIGN1_HEADS: Final = (b"\x84", b"\xd2\x84")


def identify_quote(data: bytes) -> QuoteKind:
    """The kind of evidence that the bytes claim to be.

    Raises:
        Rejection: ``quote.unknown-kind``, or ``quote.json`` for broken JSON.
    """
    if data[:8] in _DCAP_HEADS and data[12:28] == _INTEL_QE_VENDOR:
        return _DCAP_HEADS[data[:8]]
    if len(data) == _SNP_REPORT_BYTES and data.startswith(_SNP_HEADS):
        return QuoteKind.SEV_SNP
    if data.startswith(_COSE_SIGN1_HEADS):
        return QuoteKind.NITRO
    if data.startswith(GET_MEASUREMENTS_1_1):
        return _identify_device(data)
    kind = _identify_json(data) if data.lstrip()[:1] in (b"[", b"{") else None
    if kind is None:
        raise Rejection("quote.unknown-kind", "not a form of evidence that is read here")
    return kind


def verify_quote(evidence: QuoteEvidence, *, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Verifies that evidence is genuine, and judges what it says by the reader's policy.

    Args:
        evidence: what the bundle carries.
        at_ns: Unix time of the evaluation. Evidence of Intel, AMD and NVIDIA states no time, and
            whoever chooses the time chooses the verdict: it has to be proven, or the reader's now.
        policy: what the reader asks.

    Returns:
        A genuine quote. ``software`` is None where the policy names none: then it shows that some
        software ran in a TEE, not which.

    Raises:
        Rejection: ``quote.*``, or ``key.*`` and ``signature.*`` for Ed25519 inside vendors' forms.
        Indeterminate: ``quote.backend-missing`` without the optional libraries, ``quote.stale`` and
            other things that the evidence lacks.
    """
    if identify_quote(evidence.data) is not evidence.kind:
        raise Rejection("quote.kind", "the data is of another kind", expected=evidence.kind)
    appraisal = _verifier_of(evidence.kind)(evidence, at_ns, policy)
    not_judged = _check_bindings(appraisal, policy)
    return _judge(replace(appraisal, not_judged=(*appraisal.not_judged, *not_judged)), policy)


def _identify_device(data: bytes) -> QuoteKind:
    """A GPU or a switch, by the fields of the report; the chain has to say the same."""
    try:
        is_of_switch = parse_report(data).is_of_switch
    except Rejection:
        is_of_switch = False  # for the verification to refuse
    return QuoteKind.NVIDIA_SWITCH if is_of_switch else QuoteKind.NVIDIA_GPU


def _identify_json(data: bytes) -> QuoteKind | None:
    match vendor_json.decode(data, "evidence"):
        case [["JWT", str()], dict()]:
            return QuoteKind.NRAS
        case {"intel_quote": str(), "signing_address": str()}:
            return QuoteKind.PHALA
        case {"api_version": "aci/1", "attestation": dict()}:
            return QuoteKind.ACI
        case [{"evidence": str(), "certificate": str()}, *_] | {
            "evidence_list": [{"evidence": str(), "certificate": str()}, *_]
        }:
            return QuoteKind.NVIDIA_LIST
    return None


def _verifier_of(kind: QuoteKind) -> _Verifier:
    try:
        module = importlib.import_module(f"pot_reverify.quotes.{_MODULES[kind]}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _OPTIONAL:
            raise
        raise Indeterminate(
            "quote.backend-missing",
            f"{error.name} is not installed, and {kind} evidence needs it",
            needs="pip install 'pot-audit[tee]'",
        ) from error
    verifier: _Verifier = module.verify
    return verifier


def _check_bindings(appraisal: QuoteAppraisal, policy: QuotePolicy) -> tuple[str, ...]:
    for name, expected in policy.bindings.items():
        got = appraisal.bindings.get(name)
        if got is None or not compare_digest(got, expected):
            raise Rejection(
                "quote.binding",
                "the TEE did not bind what the policy expects",
                where=name,
                expected=expected.hex(),
                got=None if got is None else got.hex(),
            )
    return () if policy.bindings else ("bindings",)


def _judge(appraisal: QuoteAppraisal, policy: QuotePolicy) -> QuoteAppraisal:
    """Names the software: of a quote by its registers, of a vendor's document by its quotes."""
    if appraisal.devices:
        devices = tuple(_judge(device, policy) for device in appraisal.devices)
        names = dict.fromkeys(device.software for device in devices)
        return replace(
            appraisal,
            devices=devices,
            software=None if None in names else ", ".join(filter(None, names)),
            hashes_requests=devices[0].hashes_requests,
            not_judged=_unique(item for part in (appraisal, *devices) for item in part.not_judged),
        )
    entries = [entry for entry in policy.software if entry.kind is appraisal.kind]
    if not entries:
        return replace(appraisal, not_judged=_unique((*appraisal.not_judged, "software")))
    for entry in entries:
        if _matches(entry, appraisal):
            return replace(appraisal, software=entry.name, hashes_requests=entry.hashes_requests)
    raise Rejection(
        "quote.measurement",
        "genuine, and not software that the policy names",
        where=appraisal.product,
        expected=" or ".join(entry.name for entry in entries),
        got=" ".join(f"{name}={value.hex()}" for name, value in appraisal.registers.items())[:400],
    )


def _matches(entry: NamedSoftware, appraisal: QuoteAppraisal) -> bool:
    svn = int.from_bytes(appraisal.registers.get("isv_svn", b""), "little")
    return svn >= entry.minimum_isv_svn and all(
        appraisal.registers.get(name) == value for name, value in entry.registers.items()
    )


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
