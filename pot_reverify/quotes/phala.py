"""``phala-vllm/1``: attestation reports and response signatures of Phala's and NEAR's vllm-proxy.

Source: nearai/vllm-proxy, src/app/quote/quote.py and src/app/api/v1/openai.py. The key that signs
responses is in the TD's report_data; the model's weights are in no measurement.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes import dcap, nvidia, vendor_json
from pot_reverify.quotes.dcap_layout import cut_padding
from pot_reverify.quotes.dstack import check_app_compose, replay_event_log
from pot_reverify.quotes.eip191 import ADDRESS_BYTES, verify_personal_message
from pot_reverify.quotes.evidence import (
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
    with_registers,
)
from pot_reverify.quotes.exchange import SignedExchange, check_body
from pot_reverify.seal import ed25519_strict

_WHERE: Final = "Phala report"
_ECDSA: Final = "ecdsa"
_ED25519: Final = "ed25519"
_MAX_TEXT_CHARACTERS: Final = 1024
_KEY_BYTES: Final = {_ECDSA: ADDRESS_BYTES, _ED25519: ed25519_strict.PUBLIC_KEY_BYTES}


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises a report: the TD's quote, its event log, and the GPUs beside it.

    Args:
        evidence: the report as it was served, with the quote's DCAP collateral.
        at_ns: the time of evaluation.
        policy: the reader's; ``bindings["nonce"]`` is the nonce that the report answers.

    Raises:
        Rejection: ``quote.*``.
        Indeterminate: as `pot_reverify.quotes.dcap.verify`.
    """
    report = vendor_json.decode_object(evidence.data, _WHERE)
    quote = cut_padding(vendor_json.hex_bytes(report, "intel_quote", _WHERE))
    cpu = dcap.verify(
        QuoteEvidence(QuoteKind.TDX, quote, collateral=evidence.collateral), at_ns, policy
    )
    algorithm, key = _signing_key(report)
    nonce = vendor_json.hex_bytes(report, "request_nonce", _WHERE)
    # From the quote, never from the report_data that the report may repeat beside it.
    if cpu.bindings["report_data"] != _bound(report, key) + nonce:
        raise Rejection(
            "quote.binding",
            "the quote is not about this key and this nonce",
            where=_WHERE,
            expected=(_bound(report, key) + nonce).hex(),
            got=cpu.bindings["report_data"].hex(),
        )
    named = replay_event_log(report.get("event_log"), cpu.registers)
    app_compose = _app_compose(report)
    if app_compose is not None:
        check_app_compose(app_compose, named)
    devices = [with_registers(cpu, named)]
    for gpu in _gpus(report):
        appraisal = nvidia.verify(gpu, at_ns, policy)
        if appraisal.bindings["nonce"] != nonce:
            raise Rejection("quote.binding", "a GPU answered another nonce", where=_WHERE)
        devices.append(appraisal)
    window = cpu.window
    for device in devices:
        window &= device.window
    return QuoteAppraisal(
        kind=QuoteKind.PHALA,
        product=f"vllm-proxy on {cpu.product}",
        root=cpu.root,
        registers={},
        bindings={"nonce": nonce, "report_data": cpu.bindings["report_data"]},
        claims={},
        window=window,
        evaluated_at_ns=at_ns,
        keys={algorithm: key},
        devices=tuple(devices),
    )


def verify_exchange(
    appraisal: QuoteAppraisal, signature: bytes, response: bytes, request: bytes | None = None
) -> SignedExchange:
    """Verifies the signature of one response by a key that an appraised report attests.

    Args:
        appraisal: of the report, by `pot_reverify.quotes.verify.verify_quote`.
        signature: the answer of ``/v1/signature/{chat_id}``, as it was served.
        response: the body of the response, as it was on the wire.
        request: the body of the request, or None to claim nothing about it.

    Raises:
        Rejection: ``quote.response-hash``, ``quote.request-hash``, ``quote.signing-key``,
            ``quote.signature``, ``signature.*``, ``quote.too-large``, ``quote.malformed`` or
            ``quote.json``.
        Indeterminate: ``quote.request-not-bound``: vllm-proxy signs the digest that a client sends
            as ``X-Request-Hash``, unless the policy names software that does not.
    """
    where = "Phala signature"
    document = vendor_json.decode_object(signature, where)
    text = vendor_json.text(document, "text", where)
    if len(text) > _MAX_TEXT_CHARACTERS:
        raise Rejection("quote.too-large", "more than a model id and two digests", where=where)
    algorithm, key = _signing_key(document)
    if appraisal.kind is not QuoteKind.PHALA or appraisal.keys.get(algorithm) != key:
        raise Rejection("quote.signing-key", "not the key that the TEE attests", where=where)
    raw = vendor_json.hex_bytes(document, "signature", where)
    if algorithm == _ECDSA:
        verify_personal_message(key, text.encode(), raw)
    else:
        ed25519_strict.verify(key, text.encode(), raw)
    # NEAR puts the model in front; a model id may hold colons, digests do not.
    match text.rsplit(":", 2):
        case [*model, request_hash, response_hash]:
            pass
        case _:
            raise Rejection("quote.malformed", "not two digests", where=where)
    check_body("response", response, response_hash)
    if request is not None:
        check_body("request", request, request_hash)
        if not appraisal.hashes_requests:
            raise Indeterminate(
                "quote.request-not-bound",
                "the software may have signed a request digest that the client chose",
                needs="software in the trust policy that is known to hash requests itself",
                where=where,
            )
    return SignedExchange(
        binds=("response",) if request is None else ("request", "response"),
        model=model[0] if model else None,
        key_name=algorithm,
    )


def channel_keys(evidence: QuoteEvidence) -> tuple[bytes, ...]:
    """The SHA-256 of the SubjectPublicKeyInfo of each channel key that a genuine report attests.

    Args:
        evidence: a report that `verify` has appraised; only then does its quote bind the digest.

    Raises:
        Rejection: ``quote.json``.
    """
    report = vendor_json.decode_object(evidence.data, _WHERE)
    if report.get("tls_cert_fingerprint") is None:
        return ()
    return (vendor_json.hex_bytes(report, "tls_cert_fingerprint", _WHERE),)


def _signing_key(document: Mapping[str, object]) -> tuple[str, bytes]:
    algorithm = str(document.get("signing_algo") or _ECDSA).lower()
    key = vendor_json.hex_bytes(document, "signing_address", _WHERE)
    if _KEY_BYTES.get(algorithm) != len(key):
        raise Rejection("quote.malformed", "not an address of its algorithm", where=_WHERE)
    if algorithm == _ED25519:
        ed25519_strict.check_public_key(key)
    return algorithm, key


def _bound(report: Mapping[str, object], key: bytes) -> bytes:
    """The first half of report_data: the key, or its digest with that of the TLS key."""
    if report.get("tls_cert_fingerprint") is None:
        return key.ljust(32, b"\x00")
    return sha256(key + vendor_json.hex_bytes(report, "tls_cert_fingerprint", _WHERE)).digest()


def _app_compose(report: Mapping[str, object]) -> object:
    info = report.get("info")
    tcb_info = info.get("tcb_info") if isinstance(info, dict) else None
    if isinstance(tcb_info, str):
        tcb_info = vendor_json.decode(tcb_info, f"{_WHERE}.info.tcb_info")
    return tcb_info.get("app_compose") if isinstance(tcb_info, dict) else None


def _gpus(report: Mapping[str, object]) -> tuple[QuoteEvidence, ...]:
    if report.get("nvidia_payload") is None:
        return ()
    where = f"{_WHERE}.nvidia_payload"
    payload = vendor_json.decode_object(vendor_json.text(report, "nvidia_payload", _WHERE), where)
    return nvidia.parse_evidence_list(payload.get("evidence_list"), where)
