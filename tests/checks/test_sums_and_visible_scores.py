"""C08 on real runs, of which anything may be withheld.

`WHOLE` is proven, of a model against itself; the 25 challenges of an 8-bit copy have scores of all
sizes, are hidden here for the test, and have no proof.
"""

import io
import random
from pathlib import Path

import pytest
from draft import Draft
from sums_cases import state_sums

from pot_recorder.redact import redact
from pot_reverify import Policy, VerdictWord, Withheld, load_signer, verify
from pot_reverify.checks.result import CheckId, Status
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.verdict import DecidedBy
from pot_reverify.verify import verify_stream

FIXTURES = Path(__file__).parents[2] / "fixtures"
INT8 = FIXTURES / "bundles" / "int8.potb"
WHOLE = FIXTURES / "bundles" / "proven" / "quick-same.potb"
ALLOWING = Policy(signers=load_signer(FIXTURES / "keys" / "fixtures.pub"), withheld=Withheld.SCORES)
PROBES = [(challenge, probe) for challenge in range(1, 19) for probe in range(1, 5)]
SUBSETS = {
    "one": PROBES[40:41],
    "the last": PROBES[-1:],
    "two": [PROBES[0], PROBES[-1]],
    "a challenge": PROBES[20:24],
    "all but the first": PROBES[4:],
    "all but the last": PROBES[:-4],
    "a third": random.Random(1).sample(PROBES, 24),
    "most": random.Random(2).sample(PROBES, 70),
    "all": PROBES,
}


def decision_check(data):
    verdict = verify_stream(io.BytesIO(data), len(data), ALLOWING)
    return next(one for one in verdict.checks if one.check is CheckId.DECISION)


@pytest.mark.parametrize("probes", SUBSETS.values(), ids=SUBSETS)
def test_a_true_run_stays_verified_whatever_is_withheld(tmp_path, probes):
    redact(WHOLE, tmp_path / "part.potb", probes)
    verdict = verify(tmp_path / "part.potb", ALLOWING)
    assert (verdict.word, verdict.decided_by) == (VerdictWord.VERIFIED, DecidedBy.PROOF)
    notes = next(one for one in verdict.checks if one.check is CheckId.DECISION).notes
    fits = f"the {72 - len(probes)} visible scores fit them"
    assert (fits in notes) == (len(probes) < 72)


@pytest.fixture(scope="module")
def hidden(tmp_path_factory):
    """The run of the 8-bit copy, with its scores in the contents."""
    path = tmp_path_factory.mktemp("hidden") / "int8.potb"
    path.write_bytes(hide_scores(Draft(INT8.read_bytes())).relink().reseal().data())
    return path


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    """The same, and its last challenge again; the sums are the new ones."""
    draft = hide_scores(Draft(INT8.read_bytes()))
    bundle = read_bundle_of(INT8)
    statement, scores = (
        bundle.statement,
        [one.claimed_score for one in bundle.challenges[-1].probes],
    )
    start, end = draft.at(FrameType.RECORD, -1), draft.at(FrameType.BLOB)
    draft.frames[end:end] = draft.frames[start:end]
    draft.edit(FrameType.RECORD, -1, index=26).edit(FrameType.REVEAL, run_challenges=26)
    centre = statement.score_sum // statement.probes
    squares = statement.square_sum + sum((x - centre) ** 2 for x in scores)
    draft.state(challenges=26, probes=104)
    state_sums(draft, statement.score_sum + sum(scores), squares)
    path = tmp_path_factory.mktemp("longer") / "int8.potb"
    path.write_bytes(draft.relink().reseal().data())
    return path


def hide_scores(draft):
    scores = [
        score
        for nth in range(25)
        for score in draft.map(FrameType.RECORD, nth)["scores"]
    ]  # fmt: skip
    for nth, score in enumerate(scores):
        draft.edit(FrameType.CONTENT, nth, score=score)
    for nth in range(25):
        draft.edit(FrameType.RECORD, nth, scores=None)
    return draft.edit(FrameType.HEAD, scores_hidden=True)


@pytest.mark.parametrize("probes", SUBSETS.values(), ids=SUBSETS)
def test_a_true_run_without_a_proof_is_not_known_and_not_wrong(hidden, tmp_path, probes):
    check = decision_check(part(hidden, tmp_path, probes))
    assert (check.status, check.code) == (Status.SKIP, "decision.scores-withheld")


@pytest.mark.parametrize("name", ["one", "the last"])
@pytest.mark.parametrize("change", [(0, 2), (0, -2), (2, 0), (-2, 2000)])
def test_with_one_score_withheld_no_other_sums_are_accepted(hidden, tmp_path, name, change):
    draft = Draft(part(hidden, tmp_path, SUBSETS[name]))
    predicate = draft.statement()["predicate"]
    sums = (predicate["score_sum"] + change[0], predicate["square_sum"] + change[1])
    check = decision_check(state_sums(draft, *sums).data())
    assert (check.status, check.code) == (Status.FAIL, "decision.visible-scores")


@pytest.mark.parametrize("name", ["a challenge", "all but the first", "a third", "most"])
def test_a_visible_score_that_was_changed_does_not_fit(hidden, tmp_path, name):
    draft = Draft(part(hidden, tmp_path, SUBSETS[name])).edit(FrameType.CONTENT, score=65535)
    check = decision_check(draft.data())
    assert (check.status, check.code) == (Status.FAIL, "decision.visible-scores")


@pytest.mark.parametrize(
    "probes",
    [[(26, 2)], [(26, probe) for probe in (1, 2, 3, 4)], [(3, 1), (7, 2), (26, 3)]],
    ids=["one score", "a challenge", "here and there"],
)
def test_a_run_that_goes_on_after_a_visible_stop_is_refused(longer, tmp_path, probes):
    """There is no proof of it, and none is needed to see that it is wrong."""
    assert decision_check(longer.read_bytes()).code == "decision.observed-after-stop"
    check = decision_check(part(longer, tmp_path, probes))
    assert (check.status, check.code) == (Status.FAIL, "decision.observed-after-stop")


def part(path, tmp_path, probes):
    redact(path, tmp_path / "part.potb", probes)
    return (tmp_path / "part.potb").read_bytes()


def test_without_a_proof_a_contradiction_is_still_wrong(hidden, tmp_path):
    draft = Draft(part(hidden, tmp_path, PROBES))
    predicate = draft.statement()["predicate"]
    wrong = Draft(draft.data()).state(half_width_sum=predicate["half_width_sum"] + 1)
    assert decision_check(wrong.data()).code == "decision.mismatch"
    wrong = state_sums(Draft(draft.data()), predicate["score_sum"], predicate["square_sum"] + 1)
    assert decision_check(wrong.data()).code == "decision.impossible-sums"
