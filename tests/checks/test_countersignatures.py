"""Countersignatures and vendors' commitments: what counts, and every way to forge or move one."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from draft import KEYS, RECORDER, STRANGER, Draft

from pot_recorder.countersign import add_to_bundle, countersign, sign_statement, vouch_for
from pot_recorder.keys import load_private_keys
from pot_recorder.promise import sign_document
from pot_reverify import Policy, Rejection, Role, Verdict, VerdictWord, Withheld, load_signer
from pot_reverify.checks.result import CheckId, CheckResult
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.blob import Attachment
from pot_reverify.documents.countersignature import parse_attached_statement
from pot_reverify.documents.dsse_envelope import MEDIA_TYPE, Envelope, parse_envelope
from pot_reverify.documents.statement import PAYLOAD_TYPE
from pot_reverify.policy import BindingPolicy, Grade, ModelRole
from pot_reverify.verify import verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
SMALL = (VECTORS / "small.potb").read_bytes()
PQ = (VECTORS / "base-pq.potb").read_bytes()
(NAMED,) = load_signer(KEYS / "test-recorder.pub", "Acme")
(OTHER,) = load_signer(KEYS / "test-stranger.pub", "Ada")
AUDITOR = replace(OTHER, roles=frozenset({Role.AUDITOR}))
VENDOR = replace(OTHER, roles=frozenset({Role.VENDOR}))
PQ_KEYS = load_private_keys(KEYS / "test-recorder-pq", None)
PLAIN = Policy(name="Ada's", signers=(NAMED,), withheld=Withheld.SCORES)
AUDITED = Policy(
    signers=(NAMED, AUDITOR),
    withheld=Withheld.SCORES,
    quorum=({Role.RECORDER: 1, Role.AUDITOR: 1},),
)
VOUCHED = Policy(signers=(NAMED, VENDOR), withheld=Withheld.SCORES)
A_DAY = 86_400 * 10**9
REFERENCE, CANDIDATE = ModelRole


def verdict_of(data: bytes, policy: Policy, at_ns: int | None = None) -> Verdict:
    return verify_stream(io.BytesIO(data), len(data), policy, at_ns=at_ns)


def check(data: bytes, policy: Policy, which=CheckId.SIGNATURES) -> tuple[VerdictWord, CheckResult]:
    verdict = verdict_of(data, policy)
    return verdict.word, next(one for one in verdict.checks if one.check is which)


def attach(data: bytes, *envelopes: Envelope | bytes) -> bytes:
    draft = Draft(data)
    for one in envelopes:
        content = one if isinstance(one, bytes) else one.to_json()
        draft.append(FrameType.ATTACHMENT, Attachment(MEDIA_TYPE, content).encode())
    return draft.data()


def signed(document: dict, signer=STRANGER) -> Envelope:
    payload = json.dumps(document).encode()
    (signature,) = sign_document(PAYLOAD_TYPE, payload, [signer])
    return Envelope(payload, signature.key_id, signature.signature)


def changed(envelope: Envelope, signer=STRANGER, **fields) -> Envelope:
    """The envelope's statement with fields of its predicate changed, signed again."""
    document = json.loads(envelope.payload)
    document["predicate"].update(fields)
    return signed(document, signer)


(GOOD,) = countersign(verdict_of(SMALL, PLAIN), [STRANGER])
(COMMITMENT,) = vouch_for(verdict_of(SMALL, PLAIN), "candidate", [STRANGER])


def test_a_countersignature_by_a_named_auditor_counts():
    word, result = check(SMALL, AUDITED)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")
    word, result = check(attach(SMALL, GOOD), AUDITED)
    assert (word, result.code) == (VerdictWord.VERIFIED, "ok")
    (note,) = result.notes
    assert note.startswith("countersigned by Ada: VERIFIED at 20")
    assert 'under the policy "Ada\'s" (sha256:' in note


def test_it_says_what_the_auditor_saw():
    verdict = verdict_of(SMALL, PLAIN)
    document = parse_attached_statement(GOOD, "here")
    assert document.policy_digest == PLAIN.digest
    assert document.verdict == "VERIFIED"
    assert [one.check for one in document.checks] == [f"C{n:02d}" for n in range(1, 13)]
    assert document.checkpoint_digest == verdict.bundle.statement.checkpoint_digest
    assert parse_envelope(GOOD.to_json(), "here") == GOOD
    assert document.to_json() == GOOD.payload


def test_by_a_key_that_nobody_named_it_counts_for_nothing():
    word, result = check(attach(SMALL, GOOD), PLAIN)
    assert word is VerdictWord.VERIFIED
    assert result.notes == ("a countersignature by a key that you have not named",)
    word, result = check(attach(SMALL, GOOD), replace(AUDITED, signers=(NAMED,)))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")


def test_moved_to_another_bundle_it_is_refused():
    pq = Draft(PQ).data()
    policy = replace(AUDITED, signers=(*load_signer(KEYS / "test-recorder-pq.pub"), AUDITOR))
    word, result = check(attach(pq, GOOD), policy)
    assert (word, result.code) == (VerdictWord.REJECTED, "countersignature.other-bundle")
    # The same tree under another statement.
    other = Draft(SMALL).state(environment_summary="another").sign([RECORDER]).data()
    word, result = check(attach(other, GOOD), AUDITED)
    assert (word, result.code) == (VerdictWord.REJECTED, "countersignature.other-statement")


def test_a_signature_that_is_stripped_below_it_is_missed():
    more = Draft(SMALL).sign([RECORDER, PQ_KEYS[0], PQ_KEYS[1]])
    (seen,) = countersign(verdict_of(more.data(), PLAIN), [STRANGER])
    assert check(attach(more.data(), seen), AUDITED)[0] is VerdictWord.VERIFIED
    for nth in (1, 2):
        stripped = Draft(more.data()).drop(FrameType.SIGNATURE, nth).data()
        assert verdict_of(stripped, PLAIN).word is VerdictWord.VERIFIED
        word, result = check(attach(stripped, seen), AUDITED)
        assert (word, result.code) == (VerdictWord.REJECTED, "countersignature.signature-missing")
    swapped = Draft(more.data())
    one, other = swapped.at(FrameType.SIGNATURE, 1), swapped.at(FrameType.SIGNATURE, 2)
    swapped.frames[one], swapped.frames[other] = swapped.frames[other], swapped.frames[one]
    word, result = check(attach(swapped.data(), seen), AUDITED)
    assert (word, result.code) == (VerdictWord.REJECTED, "countersignature.signature-missing")


def test_signatures_that_came_after_it_do_not_harm():
    more = Draft(attach(SMALL, GOOD))
    (late,) = sign_document(PAYLOAD_TYPE, more.payload(FrameType.STATEMENT), [PQ_KEYS[0]])
    more.insert(more.at(FrameType.SIGNATURE, -1) + 1, FrameType.SIGNATURE, late.encode())
    assert check(more.data(), AUDITED)[0] is VerdictWord.VERIFIED


def test_in_another_role_it_is_refused():
    for role in (Role.RECORDER, Role.VENDOR, Role.TEE):
        policy = replace(AUDITED, signers=(NAMED, replace(OTHER, roles=frozenset({role}))))
        word, result = check(attach(SMALL, GOOD), policy)
        assert (word, result.code) == (VerdictWord.REJECTED, "countersignature.role")


def test_relabelled_it_is_refused():
    """Labelled with another named key, with an unnamed one, or signed by another than it says."""
    for label in (NAMED.key.key_id, PQ_KEYS[0].public_key.key_id):
        word, result = check(attach(SMALL, replace(GOOD, key_id=label)), AUDITED)
        assert word is VerdictWord.REJECTED
        assert result.code in ("signature.invalid", "signature.label-lies")
    forged = changed(GOOD, RECORDER)
    word, result = check(attach(SMALL, replace(forged, key_id=GOOD.key_id)), AUDITED)
    assert word is VerdictWord.REJECTED
    word, result = check(attach(SMALL, replace(GOOD, payload=forged.payload + b" ")), AUDITED)
    assert (word, result.code) == (VerdictWord.REJECTED, "signature.invalid")


def test_doubled_it_is_refused_and_repeated_it_counts_once():
    word, _ = check(attach(SMALL, GOOD, GOOD), AUDITED)
    assert word is VerdictWord.REJECTED
    again = changed(
        GOOD, evaluated_at_ns=json.loads(GOOD.payload)["predicate"]["evaluated_at_ns"] + 1
    )
    two = replace(AUDITED, quorum=({Role.AUDITOR: 2},))
    word, result = check(attach(SMALL, GOOD, again), two)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")
    assert check(attach(SMALL, GOOD, again), AUDITED)[0] is VerdictWord.VERIFIED


def test_another_verdict_is_shown_and_does_not_count():
    without = verdict_of(SMALL, Policy())
    (unsure,) = countersign(without, [STRANGER])
    word, result = check(attach(SMALL, unsure), AUDITED)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")
    word, result = check(attach(SMALL, unsure), replace(AUDITED, quorum=()))
    assert word is VerdictWord.VERIFIED
    assert "INCOMPLETE" in result.notes[0]


def test_a_verdict_that_its_checks_do_not_give_is_refused():
    checks = json.loads(GOOD.payload)["predicate"]["checks"]
    for index, status in ((3, "FAIL"), (4, "skip")):
        bad = [dict(one) for one in checks]
        bad[index]["status"] = status
        word, result = check(attach(SMALL, changed(GOOD, checks=bad)), AUDITED)
        assert (word, result.code) == (VerdictWord.REJECTED, "countersignature.contradiction")
    for bad in (checks[::-1], [*checks, checks[-1]]):
        word, result = check(attach(SMALL, changed(GOOD, checks=bad)), AUDITED)
        assert (word, result.code) == (VerdictWord.REJECTED, "countersignature.contradiction")
    rejected = changed(GOOD, verdict="REJECTED")
    assert check(attach(SMALL, rejected), AUDITED)[1].code == "countersignature.contradiction"


def test_keys_outside_their_time():
    at_ns = json.loads(GOOD.payload)["predicate"]["evaluated_at_ns"]
    data = attach(SMALL, GOOD)

    def under(**limits) -> tuple[VerdictWord, CheckResult]:
        policy = replace(AUDITED, signers=(NAMED, replace(AUDITOR, **limits)))
        verdict = verdict_of(data, policy, at_ns + A_DAY)
        return verdict.word, verdict.checks[3]

    assert under(not_before_ns=at_ns, not_after_ns=at_ns + A_DAY)[0] is VerdictWord.VERIFIED
    for limits in ({"not_before_ns": at_ns + 1}, {"not_after_ns": at_ns - 1}):
        word, result = under(**limits)
        assert (word, result.code) == (VerdictWord.REJECTED, "signature.key-outside-validity")
    word, result = under(not_after_ns=at_ns + 1)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")


def test_by_a_key_that_is_not_valid_yet_at_the_time_of_judgement_it_does_not_count():
    """Genuine, and of later than the reader judges: it turns no verdict."""
    evaluated_ns = json.loads(GOOD.payload)["predicate"]["evaluated_at_ns"]
    created_ns = json.loads(COMMITMENT.payload)["predicate"]["created_ns"]
    for policy, envelope, other, stated_ns in (
        (replace(AUDITED, quorum=()), GOOD, AUDITOR, evaluated_ns),
        (VOUCHED, COMMITMENT, VENDOR, created_ns),
    ):
        signers = (NAMED, replace(other, not_before_ns=stated_ns))
        data, named = attach(SMALL, envelope), replace(policy, signers=signers)
        assert verdict_of(data, named, stated_ns).word is VerdictWord.VERIFIED
        verdict = verdict_of(data, named, stated_ns - 1)
        assert verdict.word is VerdictWord.VERIFIED
        notes = [note for check in verdict.checks for note in check.notes]
        assert any("not valid yet, so it does not count" in note for note in notes)


def test_from_after_the_time_at_which_one_judges_it_does_not_count():
    at_ns = json.loads(GOOD.payload)["predicate"]["evaluated_at_ns"]
    verdict = verdict_of(attach(SMALL, GOOD), AUDITED, at_ns - A_DAY)
    assert verdict.word is VerdictWord.INCOMPLETE
    assert verdict.checks[3].code == "signature.quorum"
    created_ns = json.loads(COMMITMENT.payload)["predicate"]["created_ns"]
    verdict = verdict_of(attach(SMALL, COMMITMENT), VOUCHED, created_ns - A_DAY)
    assert verdict.word is VerdictWord.VERIFIED
    assert Grade.VENDOR not in verdict.grades_of(CANDIDATE)
    assert "from after the time at which you judge" in verdict.checks[9].notes[0]


def with_predicate(name: str, value: object) -> bytes:
    return changed(GOOD, **{name: value}).to_json()


ENVELOPE = json.loads(GOOD.to_json())
MALFORMED = {
    "not json": (b"{", "json.malformed"),
    "two signatures": (
        json.dumps(
            {
                **ENVELOPE,
                "signatures": json.loads(GOOD.to_json())["signatures"] * 2,
            }
        ).encode(),
        "schema.out-of-range",
    ),
    "no signature": (
        json.dumps({**ENVELOPE, "signatures": []}).encode(),
        "schema.out-of-range",
    ),
    "payload type": (
        GOOD.to_json().replace(b"vnd.in-toto", b"vnd.in-tutu"),
        "schema.unknown-value",
    ),
    "base64": (GOOD.to_json().replace(b'"payload":"', b'"payload":" '), "envelope.base64"),
    "more in the envelope": (
        json.dumps({**ENVELOPE, "x": 1}).encode(),
        "schema.unknown-field",
    ),
    "more in the predicate": (with_predicate("x", 1), "schema.unknown-field"),
    "digest": (with_predicate("statement_digest", "sha256:00"), "digest.malformed"),
    "digests": (with_predicate("signature_digests", [1]), "schema.wrong-type"),
    "no digests": (with_predicate("signature_digests", []), "schema.out-of-range"),
    "verdict": (with_predicate("verdict", "FINE"), "schema.unknown-value"),
    "check id": (
        with_predicate("checks", [{"code": "ok", "id": "X01", "status": "pass"}]),
        "schema.unknown-value",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_envelope_is_refused_whoever_signed_it(name):
    data, code = MALFORMED[name]
    for policy in (AUDITED, PLAIN):
        word, result = check(attach(SMALL, data), policy)
        assert (word, result.code) == (VerdictWord.REJECTED, code)


def test_another_kind_of_statement_is_not_passed_over():
    document = json.loads(GOOD.payload)
    document["predicateType"] = "https://slsa.dev/verification_summary/v1"
    word, result = check(attach(SMALL, signed(document)), PLAIN)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "countersignature.unknown-predicate")


def test_the_statement_itself_is_no_countersignature():
    """Its payload type is the same; its predicate is not."""
    draft = Draft(SMALL)
    (signature,) = sign_document(PAYLOAD_TYPE, draft.payload(FrameType.STATEMENT), [STRANGER])
    envelope = Envelope(draft.payload(FrameType.STATEMENT), signature.key_id, signature.signature)
    word, result = check(attach(SMALL, envelope), AUDITED)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "countersignature.unknown-predicate")
    # And a countersignature's signature is none over the statement.
    label = replace(draft_signature(), key_id=GOOD.key_id, signature=GOOD.signature)
    forged = Draft(SMALL)
    forged.insert(forged.at(FrameType.SIGNATURE) + 1, FrameType.SIGNATURE, label.encode())
    word, result = check(forged.data(), AUDITED)
    assert (word, result.code) == (VerdictWord.REJECTED, "signature.invalid")


def draft_signature():
    (signature,) = sign_document(PAYLOAD_TYPE, b"x", [STRANGER])
    return signature


def test_a_vendors_commitment_is_grade_d():
    data = attach(SMALL, COMMITMENT)
    verdict = verdict_of(data, VOUCHED)
    assert verdict.word is VerdictWord.VERIFIED
    assert Grade.VENDOR in verdict.grades_of(CANDIDATE)
    assert Grade.VENDOR not in verdict.grades_of(REFERENCE)
    assert Grade.VENDOR not in verdict.binding_grades
    assert Grade.VENDOR not in verdict_of(SMALL, VOUCHED).grades_of(CANDIDATE)
    assert Grade.VENDOR not in verdict_of(data, PLAIN).grades_of(CANDIDATE)
    assert check(data, PLAIN, CheckId.QUOTES)[0] is VerdictWord.VERIFIED
    name = json.loads(COMMITMENT.payload)["predicate"]["model"]
    _, result = check(data, VOUCHED, CheckId.QUOTES)
    assert result.notes == (f'Ada vouches for the candidate, "{name}"',)


def test_a_vendors_word_for_one_model_is_none_for_the_other():
    """A demand of grade D is one of both models, or of the one that it names."""
    (other,) = vouch_for(verdict_of(SMALL, PLAIN), "reference", [STRANGER])
    vendor = frozenset({Grade.VENDOR})
    both = BindingPolicy(vendor)
    one = BindingPolicy(required_of={CANDIDATE: vendor})
    weights = BindingPolicy(frozenset({Grade.WEIGHTS}), required_of={REFERENCE: vendor})
    for data, binding, lacks in (
        (SMALL, both, "reference"),
        (attach(SMALL, COMMITMENT), both, "reference"),
        (attach(SMALL, other), both, "candidate"),
        (attach(SMALL, COMMITMENT, other), both, None),
        (attach(SMALL, COMMITMENT), one, None),
        (attach(SMALL, other), one, "candidate"),
        (attach(SMALL, other), weights, None),
        (attach(SMALL, COMMITMENT), weights, "reference"),
    ):
        word, result = check(data, replace(VOUCHED, binding=binding), CheckId.QUOTES)
        if lacks is None:
            assert (word, result.code) == (VerdictWord.VERIFIED, "ok")
        else:
            assert (word, result.code) == (VerdictWord.INCOMPLETE, "quote.grade-required")
            assert f"grade D for the {lacks}" in result.message


def test_what_was_signed_before_the_run_had_ended_counts_for_nothing():
    """A verdict on a run, or a vendor's word for it, cannot be older than the run."""
    ended_ns = Draft(SMALL).statement()["predicate"]["ended_ns"]
    for at_ns, counts in ((ended_ns - A_DAY, False), (ended_ns - 240 * 10**9, True)):
        data = attach(SMALL, changed(GOOD, evaluated_at_ns=at_ns))
        word, result = check(data, AUDITED)
        assert (word is VerdictWord.VERIFIED) == counts
        assert counts or result.code == "signature.quorum"
        verdict = verdict_of(attach(SMALL, changed(COMMITMENT, created_ns=at_ns)), VOUCHED)
        assert verdict.word is VerdictWord.VERIFIED
        assert (Grade.VENDOR in verdict.grades_of(CANDIDATE)) == counts
        assert counts or "before the run had ended" in verdict.checks[9].notes[0]


def test_a_vendors_commitment_that_is_not_about_this():
    pq = replace(VOUCHED, signers=(*load_signer(KEYS / "test-recorder-pq.pub"), VENDOR))
    word, result = check(attach(PQ, COMMITMENT), pq, CheckId.QUOTES)
    assert (word, result.code) == (VerdictWord.REJECTED, "countersignature.other-bundle")
    for policy in (AUDITED, replace(VOUCHED, signers=(NAMED, OTHER))):
        word, result = check(attach(SMALL, COMMITMENT), policy, CheckId.QUOTES)
        assert (word, result.code) == (VerdictWord.REJECTED, "commitment.role")
    for fields, code in (
        ({"model": "another"}, "commitment.model"),
        ({"role": "reference", "model": "x"}, "commitment.model"),
        ({"weights_digest": "sha256:" + "00" * 32}, "commitment.weights"),
    ):
        word, result = check(attach(SMALL, changed(COMMITMENT, **fields)), VOUCHED, CheckId.QUOTES)
        assert (word, result.code) == (VerdictWord.REJECTED, code)


def test_a_vendors_commitment_outside_the_keys_time():
    created_ns = json.loads(COMMITMENT.payload)["predicate"]["created_ns"]
    data = attach(SMALL, COMMITMENT)
    early = replace(VOUCHED, signers=(NAMED, replace(VENDOR, not_before_ns=created_ns + 1)))
    verdict = verdict_of(data, early, created_ns + A_DAY)
    assert verdict.checks[9].code == "signature.key-outside-validity"
    late = replace(VOUCHED, signers=(NAMED, replace(VENDOR, not_after_ns=created_ns + 1)))
    verdict = verdict_of(data, late, created_ns + A_DAY)
    assert verdict.word is VerdictWord.VERIFIED
    assert Grade.VENDOR not in verdict.grades_of(CANDIDATE)


def test_a_commitment_without_weights_says_so():
    silent = changed(COMMITMENT, weights_digest=None)
    _, result = check(attach(SMALL, silent), VOUCHED, CheckId.QUOTES)
    assert result.notes[0].endswith("without naming its weights")


def test_a_commitment_is_no_countersignature():
    word, result = check(attach(SMALL, COMMITMENT), AUDITED)
    assert word is VerdictWord.REJECTED
    policy = replace(AUDITED, signers=(NAMED, replace(OTHER, roles=frozenset(Role))))
    word, result = check(attach(SMALL, COMMITMENT), policy)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")


def test_adding_to_a_file(tmp_path):
    source, target = tmp_path / "a.potb", tmp_path / "b.potb"
    source.write_bytes(attach(SMALL, COMMITMENT))
    verdict = verdict_of(source.read_bytes(), PLAIN)
    signatures = sign_statement(verdict, [STRANGER])
    add_to_bundle(
        source, target, file_digest=verdict.file_digest, envelopes=[GOOD], signatures=signatures
    )
    kinds = [kind for kind, _ in Draft(target.read_bytes()).frames][-4:]
    assert kinds == [FrameType.SIGNATURE] * 2 + [FrameType.ATTACHMENT] * 2
    assert source.read_bytes() == attach(SMALL, COMMITMENT)
    with pytest.raises(Rejection) as refused:
        sign_statement(verdict_of(target.read_bytes(), PLAIN), [STRANGER])
    assert refused.value.code == "countersign.signed-already"
    with pytest.raises(Rejection) as refused:
        add_to_bundle(source, target, file_digest=verdict.file_digest, envelopes=[GOOD])
    assert refused.value.code == "countersign.output-exists"
    with pytest.raises(Rejection) as refused:
        add_to_bundle(source, tmp_path / "c.potb", file_digest=bytes(32), envelopes=[GOOD])
    assert refused.value.code == "countersign.file-changed"
    assert not (tmp_path / "c.potb").exists()


def test_an_unsealed_file_is_not_countersigned():
    draft = Draft(SMALL)
    draft.frames = draft.frames[: draft.at(FrameType.STATEMENT)]
    for act in (countersign, sign_statement):
        with pytest.raises(Rejection) as refused:
            act(verdict_of(draft.data(), PLAIN), [STRANGER])
        assert refused.value.code == "countersign.unsealed"


def test_two_keys_make_two_envelopes_of_one_signature_each():
    envelopes = countersign(verdict_of(SMALL, PLAIN), PQ_KEYS)
    assert len(envelopes) == 2
    named = load_signer(KEYS / "test-recorder-pq.pub", "Ada", frozenset({Role.AUDITOR}))
    policy = replace(AUDITED, signers=(NAMED, *named))
    assert check(attach(SMALL, *envelopes), policy)[0] is VerdictWord.VERIFIED
    assert all(len(base64.b64decode(json.loads(one.to_json())["payload"])) for one in envelopes)
