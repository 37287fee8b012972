"""C04 where two keys sign; single faults of signatures have vectors."""

import io
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from draft import KEYS, RECORDER, STRANGER, Draft

from pot_recorder.keys import load_private_keys
from pot_reverify import Policy, Role, VerdictWord, Withheld, load_signer
from pot_reverify.checks.result import CheckId, CheckResult
from pot_reverify.container.frames import FrameType
from pot_reverify.verify import verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
SMALL = (VECTORS / "small.potb").read_bytes()
PQ = (VECTORS / "base-pq.potb").read_bytes()
PQ_SIGNERS = load_private_keys(KEYS / "test-recorder-pq", None)
NAMED = load_signer(KEYS / "test-recorder.pub")
PQ_NAMED = load_signer(KEYS / "test-recorder-pq.pub")


def check(data: bytes, policy: Policy) -> tuple[VerdictWord, CheckResult]:
    verdict = verify_stream(io.BytesIO(data), len(data), policy)
    return verdict.word, next(one for one in verdict.checks if one.check is CheckId.SIGNATURES)


def declared(*signers) -> list[dict[str, str]]:
    keys = [signer.public_key for signer in signers]
    return [{"algorithm": key.algorithm.value, "key_id": key.key_id} for key in keys]


def test_one_key_counts_once_however_often_it_signs():
    """ML-DSA-65 signatures differ each time, so the container cannot see that the signer is one."""
    again = Draft(PQ).sign(PQ_SIGNERS).payload(FrameType.SIGNATURE, 1)
    assert again != Draft(PQ).payload(FrameType.SIGNATURE, 1)
    doubled = Draft(PQ).append(FrameType.SIGNATURE, again).data()
    word, result = check(doubled, Policy(signers=PQ_NAMED))
    assert (word, result.code) == (VerdictWord.REJECTED, "signature.repeated-signer")


def test_naming_one_of_two_declared_signers_is_not_enough():
    for signer in PQ_NAMED:
        word, result = check(PQ, Policy(signers=(signer,)))
        assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.signer-not-named")


def test_a_missing_backend_skips(monkeypatch):
    monkeypatch.setitem(
        __import__("sys").modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None
    )
    word, result = check(PQ, Policy(signers=PQ_NAMED))
    assert (word, result.code) == (VerdictWord.INCOMPLETE, "signature.backend-missing")
    assert result.needs is not None


def test_two_declared_signers_one_of_them_the_recorder():
    both = Draft(SMALL).state(signers=declared(RECORDER, STRANGER)).sign([RECORDER, STRANGER])
    auditor = load_signer(KEYS / "test-stranger.pub", roles=frozenset({Role.AUDITOR}))
    word, result = check(both.data(), Policy(signers=NAMED + auditor, withheld=Withheld.CONTENTS))
    assert (word, result.code) == (VerdictWord.VERIFIED, "ok")
    assert "test-stranger" in result.message
    # The recorder of the policy is the one who must have promised the run.
    recorder = load_signer(KEYS / "test-stranger.pub")
    auditor = load_signer(KEYS / "test-recorder.pub", roles=frozenset({Role.AUDITOR}))
    word, result = check(both.data(), Policy(signers=recorder + auditor))
    assert (word, result.code) == (VerdictWord.REJECTED, "signature.precommit-signer")


def test_declared_signers_sign_in_the_declared_order():
    swapped = Draft(SMALL).state(signers=declared(RECORDER, STRANGER)).sign([STRANGER, RECORDER])
    word, result = check(swapped.data(), Policy())
    assert (word, result.code) == (VerdictWord.REJECTED, "signature.out-of-order")


def test_a_signer_who_is_declared_twice_would_have_to_sign_twice():
    twice = Draft(SMALL).state(signers=declared(RECORDER, RECORDER)).sign([RECORDER])
    word, result = check(twice.data(), Policy(signers=NAMED))
    assert (word, result.code) == (VerdictWord.REJECTED, "signature.out-of-order")


def test_an_undeclared_signature_by_a_named_key_is_shown():
    more = Draft(SMALL).sign([RECORDER, STRANGER]).data()
    named = load_signer(KEYS / "test-stranger.pub", roles=frozenset({Role.VENDOR}))
    word, result = check(more, Policy(signers=NAMED + named, withheld=Withheld.CONTENTS))
    assert word is VerdictWord.VERIFIED
    assert "test-stranger" in result.message
    assert result.notes == ()
    _, result = check(more, Policy(signers=NAMED))
    assert result.notes == ("1 more, by keys that you have not named",)
