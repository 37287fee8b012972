"""``aci/1``: Attested Confidential Inference (Dstack-TEE/private-ai-gateway, spec/aci.md).

The quote binds the digest of a keyset and the client's nonce (§3.2); a key of the set signs a
receipt for each exchange (§7). Section numbers are of that specification.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from pot_reverify.encoding.digest import format_digest
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes import dcap, vendor_json
from pot_reverify.quotes.dcap_layout import cut_padding
from pot_reverify.quotes.dstack import check_app_compose, replay_event_log
from pot_reverify.quotes.evidence import (
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
    Window,
    with_registers,
)
from pot_reverify.quotes.exchange import SignedExchange, check_body
from pot_reverify.seal import ed25519_strict

_WHERE: Final = "ACI report"
_API_VERSION: Final = "aci/1"
_ED25519: Final = "ed25519"
_NONCE_BYTES: Final = 32


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises an attestation report (§9.1, 1 to 3) with the quote's DCAP collateral.

    Args:
        evidence: the report as it was served.
        at_ns: the time of evaluation.
        policy: the reader's; the report does not repeat the nonce, so ``bindings["nonce"]`` has to
            name it.

    Raises:
        Rejection: ``quote.*``.
        Indeterminate: ``quote.nonce-not-named``, ``quote.tee-not-read``, or as
            `pot_reverify.quotes.dcap.verify`.
    """
    report = vendor_json.decode_object(evidence.data, _WHERE)
    attestation = vendor_json.as_object(report.get("attestation"), f"{_WHERE}.attestation")
    proof = vendor_json.as_object(attestation.get("evidence"), f"{_WHERE}.evidence")
    if attestation.get("tee_type") != "tdx":
        raise Indeterminate(
            "quote.tee-not-read",
            "the report is of a TEE that is not read here",
            needs="a report with tee_type tdx",
        )
    keyset = vendor_json.as_object(attestation.get("workload_keyset"), f"{_WHERE}.keyset")
    keyset_digest = format_digest(sha256(vendor_json.canonical(keyset)).digest())
    if report.get("workload_keyset_digest") != keyset_digest:
        raise Rejection("quote.keyset", "not the digest of the keyset", where=_WHERE)
    quote = cut_padding(vendor_json.hex_bytes(proof, "quote", _WHERE))
    cpu = dcap.verify(
        QuoteEvidence(QuoteKind.TDX, quote, collateral=evidence.collateral), at_ns, policy
    )
    nonce = policy.bindings.get("nonce")
    _check_statement(keyset_digest, nonce, cpu.bindings["report_data"])
    named: dict[str, bytes] = {}
    if proof.get("event_log") is not None:
        named = replay_event_log(proof["event_log"], cpu.registers)
    if proof.get("app_compose") is not None:
        check_app_compose(proof["app_compose"], named)
    not_after_ns = vendor_json.integer(keyset, "not_after", _WHERE) * 10**9
    window = cpu.window & Window(cpu.window.not_before_ns, not_after_ns)
    window.require(at_ns, f"{_WHERE}, keyset")
    return QuoteAppraisal(
        kind=QuoteKind.ACI,
        product=f"ACI service on {cpu.product}",
        root=cpu.root,
        registers={},
        bindings={
            **({} if nonce is None else {"nonce": nonce}),
            "report_data": cpu.bindings["report_data"],
        },
        claims={"keyset_digest": keyset_digest},
        window=window,
        evaluated_at_ns=at_ns,
        keys=_receipt_keys(keyset),
        devices=(with_registers(cpu, named),),
    )


def verify_exchange(
    appraisal: QuoteAppraisal, receipt: bytes, response: bytes, request: bytes
) -> SignedExchange:
    """Verifies a receipt and the bytes that it is about (§9.3, 1 to 5).

    Args:
        appraisal: of the report, by `pot_reverify.quotes.verify.verify_quote`.
        receipt: the JSON document, in any encoding.
        response: the body of the response on the wire, SSE framing included.
        request: the body of the request.

    Raises:
        Rejection: ``quote.signing-key``, ``quote.keyset``, ``quote.malformed``, ``signature.*``,
            ``quote.request-hash``, ``quote.response-hash``, ``quote.version`` or ``quote.json``.
    """
    where = "ACI receipt"
    document = vendor_json.decode_object(receipt, where)
    key_id = vendor_json.text(document, "key_id", where)
    signature = vendor_json.hex_bytes(document, "signature", where)
    signed = {name: value for name, value in document.items() if name != "signature"}
    if appraisal.kind is not QuoteKind.ACI or key_id not in appraisal.keys:
        raise Rejection("quote.signing-key", "not a key that the TEE attests", where=where)
    ed25519_strict.verify(appraisal.keys[key_id], vendor_json.canonical(signed), signature)
    if document.get("api_version") != _API_VERSION:
        raise Rejection("quote.version", "not aci/1", where=where)
    if document.get("workload_keyset_digest") != appraisal.claims["keyset_digest"]:
        raise Rejection("quote.keyset", "a receipt of another keyset", where=where)
    events = [
        vendor_json.as_object(event, f"{where}.event_log")
        for event in vendor_json.as_list(document.get("event_log"), f"{where}.event_log")
    ]
    if not events or events[0].get("type") != "request.received":
        raise Rejection("quote.malformed", "request.received is not first", where=where)
    check_body("request", request, _body_hash(events, "request.received", where))
    check_body("response", response, _body_hash(events, "response.returned", where))
    upstreams = [event for event in events if event.get("type") == "upstream.verified"]
    model = document.get("model")
    return SignedExchange(
        binds=("request", "response"),
        model=model if isinstance(model, str) else None,
        key_name=key_id,
        upstream=_upstream(upstreams, where) if upstreams else None,
    )


def channel_keys(evidence: QuoteEvidence) -> tuple[bytes, ...]:
    """The SHA-256 of the SubjectPublicKeyInfo of each TLS key that a genuine report attests.

    Args:
        evidence: a report that `verify` has appraised; only then does its quote bind the keyset.

    Raises:
        Rejection: ``quote.json``.
    """
    where = f"{_WHERE}.tls_public_keys"
    report = vendor_json.decode_object(evidence.data, _WHERE)
    attestation = vendor_json.as_object(report.get("attestation"), where)
    keyset = vendor_json.as_object(attestation.get("workload_keyset"), where)
    return tuple(
        vendor_json.hex_bytes(vendor_json.as_object(entry, where), "spki_sha256", where)
        for entry in vendor_json.as_list(keyset.get("tls_public_keys"), where)
    )


def _check_statement(keyset_digest: str, nonce: bytes | None, report_data: bytes) -> None:
    """§3.2: the template is built here; nothing beside the quote is believed."""
    if nonce is not None and len(nonce) != _NONCE_BYTES:
        raise Rejection("quote.policy", "the nonce of aci/1 has 32 bytes", where="bindings.nonce")
    statement = vendor_json.canonical(
        {
            "keyset_digest": keyset_digest,
            "nonce": None if nonce is None else nonce.hex(),
            "purpose": "aci.report_data.v1",
        }
    )
    if sha256(statement).digest().ljust(64, b"\x00") == report_data:
        return
    if nonce is None:
        raise Indeterminate(
            "quote.nonce-not-named",
            "the quote answers a nonce, or binds another keyset",
            needs="the nonce of the attestation request, in the policy",
            where=_WHERE,
        )
    raise Rejection(
        "quote.binding",
        "the quote is not about this keyset and this nonce",
        where=_WHERE,
        got=report_data.hex(),
    )


def _receipt_keys(keyset: Mapping[str, object]) -> dict[str, bytes]:
    where = f"{_WHERE}.receipt_signing_keys"
    keys: dict[str, bytes] = {}
    for value in vendor_json.as_list(keyset.get("receipt_signing_keys"), where):
        entry = vendor_json.as_object(value, where)
        if entry.get("algo") != _ED25519:
            continue  # §3.1: entries of unknown algorithms are ignored
        key_id = vendor_json.text(entry, "key_id", where)
        if key_id in keys:
            raise Rejection("quote.keyset", "a key id twice", where=where, got=key_id)
        keys[key_id] = vendor_json.hex_bytes(entry, "public_key", where)
        ed25519_strict.check_public_key(keys[key_id])
    return keys


def _body_hash(events: list[dict[str, object]], kind: str, where: str) -> str:
    hashes = [event.get("body_hash") for event in events if event.get("type") == kind]
    match hashes:
        case [str(text)]:
            return text.removeprefix("sha256:")
        case _:
            raise Rejection("quote.malformed", f"not one {kind}", where=where)


def _upstream(events: list[dict[str, object]], where: str) -> str:
    event = events[-1]
    result = vendor_json.text(event, "result", where)
    detail = event.get("session_id" if result == "verified" else "reason")
    return f"{result} {detail}"
