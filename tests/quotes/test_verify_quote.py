"""The entry point: kinds, sizes, policies, missing libraries, pins, and bytes that nobody made."""

import json
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from genuine_evidence import GENUINE, appraise
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quote_factories import (
    DCAP_AT,
    NITRO_SAMPLE,
    NRAS_SAMPLE,
    SNP_CHAINS,
    gpu_chain,
    gpu_evidence,
    nitro_chain,
    phala_evidence,
    reissue,
    snp_evidence,
    test_intel,
    turin_report,
)
from quote_samples import ns, read, rows, verdict

from pot_reverify.errors import Indeterminate, PotAuditError, Rejection
from pot_reverify.quotes import roots, vendor_json
from pot_reverify.quotes.evidence import (
    MAX_CERTIFICATE_BYTES,
    MAX_CERTIFICATES,
    MAX_COLLATERAL_BYTES,
    MAX_CRL_BYTES,
    MAX_QUOTE_BYTES,
    NamedSoftware,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
    Window,
    format_time,
)
from pot_reverify.quotes.roots import PINNED_ROOTS
from pot_reverify.quotes.verify import identify_quote, verify_quote

PROJECT = Path(__file__).parents[2]
ROOTS = PROJECT / "pot_reverify" / "quotes" / "roots"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sgx/phala_sgx_quote.bin", QuoteKind.SGX),
        ("tdx/phala_tdx_quote.bin", QuoteKind.TDX),
        ("tdx/gotdx_quote_v5_sample.dat", QuoteKind.TDX),
        ("snp/trustee_test-report.bin", QuoteKind.SEV_SNP),
        ("snp/openpcc_gce_report_v4.bin", QuoteKind.SEV_SNP),
        (NITRO_SAMPLE, QuoteKind.NITRO),
        ("nitro_negative/valid_retagged_18.cbor", QuoteKind.NITRO),
        ("nvidia/nvat_hopperAttestationReport.txt", QuoteKind.NVIDIA_GPU),
        (NRAS_SAMPLE, QuoteKind.NRAS),
        ("vendor_formats/aci_report_fixture.json", QuoteKind.ACI),
    ],
)
def test_kinds_are_found_in_the_bytes(name: str, kind: QuoteKind) -> None:
    assert identify_quote(read(name)) is kind


def test_a_phala_report_is_found_in_its_members() -> None:
    assert identify_quote(phala_evidence().data) is QuoteKind.PHALA


@pytest.mark.parametrize("data", [b"", b"\0" * 1184, b"{}", b"[]", b" [1]", b"\x7fELF"])
def test_other_bytes_are_no_kind(data: bytes) -> None:
    with pytest.raises(Rejection) as caught:
        identify_quote(data)
    assert caught.value.code == "quote.unknown-kind"


def test_a_claimed_kind_is_checked() -> None:
    evidence = QuoteEvidence(QuoteKind.SGX, read("tdx/phala_tdx_quote.bin"))
    with pytest.raises(Rejection) as caught:
        verify_quote(evidence, at_ns=0, policy=QuotePolicy())
    assert caught.value.code == "quote.kind"


@pytest.mark.parametrize(
    "parts",
    [
        {"data": bytes(MAX_QUOTE_BYTES + 1)},
        {"collateral": bytes(MAX_COLLATERAL_BYTES + 1)},
        {"certificates": (bytes(MAX_CERTIFICATE_BYTES + 1),)},
        {"certificates": (b"",) * (MAX_CERTIFICATES + 1)},
        {"crls": (bytes(MAX_CRL_BYTES + 1),)},
    ],
)
def test_sizes_are_capped(parts: dict[str, object]) -> None:
    with pytest.raises(Rejection) as caught:
        QuoteEvidence(**{"kind": QuoteKind.TDX, "data": b"", **parts})
    assert caught.value.code == "quote.too-large"


def test_software_has_registers() -> None:
    with pytest.raises(Rejection) as caught:
        NamedSoftware("anything", QuoteKind.TDX, {})
    assert caught.value.code == "quote.policy"


def synthetic_sgx(**asked: object) -> str:
    evidence = QuoteEvidence(
        QuoteKind.SGX,
        read("synthetic_dcap/sgx_valid.quote"),
        collateral=read("synthetic_dcap/sgx_valid.collateral.json"),
    )
    roots = {"intel": (read("synthetic_dcap/test_root.der"),)}
    policy = QuotePolicy(**{"roots": roots, **asked})
    return verdict(lambda: verify_quote(evidence, at_ns=ns(DCAP_AT), policy=policy))


def test_an_enclave_is_named_by_its_signer_and_not_below_a_version() -> None:
    quote = read("synthetic_dcap/sgx_valid.quote")
    registers = {"mrsigner": quote[176:208], "isv_prod_id": quote[304:306]}
    svn = int.from_bytes(quote[306:308], "little")
    for lowest, code in ((svn, "genuine"), (svn + 1, "quote.measurement")):
        named = NamedSoftware("enclave", QuoteKind.SGX, registers, minimum_isv_svn=lowest)
        assert synthetic_sgx(software=(named,)) == code
    unknown = NamedSoftware("enclave", QuoteKind.SGX, {"mrtd": b""})
    assert synthetic_sgx(software=(unknown,)) == "quote.measurement"
    # Software of another kind says nothing about this quote.
    other = NamedSoftware("guest", QuoteKind.SEV_SNP, {"measurement": bytes(48)})
    assert synthetic_sgx(software=(other,)) == "genuine"


def test_a_policy_without_roots_cannot_tell() -> None:
    assert synthetic_sgx(roots={}) == "quote.root-not-named"


def test_windows() -> None:
    window = Window(10, 20) & Window(15, 30)
    assert window == Window(15, 20)
    window.require(15, "here")
    window.require(20, "here")
    with pytest.raises(Rejection) as early:
        window.require(14, "here")
    assert early.value.code == "quote.not-yet-valid"
    with pytest.raises(Indeterminate) as late:
        window.require(21, "here")
    assert late.value.code == "quote.stale"
    assert format_time(10**9) == "1970-01-01T00:00:01Z"
    assert format_time(10**30) == f"{10**30} ns"


def test_pinned_roots_are_the_files_of_the_table() -> None:
    files = {
        line.split("\t")[0]: line.split("\t")[1]
        for line in (ROOTS / "SOURCES.tsv").read_text().splitlines()[1:]
    }
    assert {path.name for path in ROOTS.glob("*.der")} == set(files)
    pinned = {sha256(der).hexdigest() for roots in PINNED_ROOTS.values() for der in roots}
    assert pinned == set(files.values())


@pytest.mark.parametrize("missing", ["cryptography", "dcap_qvl"])
def test_without_the_optional_libraries_nothing_is_told(missing: str) -> None:
    """In a process of its own, where the import fails as it does without the extra."""
    program = f"""
import sys
sys.modules["{missing}"] = None
from pathlib import Path
from pot_reverify.errors import Indeterminate
from pot_reverify.quotes.evidence import QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.verify import verify_quote
samples = {{"cryptography": "{NITRO_SAMPLE}", "dcap_qvl": "sgx/phala_sgx_quote.bin"}}
kind, name = samples["{missing}"].split("/")[0], samples["{missing}"]
data = (Path("fixtures/tee") / name).read_bytes()
try:
    verify_quote(QuoteEvidence(QuoteKind(kind), data), at_ns=0, policy=QuotePolicy())
except Indeterminate as error:
    print(error.code, error.needs)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "quote.backend-missing pip install 'pot-audit[tee]'\n"


# Bytes that nobody made. The verdict may be any; another exception than ours may not.


@pytest.mark.parametrize("family", GENUINE)
def test_the_unchanged_evidence_is_genuine(family: str) -> None:
    assert verdict(lambda: appraise(family, GENUINE[family])) == "genuine"


@st.composite
def damaged(draw: st.DrawFn, original: bytes) -> bytes:
    """A few bytes replaced, a part cut out, or a part doubled."""
    at = draw(st.integers(0, max(len(original) - 1, 0)))
    match draw(st.sampled_from(("replace", "cut", "double", "insert"))):
        case "replace":
            new = draw(st.binary(min_size=1, max_size=4))
            return original[:at] + new + original[at + len(new) :]
        case "cut":
            return original[:at] + original[at + draw(st.integers(1, 200)) :]
        case "double":
            return original[:at] + original[max(at - draw(st.integers(1, 60)), 0) :]
        case _:
            return original[:at] + draw(st.binary(min_size=1, max_size=8)) + original[at:]


UNHURRIED = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("family", GENUINE)
@UNHURRIED
@given(data=st.data())
def test_damaged_quotes_are_refused_in_our_words(family: str, data: st.DataObject) -> None:
    original = GENUINE[family]
    changed = data.draw(damaged(original.data))
    outcome = verdict(lambda: appraise(family, replace(original, data=changed)))
    # White space and unknown members of JSON are free; every byte of the binary forms is not.
    if original.kind in {QuoteKind.PHALA, QuoteKind.ACI, QuoteKind.NRAS} or (
        changed == original.data
    ):
        assert outcome
    else:
        assert outcome != "genuine"


@pytest.mark.parametrize("family", [name for name in GENUINE if name != "nitro"])
@UNHURRIED
@given(data=st.data())
def test_damaged_endorsements_do_no_harm(family: str, data: st.DataObject) -> None:
    original = GENUINE[family]
    if original.collateral:
        changed = replace(original, collateral=data.draw(damaged(original.collateral)))
    else:
        part = data.draw(
            st.sampled_from(("certificates", "crls") if original.crls else ("certificates",))
        )
        items = list(getattr(original, part))
        index = data.draw(st.integers(0, len(items) - 1))
        items[index] = data.draw(damaged(items[index]))
        changed = replace(original, **{part: tuple(items)})
    assert verdict(lambda: appraise(family, changed))


@UNHURRIED
@given(data=st.binary(max_size=2000))
def test_any_bytes_are_refused_in_our_words(data: bytes) -> None:
    for kind in QuoteKind:
        try:
            verify_quote(QuoteEvidence(kind, data), at_ns=0, policy=QuotePolicy())
        except PotAuditError:
            continue
        raise AssertionError("nobody made this")


def test_a_certificate_from_beside_the_quote_is_not_a_root() -> None:
    """Chains that verify by themselves, for every family that has one."""
    turin = reissue(SNP_CHAINS["Turin"])
    for evidence in (
        snp_evidence(turin, turin_report()),
        gpu_evidence(gpu_chain(), read("nvidia/nvat_hopperAttestationReport.txt")),
    ):
        code = verdict(
            lambda e=evidence: verify_quote(
                e, at_ns=ns("2026-01-01T00:00:00Z"), policy=QuotePolicy()
            )
        )
        assert code == "quote.root-not-pinned"
    assert nitro_chain().root not in PINNED_ROOTS["aws"]
    assert test_intel().pck.root not in PINNED_ROOTS["intel"]


def test_every_sample_has_a_row() -> None:
    listed = {row["file"] for row in rows("SOURCES.tsv")}
    samples = PROJECT / "fixtures" / "tee"
    ours = {"README.md", "SOURCES.tsv", "dcap_cases.tsv"}
    present = {str(path.relative_to(samples)) for path in samples.rglob("*") if path.is_file()}
    assert present - ours == listed
    assert sum(path.stat().st_size for path in samples.rglob("*") if path.is_file()) < 8 * 2**20


def test_a_missing_module_of_ours_is_no_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = GENUINE["snp"]
    monkeypatch.setitem(sys.modules, "pot_reverify.quotes.snp", None)
    with pytest.raises(ModuleNotFoundError):
        appraise("snp", evidence)
    monkeypatch.delitem(sys.modules, "pot_reverify.quotes.dcap", raising=False)
    monkeypatch.setitem(sys.modules, "dcap_qvl", None)
    assert verdict(lambda: appraise("sgx", GENUINE["sgx"])) == "quote.backend-missing"


def test_a_root_that_is_not_the_pinned_one_stops_everything() -> None:
    with pytest.raises(RuntimeError):
        roots._read("amd-milan.der", "00" * 32)


@pytest.mark.parametrize("data", [b"", b"1,2", b'1,"other":2', b"1}", "\ud800", b"\xff"])
def test_json_of_vendors_is_one_value(data: bytes | str) -> None:
    with pytest.raises(Rejection) as caught:
        vendor_json.decode(data, "here")
    assert caught.value.code == "quote.json"


def test_names_are_sorted_as_rfc_8785_says() -> None:
    """By UTF-16 code units: an emoji comes before U+FB33, and after the Euro sign."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\xf6"]
    document = dict.fromkeys(names, 1)
    ordered = list(json.loads(vendor_json.canonical({"list": [document]}))["list"][0])
    assert ordered == ["\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f600", "\ufb33"]
