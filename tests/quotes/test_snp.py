"""SEV-SNP reports: public samples, and one fault at a time under a test root."""

import base64
import json
import re
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from quote_factories import (
    SNP_AT,
    SNP_CHAINS,
    Reissued,
    put,
    reissue,
    snp_evidence,
    snp_report,
    turin_report,
)
from quote_samples import SOURCES, ns, pem, read, verdict

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes import snp
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.verify import verify_quote

MILAN = pem("snp_roots/ask_ark_milan.pem")
MILAN_VLEK = pem("snp_roots/ask_ark_milan_vlek.pem")
GENOA = pem("snp_roots/ask_ark_genoa.pem")

# Report, certificates, the time of the row in SOURCES.tsv.
SAMPLES = {
    "snp/trustee_test-report.bin": ("snp/trustee_test-vcek.der", MILAN, "2023-03-25"),
    "snp/trustee_test-vlek-report.bin": ("snp/trustee_test-vlek.der", MILAN_VLEK, "2025-02-08"),
    "snp/openpcc_azure_report.bin": ("snp/openpcc_vcek.der", GENOA, "2025-08-10"),
    "snp/gosev_attestation.bin": ("snp/gosev_vcek.der", MILAN, "2022-11-23"),
    "snp/virtee_report_milan.hex": ("snp/virtee_vcek_milan.der", MILAN, "2023-06-02"),
    "snp_negative/tampered_measurement.bin": ("snp/trustee_test-vcek.der", MILAN, "2023-03-25"),
    "snp_negative/tampered_report_data.bin": ("snp/trustee_test-vcek.der", MILAN, "2023-03-25"),
}
SAMPLE_CODES = {
    "REJECT DEBUG": "quote.debug",
    "REJECT report signature": "quote.signature",
    "REJECT report size 1000": "quote.truncated",
}
NO_CRL = QuotePolicy(vmpls=frozenset({0, 1}), revocation_required=False)


def appraise(
    report: bytes,
    certificates: tuple[bytes, ...],
    at: str,
    policy: QuotePolicy = NO_CRL,
    **more: object,
) -> QuoteAppraisal:
    evidence = QuoteEvidence(QuoteKind.SEV_SNP, report, certificates=certificates, **more)
    return verify_quote(evidence, at_ns=ns(f"{at}T00:00:00Z"), policy=policy)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_has_the_verdict_of_its_row(name: str) -> None:
    certificate, issuers, at = SAMPLES[name]
    row = SOURCES[name]
    expected = row["verified_when_and_result"].split("ref=")[1]
    assert f"checked at {at}" in row["verified_when_and_result"]
    certificates = (read(certificate), *issuers)
    if expected.startswith("OK "):
        appraisal = appraise(read(name), certificates, at)
        assert appraisal.product == expected.removeprefix("OK ")
        stated = dict(
            item.split("=") for item in row["expected_measurements"].split(" ") if "=" in item
        )
        assert appraisal.registers["measurement"].hex() == stated["measurement"]
        assert appraisal.bindings["report_data"].hex() == stated["report_data"]
        assert appraisal.claims["vmpl"] == stated["vmpl"]
        assert "revocation" in appraisal.not_judged
    else:
        assert verdict(lambda: appraise(read(name), certificates, at)) == SAMPLE_CODES[expected]


def test_a_truncated_report_is_no_report() -> None:
    evidence = QuoteEvidence(QuoteKind.SEV_SNP, read("snp_negative/truncated.bin"))
    assert verdict(lambda: verify_quote(evidence, at_ns=0, policy=NO_CRL)) == "quote.unknown-kind"


def hcl_report(name: str) -> tuple[bytes, bytes]:
    """The report and VCEK inside Azure's evidence."""
    document = json.loads(read(name))
    report, vcek = (
        base64.urlsafe_b64decode(document[member] + "=" * (-len(document[member]) % 4))
        for member in ("hcl_report", "vcek")
    )
    return report[32 : 32 + 0x4A0], vcek


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_reports_of_azure_paravisors(version: str) -> None:
    report, vcek = hcl_report(f"snp/trustee_az_evidence-{version}.json")
    assert appraise(report, (vcek, *MILAN), "2025-06-01").product == "Milan"


def test_a_report_inside_dstack_evidence() -> None:
    report = read("snp/dstack_sev_snp_attestation.bin")[4 : 4 + 0x4A0]
    certificates = (*pem("snp/dstack_sev_snp_vcek.pem"), *pem("snp/dstack_sev_snp_ask.pem"))
    appraisal = appraise(report, certificates, "2026-07-01")
    assert appraisal.claims["version"] == "3"


def test_a_report_of_a_hypervisor_client_library() -> None:
    report = read("snp/trustee_az_hcl-report.bin")[32 : 32 + 0x4A0]
    certificates = pem("snp/trustee_az_vcek.pem")
    assert appraise(report, certificates, "2024-06-01").claims["version"] == "2"


@pytest.mark.parametrize("name", ["legacy", "new"])
def test_a_vcek_that_amd_did_not_sign(name: str) -> None:
    certificates = (read(f"snp/trustee_test-vcek-invalid-{name}.der"), *MILAN)
    report = read("snp/trustee_test-report.bin")
    assert verdict(lambda: appraise(report, certificates, "2023-03-25")) == "quote.chain-signature"


def test_a_genuine_vcek_of_another_chip() -> None:
    certificates = (read("snp/virtee_vcek_milan.der"), *MILAN)
    report = read("snp/trustee_test-report.bin")
    assert verdict(lambda: appraise(report, certificates, "2023-06-02")) == "quote.chip-id"


def test_a_report_of_another_product() -> None:
    certificates = (read("snp/openpcc_vcek.der"), *GENOA)
    report = read("snp/openpcc_gce_report_v4.bin")
    assert verdict(lambda: appraise(report, certificates, "2025-08-10")) == "quote.product"


def test_a_report_without_certificates_cannot_be_told() -> None:
    report = read("snp/openpcc_gce_report_v4.bin")
    assert verdict(lambda: appraise(report, (), "2025-08-10")) == "quote.certificate-missing"


def test_vmpl_is_what_the_policy_allows() -> None:
    certificates = (read("snp/trustee_test-vlek.der"), *MILAN_VLEK)
    report = read("snp/trustee_test-vlek-report.bin")
    with pytest.raises(Rejection) as caught:
        appraise(report, certificates, "2025-02-08", QuotePolicy(revocation_required=False))
    assert (caught.value.code, caught.value.got) == ("quote.vmpl", "1")


def test_a_vlek_after_its_year_is_stale_and_not_wrong() -> None:
    certificates = (read("snp/trustee_test-vlek.der"), *MILAN_VLEK)
    report = read("snp/trustee_test-vlek-report.bin")
    with pytest.raises(Indeterminate) as caught:
        appraise(report, certificates, "2026-02-08")
    assert caught.value.code == "quote.stale"
    assert "2025-12-10" in caught.value.needs


def test_the_real_crl_counts_and_has_its_time() -> None:
    name = "snp/openpcc_azure_report.bin"
    certificates = (read("snp/openpcc_vcek.der"), *GENOA)
    crl = (read("snp/openpcc_crl_genoa.der"),)
    appraisal = appraise(read(name), certificates, "2025-08-10", QuotePolicy(), crls=crl)
    assert "revocation" not in appraisal.not_judged
    late = verdict(lambda: appraise(read(name), certificates, "2025-12-10", crls=crl))
    assert late == "quote.stale"
    missing = verdict(lambda: appraise(read(name), certificates, "2025-08-10", QuotePolicy()))
    assert missing == "quote.crl-missing"
    other = (read("snp/openpcc_crl_milan.der"),)
    assert (
        verdict(lambda: appraise(read(name), certificates, "2025-08-10", QuotePolicy(), crls=other))
        == "quote.crl-missing"
    )


# Under a test root.


def judge(
    chain: Reissued, report: bytes, policy: dict[str, object] | None = None, **more: bool
) -> str:
    asked = QuotePolicy(roots={"amd": (chain.root,)}, **(policy or {}))
    evidence = snp_evidence(chain, report, **more)
    return verdict(lambda: verify_quote(evidence, at_ns=ns(SNP_AT), policy=asked))


MILAN_REPORT = read("snp/trustee_test-report.bin")
OID = "1.3.6.1.4.1.3704.1."


@pytest.fixture(scope="module")
def milan() -> Reissued:
    return reissue(SNP_CHAINS["Milan"])


@pytest.fixture(scope="module")
def turin() -> Reissued:
    return reissue(SNP_CHAINS["Turin"])


def test_reissued_samples_are_genuine_under_their_root(milan: Reissued, turin: Reissued) -> None:
    assert judge(milan, MILAN_REPORT) == "genuine"
    assert judge(turin, turin_report()) == "genuine"


def test_a_foreign_root_with_the_right_name(milan: Reissued) -> None:
    """A chain that verifies by itself, and calls its root ARK-Milan."""
    evidence = snp_evidence(milan, MILAN_REPORT)
    assert (
        verdict(lambda: verify_quote(evidence, at_ns=ns(SNP_AT), policy=QuotePolicy()))
        == "quote.root-not-pinned"
    )


def test_big_endian_signatures(milan: Reissued) -> None:
    assert judge(milan, MILAN_REPORT, big_endian=True) == "quote.signature"


def test_a_long_r(milan: Reissued) -> None:
    evidence = snp_evidence(milan, MILAN_REPORT)
    longer = QuoteEvidence(
        evidence.kind,
        put(evidence.data, 0x2A0 + 60, b"\x01"),
        certificates=evidence.certificates,
        crls=evidence.crls,
    )
    policy = QuotePolicy(roots={"amd": (milan.root,)})
    assert (
        verdict(lambda: verify_quote(longer, at_ns=ns(SNP_AT), policy=policy)) == "quote.signature"
    )


def test_a_tcb_in_the_layout_of_other_products(turin: Reissued) -> None:
    """Milan's layout puts the microcode at byte 7, and the rest where Turin's FMC is."""
    report = put(turin_report(), 0x180, bytes([1, 0, 0, 0, 0, 0, 0, 9]))
    assert judge(turin, report) == "quote.certificate-tcb"
    policy = {"minimum_snp_tcb": {"Turin": {"ucode": 10}}}
    assert judge(turin, turin_report(), policy) == "quote.tcb"
    assert judge(turin, turin_report(), {"minimum_snp_tcb": {"Turin": {"ucode": 9}}}) == "genuine"
    assert judge(turin, turin_report(), {"minimum_snp_tcb": {"Turin": {"csp": 0}}}) == "quote.tcb"


def test_a_chip_id_is_eight_bytes_on_turin(turin: Reissued) -> None:
    report = put(turin_report(), 0x1A0 + 8, b"\x01")
    assert judge(turin, report) == "quote.chip-id"


def test_a_masked_chip_id_is_zero(milan: Reissued) -> None:
    masked = put(MILAN_REPORT, 0x48, b"\x02")
    assert judge(milan, masked) == "quote.chip-id"
    assert judge(milan, put(masked, 0x1A0, bytes(64))) == "genuine"


@pytest.mark.parametrize(
    ("offset", "value", "code"),
    [
        (0x0A, b"\x0b", "quote.debug"),
        (0x0A, b"\x07", "quote.guest-policy"),
        (0x0A, b"\x01", "quote.guest-policy"),
        (0x30, b"\x03", "quote.vmpl"),
        (0x34, b"\x02", "quote.algorithm"),
        (0x48, b"\x04", "quote.signing-key"),
        (0x48, b"\x1c", "quote.signing-key"),
        (0x187, b"\x72", "quote.certificate-tcb"),
        (0x1A0, b"\x00", "quote.chip-id"),
    ],
)
def test_one_field_at_a_time(milan: Reissued, offset: int, value: bytes, code: str) -> None:
    assert judge(milan, put(MILAN_REPORT, offset, value)) == code


def test_families_that_are_not_known(turin: Reissued) -> None:
    assert judge(turin, put(turin_report(), 0x188, b"\x1b")) == "quote.product"


def test_a_padding_that_nobody_signed(milan: Reissued) -> None:
    report = snp_report(milan, MILAN_REPORT)
    evidence = QuoteEvidence(
        QuoteKind.SEV_SNP, put(report, 0x49F, b"\x01"), certificates=milan.certificates
    )
    policy = QuotePolicy(roots={"amd": (milan.root,)})
    assert (
        verdict(lambda: verify_quote(evidence, at_ns=ns(SNP_AT), policy=policy))
        == "quote.trailing-bytes"
    )


@pytest.mark.parametrize(
    ("extensions", "code"),
    [
        ({0: {OID + "3.3": None}}, "quote.certificate-tcb"),
        ({0: {OID + "3.3": b"\x02\x81\x01\x08"}}, "quote.certificate-tcb"),
        ({0: {OID + "4": None}}, "quote.chip-id"),
        ({0: {OID + "4": bytes(8)}}, "quote.chip-id"),
        ({0: {OID + "2": b"\x16\x05Genoa"}}, "quote.product"),
        ({0: {OID + "2": None}}, "quote.product"),
        ({0: {OID + "2": b"\x16\x09Milan"}}, "quote.product"),
        ({1: {"2.5.29.19": b"\x30\x00"}}, "quote.chain-constraints"),
        ({1: {"2.5.29.19": None}}, "quote.chain-constraints"),
        ({1: {"2.5.29.15": b"\x03\x02\x07\x80"}}, "quote.chain-constraints"),
        ({1: {"2.5.29.15": None}}, "quote.chain-constraints"),
        ({2: {"2.5.29.19": b"\x30\x06\x01\x01\xff\x02\x01\x00"}}, "quote.chain-constraints"),
        ({0: {"2.5.29.19": b"\x30\x03\x01\x01\xff"}}, "quote.chain-constraints"),
        ({0: {"2.5.29.15": b"\x03\x02\x02\x04"}}, "quote.chain-constraints"),
        ({1: {"1.3.6.1.4.1.99999.1": b"\x05\x00"}}, "quote.chain-constraints"),
    ],
)
def test_certificates_that_are_not_right(
    extensions: dict[int, dict[str, bytes | None]], code: str
) -> None:
    chain = reissue(SNP_CHAINS["Milan"], extensions=extensions)
    assert judge(chain, MILAN_REPORT) == code


def test_a_vlek_signs_for_vleks_only() -> None:
    chain = reissue(SNP_CHAINS["VLEK"])
    report = read("snp/trustee_test-vlek-report.bin")
    assert judge(chain, report, {"vmpls": frozenset({1})}) == "genuine"
    assert judge(chain, put(report, 0x48, bytes(4)), {"vmpls": frozenset({1})}) == (
        "quote.signing-key"
    )


def test_a_revoked_issuer(milan: Reissued) -> None:
    evidence = QuoteEvidence(
        QuoteKind.SEV_SNP,
        snp_report(milan, MILAN_REPORT),
        certificates=milan.certificates,
        crls=(milan.crl(2, revoked=(2,)),),
    )
    policy = QuotePolicy(roots={"amd": (milan.root,)}, revocation_required=False)
    assert (
        verdict(lambda: verify_quote(evidence, at_ns=ns(SNP_AT), policy=policy)) == "quote.revoked"
    )


ECDSA_SHA384 = bytes.fromhex("2a8648ce3d040303")


def without_end(chain: Reissued, depth: int) -> bytes:
    """A CRL without nextUpdate, which RFC 5280 asks for and ASN.1 does not."""
    tbs = x509.load_der_x509_crl(chain.crl(depth)).tbs_certlist_bytes
    times = re.search(rb"\x17\x0d[0-9]{12}Z\x17\x0d[0-9]{12}Z", tbs)
    content = tbs[3 : times.start() + 15] + tbs[times.end() :]
    algorithm = bytes.fromhex("300a06082a8648ce3d040303")
    tbs = b"\x30\x81" + bytes([len(content)]) + content
    signature = b"\x00" + chain.keys[depth].sign(tbs, ec.ECDSA(SHA384()))
    body = tbs + algorithm + b"\x03" + bytes([len(signature)]) + signature
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body


def test_a_report_is_checked_again_by_its_own_module() -> None:
    good = SNP_CHAINS["Milan"]
    for data, code in (
        (MILAN_REPORT[:-1], "quote.truncated"),
        (MILAN_REPORT + b"\0", "quote.trailing-bytes"),
        (put(MILAN_REPORT, 0, b"\x06"), "quote.version"),
    ):
        evidence = QuoteEvidence(QuoteKind.SEV_SNP, data, certificates=good)
        assert verdict(partial(snp.verify, evidence, ns(SNP_AT), NO_CRL)) == code


def test_crls_that_prove_nothing(milan: Reissued) -> None:
    forger = reissue(SNP_CHAINS["Milan"])
    for crl, code in (
        (forger.crl(2), "quote.crl-signature"),
        (b"\x30\x00", "quote.crl-malformed"),
        (milan.crl(2).replace(b"\x02\x01\x01", b"\x02\x01\x28", 1), "quote.crl-malformed"),
        (milan.crl(2, days=30), "quote.stale"),
        (without_end(milan, 2), "quote.crl-malformed"),
        (milan.crl(2).replace(ECDSA_SHA384, ECDSA_SHA384[:-1] + b"\x09"), "quote.crl-signature"),
        # AMD's own, for the root of the same name: RSA, and ours is not.
        (read("snp/openpcc_crl_milan.der"), "quote.crl-signature"),
    ):
        evidence = QuoteEvidence(
            QuoteKind.SEV_SNP,
            snp_report(milan, MILAN_REPORT),
            certificates=milan.certificates,
            crls=(crl,),
        )
        policy = QuotePolicy(roots={"amd": (milan.root,)})
        run = partial(verify_quote, evidence, at_ns=ns(SNP_AT), policy=policy)
        assert verdict(run) == code


def test_the_order_of_a_chain_is_its_order(milan: Reissued) -> None:
    leaf, ask, ark = milan.certificates
    for certificates, code in (
        ((leaf, ark), "quote.chain-order"),
        ((leaf,), "quote.certificate-missing"),
        ((ask, ark), "quote.chain-constraints"),
        ((b"", ask, ark), "quote.certificate-malformed"),
        ((leaf.replace(b"\x02\x01\x02", b"\x02\x01\x28", 1), ask), "quote.certificate-malformed"),
    ):
        evidence = QuoteEvidence(
            QuoteKind.SEV_SNP, snp_report(milan, MILAN_REPORT), certificates=certificates
        )
        policy = QuotePolicy(roots={"amd": (milan.root,)}, revocation_required=False)
        run = partial(verify_quote, evidence, at_ns=ns(SNP_AT), policy=policy)
        assert verdict(run) == code
    without_root = QuoteEvidence(
        QuoteKind.SEV_SNP, snp_report(milan, MILAN_REPORT), certificates=(leaf, ask)
    )
    policy = QuotePolicy(roots={"amd": (milan.root,)}, revocation_required=False)
    assert verify_quote(without_root, at_ns=ns(SNP_AT), policy=policy).root == milan.root


def test_a_pinned_certificate_that_signs_quotes_itself(milan: Reissued) -> None:
    evidence = QuoteEvidence(
        QuoteKind.SEV_SNP, snp_report(milan, MILAN_REPORT), certificates=milan.certificates[:1]
    )
    policy = QuotePolicy(roots={"amd": milan.certificates[:1]})
    run = partial(verify_quote, evidence, at_ns=ns(SNP_AT), policy=policy)
    assert verdict(run) == "quote.certificate-missing"


def test_a_vcek_of_another_curve() -> None:
    chain = reissue(SNP_CHAINS["Milan"], curve=ec.SECP256R1())
    assert judge(chain, MILAN_REPORT) == "quote.signature"
