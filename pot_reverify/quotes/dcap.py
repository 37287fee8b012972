"""Intel SGX quotes version 3 and TDX quotes versions 4 and 5 (DCAP).

Signatures, chains, CRLs and TCB levels are dcap-qvl's. What it lets pass and a reader should not is
refused here, before and after it: bytes that nobody signed, TCB info of another PCE, and statuses
that are not good enough. Debug, and whom the quoting enclave vouches for, are looked at twice.
"""

import json
from datetime import datetime
from typing import Any, Final

import dcap_qvl  # type: ignore[import-untyped]  # it ships stubs without the marker

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes import vendor_json
from pot_reverify.quotes.dcap_layout import DcapQuote, parse_quote
from pot_reverify.quotes.evidence import (
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
    Window,
    format_time,
    time_ns,
)

_NS_PER_S: Final = 10**9
# PPIDs, and a PCK certificate without its chain: nothing here to verify with.
_WITHOUT_PCK_CHAIN: Final = frozenset({1, 2, 3, 4})
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
    tcb_info, current = _parse_collateral(evidence.collateral, at_ns)
    # Stale collateral is judged in its last second, so that only what was good is called stale.
    judged_ns = min(at_ns, current.not_after_ns - _NS_PER_S)
    claims, root = _run_backend(evidence, judged_ns, current, policy.roots_of("intel"))
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
    window = _window(claims)
    window.require(at_ns, "collateral")
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
        window=window,
        evaluated_at_ns=at_ns,
    )


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


def _parse_collateral(collateral: bytes, at_ns: int) -> tuple[dict[str, object], Window]:
    """The TCB info, unverified yet, and when it and the QE identity say that they are current."""
    document = vendor_json.decode_object(collateral, "collateral")
    if not document.keys() >= _COLLATERAL_MEMBERS:
        missing = sorted(_COLLATERAL_MEMBERS - document.keys())
        raise Rejection("quote.json", "a member is missing", where="collateral", got=missing[0])
    parsed, window = {}, Window(-(2**63), 2**63)
    for name in ("tcb_info", "qe_identity"):
        parsed[name] = vendor_json.decode_object(
            vendor_json.text(document, name, "collateral"), name
        )
        issued, ends = (
            _time(vendor_json.text(parsed[name], member, name), name)
            for member in ("issueDate", "nextUpdate")
        )
        window &= Window(issued, ends)
    window.require(min(at_ns, window.not_after_ns), "collateral")
    return parsed["tcb_info"], window


def _time(value: str, where: str) -> int:
    try:
        return time_ns(datetime.fromisoformat(value))
    except (ValueError, TypeError) as error:
        raise Rejection("quote.json", "not a time", where=where, got=value[:40]) from error


def _run_backend(
    evidence: QuoteEvidence, judged_ns: int, current: Window, roots: tuple[bytes, ...]
) -> tuple[dict[str, Any], bytes]:
    """dcap-qvl's claims and the root that they rest on.

    Certificates and lists are good through their last second (RFC 5280 §4.1.2.5, §5.1.2.5); the
    backend lets a list end a second earlier. What it takes one second before is taken, and the
    window of its claims, which the caller asks, says whether that second was the last.

    Args:
        judged_ns: the time to judge at.
        current: when the collateral says that it is. The backend does not always name what has
            ended or not begun: what held in its first second and does not now is stale, and what
            will hold in its last second is not valid yet.
    """
    refusal = ""
    first_ns, last_ns = current.not_before_ns + _NS_PER_S, current.not_after_ns - _NS_PER_S
    for at_ns in (judged_ns, judged_ns - _NS_PER_S, first_ns, last_ns):
        for root in roots:
            try:
                claims = _judge(evidence, at_ns, root)
            except (ValueError, OverflowError) as error:
                refusal = refusal or " ".join(str(error).split())
                continue
            if judged_ns - _NS_PER_S <= at_ns <= judged_ns:
                return claims, root
            if at_ns < judged_ns:
                raise Indeterminate(
                    "quote.stale",
                    f"a certificate or CRL is no longer valid; all were at {format_time(at_ns)}",
                    needs="a proof that the quote existed earlier",
                )
            raise Rejection(
                "quote.not-yet-valid",
                "a certificate or CRL is not valid yet at the time of evaluation",
                where="collateral",
                expected=f"a later time, such as {format_time(at_ns)}",
                got=format_time(judged_ns),
            )
    if "Expired" in refusal:
        raise Indeterminate(
            "quote.stale",
            f"a certificate or CRL is no longer valid: {refusal}",
            needs="a proof that the quote existed earlier",
        )
    raise Rejection("quote.dcap-refused", f"dcap-qvl refuses the quote: {refusal}")


def _judge(evidence: QuoteEvidence, at_ns: int, root: bytes) -> dict[str, Any]:
    at_s = at_ns // _NS_PER_S
    collateral = dcap_qvl.QuoteCollateralV3.from_json(evidence.collateral.decode())
    # Its own policy is the loosest: which statuses will do is for ours to say.
    claims = dcap_qvl.QuoteVerifier(root).verify_with_policy(
        evidence.data, collateral, at_s, dcap_qvl.QuotePolicy.claims_only(at_s)
    )
    decoded: dict[str, Any] = json.loads(claims.to_json())
    return decoded


def _window(claims: dict[str, Any]) -> Window:
    starts = (claims["latest_issue_date"], claims["qe_iden_latest_issue_date"])
    ends = (claims["earliest_expiration_date"], claims["qe_iden_earliest_expiration_date"])
    return Window(max(starts) * 10**9, min(ends) * 10**9)
