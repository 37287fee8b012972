"""C04's demands: when keys are valid, who vouches, with which algorithms; and C06's."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from draft import KEYS, RECORDER, STRANGER, Draft

from pot_recorder.keys import load_private_keys
from pot_reverify import Indeterminate, Policy, Rejection, Role, VerdictWord, Withheld, load_signer
from pot_reverify.checks.proven_times import ProvenMoment, ProvenTimes
from pot_reverify.checks.quorum import is_met
from pot_reverify.checks.result import CheckId, CheckResult, Status
from pot_reverify.checks.signatures import check_signatures
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.documents.precommit import parse_precommit
from pot_reverify.seal.public_keys import Algorithm
from pot_reverify.verify import verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
SMALL = (VECTORS / "small.potb").read_bytes()
PQ = (VECTORS / "base-pq.potb").read_bytes()
(NAMED,) = load_signer(KEYS / "test-recorder.pub", "Acme")
(OTHER,) = load_signer(KEYS / "test-stranger.pub", "Other")
BUNDLE = read_bundle(io.BytesIO(SMALL), len(SMALL))
PROMISED_NS = parse_precommit(BUNDLE.head.precommit.payload).created_ns
ENDED_NS = BUNDLE.statement.ended_ns
DAY = 86_400 * 10**9
NOW = ENDED_NS + 30 * DAY


def check(data: bytes, policy: Policy, which=CheckId.SIGNATURES) -> tuple[VerdictWord, CheckResult]:
    verdict = verify_stream(
        io.BytesIO(data), len(data), replace(policy, withheld=Withheld.SCORES), at_ns=NOW
    )
    return verdict.word, next(one for one in verdict.checks if one.check is which)


def judge(signer, *, now_ns=NOW, proven_ns=None) -> CheckResult:
    proven = None if proven_ns is None else ProvenMoment(proven_ns, "TSA")
    times = ProvenTimes(now_ns, precommit=None, statement=proven)
    return check_signatures(BUNDLE, Policy(signers=(signer,)), times)


def window(low: int | None, high: int | None, signer=NAMED):
    return replace(signer, not_before_ns=low, not_after_ns=high)


def test_a_key_inside_its_time_is_as_good_as_one_without():
    for signer in (
        window(PROMISED_NS, NOW),
        window(PROMISED_NS, None),
        window(None, NOW),
    ):
        assert judge(signer).status is Status.PASS


@pytest.mark.parametrize(
    ("low", "high", "where"),
    [
        (ENDED_NS + 1, None, "statement"),
        (None, ENDED_NS - 1, "statement"),
        (PROMISED_NS + 1, None, "precommit"),
    ],
)
def test_documents_from_outside_the_keys_time_are_refused(low, high, where):
    with pytest.raises(Rejection) as refused:
        judge(window(low, high))
    assert (refused.value.code, refused.value.where) == ("signature.key-outside-validity", where)


def test_an_expired_key_needs_a_proof_that_it_signed_before():
    signer = window(None, ENDED_NS + DAY)
    for proven_ns in (None, ENDED_NS + DAY + 1):
        with pytest.raises(Indeterminate) as unsure:
            judge(signer, proven_ns=proven_ns)
        assert unsure.value.code == "signature.key-expired"
        assert "pot-audit timestamp" in unsure.value.needs
    assert judge(signer, proven_ns=ENDED_NS + DAY).status is Status.PASS


def test_a_key_that_is_not_valid_yet_is_refused():
    signer = window(PROMISED_NS, None)
    for times in ({"now_ns": PROMISED_NS - 1}, {"proven_ns": PROMISED_NS - 1}):
        with pytest.raises(Rejection) as refused:
            judge(signer, **times)
        assert refused.value.code == "signature.key-not-yet-valid"


def test_an_expired_key_makes_a_whole_bundle_incomplete():
    word, result = check(SMALL, Policy(signers=(window(None, ENDED_NS + DAY),)))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.key-expired")
    word, result = check(SMALL, Policy(signers=(window(None, ENDED_NS - 1),)))
    assert (word, result.code) == (VerdictWord.REJECTED, "signature.key-outside-validity")


def vouched(signer=OTHER, roles=(Role.VENDOR,)) -> Policy:
    other = replace(signer, roles=frozenset(roles))
    return Policy(signers=(NAMED, other), quorum=({Role.RECORDER: 1, Role.VENDOR: 1},))


def test_a_quorum_counts_those_who_signed():
    both = Draft(SMALL).sign([RECORDER, STRANGER]).data()
    assert check(both, vouched())[0] is VerdictWord.VERIFIED
    word, result = check(SMALL, vouched())
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")
    assert "1 recorder and 1 vendor" in result.needs
    assert "Acme (recorder)" in result.message
    # An alternative that is met is enough; the recorder's own key is needed in any case.
    either = replace(vouched(), quorum=({Role.AUDITOR: 1}, {Role.RECORDER: 1}))
    assert check(SMALL, either)[0] is VerdictWord.VERIFIED
    alone = replace(vouched(), signers=(replace(OTHER, roles=frozenset({Role.VENDOR})),))
    word, result = check(both, alone)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.signer-not-named")


def test_signatures_in_another_role_do_not_count():
    both = Draft(SMALL).sign([RECORDER, STRANGER]).data()
    for roles in ((Role.AUDITOR,), (Role.TEE,), (Role.RECORDER,)):
        word, result = check(both, vouched(roles=roles))
        assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")


def test_a_later_signature_by_an_expired_key_does_not_count():
    both = Draft(SMALL).sign([RECORDER, STRANGER]).data()
    word, result = check(both, vouched(window(None, NOW - 1, OTHER)))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")
    expired = replace(vouched(window(None, NOW - 1, OTHER)), quorum=())
    word, result = check(both, expired)
    assert word is VerdictWord.VERIFIED
    assert result.notes == ("Other's key has expired: its later signature does not count",)


def test_a_later_signature_by_a_key_that_is_not_valid_yet_does_not_count():
    """It may be of a time after the one at which the reader judges: nobody is caught by it."""
    both = Draft(SMALL).sign([RECORDER, STRANGER]).data()
    early = vouched(window(NOW + 1, None, OTHER))
    word, result = check(both, early)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")
    word, result = check(both, replace(early, quorum=()))
    assert word is VerdictWord.VERIFIED
    assert result.notes == ("Other's key is not valid yet: its later signature does not count",)


def test_the_time_of_the_seal_proves_nothing_of_later_signatures():
    both = Draft(SMALL).sign([RECORDER, STRANGER]).data()
    bundle = read_bundle(io.BytesIO(both), len(both))
    times = ProvenTimes(NOW, precommit=None, statement=ProvenMoment(ENDED_NS, "TSA"))
    result = check_signatures(bundle, vouched(window(None, NOW - 1, OTHER)), times)
    assert result.code == "signature.quorum"


def test_one_owner_with_two_keys_is_one_voice():
    pq = load_signer(KEYS / "test-recorder-pq.pub", "Acme")
    policy = Policy(signers=pq, quorum=({Role.RECORDER: 2},))
    word, result = check(PQ, policy)
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.quorum")
    assert check(PQ, replace(policy, quorum=({Role.RECORDER: 1},)))[0] is VerdictWord.VERIFIED


def test_one_owner_never_fills_two_seats():
    everything = set(Role)
    policy = Policy(quorum=({Role.RECORDER: 1, Role.VENDOR: 1},))
    assert not is_met(policy, {"A": everything})
    assert is_met(policy, {"A": everything, "B": everything})
    assert is_met(policy, {"A": everything, "B": {Role.RECORDER}})
    assert is_met(policy, {"A": {Role.RECORDER}, "B": everything})
    assert not is_met(policy, {"A": everything, "B": {Role.AUDITOR}})
    assert not is_met(policy, {"A": {Role.VENDOR}, "B": {Role.VENDOR}})


def test_every_seat_is_filled_as_a_search_over_all_orders_fills_it():
    import random
    from itertools import permutations

    draw = random.Random(20_261_122)
    for _ in range(500):
        owners = {
            f"o{number}": {role for role in Role if draw.random() < 0.4}
            for number in range(draw.randrange(6))
        }
        seats = [role for role in Role if role is not Role.COUNTERPART]
        alternative = {role: draw.randrange(1, 3) for role in seats if draw.random() < 0.5}
        if not alternative:
            continue
        seats = [role for role, count in alternative.items() for _ in range(count)]
        possible = any(
            all(role in owners[owner] for role, owner in zip(seats, order, strict=True))
            for order in permutations(owners, len(seats))
        )
        assert is_met(Policy(quorum=(alternative,)), owners) is possible


def test_the_recorder_must_sign_with_every_algorithm_that_is_demanded():
    pq = load_signer(KEYS / "test-recorder-pq.pub")
    both = Policy(signers=pq, algorithms=frozenset({Algorithm.ED25519, Algorithm.ML_DSA_65}))
    assert check(PQ, both)[0] is VerdictWord.VERIFIED
    word, result = check(SMALL, Policy(signers=(NAMED,), algorithms=both.algorithms))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.algorithm-required")
    # Not by the keys of two owners together, and not by a later signature alone.
    two = tuple(replace(one, name=one.key.algorithm.value) for one in pq)
    word, result = check(PQ, replace(both, signers=two))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.algorithm-required")
    ml_dsa = load_private_keys(KEYS / "test-recorder-pq", None)[1]
    later = Draft(SMALL).sign([RECORDER, ml_dsa]).data()
    named = (NAMED, replace(pq[1], name="Acme"))
    word, result = check(later, Policy(signers=named, algorithms=both.algorithms))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.algorithm-required")


def test_a_family_that_is_not_accepted():
    policy = Policy(signers=(NAMED,), challenge_families=frozenset({"verse/1"}))
    word, result = check(SMALL, policy, CheckId.CHALLENGES)
    assert (word, result.code) == (VerdictWord.REJECTED, "precommit.family-not-allowed")
    accepted = replace(policy, challenge_families=frozenset({"prose/1"}))
    assert check(SMALL, accepted)[0] is VerdictWord.VERIFIED


def test_a_counterpart_that_is_demanded():
    policy = Policy(signers=(NAMED,), requires_counterpart=True)
    word, result = check(SMALL, policy, CheckId.CHALLENGES)
    assert (word, result.code) == (VerdictWord.REJECTED, "precommit.counterpart-required")
    # Whom only the signer names is nobody yet: tests/checks/test_second_half.py has the rest.
    for name in ("good-party", "good-beacon"):
        data = (VECTORS / f"{name}.potb").read_bytes()
        assert check(data, policy, CheckId.CHALLENGES)[0] is VerdictWord.INCOMPLETE
        assert check(data, Policy(signers=(NAMED,)))[0] is VerdictWord.VERIFIED
