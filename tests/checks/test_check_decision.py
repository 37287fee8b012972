"""C08 where the rule itself cannot tell, and what is shown beside a bad verdict."""

import io
from fractions import Fraction
from pathlib import Path

import pytest
from draft import Draft

from pot_reverify import Indeterminate, Policy, VerdictWord, verify
from pot_reverify.checks.result import CheckId, Status
from pot_reverify.container.frames import FrameType
from pot_reverify.decision import constants
from pot_reverify.verify import verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
SMALL = (VECTORS / "small.potb").read_bytes()


def test_constants_that_cannot_be_rounded_with_certainty_skip(monkeypatch):
    """With three digits of working precision, the two ends of every logarithm differ."""
    monkeypatch.setattr(constants, "_SIGNIFICANT_DIGITS", 3)
    with pytest.raises(Indeterminate) as unsure:
        constants.derive_constants(Fraction(1, 7))
    assert unsure.value.code == "decision.constants-not-certain"
    verdict = verify(VECTORS / "small.potb", Policy())
    (check,) = (one for one in verdict.checks if one.check is CheckId.DECISION)
    assert (check.status, check.code) == (Status.SKIP, "decision.constants-not-certain")
    assert check.needs is not None
    assert verdict.decision is None
    assert verdict.word is VerdictWord.INCOMPLETE


def test_a_decision_is_shown_and_not_relied_on_after_a_failure():
    verdict = verify(VECTORS / "decision-sum.potb")
    assert verdict.word is VerdictWord.REJECTED
    assert verdict.decision == "SAME"
    assert verdict.to_document()["decision_is_relied_on"] is False


def test_no_decision_is_shown_where_the_scores_give_none():
    for name in ("decision-late", "hidden-score-withheld"):
        assert verify(VECTORS / f"{name}.potb").decision is None
    early = verify(VECTORS / "decision-early.potb")
    assert early.step is not None
    assert early.decision is None


def test_an_unsealed_recording_shows_where_it_stands():
    draft = Draft(SMALL)
    draft.frames = draft.frames[: draft.at(FrameType.RECORD, 1)]
    data = draft.data()
    verdict = verify_stream(io.BytesIO(data), len(data), Policy())
    assert verdict.word is VerdictWord.INCOMPLETE
    assert verdict.step is not None
    assert verdict.step.n == 1
    draft.frames = draft.frames[:1]
    data = draft.data()
    assert verify_stream(io.BytesIO(data), len(data), Policy()).step is None


def test_the_rule_is_rerun_with_the_attempt_of_head():
    second = verify(VECTORS / "policy-attempts.potb")
    first = verify(VECTORS / "small.potb")
    assert second.step is not None
    assert first.step is not None
    assert second.step.S == first.step.S
    assert second.step.H > first.step.H
