"""Vendors' documents: dstack event logs, ``phala-vllm/1`` and ``aci/1``."""

import hashlib
import json
import re
from dataclasses import replace

import pytest
from nacl.signing import SigningKey
from quote_factories import (
    ACI_KEYSET,
    ACI_KEYSET_DIGEST,
    ACI_REPORT_DATA,
    DCAP_AT,
    VENDOR_NONCE,
    aci_evidence,
    boot_events,
    ethereum_key,
    gpu_chain,
    gpu_entry,
    phala_evidence,
    put,
    runtime_events,
    test_intel,
    vendor_policy,
)
from quote_samples import ns, read, verdict

from pot_reverify.errors import Indeterminate, PotAuditError, Rejection
from pot_reverify.quotes import aci, phala, vendor_json
from pot_reverify.quotes.dcap_layout import cut_padding, parse_quote
from pot_reverify.quotes.dstack import check_app_compose, replay_event_log
from pot_reverify.quotes.eip191 import keccak256, verify_personal_message
from pot_reverify.quotes.evidence import NamedSoftware, QuoteAppraisal, QuoteEvidence, QuoteKind
from pot_reverify.quotes.exchange import SignedExchange
from pot_reverify.quotes.verify import verify_quote

AT = ns(DCAP_AT)
REQUEST = b'{"messages":[{"content":"hi","role":"user"}],"model":"demo-model"}'
RESPONSE = b'{"choices":[],"id":"chatcmpl-123"}'


def appraise(evidence: QuoteEvidence, **asked: object) -> QuoteAppraisal:
    return verify_quote(evidence, at_ns=AT, policy=vendor_policy(**asked))


def judge(evidence: QuoteEvidence, **asked: object) -> str:
    return verdict(lambda: appraise(evidence, **asked))


def code_of(run: object) -> str:
    with pytest.raises(PotAuditError) as caught:
        run()
    return caught.value.code


# dstack


@pytest.mark.parametrize(
    ("name", "os_image"),
    [
        ("tdx/dstack_quote-report.json", False),
        ("tdx/dstack_tdx-lite-getquote.json", True),
    ],
)
def test_real_logs_lead_to_the_registers_of_real_quotes(name: str, *, os_image: bool) -> None:
    document = json.loads(read(name))
    quote = parse_quote(cut_padding(bytes.fromhex(document["quote"])))
    named = replay_event_log(document["event_log"], quote.registers)
    assert len(named["event:compose-hash"]) == 32
    assert ("event:os-image-hash" in named) == os_image
    # What the application wrote after the boot is replayed, and names nothing.
    assert "event:LIUM_MINER_HOTKEY" not in named


def real_log() -> tuple[list[dict[str, object]], dict[str, bytes]]:
    document = json.loads(read("tdx/dstack_quote-report.json"))
    quote = parse_quote(cut_padding(bytes.fromhex(document["quote"])))
    return json.loads(document["event_log"]), quote.registers


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log.pop(),
        lambda log: log.pop(0),
        lambda log: log.insert(0, log.pop()),
        lambda log: log[0].update(digest="00" * 48),
        lambda log: log[0].update(digest="00"),
        lambda log: log[0].update(imr=3),
        lambda log: log[0].update(imr=4),
        lambda log: log[-1].update(event_payload="00"),
        lambda log: log[-1].update(event_payload="00", digest=""),
        lambda log: log.extend(log * 200),
    ],
)
def test_a_log_that_does_not_replay(change: object) -> None:
    log, registers = real_log()
    change(log)
    assert code_of(lambda: replay_event_log(log, registers)) == "quote.event-log"


@pytest.mark.parametrize(
    "log",
    ["", "{}", "[1]", [{}], [{"imr": True}], [{"imr": 3, "digest": "zz", "event_type": 1}], None],
)
def test_shapes_of_logs(log: object) -> None:
    assert code_of(lambda: replay_event_log(log, {})) == "quote.json"


def test_an_empty_log_is_a_register_of_zeros() -> None:
    assert replay_event_log([], {"rtmr3": bytes(48)}) == {}
    assert code_of(lambda: replay_event_log([], {"rtmr3": b"\1" * 48})) == "quote.event-log"


def test_a_system_event_counts_once() -> None:
    log, register = runtime_events(("app-id", b"1"), ("app-id", b"2"))
    assert code_of(lambda: replay_event_log(log, {"rtmr3": register})) == "quote.event-log"


def test_a_compose_file_is_the_measured_one() -> None:
    named = {"event:compose-hash": hashlib.sha256(b"{}").digest()}
    check_app_compose("{}", named)
    for other in ("{ }", None, 1):
        assert code_of(lambda o=other: check_app_compose(o, named)) == "quote.app-compose"


# phala-vllm/1


def test_a_report_binds_key_nonce_software_and_gpu() -> None:
    appraisal = appraise(phala_evidence())
    cpu, gpu = appraisal.devices
    assert appraisal.keys == {"ecdsa": ethereum_key().address}
    assert cpu.registers["event:compose-hash"] != bytes(32)
    assert (cpu.kind, gpu.kind) == (QuoteKind.TDX, QuoteKind.NVIDIA_GPU)
    assert appraisal.software is None
    assert set(appraisal.not_judged) == {"software", "revocation"}


def named_cpu(**more: object) -> NamedSoftware:
    registers = {"event:compose-hash": bytes.fromhex(boot_events()[0][1]["event_payload"])}
    return NamedSoftware("vllm-proxy 1.0", QuoteKind.TDX, registers, **more)


def test_software_is_named_by_its_compose_hash() -> None:
    appraisal = appraise(phala_evidence(drop=("nvidia_payload",)), software=(named_cpu(),))
    assert appraisal.software == "vllm-proxy 1.0"
    other = NamedSoftware("other", QuoteKind.TDX, {"event:compose-hash": bytes(32)})
    assert judge(phala_evidence(), software=(other,)) == "quote.measurement"
    # One of two quotes named is not both named.
    assert appraise(phala_evidence(), software=(named_cpu(),)).software is None


def test_report_data_comes_from_the_quote_and_not_from_beside_it() -> None:
    """The JSON repeats what the verifier wants to read; the quote says something else."""
    right = ethereum_key().address.ljust(32, b"\0") + VENDOR_NONCE
    lying = phala_evidence(report_data=bytes(63) + b"\1")
    document = json.loads(lying.data)
    document["report_data"] = right.hex()
    evidence = replace(lying, data=json.dumps(document).encode())
    assert judge(evidence) == "quote.binding"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"request_nonce": "11" * 32}, "quote.binding"),
        ({"signing_address": "0x" + "11" * 20}, "quote.binding"),
        ({"signing_address": "0x11"}, "quote.malformed"),
        ({"signing_algo": "rsa"}, "quote.malformed"),
        ({"tls_cert_fingerprint": "11" * 32}, "quote.binding"),
        ({"event_log": []}, "quote.event-log"),
        ({"event_log": None}, "quote.json"),
        ({"info": {"tcb_info": {"app_compose": "{}"}}}, "quote.app-compose"),
        ({"info": {"tcb_info": '{"app_compose":"{}"}'}}, "quote.app-compose"),
        ({"info": {"tcb_info": "{"}}, "quote.json"),
        ({"info": None}, "genuine"),
        ({"event_log": json.dumps(boot_events()[0])}, "genuine"),
        ({"intel_quote": "00"}, "quote.truncated"),
        ({"intel_quote": "0"}, "quote.json"),
        ({"intel_quote": "00 00"}, "quote.json"),
        ({"nvidia_payload": "{}"}, "quote.json"),
        ({"nvidia_payload": None}, "genuine"),
    ],
)
def test_reports_one_fault_at_a_time(changed: dict[str, object], code: str) -> None:
    assert judge(phala_evidence(**changed)) == code


def test_a_gpu_that_answers_another_nonce() -> None:
    gpu = put(read("nvidia/nvat_hopperAttestationReport.txt"), 4, bytes(32))
    payload = {"nonce": VENDOR_NONCE.hex(), "evidence_list": [gpu_entry(gpu_chain(), gpu)]}
    assert judge(phala_evidence(nvidia_payload=json.dumps(payload))) == "quote.binding"


def test_the_readers_nonce_is_the_one_that_counts() -> None:
    assert judge(phala_evidence(), bindings={"nonce": bytes(32)}) == "quote.binding"


def test_a_tls_key_in_the_binding() -> None:
    key, tls = ethereum_key().address, b"\x11" * 32
    bound = hashlib.sha256(key + tls).digest() + VENDOR_NONCE
    assert judge(phala_evidence(report_data=bound, tls_cert_fingerprint=tls.hex())) == "genuine"


def signature_document(signed: str, **changed: object) -> bytes:
    key = ethereum_key()
    document = {
        "text": signed,
        "signature": "0x" + key.sign(signed.encode()).hex(),
        "signing_address": "0x" + key.address.hex(),
        "signing_algo": "ecdsa",
    }
    return json.dumps({**document, **changed}).encode()


def digests(request: bytes = REQUEST, response: bytes = RESPONSE) -> str:
    return f"{hashlib.sha256(request).hexdigest()}:{hashlib.sha256(response).hexdigest()}"


HASHES_REQUESTS = {"software": (named_cpu(hashes_requests=True),)}


def exchange(
    document: bytes, request: bytes | None = REQUEST, response: bytes = RESPONSE, **asked: object
) -> SignedExchange:
    appraisal = appraise(phala_evidence(), **asked)
    return phala.verify_exchange(appraisal, document, response, request)


def test_a_response_is_bound_and_a_request_only_by_software_that_hashes_it() -> None:
    """``X-Request-Hash``: the proxy signs what the client says that it sent."""
    document = signature_document(digests())
    assert exchange(document, request=None).binds == ("response",)
    with pytest.raises(Indeterminate) as caught:
        exchange(document)
    assert caught.value.code == "quote.request-not-bound"
    with pytest.raises(Indeterminate):
        exchange(document, software=(named_cpu(),))
    assert exchange(document, **HASHES_REQUESTS).binds == ("request", "response")


def test_the_model_in_front_of_the_digests() -> None:
    document = signature_document(f"org/model:8bit:{digests()}")
    assert exchange(document, request=None).model == "org/model:8bit"
    assert exchange(signature_document(digests()), request=None).model is None


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (signature_document(digests(response=b"")), "quote.response-hash"),
        (signature_document(digests(request=b"")), "quote.request-hash"),
        (signature_document("a:b"), "quote.response-hash"),
        (signature_document("m" * 1000 + digests()), "quote.too-large"),
        (signature_document(digests(), text=digests(b"")), "quote.signature"),
        (signature_document(digests(), signature="0x00"), "quote.signature"),
        (signature_document(digests(), signature="0x" + "00" * 65), "quote.signature"),
        (signature_document(digests(), signing_address="0x" + "11" * 20), "quote.signing-key"),
        (signature_document(digests(), signing_algo="ed25519"), "quote.malformed"),
        (b"{", "quote.json"),
        (b"{}", "quote.json"),
    ],
)
def test_signatures_one_fault_at_a_time(document: bytes, code: str) -> None:
    assert code_of(lambda: exchange(document, **HASHES_REQUESTS)) == code


def test_a_text_without_two_digests() -> None:
    assert code_of(lambda: exchange(signature_document("text"), None)) == "quote.malformed"


def test_ed25519_keys_of_the_proxy() -> None:
    key = SigningKey(bytes(range(32)))
    public = key.verify_key.encode()
    appraisal = appraise(phala_evidence(key=public, algorithm="ed25519"))
    text = digests()
    document = {
        "text": text,
        "signature": key.sign(text.encode()).signature.hex(),
        "signing_address": public.hex(),
        "signing_algo": "ed25519",
    }
    data = json.dumps(document).encode()
    assert phala.verify_exchange(appraisal, data, RESPONSE).key_name == "ed25519"
    document["signature"] = bytes(64).hex()
    data = json.dumps(document).encode()
    assert code_of(lambda: phala.verify_exchange(appraisal, data, RESPONSE)).startswith(
        "signature."
    )


def test_a_low_order_key_attests_nothing() -> None:
    assert judge(phala_evidence(key=bytes(32), algorithm="ed25519")) == "key.low-order"


# EIP-191

WEB3_MESSAGE = b"Some data"  # the example of web3.js's documentation of eth.accounts.sign
WEB3_ADDRESS = bytes.fromhex("2c7536e3605d9c16a7a3d7b1898e529396a65c23")
WEB3_SIGNATURE = bytes.fromhex(
    "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
    "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"
)


def test_the_example_of_web3() -> None:
    verify_personal_message(WEB3_ADDRESS, WEB3_MESSAGE, WEB3_SIGNATURE)


@pytest.mark.parametrize(
    "signature",
    [
        WEB3_SIGNATURE[:-1],
        WEB3_SIGNATURE[:-1] + b"\x1b",
        WEB3_SIGNATURE[:-1] + b"\x1d",
        bytes(65),
        b"\xff" * 64 + b"\x1b",
        # The other s of the same signature.
        WEB3_SIGNATURE[:32]
        + (
            0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
            - int.from_bytes(WEB3_SIGNATURE[32:64], "big")
        ).to_bytes(32, "big")
        + b"\x1b",
    ],
)
def test_personal_messages_that_were_not_signed(signature: bytes) -> None:
    with pytest.raises(Rejection) as caught:
        verify_personal_message(WEB3_ADDRESS, WEB3_MESSAGE, signature)
    assert caught.value.code == "quote.signature"


def test_a_signature_that_recovers_no_key() -> None:
    """With R = G and s = z, the sum is the point at infinity, for every address."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    x_of_g = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
    for number in range(20):
        message = str(number).encode()
        prefixed = b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message
        s = int.from_bytes(keccak256(prefixed), "big") % order
        if s <= order // 2:
            break
    signature = x_of_g.to_bytes(32, "big") + s.to_bytes(32, "big") + b"\x1b"
    with pytest.raises(Rejection) as caught:
        verify_personal_message(bytes(20), message, signature)
    assert caught.value.code == "quote.signature"


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_of_known_messages(message: bytes, digest: str) -> None:
    assert keccak256(message).hex() == digest


# aci/1

VECTORS = read("vendor_formats/aci_test-vectors.md").decode()


def vector_line(start: str) -> str:
    return next(line for line in VECTORS.splitlines() if line.startswith(start))


def test_the_specifications_vectors_of_keyset_and_statement() -> None:
    keyset = vector_line('{"e2ee_public_keys"')
    assert vendor_json.canonical(json.loads(keyset)) == keyset.encode()
    assert f"sha256:{hashlib.sha256(keyset.encode()).hexdigest()}" == ACI_KEYSET_DIGEST
    assert json.loads(keyset) == ACI_KEYSET
    assert f"workload_keyset_digest = {ACI_KEYSET_DIGEST}" in VECTORS
    assert f"report_data = sha256(statement) = {ACI_REPORT_DATA}" in VECTORS
    appraisal = appraise(aci_evidence())
    assert appraisal.claims["keyset_digest"] == ACI_KEYSET_DIGEST
    assert appraisal.bindings["report_data"] == bytes.fromhex(ACI_REPORT_DATA).ljust(64, b"\0")


def test_the_specifications_vector_without_a_nonce() -> None:
    unchallenged = re.search(r"report_data = (0633919c[0-9a-f]+)", VECTORS)
    bound = bytes.fromhex(unchallenged[1]).ljust(64, b"\0")
    appraisal = appraise(aci_evidence(report_data=bound), bindings={})
    assert appraisal.not_judged == ("bindings", "software")
    assert judge(aci_evidence(), bindings={}) == "quote.nonce-not-named"


RECEIPT = next(
    line for line in VECTORS.splitlines() if '"receipt_id"' in line and '"signature"' in line
)


def receipt_exchange(
    receipt: bytes, response: bytes = RESPONSE, request: bytes = REQUEST
) -> SignedExchange:
    return aci.verify_exchange(appraise(aci_evidence()), receipt, response, request)


def test_the_specifications_receipt() -> None:
    result = receipt_exchange(RECEIPT.encode())
    assert result.binds == ("request", "response")
    assert result.model == "demo-model"
    assert result.upstream.startswith("verified 95ad1cb4")
    pretty = json.dumps(json.loads(RECEIPT), indent=2).encode()
    assert receipt_exchange(pretty) == result


def signed_receipt(**changed: object) -> bytes:
    document = {**json.loads(RECEIPT), **changed}
    del document["signature"]
    signature = SigningKey(b"\x02" * 32).sign(vendor_json.canonical(document)).signature
    return json.dumps({**document, "signature": signature.hex()}).encode()


EVENTS = json.loads(RECEIPT)["event_log"]


@pytest.mark.parametrize(
    ("receipt", "code"),
    [
        (RECEIPT.replace("demo-model", "demo-modem").encode(), "signature.invalid"),
        (json.dumps({**json.loads(RECEIPT), "key_id": "receipt-2"}).encode(), "quote.signing-key"),
        (signed_receipt(api_version="aci/2"), "quote.version"),
        (signed_receipt(workload_keyset_digest="sha256:" + "00" * 32), "quote.keyset"),
        (signed_receipt(event_log=[]), "quote.malformed"),
        (signed_receipt(event_log=EVENTS[1:]), "quote.malformed"),
        (signed_receipt(event_log=EVENTS[:-1]), "quote.malformed"),
        (signed_receipt(event_log=[*EVENTS, EVENTS[-1]]), "quote.malformed"),
        (signed_receipt(event_log=[{**EVENTS[0], "body_hash": 1}]), "quote.malformed"),
        (
            signed_receipt(
                event_log=[{"type": "request.received"}, {"type": "upstream.verified"}, *EVENTS]
            ),
            "quote.malformed",
        ),
        (b"[]", "quote.json"),
    ],
)
def test_receipts_one_fault_at_a_time(receipt: bytes, code: str) -> None:
    assert code_of(lambda: receipt_exchange(receipt)) == code


def test_receipts_of_other_bodies() -> None:
    receipt = RECEIPT.encode()
    assert code_of(lambda: receipt_exchange(receipt, RESPONSE + b"\n")) == "quote.response-hash"
    assert code_of(lambda: receipt_exchange(receipt, request=b"")) == "quote.request-hash"


def test_what_a_receipt_says_of_the_upstream() -> None:
    direct = [event for event in EVENTS if event["type"] != "upstream.verified"]
    assert receipt_exchange(signed_receipt(event_log=direct, model=None)).upstream is None
    failed = {"type": "upstream.verified", "result": "failed", "reason": "no quote"}
    receipt = signed_receipt(event_log=[*direct, failed])
    assert receipt_exchange(receipt).upstream == "failed no quote"


def test_a_receipt_needs_a_report_of_its_form() -> None:
    appraisal = appraise(phala_evidence())
    run = lambda: aci.verify_exchange(appraisal, RECEIPT.encode(), RESPONSE, REQUEST)  # noqa: E731
    assert code_of(run) == "quote.signing-key"
    document = signature_document(digests())
    other = appraise(aci_evidence())
    assert code_of(lambda: phala.verify_exchange(other, document, RESPONSE)) == "quote.signing-key"


EARLY = {**ACI_KEYSET, "not_after": 1767400000}


def digest_of(keyset: dict[str, object]) -> str:
    return f"sha256:{hashlib.sha256(vendor_json.canonical(keyset)).hexdigest()}"


def bound_to(keyset: dict[str, object]) -> dict[str, object]:
    statement = {
        "keyset_digest": digest_of(keyset),
        "nonce": VENDOR_NONCE.hex(),
        "purpose": "aci.report_data.v1",
    }
    return {
        "keyset": keyset,
        "workload_keyset_digest": digest_of(keyset),
        "report_data": hashlib.sha256(vendor_json.canonical(statement)).digest().ljust(64, b"\0"),
    }


KEY = ACI_KEYSET["receipt_signing_keys"][0]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"report_data": bytes(64)}, "quote.binding"),
        ({"keyset": EARLY}, "quote.keyset"),
        ({"keyset": EARLY, "workload_keyset_digest": digest_of(EARLY)}, "quote.binding"),
        (bound_to(EARLY), "quote.stale"),
        (bound_to({**ACI_KEYSET, "not_after": "never"}), "quote.json"),
        (bound_to({**ACI_KEYSET, "receipt_signing_keys": [KEY, KEY]}), "quote.keyset"),
        (bound_to({**ACI_KEYSET, "receipt_signing_keys": [{**KEY, "algo": "rsa"}]}), "genuine"),
        (
            bound_to({**ACI_KEYSET, "receipt_signing_keys": [{**KEY, "public_key": "00" * 32}]}),
            "key.low-order",
        ),
        ({"api_version": "aci/2"}, "quote.unknown-kind"),
        ({"attestation": {"tee_type": "sev_snp"}}, "quote.tee-not-read"),
        ({"attestation": {"workload_keyset": None}}, "quote.json"),
        ({"proof": {"event_log": []}}, "quote.event-log"),
        ({"proof": {"event_log": None}}, "quote.app-compose"),
        ({"proof": {"event_log": None, "app_compose": None}}, "genuine"),
        ({"proof": {"app_compose": "{}"}}, "quote.app-compose"),
        ({"proof": {"quote": None}}, "quote.json"),
    ],
)
def test_aci_reports_one_fault_at_a_time(changed: dict[str, object], code: str) -> None:
    assert judge(aci_evidence(**changed)) == code


def test_a_nonce_of_another_size_is_the_policys_mistake() -> None:
    assert judge(aci_evidence(), bindings={"nonce": b"short"}) == "quote.policy"


def test_the_stub_of_the_gateways_own_tests_is_no_quote() -> None:
    evidence = QuoteEvidence(
        QuoteKind.ACI,
        read("vendor_formats/aci_report_fixture.json"),
        collateral=test_intel().collateral(),
    )
    assert judge(evidence) in {"quote.version", "quote.truncated"}
