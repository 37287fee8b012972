"""What is said of an appraisal, in words and in JSON."""

from dataclasses import replace

from genuine_evidence import GENUINE, appraise
from quote_samples import read

from pot_reverify.quotes.evidence import QuoteAppraisal
from pot_reverify.quotes.test_roots import is_under_test_root
from pot_reverify.quotes.verify import QuoteKind
from pot_reverify.quotes.words import (
    NOT_JUDGED,
    UNNAMED_SOFTWARE,
    appraisal_document,
    appraisal_lines,
    genuineness,
    time_sentences,
)


def appraised(family: str) -> QuoteAppraisal:
    return appraise(family, GENUINE[family])


def test_every_thing_that_nothing_judges_has_words():
    for family in GENUINE:
        assert set(appraised(family).not_judged) <= NOT_JUDGED.keys()


def test_software_is_named_only_if_the_policy_names_it():
    quote = appraised("snp")
    assert genuineness(quote) == UNNAMED_SOFTWARE
    assert genuineness(replace(quote, software="ours")).endswith("that you named: ours")


def test_a_document_that_states_its_time_is_judged_at_it_whoever_asks():
    nitro, snp = appraised("nitro"), appraised("snp")
    assert nitro.kind is QuoteKind.NITRO
    assert "(stated and signed by the document itself)" in time_sentences(nitro, "your now")[0]
    assert time_sentences(snp, "your now")[0] == "valid at 2025-08-10T00:00:00Z (your now)"
    assert time_sentences(snp, "your now")[1].startswith("known after that time: nothing")


def test_devices_are_told_inside_the_document_that_holds_them():
    report = appraised("phala")
    lines = appraisal_lines(report)
    assert sum("inside it: " in line for line in lines) == len(report.devices) == 2
    assert any("key ecdsa" in line for line in lines)
    inner = appraisal_document(report)["devices"]
    assert isinstance(inner, list)
    assert [one["kind"] for one in inner] == ["tdx", "nvidia-gpu"]


def test_a_test_root_is_one_also_below_a_device():
    root = read("synthetic_dcap/test_root.der")
    tdx, phala = appraised("tdx"), appraised("phala")
    assert tdx.root == root
    assert is_under_test_root(tdx)
    assert not is_under_test_root(phala)
    assert is_under_test_root(replace(phala, devices=(tdx, *phala.devices)))
