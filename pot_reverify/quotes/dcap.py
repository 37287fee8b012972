"""Intel SGX quotes version 3 and TDX quotes versions 4 and 5 (DCAP).

Signatures, chains, CRLs and TCB levels are dcap-qvl's. What it lets pass and a reader should not is
refused here, before and after it: bytes that nobody signed, TCB info of another PCE, and statuses
that are not good enough. Debug, and whom the quoting enclave vouches for, are looked at twice.

Layouts: Intel, "SGX ECDSA QuoteLibReference DCAP API" A.4, and "TDX DCAP Quoting Library API" A.3.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import dcap_qvl  # type: ignore[import-untyped]  # it ships stubs without the marker

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes import vendor_json
from pot_reverify.quotes.byte_reader import ByteReader
from pot_reverify.quotes.evidence import (
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
    Window,
    time_ns,
)

_HEADER_BYTES: Final = 48
_SGX_BODY_BYTES: Final = 384
_TD10_BODY_BYTES: Final = 584
_TD15_BODY_BYTES: Final = 648
_BODY_BYTES_BY_V5_TYPE: Final = {2: _TD10_BODY_BYTES, 3: _TD15_BODY_BYTES}
_TEE: Final = {(3, 0): QuoteKind.SGX, (4, 0x81): QuoteKind.TDX, (5, 0x81): QuoteKind.TDX}
_ECDSA_P256: Final = 2
_PCK_CHAIN: Final = 5
_QE_REPORT_CERTIFICATION: Final = 6
_WITHOUT_PCK_CHAIN: Final = frozenset({1, 2, 3, 4})

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
_COLLATERAL_MEMBERS: Final = frozenset(
    {
        "pck_crl_issuer_chain",
        "root_ca_crl",
        "pck_crl",
        "tcb_info_issuer_chain",
        "tcb_info",
        "tcb_info_signature",
        "qe_identity_issuer_chain",
        "qe_identity",
        "qe_identity_signature",
    }
)


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
    signature.take(signature.take_uint(4))
    signature.finish()
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


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises a quote with its collateral.

    Raises:
        Rejection: ``quote.*``; ``quote.dcap-refused`` is dcap-qvl's own word.
        Indeterminate: ``quote.collateral-missing``, ``quote.certificate-missing`` or
            ``quote.stale``.
    """
    quote = parse_quote(evidence.data)
    if quote.size_bytes != len(evidence.data):
        raise Rejection(
            "quote.trailing-bytes",
            "nobody signed what follows the quote",
            where="DCAP quote",
            expected=f"{quote.size_bytes} bytes",
            got=f"{len(evidence.data)} bytes",
        )
    if quote.certification in _WITHOUT_PCK_CHAIN:
        raise Indeterminate(
            "quote.certificate-missing",
            "the quote names its PCK certificate and does not carry it",
            needs="a quote with certification data of type 5",
        )
    _check_body(quote)
    # A genuine quoting enclave vouches for one key: this is the vouching.
    if quote.qe_report[320:384] != quote.qe_binds + bytes(32):
        raise Rejection("quote.qe-hash", "the quoting enclave vouches for another key")
    if not evidence.collateral:
        raise Indeterminate(
            "quote.collateral-missing",
            "TCB info, QE identity and CRLs are not in the evidence",
            needs="the collateral, archived with the quote",
        )
    tcb_info = _check_collateral(evidence.collateral, at_ns)
    claims, root = _run_backend(evidence, at_ns, policy.roots_of("intel"))
    pce_id = bytes(claims["platform"]["pck"]["pce_id"]).hex()
    if vendor_json.text(tcb_info, "pceId", "tcb_info").lower() != pce_id:
        raise Rejection(
            "quote.pceid",
            "the TCB info is of another provisioning enclave",
            expected=pce_id,
            got=tcb_info["pceId"],
        )
    status, advisories = claims["tcb"]["status"], claims["tcb"]["advisory_ids"]
    if status not in policy.tcb_statuses:
        raise Rejection(
            "quote.tcb",
            "the TCB status is not good enough for the policy",
            expected=", ".join(sorted(policy.tcb_statuses)),
            got=" ".join([status, *advisories]),
        )
    number = claims["tcb"]["eval_data_number"]
    if number < policy.minimum_tcb_evaluation_number:
        raise Rejection(
            "quote.tcb-evaluation",
            "the collateral is of an older evaluation than the policy allows",
            expected=f"at least {policy.minimum_tcb_evaluation_number}",
            got=number,
        )
    return QuoteAppraisal(
        kind=quote.kind,
        product=f"{quote.kind.upper()} quote version {quote.version}",
        root=root,
        registers=quote.registers,
        bindings={"report_data": quote.report_data},
        claims={
            "tcb_status": status,
            "advisories": " ".join(advisories),
            "tcb_evaluation_number": str(number),
            "fmspc": bytes(claims["platform"]["pck"]["fmspc"]).hex(),
        },
        window=_window(claims),
        evaluated_at_ns=at_ns,
    )


def _body_bytes(kind: QuoteKind, version: int, reader: ByteReader) -> int:
    if kind is QuoteKind.SGX:
        return _SGX_BODY_BYTES
    if version == 4:
        return _TD10_BODY_BYTES
    body_type, size_bytes = reader.take_uint(2), reader.take_uint(4)
    if _BODY_BYTES_BY_V5_TYPE.get(body_type) != size_bytes:
        raise Rejection("quote.version", "not a TD report 1.0 or 1.5", got=f"type {body_type}")
    return size_bytes


def _check_body(quote: DcapQuote) -> None:
    if quote.kind is QuoteKind.SGX:
        if quote.body[48] & 0x02:
            raise Rejection("quote.debug", "the host may read a debug enclave's memory")
        return
    attributes = int.from_bytes(quote.body[120:128], "little")
    if attributes & 0xFF:
        raise Rejection("quote.debug", "the host may read a debug TD's memory")
    # dcap-qvl refuses the next two as well, and nothing that it offers allows them.
    if not attributes >> 28 & 1:
        raise Rejection("quote.td-attributes", "SEPT_VE_DISABLE is not set")
    if any(quote.body[600:648]):
        raise Rejection("quote.service-td", "a service TD that the policy cannot name is bound")


def _check_collateral(collateral: bytes, at_ns: int) -> dict[str, object]:
    """The TCB info, unverified yet; stale collateral is told apart from wrong collateral."""
    document = vendor_json.decode_object(collateral, "collateral")
    if not document.keys() >= _COLLATERAL_MEMBERS:
        missing = sorted(_COLLATERAL_MEMBERS - document.keys())
        raise Rejection("quote.json", "a member is missing", where="collateral", got=missing[0])
    parsed = {}
    for name in ("tcb_info", "qe_identity"):
        parsed[name] = vendor_json.decode_object(
            vendor_json.text(document, name, "collateral"), name
        )
        issued, ends = (
            _time(vendor_json.text(parsed[name], member, name), name)
            for member in ("issueDate", "nextUpdate")
        )
        Window(issued, ends).require(at_ns, name)
    return parsed["tcb_info"]


def _time(value: str, where: str) -> int:
    try:
        return time_ns(datetime.fromisoformat(value))
    except (ValueError, TypeError) as error:
        raise Rejection("quote.json", "not a time", where=where, got=value[:40]) from error


def _run_backend(
    evidence: QuoteEvidence, at_ns: int, roots: tuple[bytes, ...]
) -> tuple[dict[str, Any], bytes]:
    """dcap-qvl's claims and the root that they rest on."""
    at_s = at_ns // 10**9
    refusal = ""
    for root in roots:
        try:
            collateral = dcap_qvl.QuoteCollateralV3.from_json(evidence.collateral.decode())
            # Its own policy is the loosest: which statuses will do is for ours to say.
            claims = dcap_qvl.QuoteVerifier(root).verify_with_policy(
                evidence.data, collateral, at_s, dcap_qvl.QuotePolicy.claims_only(at_s)
            )
            return json.loads(claims.to_json()), root
        except (ValueError, OverflowError) as error:
            refusal = " ".join(str(error).split())
    if "Expired" in refusal:
        raise Indeterminate(
            "quote.stale",
            f"a certificate or CRL is no longer valid: {refusal}",
            needs="a proof that the quote existed earlier",
        )
    raise Rejection("quote.dcap-refused", f"dcap-qvl refuses the quote: {refusal}")


def _window(claims: dict[str, Any]) -> Window:
    starts = (claims["latest_issue_date"], claims["qe_iden_latest_issue_date"])
    ends = (claims["earliest_expiration_date"], claims["qe_iden_earliest_expiration_date"])
    return Window(max(starts) * 10**9, min(ends) * 10**9)
