"""Grades end with the keys that carry them, and a quote that may be of any time gives none."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest

pytest.importorskip("cryptography")
pytest.importorskip("dcap_qvl")

import make_grades as made
from draft import RECORDER, STRANGER, Draft
from grade_policies import AT_NS, FIXTURES, GRADES, SIGNER, policy_of
from quote_factories import cbor, nitro_chain_at, nitro_document, nitro_fields

from pot_recorder.promise import sign_document
from pot_reverify import Policy, Role, VerdictWord, load_signer
from pot_reverify.checks.proven_times import ProvenMoment, ProvenTimes
from pot_reverify.checks.quotes import check_quotes
from pot_reverify.checks.result import CheckResult, Status
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.blob import Blob
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.documents.evidence_document import (
    Binding,
    EvidenceDocument,
    Subject,
    parse_evidence_document,
)
from pot_reverify.documents.statement import PAYLOAD_TYPE
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.policy import BindingPolicy, Grade, ModelRole
from pot_reverify.quotes.evidence import NamedSoftware, QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.run_binding import report_data_of
from pot_reverify.quotes.verify import verify_quote
from pot_reverify.verdict import Verdict
from pot_reverify.verify import verify_stream

A, OLD_C, C, D = "a-run-bound.potb", "c-channel.potb", "c-channel-fresh.potb", "d-vendor.potb"
REFERENCE, CANDIDATE = ModelRole
NS = 10**9
CHAIN = nitro_chain_at(made.nitro_time(), made.AWS)
CHANNEL_KEY = made.nitro_payload()["public_key"]
OUR_MS = int(made.nitro_time().timestamp()) * 1000
PREDICATE = Draft(made.BASE.read_bytes()).statement()["predicate"]


def judged(data: bytes, policy: Policy, at_ns: int = AT_NS) -> tuple[Verdict, CheckResult]:
    verdict = verify_stream(io.BytesIO(data), len(data), policy, at_ns=at_ns)
    return verdict, verdict.checks[9]


def at_a_proven_time(data: bytes, policy: Policy, proven: ProvenMoment) -> CheckResult:
    bundle = read_bundle(io.BytesIO(data), len(data))
    return check_quotes(bundle, policy, ProvenTimes(AT_NS, None, proven))


def channel(claim: str = "C", **changed: object) -> bytes:
    """A Nitro document made during the run, whose fields are these."""
    fields = {
        "pcrs": made.nitro_payload()["pcrs"],
        "public_key": CHANNEL_KEY,
        "timestamp": OUR_MS,
        **changed,
    }
    quote = nitro_document(CHAIN, cbor(nitro_fields(CHAIN, **fields)))
    document = EvidenceDocument(
        Binding.CHANNEL,
        Subject.CANDIDATE,
        QuoteEvidence(QuoteKind.NITRO, quote),
        channel_key=CHANNEL_KEY,
    )
    return made.sealed(Draft(made.BASE.read_bytes()), claim, document, made.TEST_LABEL)


def demanding(grades: set[Grade], *, of_both: bool = False) -> Policy:
    policy = policy_of(C)
    wanted = frozenset(grades)
    required_of = {} if of_both or not wanted else {CANDIDATE: wanted}
    binding = replace(
        policy.binding, required=wanted if of_both else frozenset(), required_of=required_of
    )
    return replace(policy, binding=binding)


ANY = demanding(set())
NONCE = made.precommit_digest(Draft(made.BASE.read_bytes()))


@pytest.mark.parametrize(
    ("field", "value", "is_fresh"),
    [
        ("nonce", NONCE, True),
        ("user_data", NONCE, True),
        ("nonce", bytes(32), False),
        ("nonce", NONCE[:31], False),
        ("nonce", NONCE + b"\0", False),
        ("user_data", b"", False),
        ("user_data", b"for " + NONCE, False),
        ("nonce", None, False),
    ],
)
def test_a_channels_quote_is_fresh_where_it_answers_the_runs_nonce(field, value, is_fresh):
    verdict, result = judged(channel(**{field: value}), demanding({Grade.CHANNEL}))
    assert (Grade.CHANNEL in verdict.grades_of(CANDIDATE)) == is_fresh
    assert Grade.CHANNEL not in verdict.grades_of(REFERENCE)
    expected = (
        (VerdictWord.VERIFIED, "ok") if is_fresh else (VerdictWord.INCOMPLETE, "quote.not-fresh")
    )
    assert (verdict.word, result.code) == expected


def test_an_old_document_in_a_new_run_gives_no_grade_and_breaks_nothing_else():
    """A public document of 2021, whoever puts it there and whatever he claims."""
    data = (GRADES / OLD_C).read_bytes()
    quiet = Draft(data).state(binding_grade="W").reseal().data()
    policy = replace(policy_of(OLD_C), binding=replace(policy_of(OLD_C).binding, required_of={}))
    for bundle, word, status in (
        (data, VerdictWord.INCOMPLETE, Status.SKIP),
        (quiet, VerdictWord.VERIFIED, Status.ABSENT),
    ):
        verdict, result = judged(bundle, policy)
        assert (verdict.word, result.status) == (word, status)
        assert verdict.grades_of(CANDIDATE) == (Grade.WEIGHTS,)
        assert any("may be of any time" in note for note in result.notes)
    for demand in (
        BindingPolicy(frozenset({Grade.CHANNEL})),
        BindingPolicy(required_of={CANDIDATE: frozenset({Grade.CHANNEL, Grade.RUN_BOUND})}),
    ):
        asked = replace(policy, binding=replace(demand, quotes=policy.binding.quotes))
        verdict, result = judged(quiet, asked)
        assert verdict.word is VerdictWord.INCOMPLETE
        assert result.code in ("quote.not-fresh", "quote.grade-required")


def test_the_document_of_2021_that_was_pasted_into_an_invented_run():
    """A whole bundle as somebody made it, not derived from a recording of ours."""
    data = (GRADES / "c-pasted-2021.potb").read_bytes()
    bundle = read_bundle(io.BytesIO(data), len(data))
    (blob,) = [one for one in bundle.blobs if one.name.startswith("quote/")]
    quote = parse_evidence_document(blob.data, blob.name).quote
    at_ns = bundle.statement.ended_ns + 60 * NS
    pcr0 = verify_quote(quote, at_ns=at_ns, policy=QuotePolicy()).registers["pcr0"]
    software = (NamedSoftware("whatever it was", QuoteKind.NITRO, {"pcr0": pcr0}),)
    for required in (frozenset({Grade.CHANNEL}), frozenset[Grade]()):
        binding = BindingPolicy(required, QuotePolicy(software=software))
        verdict, result = judged(data, Policy(signers=SIGNER, binding=binding), at_ns)
        assert verdict.word is VerdictWord.INCOMPLETE
        assert (result.status, result.code) == (Status.SKIP, "quote.not-fresh")
        assert verdict.to_document()["binding_grades"] == ["unbound"]


def test_a_demand_that_other_evidence_meets_is_met():
    other = channel(claim="W")
    assert judged(other, demanding({Grade.WEIGHTS}, of_both=True))[0].word is VerdictWord.VERIFIED
    both = demanding({Grade.WEIGHTS, Grade.CHANNEL}, of_both=True)
    assert judged(other, both)[0].word is VerdictWord.VERIFIED


def test_a_seal_that_is_proven_inside_the_documents_life_makes_it_fresh():
    """To the last second, with the accuracy of the proof counted."""
    data = channel()
    end_ns = int((made.nitro_time() + timedelta(hours=2)).timestamp()) * NS
    policy = demanding({Grade.CHANNEL})
    for at_ns, accuracy_ns, code in (
        (end_ns - NS, 0, "ok"),
        (end_ns, 0, "ok"),
        (end_ns + NS, 0, "quote.not-fresh"),
        (end_ns - NS, NS, "ok"),
        (end_ns, NS, "quote.not-fresh"),
        (OUR_MS * 10**6, 0, "ok"),
        (AT_NS, 0, "quote.not-fresh"),
    ):
        proven = ProvenMoment(at_ns, "a test's clock", accuracy_ns=accuracy_ns)
        assert at_a_proven_time(data, policy, proven).code == code
    # The old document's life is proven to be over.
    late = ProvenMoment(PREDICATE["ended_ns"], "a test's clock")
    old = (GRADES / OLD_C).read_bytes()
    assert at_a_proven_time(old, policy_of(OLD_C), late).code == "quote.not-fresh"


def test_a_report_without_a_time_is_never_made_fresh_by_one():
    """Certificates that live for years are no life of the report."""
    document = made.run_document(
        sha256_digest(CHANNEL_KEY) + bytes(32),
        binding=Binding.CHANNEL,
        subject=Subject.CANDIDATE,
        channel_key=CHANNEL_KEY,
    )
    data = made.sealed(Draft(made.BASE.read_bytes()), "C", document, made.TEST_LABEL)
    policy = replace(policy_of(A), binding=BindingPolicy(quotes=policy_of(A).binding.quotes))
    for at_ns in (PREDICATE["ended_ns"], AT_NS):
        proven = ProvenMoment(at_ns, "a test's clock")
        assert at_a_proven_time(data, policy, proven).code == "quote.not-fresh"


@pytest.mark.parametrize(
    ("timestamp_ms", "changed", "code"),
    [
        (PREDICATE["ended_ns"] // 10**6 + 299_000, {"nonce": NONCE}, "ok"),
        (PREDICATE["ended_ns"] // 10**6 + 301_000, {"nonce": NONCE}, "quote.after-seal"),
        (PREDICATE["ended_ns"] // 10**6 + 301_000, {"nonce": None}, "quote.after-seal"),
        (PREDICATE["started_ns"] // 10**6 - 299_000, {"nonce": NONCE}, "ok"),
        (PREDICATE["started_ns"] // 10**6 - 301_000, {"nonce": NONCE}, "quote.before-precommit"),
        (PREDICATE["started_ns"] // 10**6 - 301_000, {"nonce": None}, "quote.not-fresh"),
    ],
)
def test_the_time_in_a_document_fits_the_run_that_it_answers(timestamp_ms, changed, code):
    verdict, result = judged(channel(timestamp=timestamp_ms, **changed), ANY)
    assert result.code == code
    words = {"ok": VerdictWord.VERIFIED, "quote.not-fresh": VerdictWord.INCOMPLETE}
    assert verdict.word is words.get(code, VerdictWord.REJECTED)


def test_a_run_bound_document_is_no_older_than_the_promise():
    bound = report_data_of(NONCE, RECORDER.public_key.to_der())
    for timestamp, code in ((OUR_MS, "ok"), (OUR_MS - 600_000, "quote.before-precommit")):
        fields = nitro_fields(
            CHAIN, pcrs=made.nitro_payload()["pcrs"], user_data=bound, timestamp=timestamp
        )
        quote = QuoteEvidence(QuoteKind.NITRO, nitro_document(CHAIN, cbor(fields)))
        document = EvidenceDocument(Binding.RUN, Subject.RUN, quote)
        data = made.sealed(Draft(made.BASE.read_bytes()), "A", document, made.TEST_LABEL)
        assert judged(data, ANY)[1].code == code


# The keys that carry a grade


TEE = tuple(replace(one, roles=frozenset({Role.TEE})) for one in
            load_signer(FIXTURES / "keys" / "test-stranger.pub"))  # fmt: skip
ENDED_NS = PREDICATE["ended_ns"]


def by_enclave(*, is_announced: bool) -> bytes:
    """A run whose enclave has a key of its own, which signs the statement."""
    bound = report_data_of(NONCE, STRANGER.public_key.to_der())
    draft = Draft(made.BASE.read_bytes())
    data = made.sealed(draft, "A", made.run_document(bound), made.TEST_LABEL)
    draft = Draft(data)
    if is_announced:
        signers = [
            {"algorithm": "ed25519", "key_id": one.public_key.key_id}
            for one in (RECORDER, STRANGER)
        ]
        return draft.state(signers=signers).reseal().sign([RECORDER, STRANGER]).data()
    payload = draft.payload(FrameType.STATEMENT)
    (later,) = sign_document(PAYLOAD_TYPE, payload, [STRANGER])
    return draft.append(FrameType.SIGNATURE, later.encode()).data()


@pytest.mark.parametrize("is_announced", [True, False])
def test_an_enclaves_key_gives_no_grade_after_its_end(is_announced):
    data = by_enclave(is_announced=is_announced)
    policy = policy_of(A)

    def naming(**limits: int) -> Policy:
        tee = tuple(replace(one, **limits) for one in TEE)
        return replace(policy, signers=(*SIGNER, *tee))

    verdict, result = judged(data, naming())
    assert (verdict.word, result.code) == (VerdictWord.VERIFIED, "ok")
    assert Grade.RUN_BOUND in verdict.binding_grades
    over = naming(not_after_ns=ENDED_NS + 60 * NS)
    verdict, result = judged(data, over)
    assert (result.status, result.code) == (Status.SKIP, "quote.key-expired")
    assert verdict.word is VerdictWord.INCOMPLETE
    for model in ModelRole:
        assert Grade.RUN_BOUND not in verdict.grades_of(model)
    # A proof that the statement is older settles it for a signature that the statement announces.
    for at_ns, accuracy_ns, code in (
        (ENDED_NS + 60 * NS, 0, "ok"),
        (ENDED_NS + 59 * NS, NS, "ok"),
        (ENDED_NS + 60 * NS, NS, "quote.key-expired"),
    ):
        proven = ProvenMoment(at_ns, "a test's clock", accuracy_ns=accuracy_ns)
        expected = code if is_announced else "quote.key-expired"
        assert at_a_proven_time(data, over, proven).code == expected
    not_yet = naming(not_before_ns=AT_NS + NS)
    assert judged(data, not_yet)[1].code == "quote.key-expired"
    assert judged(data, not_yet)[0].word is not VerdictWord.VERIFIED


def test_no_grade_rests_on_a_recorder_whose_key_has_expired():
    """Also W is worth the signature over the manifests."""
    over = tuple(replace(one, not_after_ns=ENDED_NS + NS) for one in SIGNER)
    for name in (A, C, D):
        verdict, _ = judged((GRADES / name).read_bytes(), replace(policy_of(name), signers=over))
        assert verdict.word is VerdictWord.INCOMPLETE
        for model in ModelRole:
            assert verdict.grades_of(model) == (Grade.UNBOUND,)
        assert verdict.to_document()["binding_grades"] == ["unbound"]


def test_a_vendors_key_gives_no_grade_after_its_end():
    policy = policy_of(D)
    signers = tuple(
        replace(one, not_after_ns=made.VOUCHED_NS + NS) if Role.VENDOR in one.roles else one
        for one in policy.signers
    )
    verdict, result = judged((GRADES / D).read_bytes(), replace(policy, signers=signers))
    assert (verdict.word, result.code) == (VerdictWord.INCOMPLETE, "quote.grade-required")
    assert Grade.VENDOR not in verdict.grades_of(CANDIDATE)


# By model


def test_a_channel_of_one_model_is_none_of_the_other():
    data = (GRADES / C).read_bytes()
    both = demanding({Grade.CHANNEL}, of_both=True)
    verdict, result = judged(data, both)
    assert (verdict.word, result.code) == (VerdictWord.INCOMPLETE, "quote.grade-required")
    assert "grade C for the reference" in result.message
    draft = Draft(data)
    fields = {"nonce": NONCE, "pcrs": made.nitro_payload()["pcrs"], "public_key": CHANNEL_KEY}
    quote = nitro_document(CHAIN, cbor(nitro_fields(CHAIN, timestamp=OUR_MS, **fields)))
    other = EvidenceDocument(
        Binding.CHANNEL,
        Subject.REFERENCE,
        QuoteEvidence(QuoteKind.NITRO, quote),
        channel_key=CHANNEL_KEY,
    ).to_json()
    blob = Blob("quote/reference.json", "application/json", other)
    draft.insert(draft.at(FrameType.REVEAL), FrameType.BLOB, blob.encode())
    digests = [*draft.statement()["predicate"]["quote_digests"]]
    digests.append(format_digest(sha256_digest(other)))
    verdict, result = judged(draft.state(quote_digests=digests).reseal().data(), both)
    assert (verdict.word, result.message) == (
        VerdictWord.VERIFIED,
        "supports grade C for both models",
    )
    assert verdict.binding_grades == (Grade.WEIGHTS, Grade.CHANNEL)


def test_a_run_bound_quote_of_one_model_is_none_of_the_other():
    bound = report_data_of(NONCE, RECORDER.public_key.to_der())
    for subject, models in (
        (Subject.RUN, set(ModelRole)),
        (Subject.REFERENCE, {REFERENCE}),
        (Subject.CANDIDATE, {CANDIDATE}),
    ):
        document = made.run_document(bound, subject=subject)
        data = made.sealed(Draft(made.BASE.read_bytes()), "A", document, made.TEST_LABEL)
        verdict, _ = judged(data, policy_of(A))
        assert (verdict.word is VerdictWord.VERIFIED) == (len(models) == 2)
        anything = BindingPolicy(quotes=policy_of(A).binding.quotes)
        verdict, _ = judged(data, replace(policy_of(A), binding=anything))
        assert verdict.word is VerdictWord.VERIFIED
        assert {one for one in ModelRole if Grade.RUN_BOUND in verdict.grades_of(one)} == models
