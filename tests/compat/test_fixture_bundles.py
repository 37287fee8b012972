"""Every released bundle keeps the verdict and the numbers that it had."""

import json
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pot_reverify import Policy, Withheld, load_signer, verify
from pot_reverify.policy import ProvenTime, TimeAuthority, TimePolicy

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
SIGNER = BUNDLES.parent / "keys" / "fixtures.pub"
EXPECTED = json.loads((BUNDLES / "expected.json").read_text())


def test_every_bundle_has_its_expectation():
    assert {path.name for path in BUNDLES.glob("*.potb")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("policy_name", ["named", "named_withheld_allowed", "nobody_named"])
def test_verdicts_and_numbers_stay(name, policy_name):
    expected = EXPECTED[name]
    policy = {
        "named": Policy(signers=load_signer(SIGNER)),
        "named_withheld_allowed": Policy(signers=load_signer(SIGNER), withheld=Withheld.SCORES),
        "nobody_named": Policy(),
    }[policy_name]
    verdict = verify(BUNDLES / name, policy)
    assert verdict.word.value == expected[policy_name], verdict.checks
    step = verdict.step
    assert (step.n, step.S, step.V, step.H) == (
        expected["challenges"],
        expected["score_sum"],
        expected["square_sum"],
        expected["half_width_sum"],
    )
    assert (step.decision and step.decision.value) == expected["decision"]
    assert (step.reason and step.reason.value) == expected["stop_reason"]


def test_a_stamped_bundle_is_the_bundle_with_tokens_behind_it():
    original, stamped = (BUNDLES / f"{name}.potb" for name in ("identical", "timestamped"))
    assert stamped.read_bytes().startswith(original.read_bytes())
    rows = EXPECTED["identical.potb"], EXPECTED["timestamped.potb"]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("year", "word", "code"),
    [
        (2027, "VERIFIED", "ok"),
        (2036, "VERIFIED", "ok"),  # the first certificate has expired, the renewal has not
        (2047, "INCOMPLETE", "time.token-expired"),
    ],
)
def test_an_archived_bundle_says_what_was_valid_then_and_what_is_unknown_since(year, word, code):
    pytest.importorskip("rfc3161_client")
    pem = (BUNDLES.parent / "tsa" / "test-root.pem").read_text()
    authority = TimeAuthority("the test authority", ssl.PEM_cert_to_DER_cert(pem))
    policy = Policy(
        signers=load_signer(SIGNER),
        time=TimePolicy((authority,), frozenset({ProvenTime.STATEMENT})),
    )
    at_ns = int(datetime(year, 6, 1, tzinfo=UTC).timestamp()) * 10**9
    verdict = verify(BUNDLES / "timestamped.potb", policy, at_ns=at_ns)
    check = verdict.checks[4]
    assert (verdict.word.value, check.code) == (word, code)
    at = "2026-11-22 21:59:28 UTC"  # the time in the token and its accuracy, a second
    if word == "VERIFIED":
        assert check.message == f"Valid at {at} ({at} proven by the test authority, named by you)."
        assert check.notes[0].startswith(f"What is known after {at}: nothing.")
        assert "2046-11-17" in " ".join(check.notes)
    else:
        assert at in check.message
        assert "provable until 2046-11-17" in check.message


def test_bundles_without_tokens_do_not_age():
    """Nothing in them expires: what they say then is what they say now, all of it asserted."""
    at_ns = int(datetime(2036, 6, 1, tzinfo=UTC).timestamp()) * 10**9
    policy = Policy(signers=load_signer(SIGNER), withheld=Withheld.CONTENTS)
    for name, row in EXPECTED.items():
        verdict = verify(BUNDLES / name, policy, at_ns=at_ns)
        assert verdict.word.value == row["named_withheld_allowed"], name
        assert verdict.checks[4].status.value in {"absent", "skip"}


def test_the_real_pairs_are_told_apart():
    """The claim of the project in one table; the numbers come from real models."""
    decisions = {name.removesuffix(".potb"): row["decision"] for name, row in EXPECTED.items()}
    assert decisions["identical"] == decisions["gemma-identical"] == "SAME"
    assert decisions["bf16"] == decisions["int8"] == decisions["interrupted"] == "SAME"
    assert decisions["noise"] == "UNDECIDED"
    assert decisions["int4"] == decisions["dropped-layers"] == "DIFFERENT"
    assert EXPECTED["identical.potb"]["score_sum"] == 0
