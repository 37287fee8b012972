"""NVIDIA evidence: public reports and tokens, and one fault at a time under a test root."""

import base64
import json
from dataclasses import replace
from functools import partial

import pytest
from quote_factories import (
    NRAS_AT,
    NRAS_SAMPLE,
    gpu_chain,
    gpu_entry,
    gpu_evidence,
    nras_chain,
    nras_evidence,
    put,
    reissue,
)
from quote_samples import SOURCES, ns, pem, read, verdict

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes import nvidia, vendor_json
from pot_reverify.quotes.evidence import NamedSoftware, QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.verify import identify_quote, verify_quote
from pot_reverify.quotes.wire_forms import read_evidence

NOW = ns("2026-11-22T00:00:00Z")
# Report, chain beside it.
CHAIN_OF_REPORT = {
    "nvat_hopperAttestationReport.txt": "nvat_hopperCertChain.txt",
    "nvat_sad_blackwellAttestationReport.txt": "nvat_sad_blackwellCertChain.txt",
    "nvat_sad_hopperAttestationReport.txt": "nvat_sad_hopperCertChain.txt",
    "nvat_sad_hopperAttestationReportExpired.txt": "nvat_sad_hopperCertChainExpired.txt",
    "nvat_sad_hopperAttestationReportInvalidSignature.txt": "nvat_sad_hopperCertChain.txt",
    "nvtrust_hopperAttestationReport.txt": "nvtrust_hopperCertChain.txt",
    "trustee_hopperAttestationReport.txt": "trustee_hopper_cert_chain_case1.txt",
    "trustee_hopper_coco_report1.txt": "trustee_hopper_coco_certs1.txt",
}
REPORTS = {f"nvidia/{report}": f"nvidia/{chain}" for report, chain in CHAIN_OF_REPORT.items()}
LISTS = [
    "nvidia/nvat_evidence_hopper_590_12.json",
    "nvidia/nvat_hopper_evidence.json",
    "nvidia/nvat_hopper_evidence_cert_hold.json",
    "nvidia/nvat_multi_gpu_hopper.json",
    "nvidia/nvtrust_ppcie_gpu_evidence.json",
]
ROW_CODES = {
    "REJECT report signature": "quote.signature",
    "REJECT parse (97 bytes left for signature)": "quote.trailing-bytes",
}


def evidence_of(name: str) -> QuoteEvidence:
    return QuoteEvidence(QuoteKind.NVIDIA_GPU, read(name), certificates=pem(REPORTS[name]))


def judge(evidence: QuoteEvidence, policy: QuotePolicy | None = None) -> str:
    return verdict(lambda: verify_quote(evidence, at_ns=NOW, policy=policy or QuotePolicy()))


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_the_verdict_of_its_row(name: str) -> None:
    row = SOURCES[name]["verified_when_and_result"]
    assert judge(evidence_of(name)) == ROW_CODES.get(row, "genuine")
    assert name in ROW_CODES or "OK" in row or row in ROW_CODES


@pytest.mark.parametrize("name", LISTS)
def test_every_device_of_the_lists_is_genuine(name: str) -> None:
    entries = json.loads(read(name))
    devices = nvidia.parse_evidence_list(vendor_json.decode(read(name), name), name)
    assert len(devices) == len(entries)
    for device, entry in zip(devices, entries, strict=True):
        policy = QuotePolicy(bindings={"nonce": bytes.fromhex(entry["nonce"])})
        appraisal = verify_quote(device, at_ns=NOW, policy=policy)
        assert appraisal.product == "NVIDIA GH100 GPU"
        assert appraisal.not_judged == ("revocation", "software")
        if "driver_version" in entry:
            assert appraisal.registers["driver"].decode() == entry["driver_version"]


def test_a_driver_that_does_not_report_its_fwid_is_not_judged_by_it() -> None:
    evidence = evidence_of("nvidia/nvat_sad_hopperAttestationReport.txt")
    appraisal = verify_quote(evidence, at_ns=NOW, policy=QuotePolicy())
    assert "fwid" in appraisal.not_judged


@pytest.mark.parametrize(
    ("chain", "code"),
    [
        ("nvidia/trustee_hopper_cert_chain_case3.txt", "quote.chain-order"),
        ("nvidia/trustee_hopper_cert_chain_case4.txt", "quote.chain-constraints"),
        ("nvidia/nvat_hopperCertChain.txt", "quote.signature"),
    ],
)
def test_chains_that_are_not_the_devices(chain: str, code: str) -> None:
    report = read("nvidia/trustee_hopperAttestationReport.txt")
    assert judge(QuoteEvidence(QuoteKind.NVIDIA_GPU, report, certificates=pem(chain))) == code


def test_golden_measurements_come_from_the_policy() -> None:
    evidence = evidence_of("nvidia/nvat_hopperAttestationReport.txt")
    registers = verify_quote(evidence, at_ns=NOW, policy=QuotePolicy()).registers
    golden = {name: value for name, value in registers.items() if any(value)}
    named = NamedSoftware("driver 580.159.03", QuoteKind.NVIDIA_GPU, golden)
    appraisal = verify_quote(evidence, at_ns=NOW, policy=QuotePolicy(software=(named,)))
    assert appraisal.software == "driver 580.159.03"
    other = NamedSoftware("other", QuoteKind.NVIDIA_GPU, {**golden, "measurement02": bytes(48)})
    assert judge(evidence, QuotePolicy(software=(other,))) == "quote.measurement"


# Under a test root.

CHAIN = gpu_chain()
TEST_ROOT = QuotePolicy(roots={"nvidia": (CHAIN.root,)})
REPORT = read("nvidia/nvat_hopperAttestationReport.txt")
OPAQUE = 37 + 8 + 3520 + 32


def opaque(report: bytes, fields: bytes) -> bytes:
    return report[:OPAQUE] + len(fields).to_bytes(2, "little") + fields + bytes(96)


def test_a_reissued_sample_is_genuine_under_its_root() -> None:
    assert judge(gpu_evidence(CHAIN, REPORT), TEST_ROOT) == "genuine"
    assert judge(gpu_evidence(CHAIN, REPORT)) == "quote.root-not-pinned"


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (put(REPORT, 37, b"\x10"), "quote.malformed"),
        (put(REPORT, 38, b"\x7f"), "quote.malformed"),
        (put(REPORT, 37 + 4, b"\x41"), "quote.truncated"),
        (put(REPORT, 37 + 4, b"\x3f"), "quote.trailing-bytes"),
        (put(REPORT, 37 + 8, b"\x02"), "quote.malformed"),
        (put(REPORT, 37 + 9, b"\x02"), "quote.malformed"),
        (put(REPORT, 37 + 10, b"\x32"), "quote.truncated"),
        (put(REPORT, 37 + 13, b"\x2f"), "quote.trailing-bytes"),
        (opaque(REPORT, b"\x14\x00\x30\x00" + bytes(48)), "quote.fwid"),
        (opaque(REPORT, b"\x14\x00\x00\x00"), "quote.fwid"),
        (opaque(REPORT, b"\x03\x00\x00\x00" * 2), "quote.malformed"),
        (opaque(REPORT, b"\x03\x00\x01"), "quote.truncated"),
        (opaque(REPORT, b""), "genuine"),
    ],
)
def test_one_fault_at_a_time(report: bytes, code: str) -> None:
    assert judge(gpu_evidence(CHAIN, report), TEST_ROOT) == code


def test_a_fwid_that_the_chain_does_not_certify() -> None:
    chain = reissue(
        pem("nvidia/nvat_hopperCertChain.txt"), extensions={0: {"2.23.133.5.4.1": None}}
    )
    policy = QuotePolicy(roots={"nvidia": (chain.root,)})
    assert judge(gpu_evidence(chain, REPORT), policy) == "quote.fwid"


def test_another_nonce() -> None:
    policy = QuotePolicy(roots=TEST_ROOT.roots, bindings={"nonce": bytes(32)})
    assert judge(gpu_evidence(CHAIN, REPORT), policy) == "quote.binding"


@pytest.mark.parametrize(
    "document",
    [{}, [], [1], [{}], [{"evidence": "a", "certificate": ""}], [{}] * 33],
)
def test_lists_that_are_not_lists_of_devices(document: object) -> None:
    with pytest.raises(Rejection) as caught:
        nvidia.parse_evidence_list(document, "list")
    assert caught.value.code == "quote.json"


# NVIDIA's own list, and the switches in it.

SWITCH = "nvidia/nvtrust_ppcie_switch_evidence.json"


def list_of(*entries: dict[str, object]) -> QuoteEvidence:
    return QuoteEvidence(QuoteKind.NVIDIA_LIST, json.dumps(entries).encode())


def entries_of(name: str) -> list[dict[str, object]]:
    return json.loads(read(name))


@pytest.mark.parametrize("name", [*LISTS, SWITCH])
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_list_is_read_as_nvidia_writes_it(*, name: str, is_wrapped: bool) -> None:
    """Also inside the request that goes to NVIDIA's service."""
    entries = entries_of(name)
    request = {"nonce": entries[0]["nonce"], "arch": "HOPPER", "evidence_list": entries}
    data = json.dumps(request).encode() if is_wrapped else read(name)
    evidence = read_evidence(data, b"", [], [])
    assert evidence.kind is QuoteKind.NVIDIA_LIST
    nonce = bytes.fromhex(str(entries[0]["nonce"]))
    policy = QuotePolicy(bindings={"nonce": nonce})
    appraisal = verify_quote(evidence, at_ns=NOW, policy=policy)
    assert len(appraisal.devices) == len(entries)
    what = "NVSwitch" if name == SWITCH else "GPU"
    assert appraisal.product == f"{len(entries)} × {what}"
    assert {device.product.split()[-1] for device in appraisal.devices} == {what}
    assert appraisal.software is None


def test_a_switch_is_no_gpu() -> None:
    """It hangs below a certificate that calls itself "NVIDIA GH100 Identity"."""
    (entry,) = entries_of(SWITCH)
    report = base64.b64decode(str(entry["evidence"]))
    chain = nvidia.parse_pem_chain(base64.b64decode(str(entry["certificate"])))
    assert identify_quote(report) is QuoteKind.NVIDIA_SWITCH
    switch = QuoteEvidence(QuoteKind.NVIDIA_SWITCH, report, certificates=chain)
    appraisal = verify_quote(switch, at_ns=NOW, policy=QuotePolicy())
    assert appraisal.product == "NVIDIA LS_10 NVSwitch"
    assert judge(replace(switch, kind=QuoteKind.NVIDIA_GPU)) == "quote.kind"
    # Software that is named for GPUs does not name it, whatever its registers are.
    registers = {"measurement01": appraisal.registers["measurement01"]}
    named = NamedSoftware("a GPU's", QuoteKind.NVIDIA_GPU, registers)
    policy = QuotePolicy(software=(named,))
    assert verify_quote(switch, at_ns=NOW, policy=policy).software is None
    right = replace(named, kind=QuoteKind.NVIDIA_SWITCH, name="switch firmware")
    policy = QuotePolicy(software=(right,))
    assert verify_quote(switch, at_ns=NOW, policy=policy).software == "switch firmware"


def test_a_list_does_not_call_a_switch_a_gpu() -> None:
    (switch,), (gpu,) = entries_of(SWITCH), entries_of("nvidia/nvat_hopper_evidence.json")
    for entry, arch, code in (
        (switch, "LS10", "genuine"),
        (switch, "HOPPER", "quote.device"),
        (switch, "BLACKWELL", "quote.device"),
        (gpu, "LS10", "quote.device"),
        (gpu, "HOPPER", "genuine"),
        (gpu, "OF 2031", "genuine"),
        (gpu, None, "genuine"),
    ):
        assert judge(list_of(entry | {"arch": arch})) == code


def test_the_key_decides_what_a_report_is_of() -> None:
    """A report with the fields of one device, signed by a key that is certified for another."""
    (entry,) = entries_of(SWITCH)
    report = base64.b64decode(str(entry["evidence"]))
    of_gpu = list_of({**gpu_entry(CHAIN, report), "arch": None, "nonce": None})
    assert judge(of_gpu, TEST_ROOT) in ("quote.device", "quote.fwid")
    switches = reissue(nvidia.parse_pem_chain(base64.b64decode(str(entry["certificate"]))))
    policy = QuotePolicy(roots={"nvidia": (switches.root,)})
    assert judge(gpu_evidence(switches, REPORT), policy) == "quote.device"
    assert judge(gpu_evidence(switches, opaque(REPORT, b"")), policy) == "quote.device"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NVIDIA GH100 Provisioner ICA 1", "genuine"),
        ("NVIDIA GR100 Provisioner ICA 00000", "genuine"),
        ("NVIDIA LS_10 Provisioner ICA 1", "quote.device"),
        ("NVIDIA ZZ999 Provisioner ICA 1", "quote.device-not-known"),
        ("NVIDIA Provisioner ICA 1", "quote.device-not-known"),
        ("NVIDIA GH100 Provisioner ICA 1, too", "quote.device-not-known"),
    ],
)
def test_a_device_is_what_nvidia_certified(name: str, code: str) -> None:
    chain = reissue(pem("nvidia/nvat_hopperCertChain.txt"), names={2: name})
    policy = QuotePolicy(roots={"nvidia": (chain.root,)})
    assert judge(gpu_evidence(chain, REPORT), policy) == code


def test_the_devices_of_a_list_answer_one_nonce() -> None:
    (first,), second = entries_of("nvidia/nvat_hopper_evidence.json"), entries_of(LISTS[-1])[0]
    assert first["nonce"] != second["nonce"]
    assert judge(list_of(first, second)) == "quote.binding"
    assert judge(list_of(first | {"nonce": "00" * 32})) == "quote.binding"
    assert judge(list_of(first | {"nonce": None})) == "genuine"
    request = {"nonce": "00" * 32, "evidence_list": [first]}
    evidence = QuoteEvidence(QuoteKind.NVIDIA_LIST, json.dumps(request).encode())
    assert judge(evidence) == "quote.binding"
    policy = QuotePolicy(bindings={"nonce": bytes(32)})
    assert judge(list_of(first), policy) == "quote.binding"


def test_one_bad_device_is_enough() -> None:
    entries = entries_of("nvidia/nvat_multi_gpu_hopper.json")
    report = bytearray(base64.b64decode(str(entries[2]["evidence"])))
    report[-1] ^= 1
    entries[2] = entries[2] | {"evidence": base64.b64encode(report).decode()}
    assert judge(list_of(*entries)) == "quote.signature"
    entries[2] = entries[2] | {"certificate": ""}
    assert judge(list_of(*entries)) == "quote.certificate-missing"


def test_pem_that_is_not() -> None:
    with pytest.raises(Rejection) as caught:
        nvidia.parse_pem_chain(b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----")
    assert caught.value.code == "quote.certificate-malformed"
    assert nvidia.parse_pem_chain(b"nothing") == ()


# Tokens of the attestation service.

NRAS_ROOT = {"nras": (nras_chain().root,)}


def judge_token(evidence: QuoteEvidence, at: str = NRAS_AT, **asked: object) -> str:
    policy = QuotePolicy(**{"roots": NRAS_ROOT, **asked})
    return verdict(lambda: verify_quote(evidence, at_ns=ns(at), policy=policy))


def test_an_unsigned_token_of_the_local_verifier() -> None:
    """Two real JWTs with ``alg: none``, which say that everything is well."""
    output = json.loads(read("nvidia/dstack_gpu_attestation_h100.json"))
    data = json.dumps(output["detached_eat"]).encode()
    assert judge_token(QuoteEvidence(QuoteKind.NRAS, data)) == "quote.token-unsigned"


def test_a_real_token_without_its_jwks_cannot_be_told() -> None:
    evidence = QuoteEvidence(QuoteKind.NRAS, read(NRAS_SAMPLE))
    assert judge_token(evidence) == "quote.certificate-missing"
    with pytest.raises(Indeterminate) as caught:
        verify_quote(evidence, at_ns=ns(NRAS_AT), policy=QuotePolicy())
    assert caught.value.code == "quote.root-not-named"


def test_a_token_under_a_root_that_the_reader_named() -> None:
    policy = QuotePolicy(roots=NRAS_ROOT)
    appraisal = verify_quote(nras_evidence(), at_ns=ns(NRAS_AT), policy=policy)
    assert [device.product for device in appraisal.devices] == ["GH100 A01 GSP BROM"]
    assert "driver" in appraisal.devices[0].registers
    nonce = appraisal.bindings["nonce"]
    assert judge_token(nras_evidence(), bindings={"nonce": nonce}) == "genuine"
    assert judge_token(nras_evidence(), bindings={"nonce": bytes(32)}) == "quote.binding"


def test_an_intermediate_may_be_pinned() -> None:
    assert (
        judge_token(nras_evidence(), roots={"nras": (nras_chain().certificates[1],)}) == "genuine"
    )
    foreign = reissue(nras_chain().certificates)
    assert judge_token(nras_evidence(), roots={"nras": (foreign.root,)}) == "quote.root-not-pinned"


def x5c_of(*certificates: bytes) -> dict[str, object]:
    return {
        "keys": [{"kid": "test", "x5c": [base64.b64encode(der).decode() for der in certificates]}]
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"overall": {"x-nvidia-overall-att-result": False}}, "quote.token-result"),
        ({"overall": {"x-nvidia-overall-att-result": "true"}}, "quote.token-result"),
        ({"overall": {"iss": "https://example.com"}}, "quote.token-issuer"),
        ({"overall": {"submods": {}}}, "quote.token-devices"),
        ({"overall": {"submods": None}}, "quote.json"),
        ({"overall": {"eat_nonce": "00" * 32}}, "quote.binding"),
        ({"overall": {"eat_nonce": "0g"}}, "quote.json"),
        ({"overall": {"exp": None}}, "quote.json"),
        ({"device": {"measres": "fail"}}, "quote.token-result"),
        ({"device": {"secboot": False}}, "quote.token-result"),
        ({"device": {"dbgstat": "enabled"}}, "quote.debug"),
        ({"device": {"measres": "fail"}, "relink": False}, "quote.token-devices"),
        ({"header": {"alg": "none"}}, "quote.token-unsigned"),
        ({"header": {"alg": "ES256", "kid": "test"}}, "quote.algorithm"),
        ({"header": {"alg": "ES384", "kid": "test", "crit": ["b64"]}}, "quote.algorithm"),
        ({"header": {"alg": "ES384", "kid": "unknown"}}, "quote.certificate-missing"),
        ({"header": {"alg": "ES384"}}, "quote.certificate-missing"),
        ({"jwks": {"keys": {}}}, "quote.json"),
        ({"jwks": {"keys": [{"kid": "test"}]}}, "quote.json"),
        ({"jwks": {"keys": [{"kid": "test", "x5c": ["!"]}]}}, "quote.malformed"),
        (
            {"jwks": x5c_of(*reissue(nras_chain().certificates).certificates)},
            "quote.root-not-pinned",
        ),
        ({"jwks": x5c_of(*nras_chain().certificates[:2])}, "genuine"),
    ],
)
def test_tokens_one_fault_at_a_time(changes: dict[str, object], code: str) -> None:
    assert judge_token(nras_evidence(**changes)) == code


def test_a_token_lives_an_hour() -> None:
    assert judge_token(nras_evidence(), "2025-06-11T02:00:00Z") == "quote.stale"
    assert judge_token(nras_evidence(), "2025-06-11T00:00:00Z") == "quote.not-yet-valid"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'[["JWT","e30.e30.e30"],{}]', "quote.malformed"),
        (b'[["JWT","e30.e30.e30"],{"GPU-0":1}]', "quote.malformed"),
        (b'[["JWT","!"],{"GPU-0":"e30"}]', "quote.malformed"),
        (b'[["JWT","e30.e30.e30"],{"GPU-0":"e30"}]', "quote.algorithm"),
    ],
)
def test_shapes_of_tokens(data: bytes, code: str) -> None:
    assert judge_token(QuoteEvidence(QuoteKind.NRAS, data)) == code


def test_a_token_of_two_parts_and_a_short_signature() -> None:
    evidence = nras_evidence()
    (_, first), devices = json.loads(evidence.data)
    for changed, code in (
        (first.rpartition(".")[0], "quote.malformed"),
        (first[:-4], "quote.signature"),
        (first[:-2] + ("AA" if first[-2:] != "AA" else "BA"), "quote.signature"),
    ):
        data = json.dumps([["JWT", changed], devices]).encode()
        other = QuoteEvidence(QuoteKind.NRAS, data, collateral=evidence.collateral)
        assert judge_token(other) == code


def test_a_report_is_checked_again_by_its_own_module() -> None:
    evidence = QuoteEvidence(QuoteKind.NVIDIA_GPU, put(REPORT, 1, b"\x60"))
    run = partial(nvidia.verify, evidence, NOW, TEST_ROOT)
    assert verdict(run) == "quote.malformed"
