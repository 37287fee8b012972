"""C11, and what C07, C08 and the verdict make of it; single faults of proofs have vectors."""

import io
import random
from dataclasses import replace
from pathlib import Path

import pytest
from draft import Draft

from pot_recorder.redact import redact
from pot_reverify import Indeterminate, Policy, VerdictWord, Withheld, load_signer, verify
from pot_reverify.checks.result import CheckId, Status
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.blob import DECISION_PROOF
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.documents.proof_document import parse_proof_document
from pot_reverify.proof.verify import check_proofs
from pot_reverify.verdict import DecidedBy, judge
from pot_reverify.verify import verify_many, verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
WHOLE = VECTORS / "base-proven.potb"
REDACTED = VECTORS / "proven-redacted.potb"
SIGNERS = load_signer(VECTORS.parent / "keys" / "test-recorder.pub")
NAMING = Policy(signers=SIGNERS)
ALLOWING = Policy(signers=SIGNERS, withheld=Withheld.SCORES)
LATER_NS = 1_800_000_000 * 10**9


def result(verdict, check):
    return next(one for one in verdict.checks if one.check is check)


def test_a_whole_bundle_is_decided_by_recomputation_and_its_commitment_is_opened():
    verdict = verify(WHOLE, NAMING)
    assert (verdict.word, verdict.decided_by) == (VerdictWord.VERIFIED, DecidedBy.RECOMPUTATION)
    proof = result(verdict, CheckId.PROOF)
    assert proof.status is Status.PASS
    assert "SAME at challenge 1" in proof.message
    assert "eb-1.n66.v1" in proof.message
    assert "was opened" in proof.notes[0]


def test_a_redacted_bundle_is_decided_by_proof():
    verdict = verify(REDACTED, ALLOWING)
    assert (verdict.word, verdict.decided_by) == (VerdictWord.VERIFIED, DecidedBy.PROOF)
    assert verdict.decision == "SAME"
    assert verdict.to_document()["decided_by"] == "proof"
    assert verdict.step == verify(WHOLE, NAMING).step, "the signed sums are those of the scores"
    scores, decision = result(verdict, CheckId.SCORES), result(verdict, CheckId.DECISION)
    assert (scores.status, scores.code) == (Status.ABSENT, "score.withheld-behind-proof")
    assert "carried by the proof" in decision.message
    notes = result(verdict, CheckId.PROOF).notes
    assert "not opened" in notes[0]
    assert "not shown" in notes[1]


@pytest.mark.parametrize("how", [Withheld.NOTHING, Withheld.CONTENTS])
def test_withheld_scores_need_the_readers_word(how):
    verdict = verify(REDACTED, Policy(signers=SIGNERS, withheld=how))
    assert verdict.word is VerdictWord.INCOMPLETE
    scores = result(verdict, CheckId.SCORES)
    assert (scores.status, scores.code) == (Status.SKIP, "score.withheld-not-allowed")
    assert verdict.to_document()["decision_is_relied_on"] is False


def test_what_is_disclosed_beside_withheld_scores_is_still_recomputed(tmp_path):
    redact(WHOLE, tmp_path / "one.potb", [(1, 3)])
    verdict = verify(tmp_path / "one.potb", ALLOWING)
    assert verdict.word is VerdictWord.VERIFIED
    scores = result(verdict, CheckId.SCORES)
    assert scores.status is Status.ABSENT
    assert "3 scores recomputed; 1 probes are withheld" in scores.message
    content = Draft((tmp_path / "one.potb").read_bytes()).map(FrameType.CONTENT)
    lying = Draft((tmp_path / "one.potb").read_bytes())
    lying.edit(FrameType.CONTENT, score=content["score"] ^ 1).relink().reseal()
    verdict = judge_data(lying.data(), ALLOWING)
    assert verdict.word is VerdictWord.REJECTED
    assert result(verdict, CheckId.SCORES).code == "score.mismatch"


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("base-proven-2", "all commitments were opened"),
        ("challenges-partly", "1 of 2 commitments were opened"),
        ("challenges-redacted", "0 of 2 commitments were opened"),
    ],
)
def test_version_2_proves_sums_and_opens_what_is_visible(name, note):
    verdict = verify(VECTORS / f"{name}.potb", ALLOWING)
    assert verdict.word is VerdictWord.VERIFIED
    proof, decision = result(verdict, CheckId.PROOF), result(verdict, CheckId.DECISION)
    assert "with the signed sums" in proof.message
    assert "eb-1.n66.v2" in proof.message
    assert note in proof.notes[0]
    assert verdict.step == verify(VECTORS / "base-proven-2.potb", NAMING).step
    if verdict.decided_by is DecidedBy.PROOF:
        assert any("the sums are proven" in one for one in decision.notes)
        assert "not shown" in proof.notes[1]


def test_a_challenge_is_opened_only_with_all_of_its_contents(tmp_path):
    redact(VECTORS / "base-proven-2.potb", tmp_path / "one.potb", [(1, 4)])
    verdict = verify(tmp_path / "one.potb", ALLOWING)
    assert verdict.word is VerdictWord.VERIFIED
    assert "1 of 2 commitments were opened" in result(verdict, CheckId.PROOF).notes[0]


def judge_data(data, policy):
    return verify_stream(io.BytesIO(data), len(data), policy)


def test_the_transcript_root_outlives_redaction_and_later_blobs():
    whole, redacted = read_bundle_of(WHOLE), read_bundle_of(REDACTED)
    assert whole.transcript_root == redacted.transcript_root != whole.tree_root
    assert (whole.withheld_score_count, redacted.withheld_score_count) == (0, 4)


@pytest.mark.parametrize("check", [CheckId.PROOF, CheckId.DECISION, CheckId.TREE])
def test_absent_scores_count_only_while_everything_else_passes(check):
    verdict = verify(REDACTED, ALLOWING)
    for status in (Status.SKIP, Status.ABSENT):
        checks = tuple(
            replace(one, status=status) if one.check is check else one for one in verdict.checks
        )
        judged = judge(checks, ALLOWING, None, None, None, evaluated_at_ns=0)
        assert judged.word is VerdictWord.INCOMPLETE


def test_scores_that_are_absent_for_another_reason_do_not_count():
    verdict = verify(REDACTED, ALLOWING)
    checks = tuple(
        replace(one, code="score.absent") if one.check is CheckId.SCORES else one
        for one in verdict.checks
    )
    judged = judge(checks, ALLOWING, None, None, None, evaluated_at_ns=0)
    assert judged.word is VerdictWord.INCOMPLETE


def test_a_reader_may_require_a_proof():
    requiring = replace(NAMING, requires_proof=True)
    assert verify(WHOLE, requiring).word is VerdictWord.VERIFIED
    verdict = verify(VECTORS / "base.potb", requiring)
    assert verdict.word is VerdictWord.INCOMPLETE
    proof = result(verdict, CheckId.PROOF)
    assert (proof.status, proof.code) == (Status.SKIP, "proof.required")
    assert verify(VECTORS / "unsealed.potb", requiring).word is VerdictWord.INCOMPLETE


def test_a_proof_without_a_sealed_statement_is_not_checked():
    draft = Draft(WHOLE.read_bytes())
    draft.frames = draft.frames[: draft.at(FrameType.REVEAL)]
    verdict = judge_data(draft.data(), NAMING)
    proof = result(verdict, CheckId.PROOF)
    assert (proof.status, proof.code) == (Status.SKIP, "container.unsealed")
    assert verdict.decided_by is DecidedBy.RECOMPUTATION


def test_the_proofs_of_many_bundles_are_verified_together():
    batches = []

    def count(claims):
        batches.append(len(claims))
        return check_proofs(claims)

    paths = [WHOLE, VECTORS / "base.potb", VECTORS / "file-zip.potb", REDACTED]
    paths += [VECTORS / "proof-bit.potb", VECTORS / "crc-payload.potb", WHOLE]
    verdicts = verify_many(paths, ALLOWING, at_ns=LATER_NS, verify_proofs=count)
    assert batches == [4]
    alone = [verify(path, ALLOWING, at_ns=LATER_NS) for path in paths]
    assert [one.to_document() for one in verdicts] == [one.to_document() for one in alone]
    words = [one.word for one in verdicts]
    assert words.count(VerdictWord.VERIFIED) == 4
    assert words[2] is VerdictWord.UNREADABLE
    assert words[4] is words[5] is VerdictWord.REJECTED


def test_a_verifier_that_cannot_run_lets_nothing_pass():
    def refuse(_claims):
        raise Indeterminate("proof.binary-missing", "it is not there", needs="it")

    verdict, other = verify_many([REDACTED, VECTORS / "small.potb"], ALLOWING, verify_proofs=refuse)
    assert verdict.word is VerdictWord.INCOMPLETE
    assert result(verdict, CheckId.PROOF).code == "proof.binary-missing"
    assert other.word is VerdictWord.VERIFIED


@pytest.mark.parametrize("name", ["proven-redacted", "challenges-redacted"])
def test_no_changed_byte_of_a_proof_is_accepted_even_if_the_recorder_signs_it(name):
    draw = random.Random(20_261_122)
    redacted = VECTORS / f"{name}.potb"
    bundle = read_bundle_of(redacted)
    document = parse_proof_document(bundle.blob(DECISION_PROOF).data, "proof")
    for _ in range(20):
        changed = bytearray(document.proof)
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        data = replace(document, proof=bytes(changed)).to_json()
        draft = Draft(redacted.read_bytes())
        verdict = judge_data(
            draft.blob(DECISION_PROOF, lambda _, to=data: to).reseal().data(), ALLOWING
        )
        assert verdict.word is VerdictWord.REJECTED
        failed = [check.check for check in verdict.checks if check.status is Status.FAIL]
        assert failed == [CheckId.PROOF]
