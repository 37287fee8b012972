"""Every released bundle with a proof keeps its verdict, under every word about withheld scores."""

import json
from pathlib import Path

import pytest

from pot_reverify import Policy, Withheld, load_signer, verify
from pot_reverify.checks.result import Status
from pot_reverify.decision.empirical_bernstein import StopReason
from pot_reverify.decision.presets import PRESETS
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.verify import verify_many

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles" / "proven"
SIGNERS = load_signer(BUNDLES.parents[1] / "keys" / "fixtures.pub")
EXPECTED = json.loads((BUNDLES / "expected.json").read_text())
PROVEN = [name for name, row in EXPECTED.items() if row["score_commitment"]]


def test_every_bundle_has_its_expectation():
    assert {path.name for path in BUNDLES.glob("*.potb")} == EXPECTED.keys()


@pytest.mark.parametrize("how", Withheld)
@pytest.mark.parametrize("name", EXPECTED)
def test_verdicts_and_decisions_stay(name, how):
    expected = EXPECTED[name]
    verdict = verify(BUNDLES / name, Policy(signers=SIGNERS, withheld=how))
    assert verdict.word.value == expected[f"withheld_{how.value}"], verdict.checks
    assert verdict.decided_by == expected["decided_by"]
    assert verdict.decision == (expected["decision"] if verdict.decided_by else None)
    statement = read_bundle_of(BUNDLES / name).statement
    assert statement is not None
    for field in ("decision", "stop_reason", "challenges", "score_commitment"):
        assert getattr(statement, field) == expected[field]
    proof = next(check for check in verdict.checks if check.check.value == "C11")
    circuit = expected["circuit"]
    assert proof.status is (Status.PASS if circuit else Status.ABSENT)
    assert circuit is None or circuit in proof.message


def test_every_preset_and_every_stop_reason_was_proven():
    rows = [EXPECTED[name] for name in PROVEN]
    assert {row["stop_reason"] for row in rows} == set(StopReason)
    assert {row["preset"] for row in rows} == {*PRESETS, "custom"}


def test_scores_are_withheld_only_behind_a_proof_and_with_the_readers_word():
    """The claim of proofs in one table."""
    hidden = {name: row for name, row in EXPECTED.items() if row["decided_by"] != "recomputation"}
    assert any(name not in PROVEN for name in hidden)
    for name, row in hidden.items():
        assert row["withheld_nothing"] == row["withheld_contents"] == "INCOMPLETE"
        assert row["withheld_scores"] == ("VERIFIED" if name in PROVEN else "INCOMPLETE")


def test_all_of_them_together_say_what_each_says_alone():
    paths = sorted(BUNDLES.glob("*.potb"))
    policy = Policy(signers=SIGNERS, withheld=Withheld.SCORES)
    words = [verdict.word.value for verdict in verify_many(paths, policy)]
    assert words == [EXPECTED[path.name]["withheld_scores"] for path in paths]


def test_the_redacted_copy_has_the_proof_of_the_whole_bundle():
    whole, redacted = (
        read_bundle_of(BUNDLES / f"quick-same{kind}.potb") for kind in ("", "-redacted")
    )
    assert whole.transcript_root == redacted.transcript_root
    assert whole.statement_payload == redacted.statement_payload
    assert redacted.withheld_score_count == 4 * 18
