"""SGX and TDX quotes: agreement with dcap-qvl, and what ours refuses beyond it."""

import json
import re
from functools import partial

import dcap_qvl
import pytest
from quote_factories import put
from quote_samples import ALL_STATUSES, SOURCES, ns, read, real_collateral, rows, verdict

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes.dcap_layout import cut_padding, parse_quote
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.verify import identify_quote, verify_quote

SYNTHETIC = {row["case"]: row for row in rows("synthetic_dcap/cases.tsv")}
REAL = rows("dcap_cases.tsv")
TEST_ROOT = {"intel": (read("synthetic_dcap/test_root.der"),)}
ANY_STATUS = QuotePolicy(tcb_statuses=ALL_STATUSES)

# Beyond dcap-qvl's verdict, the code of every refusal.
SYNTHETIC_CODES = {
    "debug": "quote.debug",
    "v5_debug": "quote.debug",
    "qe_hash_mismatch": "quote.qe-hash",
    "collateral_expired": "quote.stale",
    "crl_expired": "quote.stale",
    "collateral_future": "quote.not-yet-valid",
    "pceid_mismatch": "quote.pceid",
    "truncated": "quote.truncated",
    "trailing_junk": "quote.trailing-bytes",
    "v5_servicetd": "quote.service-td",
    "no_sept_ve_disable": "quote.td-attributes",
}


def synthetic(case: str) -> QuoteEvidence:
    return QuoteEvidence(
        QuoteKind.SGX if case.startswith("sgx") else QuoteKind.TDX,
        read(f"synthetic_dcap/{case}.quote"),
        collateral=read(f"synthetic_dcap/{case}.collateral.json"),
    )


def verify_synthetic(case: str, **asked: object) -> QuoteAppraisal:
    policy = QuotePolicy(**{"roots": TEST_ROOT, "tcb_statuses": ALL_STATUSES, **asked})
    return verify_quote(synthetic(case), at_ns=ns(SYNTHETIC[case]["now"]), policy=policy)


@pytest.mark.parametrize("case", SYNTHETIC)
def test_every_synthetic_case_has_the_verdict_of_its_row(case: str) -> None:
    theirs = SYNTHETIC[case]["dcap_qvl_0.7.0_result"]
    property_ = case.partition("_")[2]
    if theirs.startswith("OK") and property_ not in SYNTHETIC_CODES:
        assert verify_synthetic(case).claims["tcb_status"] == theirs.removeprefix("OK ")
    else:
        expected = SYNTHETIC_CODES.get(property_, "quote.dcap-refused")
        assert verdict(lambda: verify_synthetic(case)) == expected


@pytest.mark.parametrize("case", SYNTHETIC)
def test_nothing_is_accepted_that_dcap_qvl_refuses(case: str) -> None:
    evidence, now_s = synthetic(case), ns(SYNTHETIC[case]["now"]) // 10**9
    collateral = dcap_qvl.QuoteCollateralV3.from_json(evidence.collateral.decode())
    try:
        theirs = dcap_qvl.verify_with_root_ca(
            evidence.data, collateral, TEST_ROOT["intel"][0], now_s
        ).status
    except ValueError:
        theirs = None
    if theirs is None:
        assert verdict(lambda: verify_synthetic(case)) != "genuine"
    elif case.partition("_")[2] not in SYNTHETIC_CODES:
        assert verify_synthetic(case).claims["tcb_status"] == theirs


@pytest.mark.parametrize("case", ["sgx_tcb_OutOfDate", "tdx_qe_outofdate", "tdx_module_outofdate"])
def test_out_of_date_passes_only_where_the_policy_lists_it(case: str) -> None:
    assert verify_synthetic(case).claims["tcb_status"] == "OutOfDate"
    with pytest.raises(Rejection) as caught:
        verify_synthetic(case, tcb_statuses=frozenset({"UpToDate", "SWHardeningNeeded"}))
    assert caught.value.code == "quote.tcb"


def test_collateral_of_an_older_evaluation_is_refused() -> None:
    number = int(verify_synthetic("tdx_valid").claims["tcb_evaluation_number"])
    verify_synthetic("tdx_valid", minimum_tcb_evaluation_number=number)
    with pytest.raises(Rejection) as caught:
        verify_synthetic("tdx_valid", minimum_tcb_evaluation_number=number + 1)
    assert caught.value.code == "quote.tcb-evaluation"


def test_the_test_root_is_not_pinned() -> None:
    with pytest.raises(Rejection) as caught:
        verify_quote(
            synthetic("tdx_valid"), at_ns=ns(SYNTHETIC["tdx_valid"]["now"]), policy=ANY_STATUS
        )
    assert caught.value.code == "quote.dcap-refused"


def real(case: dict[str, str], policy: QuotePolicy = ANY_STATUS) -> QuoteAppraisal:
    padded = read(case["quote"])
    quote = padded[: parse_quote(padded).size_bytes]
    evidence = QuoteEvidence(identify_quote(quote), quote, collateral=real_collateral(case, quote))
    return verify_quote(evidence, at_ns=ns(case["at"]), policy=policy)


def expected_of_row(case: dict[str, str]) -> str | None:
    """What dcap-qvl said in the row's window around the time; None where no window holds it."""
    row = SOURCES[case["quote"]]["verified_when_and_result"]
    for window in row.split(" || "):
        match = re.match(r"(\S+?)\.\.(\S+?): ref=.*?; dcap-qvl 0\.7\.0=(\w+)", window)
        if match and match[1] <= case["at"] <= match[2]:
            return match[3]
    return None


@pytest.mark.parametrize("case", REAL, ids=lambda case: f"{case['quote']}@{case['at'][:10]}")
def test_every_real_quote_has_the_verdict_of_its_row(case: dict[str, str]) -> None:
    expected = expected_of_row(case)
    assert expected is not None
    if expected == "BAD":
        assert verdict(lambda: real(case)).startswith("quote.")
    else:
        appraisal = real(case)
        assert appraisal.claims["tcb_status"] == expected
        assert appraisal.software is None
        assert appraisal.not_judged == ("bindings", "software")
        assert appraisal.window.not_before_ns <= ns(case["at"]) <= appraisal.window.not_after_ns


@pytest.mark.parametrize("case", REAL, ids=lambda case: f"{case['quote']}@{case['at'][:10]}")
def test_measurements_are_those_of_the_row(case: dict[str, str]) -> None:
    stated = dict(
        item.split("=")
        for item in SOURCES[case["quote"]]["expected_measurements"].split(" ")
        if "=" in item
    )
    quote = parse_quote(read(case["quote"]))
    values = {**quote.registers, "report_data": quote.report_data}
    compared = [name for name in stated if name in values]
    assert len(compared) >= 2
    for name in compared:
        assert values[name].hex() == stated[name]


def test_the_same_quote_is_good_and_bad_with_collateral_of_different_times() -> None:
    """Whoever chooses time and collateral chooses the verdict."""
    verdicts = {
        case["at"][:4]: verdict(lambda case=case: real(case, QuotePolicy()))
        for case in REAL
        if case["quote"] == "tdx/gotdx_cos-113-tdx-quote.dat"
    }
    assert set(verdicts.values()) == {"genuine"}
    case = next(case for case in REAL if case["quote"] == "tdx/gotdx_cos-113-tdx-quote.dat")
    late = {**case, "at": "2026-11-22T00:00:00Z"}
    with pytest.raises(Indeterminate) as caught:
        real(late)
    assert caught.value.code == "quote.stale"
    assert "proof" in caught.value.needs


def test_debug_quotes_of_real_machines_are_refused() -> None:
    debug = [case for case in REAL if verdict(lambda case=case: real(case)) == "quote.debug"]
    assert {case["quote"] for case in debug} == {
        "sgx/automata_solana_quote_sgx.bin",
        "sgx/trustee_occlum_quote.dat",
        "tdx/trustee_tdx_quote_4.dat",
    }


def test_report_data_is_the_nonce_that_was_asked_for() -> None:
    case = next(case for case in REAL if case["quote"] == "tdx/phala_tdx_quote.bin")
    report_data = parse_quote(read(case["quote"])).report_data
    bound = QuotePolicy(bindings={"report_data": report_data})
    assert "bindings" not in real(case, bound).not_judged
    with pytest.raises(Rejection) as caught:
        real(case, QuotePolicy(bindings={"report_data": bytes(64)}))
    assert caught.value.code == "quote.binding"


def test_late_evaluation_does_not_hide_a_forgery() -> None:
    late = ns("2027-01-01T00:00:00Z")
    policy = QuotePolicy(roots=TEST_ROOT)
    for case, code in (
        ("tdx_valid", "quote.stale"),
        ("tdx_tamper_report_data", "quote.dcap-refused"),
        ("tdx_pceid_mismatch", "quote.pceid"),
        ("tdx_tcb_OutOfDate", "quote.tcb"),
    ):
        run = partial(verify_quote, synthetic(case), at_ns=late, policy=policy)
        assert verdict(run) == code


PADDED = [
    "tdx/phala_tdx_quote.bin",
    "tdx/gotdx_cos-113-tdx-quote.dat",
    "tdx/oasis_quote_v4_tdx_ecdsa_p256_trailing.bin",
]


@pytest.mark.parametrize("name", PADDED)
def test_padding_is_refused_until_it_is_cut(name: str) -> None:
    padded = read(name)
    cut = cut_padding(padded)
    assert len(cut) == parse_quote(padded).size_bytes < len(padded)
    evidence = QuoteEvidence(QuoteKind.TDX, padded)
    with pytest.raises(Rejection) as caught:
        verify_quote(evidence, at_ns=0, policy=ANY_STATUS)
    assert caught.value.code == "quote.trailing-bytes"


def test_padding_that_is_not_zero_is_not_cut() -> None:
    with pytest.raises(Rejection) as caught:
        cut_padding(read("tdx/gotdx_tdx_prod_quote_SPR_E4.dat"))
    assert caught.value.code == "quote.trailing-bytes"


def test_a_quote_without_its_pck_chain_cannot_be_told() -> None:
    evidence = QuoteEvidence(QuoteKind.SGX, read("sgx/oasis_quote_v3_eppid.bin"))
    with pytest.raises(Indeterminate) as caught:
        verify_quote(evidence, at_ns=0, policy=ANY_STATUS)
    assert caught.value.code == "quote.certificate-missing"


def test_a_quote_without_collateral_cannot_be_told() -> None:
    evidence = QuoteEvidence(QuoteKind.TDX, cut_padding(read("tdx/trustee_tdx_quote_6.dat")))
    with pytest.raises(Indeterminate) as caught:
        verify_quote(evidence, at_ns=0, policy=ANY_STATUS)
    assert caught.value.code == "quote.collateral-missing"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace('"root_ca_crl"', '"root_crl"'), "quote.json"),
        (lambda text: text[:-1], "quote.json"),
        (
            lambda text: text.replace('\\"issueDate\\":\\"2', '\\"issueDate\\":\\"x2', 1),
            "quote.json",
        ),
        (
            lambda text: text.replace('"root_ca_crl": "30', '"root_ca_crl": "zz'),
            "quote.dcap-refused",
        ),
    ],
)
def test_broken_collateral(change: object, code: str) -> None:
    evidence = synthetic("tdx_valid")
    text = evidence.collateral.decode()
    changed = change(text)
    assert changed != text
    broken = QuoteEvidence(evidence.kind, evidence.data, collateral=changed.encode())
    policy = QuotePolicy(roots=TEST_ROOT)
    at_ns = ns(SYNTHETIC["tdx_valid"]["now"])
    assert verdict(lambda: verify_quote(broken, at_ns=at_ns, policy=policy)) == code


@pytest.mark.parametrize(
    ("case", "offset", "value", "code"),
    [
        ("sgx_valid", 0, b"\x04", "quote.version"),
        ("sgx_valid", 2, b"\x03", "quote.algorithm"),
        ("tdx_valid", 4, b"\x00", "quote.version"),
        ("tdx_valid", 636 + 128, b"\x05", "quote.version"),
        ("tdx_valid", 632, b"\xff\xff\xff\xff", "quote.truncated"),
        ("tdx_v5_valid", 48, b"\x04", "quote.version"),
        ("tdx_v5_valid", 50, b"\x00", "quote.version"),
    ],
)
def test_layouts_that_are_not_read(case: str, offset: int, value: bytes, code: str) -> None:
    with pytest.raises(Rejection) as caught:
        parse_quote(put(synthetic(case).data, offset, value))
    assert caught.value.code == code


def test_nothing_may_stand_around_the_pck_chain() -> None:
    data = synthetic("tdx_valid").data
    end = data.rindex(b"-----END CERTIFICATE-----") + 20
    with pytest.raises(Rejection) as caught:
        parse_quote(put(data, end, b"\0"))
    assert caught.value.code == "quote.certificate-malformed"


@pytest.mark.parametrize("name", ["root_ca_crl", "pck_crl"])
@pytest.mark.parametrize("crl", ["", "3000"])
def test_a_crl_that_is_not_there_is_not_a_good_crl(name: str, crl: str) -> None:
    evidence = synthetic("tdx_valid")
    document = json.loads(evidence.collateral)
    collateral = json.dumps({**document, name: crl}).encode()
    without = QuoteEvidence(evidence.kind, evidence.data, collateral=collateral)
    policy = QuotePolicy(roots=TEST_ROOT)
    run = partial(verify_quote, without, at_ns=ns(SYNTHETIC["tdx_valid"]["now"]), policy=policy)
    assert verdict(run) == "quote.dcap-refused"


def test_real_evidence_whose_crl_has_ended_is_stale_and_not_refused():
    evidence = QuoteEvidence(
        QuoteKind.TDX,
        cut_padding(read("tdx/phala_tdx_quote.bin")),
        collateral=read("tdx/phala_tdx_quote_collateral.json"),
    )
    for moment, outcome in (
        ("2025-07-01T00:00:00Z", "genuine"),
        ("2026-11-22T00:00:00Z", "quote.stale"),
        ("2035-01-01T00:00:00Z", "quote.stale"),
    ):
        at_ns = ns(moment)
        assert (
            verdict(lambda at_ns=at_ns: verify_quote(evidence, at_ns=at_ns, policy=QuotePolicy()))
            == outcome
        )
