"""C10: grades from real appraisals of quotes, under test roots and under those that are shipped."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("cryptography")
pytest.importorskip("dcap_qvl")

import make_grades as made
from draft import RECORDER, STRANGER, Draft
from grade_policies import AT_NS, EXPECTED, FIXTURES, GRADES, SIGNER, policy_of
from quote_factories import (
    DCAP_AT,
    cbor,
    ethereum_key,
    nitro_chain_at,
    nitro_document,
    nitro_fields,
    phala_evidence,
    test_intel,
)
from quote_samples import ns, pem, read

from pot_audit.screen import verdict_lines
from pot_reverify import Policy, Role, VerdictWord, load_signer
from pot_reverify.checks.proven_times import ProvenMoment, ProvenTimes
from pot_reverify.checks.quotes import check_quotes
from pot_reverify.checks.result import CheckId, CheckResult, Status
from pot_reverify.container.frames import FrameType
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.documents.blob import Blob
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.documents.challenge_record import Withheld
from pot_reverify.documents.evidence_document import (
    Binding,
    EvidenceDocument,
    Subject,
    parse_evidence_document,
)
from pot_reverify.documents.exchanges import Exchange, ExchangeForm, Exchanges
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.policy import BindingPolicy, Grade, ModelRole
from pot_reverify.policy.toml_file import load_policy
from pot_reverify.quotes import aci
from pot_reverify.quotes.evidence import NamedSoftware, QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.run_binding import report_data_of
from pot_reverify.verdict import Verdict
from pot_reverify.verify import verify, verify_stream

A, B, OLD_C, C, D = EXPECTED
names = pytest.mark.parametrize("name", EXPECTED)
quoted = pytest.mark.parametrize("name", [A, B, C])
BOTH = tuple(ModelRole)


def judged(data: bytes, policy: Policy, at_ns: int = AT_NS) -> tuple[Verdict, CheckResult]:
    verdict = verify_stream(io.BytesIO(data), len(data), policy, at_ns=at_ns)
    return verdict, next(one for one in verdict.checks if one.check is CheckId.QUOTES)


def code_of(data: bytes, policy: Policy, at_ns: int = AT_NS) -> tuple[Status, str]:
    _, result = judged(data, policy, at_ns)
    return result.status, result.code


def base() -> Draft:
    return Draft(made.BASE.read_bytes())


@names
def test_each_grade_is_verified_by_the_policy_that_names_its_root_and_software(name):
    document = EXPECTED[name]
    verdict = verify(GRADES / name, policy_of(name), at_ns=AT_NS)
    quotes = verdict.checks[9]
    assert (verdict.word.value, quotes.code) == (document["verdict"], document["code"])
    by_subject = verdict.to_document()["binding_grades_by_subject"]
    assert by_subject == document["grades"]
    reference, candidate = by_subject.values()
    assert verdict.to_document()["binding_grades"] == [one for one in reference if one in candidate]
    assert verdict.is_under_test_root == document["is_under_test_root"]
    screen = "\n".join(verdict_lines(verdict))
    if name == OLD_C:
        assert "may be of any time" in screen
        return
    line = next(line for line in screen.splitlines() if "Every check that" in line)
    limits = [line for line in screen.splitlines() if "grade W" in line][-1]
    assert ("TEST ROOT" in line, "TEST ROOT" in limits) == (document["is_under_test_root"],) * 2
    assert verdict.to_document()["is_under_test_root"] == document["is_under_test_root"]
    assert ("known after that time: nothing" in screen) == (name != D)


@names
def test_without_the_reader_naming_root_and_software_no_grade_is_given(name):
    plain = Policy(signers=SIGNER)
    bare = policy_of(name, with_roots=False, with_software=False)
    for policy in (plain, replace(bare, signers=SIGNER)):
        verdict = verify(GRADES / name, policy, at_ns=AT_NS)
        result = next(one for one in verdict.checks if one.check is CheckId.QUOTES)
        assert set(verdict.binding_grades) == {Grade.WEIGHTS}
        if name != D or policy is plain:
            assert result.code == EXPECTED[name]["under_shipped_roots"]
        # A bundle whose vendor is not named is a bundle without that grade.
        assert (verdict.word is VerdictWord.VERIFIED) == (name == D and policy is plain)
        assert verdict.grades_of(ModelRole.CANDIDATE) == (Grade.WEIGHTS,)


@names
@pytest.mark.parametrize(
    "example", sorted((FIXTURES / "policies").glob("*.toml")), ids=lambda path: path.stem
)
def test_the_example_policies_take_none_of_these_quotes(name, example):
    policy = load_policy(example)
    assert verify(GRADES / name, policy, at_ns=AT_NS).word is not VerdictWord.VERIFIED
    lenient = replace(policy, signers=SIGNER, quorum=(), algorithms=frozenset(), presets=None)
    verdict = verify(GRADES / name, lenient, at_ns=AT_NS)
    assert set(verdict.binding_grades) == {Grade.WEIGHTS}
    assert name == D or verdict.word is not VerdictWord.VERIFIED


@quoted
def test_a_genuine_quote_of_software_that_is_not_named_never_passes(name):
    verdict, result = judged((GRADES / name).read_bytes(), policy_of(name, with_software=False))
    assert (result.status, result.code) == (Status.SKIP, "quote.software-not-named")
    assert any("genuine, for software that you have not named" in note for note in result.notes)
    assert verdict.word is VerdictWord.INCOMPLETE


def test_the_files_are_those_that_the_script_makes(tmp_path):
    made.main(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 5 * 2 + 4
    for name in names:
        assert (tmp_path / name).read_bytes() == (GRADES / name).read_bytes(), name


# Run-bound: grade A


def run_bound(**changed):
    return made.run_bound(**changed)


def test_a_quote_for_another_run_or_another_key_is_refused():
    precommit = made.precommit_digest(base())
    own, stranger = RECORDER.public_key.to_der(), STRANGER.public_key.to_der()
    for bound in (
        report_data_of(precommit, stranger),
        report_data_of(bytes(32), own),
        report_data_of(precommit, own)[:32] + bytes(32),
        bytes(64),
    ):
        data = made.sealed(base(), "A", made.run_document(bound), made.TEST_LABEL)
        assert code_of(data, policy_of(A)) == (Status.FAIL, "quote.binding")


def test_the_key_must_have_the_role_of_a_recorder_or_an_enclave():
    auditor = tuple(replace(one, roles=frozenset({Role.AUDITOR})) for one in SIGNER)
    assert code_of(run_bound(), replace(policy_of(A), signers=auditor)) == (
        Status.SKIP,
        "quote.key-not-named",
    )
    tee = tuple(replace(one, roles=frozenset({Role.TEE})) for one in SIGNER)
    assert code_of(run_bound(), replace(policy_of(A), signers=tee))[0] is Status.PASS


def test_a_key_that_is_not_named_cannot_be_told_from_a_wrong_one():
    stranger = load_signer(Path(made.FIXTURES) / "keys" / "test-stranger.pub")
    verdict, result = judged(run_bound(), replace(policy_of(A), signers=stranger))
    assert (result.status, result.code) == (Status.SKIP, "quote.key-not-named")
    assert verdict.word is VerdictWord.INCOMPLETE


def test_a_signature_that_does_not_hold_counts_for_nothing():
    draft = Draft(run_bound())
    draft.edit(FrameType.SIGNATURE, signature=bytes(64))
    verdict, result = judged(draft.data(), policy_of(A))
    assert result.status is Status.FAIL
    assert verdict.word is VerdictWord.REJECTED


def test_nitro_binds_the_run_in_its_user_data():
    bound = report_data_of(made.precommit_digest(base()), RECORDER.public_key.to_der())
    chain = nitro_chain_at(made.nitro_time())
    stated_ms = int(made.nitro_time().timestamp()) * 1000
    for field, outcome in (("user_data", Status.PASS), ("nonce", Status.FAIL)):
        fields = nitro_fields(chain, timestamp=stated_ms, **{field: bound})
        quote = QuoteEvidence(QuoteKind.NITRO, nitro_document(chain, cbor(fields)))
        document = EvidenceDocument(Binding.RUN, Subject.RUN, quote)
        data = made.sealed(base(), "A", document, made.TEST_LABEL)
        pcr0 = {"pcr0": fields["pcrs"][0]}
        policy = replace(
            policy_of(A),
            binding=BindingPolicy(
                quotes=QuotePolicy(
                    roots={"aws": (chain.root,)},
                    software=(NamedSoftware("made", QuoteKind.NITRO, pcr0),),
                )
            ),
        )
        assert code_of(data, policy)[0] is outcome


@pytest.mark.parametrize(
    ("binding", "more"),
    [(Binding.RUN, {}), (Binding.CHANNEL, {"channel_key": b"\x30"})],
)
def test_a_gpu_alone_binds_no_run_and_no_channel(binding, more):
    quote = QuoteEvidence(
        QuoteKind.NVIDIA_GPU,
        read("nvidia/nvat_hopperAttestationReport.txt"),
        certificates=pem("nvidia/nvat_hopperCertChain.txt"),
    )
    document = EvidenceDocument(binding, Subject.CANDIDATE, quote, **more)
    data = made.sealed(base(), "W", document, made.TEST_LABEL)
    assert code_of(data, policy_of(A)) == (Status.FAIL, "quote.purpose")


def test_hardware_alone_attests_no_key_of_exchanges():
    document = made.run_document(
        bytes(64), binding=Binding.KEY, subject=Subject.CANDIDATE, exchanges=(made.EXCHANGES,)
    )
    data = made.sealed(base(), "B", document, made.TEST_LABEL, made.exchanges_of(base()))
    assert code_of(data, policy_of(A)) == (Status.FAIL, "quote.purpose")


# Key-attested: grade B


def key_attested(exchanges: Exchanges | None = None, document: EvidenceDocument | None = None):
    draft = base()
    return made.sealed(draft, "B", document or made.key_document(draft), made.TEST_LABEL, exchanges)


def changed_bodies(number: int, which: int, old: bytes, new: bytes) -> Exchanges:
    """Exchanges of which the service signed one body that is otherwise."""

    def change(bodies):
        pair = list(bodies[number])
        assert old in pair[which]
        pair[which] = pair[which].replace(old, new, 1)
        bodies[number] = (pair[0], pair[1])

    return made.exchanges_of(base(), change)


@pytest.mark.parametrize(
    ("exchanges", "code"),
    [
        (lambda: made.exchanges_of(base(), list.reverse), "quote.exchange-content"),
        (lambda: made.exchanges_of(base(), list.pop), "quote.exchange-count"),
        (
            lambda: made.exchanges_of(base(), lambda all_: all_.append(all_[0])),
            "quote.exchange-count",
        ),
        (lambda: changed_bodies(7, 0, b'"text":"', b'"text":" '), "quote.exchange-content"),
        (
            lambda: changed_bodies(3, 1, b'"probabilities":"', b'"probabilities":"AAAA'),
            "quote.exchange-content",
        ),
        (lambda: changed_bodies(0, 0, b'"model":"Smol', b'"model":"Big'), "quote.exchange-model"),
        (
            lambda: changed_bodies(0, 0, made.precommit_digest(base()).hex().encode(), b"00" * 32),
            "quote.exchange-run",
        ),
        (lambda: changed_bodies(0, 0, b"{", b'{"stream":true,'), "schema.unknown-field"),
        (
            lambda: changed_bodies(0, 0, b"probe-request/1", b"probe-request/2"),
            "schema.unknown-value",
        ),
        (
            lambda: replace(made.exchanges_of(base()), form=ExchangeForm.PHALA),
            "quote.exchange-form",
        ),
        (lambda: None, "quote.exchange-blob"),
    ],
)
def test_exchanges_that_are_not_about_the_contents_are_refused(exchanges, code):
    assert code_of(key_attested(exchanges()), policy_of(B)) == (Status.FAIL, code)


@pytest.mark.parametrize(
    ("which", "code"),
    [(0, "quote.request-hash"), (1, "quote.response-hash"), (2, "quote.signing-key")],
)
def test_bodies_that_the_service_did_not_sign_are_refused(which, code):
    good = made.exchanges_of(base())
    parts = [good.exchanges[5].request, good.exchanges[5].response, good.exchanges[5].signature]
    spaced = [parts[0] + b" ", parts[1] + b"\n", parts[2].replace(b"receipt-test", b"receipt-else")]
    parts[which] = spaced[which]
    exchanges = (*good.exchanges[:5], Exchange(*parts), *good.exchanges[6:])
    data = key_attested(replace(good, exchanges=exchanges))
    assert code_of(data, policy_of(B)) == (Status.FAIL, code)


def with_receipt(**changed: object) -> Exchanges:
    good = made.exchanges_of(base())
    first = good.exchanges[0]
    again = made.receipt(first.request, first.response, **changed)
    return replace(good, exchanges=(replace(first, signature=again), *good.exchanges[1:]))


def test_a_receipt_about_another_model_is_refused_and_one_of_a_relay_is_not_enough():
    data = key_attested(with_receipt(model="another"))
    assert code_of(data, policy_of(B)) == (Status.FAIL, "quote.exchange-model")
    first = made.exchanges_of(base()).exchanges[0]
    log = json.loads(first.signature)["event_log"]
    upstream = {"type": "upstream.verified", "result": "verified", "session_id": "s"}
    data = key_attested(with_receipt(event_log=[*log, upstream]))
    assert code_of(data, policy_of(B)) == (Status.SKIP, "quote.upstream")


def test_a_key_that_answered_another_nonce_is_refused():
    draft = base()
    document = made.key_document(draft, nonce=bytes(32))
    data = key_attested(made.exchanges_of(draft), document)
    assert code_of(data, policy_of(B)) == (Status.FAIL, "quote.binding")


def test_exchanges_that_no_evidence_names_are_refused():
    document = made.run_document(
        report_data_of(made.precommit_digest(base()), RECORDER.public_key.to_der())
    )
    data = made.sealed(base(), "A", document, made.TEST_LABEL, made.exchanges_of(base()))
    assert code_of(data, policy_of(A)) == (Status.FAIL, "quote.exchange-blob")


def test_exchanges_of_withheld_contents_cannot_be_compared():
    draft = Draft((GRADES / B).read_bytes())
    place = draft.at(FrameType.CONTENT, 2)
    frame_type, payload = draft.frames[place]
    draft.frames[place] = (FrameType.WITHHELD, Withheld(leaf_digest(frame_type, payload)).encode())
    assert code_of(draft.data(), policy_of(B)) == (Status.SKIP, "quote.exchange-withheld")


def test_the_references_exchanges_are_compared_with_the_references_probabilities():
    draft = base()
    document = replace(made.key_document(draft), subject=Subject.REFERENCE)
    data = key_attested(made.exchanges_of(draft), document)
    assert code_of(data, policy_of(B)) == (Status.FAIL, "quote.exchange-content")


def phala(
    draft: Draft, *, hashes_requests: bool, model: str | None = None
) -> tuple[bytes, Policy, int]:
    """A run whose exchanges a vllm-proxy signed, its policy, and when its collateral is current."""
    nonce, address = made.precommit_digest(draft), ethereum_key().address
    quote = phala_evidence(
        report_data=address.ljust(32, b"\0") + nonce,
        request_nonce=nonce.hex(),
        drop=("nvidia_payload",),
    )
    signed = []
    for one in made.exchanges_of(draft).exchanges:
        hashes = [sha256_digest(body).hex() for body in (one.request, one.response)]
        text = ":".join([*([model] if model else []), *hashes])
        signature = {
            "text": text,
            "signature": "0x" + ethereum_key().sign(text.encode()).hex(),
            "signing_address": "0x" + address.hex(),
            "signing_algo": "ecdsa",
        }
        signed.append(replace(one, signature=json.dumps(signature).encode()))
    document = replace(made.key_document(draft), quote=quote)
    data = made.sealed(
        draft, "B", document, made.TEST_LABEL, Exchanges(ExchangeForm.PHALA, tuple(signed))
    )
    software = NamedSoftware(
        "made", QuoteKind.TDX, {"mrtd": b"\x11" * 48}, hashes_requests=hashes_requests
    )
    quotes = QuotePolicy(roots=test_intel().roots, software=(software,))
    return data, Policy(signers=SIGNER, binding=BindingPolicy(quotes=quotes)), ns(DCAP_AT)


def test_vllm_proxys_signatures_count_for_software_that_hashes_requests_itself():
    assert code_of(*phala(base(), hashes_requests=True)) == (Status.PASS, "ok")
    assert code_of(*phala(base(), hashes_requests=False)) == (
        Status.SKIP,
        "quote.request-not-bound",
    )
    assert code_of(*phala(base(), hashes_requests=True, model="another")) == (
        Status.FAIL,
        "quote.exchange-model",
    )


# Channel: grade C


def test_the_vendors_forms_attest_the_digest_of_a_tls_key():
    key, draft = made.nitro_payload()["public_key"], base()
    address, digest = ethereum_key().address, sha256_digest(key)
    nonce = made.precommit_digest(draft)
    quote = phala_evidence(
        report_data=sha256_digest(address + digest) + nonce,
        tls_cert_fingerprint=digest.hex(),
        request_nonce=nonce.hex(),
        drop=("nvidia_payload",),
    )
    software = NamedSoftware("made", QuoteKind.TDX, {"mrtd": b"\x11" * 48})
    quotes = QuotePolicy(roots=test_intel().roots, software=(software,))
    policy = Policy(signers=SIGNER, binding=BindingPolicy(quotes=quotes))
    for channel_key, outcome in ((key, Status.PASS), (key + b"x", Status.FAIL)):
        document = EvidenceDocument(
            Binding.CHANNEL, Subject.CANDIDATE, quote, channel_key=channel_key
        )
        data = made.sealed(draft, "C", document, made.TEST_LABEL)
        assert code_of(data, policy, ns(DCAP_AT))[0] is outcome
        draft = base()
    keyset = made.keyset()["tls_public_keys"][0]["spki_sha256"]
    assert aci.channel_keys(made.key_document(draft).quote) == (bytes.fromhex(keyset),)


@pytest.mark.parametrize("key", [b"\x30\x00", made.nitro_payload()["public_key"][:-1] + b"\x00"])
def test_another_channel_key_is_refused(key):
    quote = QuoteEvidence(QuoteKind.NITRO, read(made.NITRO_SAMPLE))
    document = EvidenceDocument(Binding.CHANNEL, Subject.CANDIDATE, quote, channel_key=key)
    data = made.sealed(base(), "C", document, made.SAMPLE_LABEL)
    assert code_of(data, policy_of(OLD_C)) == (Status.FAIL, "quote.binding")


def test_report_data_may_start_with_the_digest_of_the_channel_key():
    key = made.nitro_payload()["public_key"]
    for bound, outcome in (
        (sha256_digest(key) + made.precommit_digest(base()), Status.PASS),
        (sha256_digest(key) + bytes(range(32)), Status.SKIP),
        (bytes(32) + sha256_digest(key), Status.FAIL),
    ):
        document = made.run_document(
            bound, binding=Binding.CHANNEL, subject=Subject.CANDIDATE, channel_key=key
        )
        data = made.sealed(base(), "C", document, made.TEST_LABEL)
        loose = BindingPolicy(quotes=policy_of(A).binding.quotes)
        assert code_of(data, replace(policy_of(A), binding=loose))[0] is outcome


# Claims and demands


def test_a_demanded_grade_that_is_not_there_is_not_made_up_for_by_others():
    for name in (A, B, C, D):
        there = set(map(Grade, EXPECTED[name]["grades"]["candidate"]))
        required = frozenset(Grade) - there - {Grade.UNBOUND}
        policy = policy_of(name)
        demanding = replace(policy, binding=replace(policy.binding, required=required))
        verdict, result = judged((GRADES / name).read_bytes(), demanding)
        assert (result.status, result.code) == (Status.SKIP, "quote.grade-required")
        assert verdict.word is VerdictWord.INCOMPLETE


def test_weights_alone_meet_a_demand_for_weights_and_for_nothing_else():
    data = made.BASE.read_bytes()
    for grade, status in ((Grade.WEIGHTS, Status.ABSENT), (Grade.RUN_BOUND, Status.SKIP)):
        policy = Policy(signers=SIGNER, binding=BindingPolicy(frozenset({grade})))
        assert judged(data, policy)[1].status is status


def test_the_quotes_must_be_those_that_the_statement_names():
    draft = Draft((GRADES / A).read_bytes())
    digests = draft.statement()["predicate"]["quote_digests"]
    for wrong in ([], digests * 2, [format_digest(bytes(32))]):
        data = Draft(draft.data()).state(quote_digests=wrong).reseal().data()
        assert code_of(data, policy_of(A)) == (Status.FAIL, "quote.digests")


@pytest.mark.parametrize("grade", ["B", "C", "D"])
def test_a_claim_needs_evidence_of_its_own_kind(grade):
    data = Draft((GRADES / A).read_bytes()).state(binding_grade=grade).reseal().data()
    assert code_of(data, policy_of(A)) == (Status.FAIL, "quote.grade-without-evidence")


def test_one_bad_quote_among_good_ones_is_enough():
    draft = Draft((GRADES / A).read_bytes())
    bad = made.run_document(bytes(64)).to_json()
    blob = Blob("quote/other.json", "application/json", bad)
    draft.insert(draft.at(FrameType.REVEAL), FrameType.BLOB, blob.encode())
    digests = [*draft.statement()["predicate"]["quote_digests"], format_digest(sha256_digest(bad))]
    data = draft.state(quote_digests=digests).reseal().data()
    assert code_of(data, policy_of(A)) == (Status.FAIL, "quote.binding")


def test_an_unsealed_file_with_quotes_is_told_to_be_unsealed():
    draft = Draft((GRADES / A).read_bytes())
    draft.frames = [frame for frame in draft.frames if frame[0].is_leaf]
    assert code_of(draft.data(), policy_of(A)) == (Status.SKIP, "container.unsealed")
    plain = base()
    plain.frames = [frame for frame in plain.frames if frame[0].is_leaf]
    assert code_of(plain.data(), Policy(signers=SIGNER)) == (Status.ABSENT, "quote.absent")


# Vendor: grade D


def test_a_vendors_word_counts_from_a_named_vendor_about_this_model():
    named = policy_of(D)
    for data, outcome in (
        (made.vendor_commitment(), (Status.PASS, "ok")),
        (made.vendor_commitment(model="another"), (Status.FAIL, "commitment.model")),
        (made.vendor_commitment(signer=RECORDER), (Status.FAIL, "commitment.role")),
        (made.BASE.read_bytes(), (Status.SKIP, "quote.grade-required")),
    ):
        assert code_of(data, named) == outcome


# Time


def test_a_proven_time_settles_what_is_stale_now():
    data = (GRADES / A).read_bytes()
    later = 2_000_000_000_000_000_000
    assert code_of(data, policy_of(A), later) == (Status.SKIP, "quote.stale")
    bundle = read_bundle(io.BytesIO(data), len(data))
    proven = ProvenTimes(later, None, ProvenMoment(AT_NS, "a test's clock"))
    result = check_quotes(bundle, policy_of(A), proven)
    assert result.status is Status.PASS
    assert "valid at 2026-12-01T00:00:00Z (proven by a test's clock)" in result.notes


def test_a_time_before_the_evidence_is_no_time_to_judge_it_at():
    """The reader's now may be any; only a proven time contradicts evidence that came later."""
    early = {A: 1_500_000_000, B: 1_700_000_000, OLD_C: 1_600_000_000, C: 1_700_000_000}
    for name, at_s in early.items():
        data, at_ns = (GRADES / name).read_bytes(), at_s * 10**9
        assert code_of(data, policy_of(name), at_ns) == (Status.SKIP, "quote.not-yet-valid")
        assert judged(data, policy_of(name), at_ns)[0].word is VerdictWord.INCOMPLETE
        bundle = read_bundle(io.BytesIO(data), len(data))
        proven = ProvenTimes(AT_NS, None, ProvenMoment(at_ns, "a test's clock"))
        with pytest.raises(Rejection) as refused:
            check_quotes(bundle, policy_of(name), proven)
        assert refused.value.code == "quote.not-yet-valid"


def test_missing_collateral_and_a_missing_backend_skip(monkeypatch):
    draft = base()
    document = made.key_document(draft)
    bare = replace(document, quote=replace(document.quote, collateral=b""))
    data = key_attested(made.exchanges_of(draft), bare)
    assert code_of(data, policy_of(B)) == (Status.SKIP, "quote.collateral-missing")
    for module in ("dcap", "aci", "phala"):
        monkeypatch.delitem(sys.modules, f"pot_reverify.quotes.{module}", raising=False)
        monkeypatch.delattr(f"pot_reverify.quotes.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "dcap_qvl", None)
    assert code_of((GRADES / B).read_bytes(), policy_of(B)) == (
        Status.SKIP,
        "quote.backend-missing",
    )


def test_the_evidence_of_a_bundle_is_what_the_document_says():
    data = (GRADES / A).read_bytes()
    bundle = read_bundle(io.BytesIO(data), len(data))
    blob = bundle.blob(made.QUOTE)
    assert blob is not None
    assert parse_evidence_document(blob.data, "x").quote.kind is QuoteKind.SEV_SNP
