"""Of several files each gets its verdict, whatever the others are, and whatever mistake is ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from token_floods import token_floods

from pot_reverify import Policy, VerdictWord, Withheld, load_signer, verify_many
from pot_reverify.errors import Indeterminate
from pot_reverify.proof.verify import check_proofs

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
KEY = VECTORS.parent / "keys" / "test-recorder.pub"
# The package has a function of that name.
verification = sys.modules["pot_reverify.verify"]
POLICY = Policy(signers=load_signer(KEY), withheld=Withheld.SCORES)
GOOD = VECTORS / "base.potb"
PROVEN = VECTORS / "base-proven.potb"


def words(verdicts) -> list[str]:
    return [verdict.word.value for verdict in verdicts]


def test_files_that_cannot_be_opened_take_no_other_verdict(tmp_path):
    (tmp_path / "secret.potb").write_bytes(GOOD.read_bytes())
    (tmp_path / "secret.potb").chmod(0)
    (tmp_path / "loop.potb").symlink_to(tmp_path / "loop.potb")
    os.mkfifo(tmp_path / "pipe.potb")
    crash = tmp_path / "crash.potb"
    crash.write_bytes(token_floods()["tokens, a status of 2,500 bytes"]())
    paths = [
        tmp_path / "missing.potb", GOOD, tmp_path / "loop.potb", tmp_path / "pipe.potb", tmp_path,
        crash, PROVEN, "x" * 5000,
    ]  # fmt: skip
    verdicts = verify_many(paths, POLICY)
    assert words(verdicts) == [
        "UNREADABLE", "VERIFIED", "UNREADABLE", "UNREADABLE", "UNREADABLE", "REJECTED", "VERIFIED",
        "UNREADABLE",
    ]  # fmt: skip
    codes = [verdict.checks[0].code for verdict in verdicts]
    assert codes[0] == codes[2] == codes[7] == "file.cannot-read"
    assert codes[3] == codes[4] == "file.not-regular"
    assert all(verdict.bug is None for verdict in verdicts)


class RustPanic(BaseException):
    """What libraries in Rust raise is no `Exception` either."""


@pytest.mark.parametrize("error", [ValueError("oh"), MemoryError(), RecursionError(), RustPanic()])
@pytest.mark.parametrize("where", ["check_scores", "find_proven_times", "prepare_proof", "judge"])
def test_a_mistake_of_ours_is_no_verdict_and_takes_no_other(error, where, monkeypatch):
    real, calls = getattr(verification, where), []

    def fail_first(*arguments, **named):
        calls.append(arguments)
        if len(calls) == 1:
            raise error
        return real(*arguments, **named)

    monkeypatch.setattr(verification, where, fail_first)
    first, second = verify_many([GOOD, PROVEN], POLICY)
    assert first.word is VerdictWord.INCOMPLETE
    assert {check.code for check in first.checks} == {"verify.internal-error"}
    assert first.bug is error
    assert second.word is VerdictWord.VERIFIED
    json.dumps(first.to_document())


def test_an_interruption_is_none_of_our_mistakes(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(verification, "check_scores", interrupt)
    with pytest.raises(KeyboardInterrupt):
        verify_many([GOOD], POLICY)


@pytest.mark.parametrize("problem", ["raises", "could not tell", "too few"])
def test_one_claim_takes_no_other_down(problem):
    """The second claim is the bad one: alone, as in the batch."""
    seen = []

    def verify_proofs(claims):
        seen.append(len(claims))
        if any(claim is bad for claim in claims for bad in seen_claims(claims)):
            if problem == "raises":
                raise ArithmeticError
            if problem == "could not tell":
                raise Indeterminate("proof.program", "no", needs="a program")
            return []
        return check_proofs(claims)

    first: list[object] = []

    def seen_claims(claims):
        if not first:
            first.append(claims[1])
        return first

    verdicts = verify_many([PROVEN, PROVEN], POLICY, verify_proofs=verify_proofs)
    assert words(verdicts) == ["VERIFIED", "INCOMPLETE"]
    assert seen == [2, 1, 1]


def test_the_command_ends_with_70_after_the_others(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, pot_reverify\n"
        "v = sys.modules['pot_reverify.verify']\n"
        "real, calls = v.check_scores, []\n"
        "def fail(*a):\n"
        "    calls.append(a)\n"
        "    if len(calls) == 1: raise ValueError('oh')\n"
        "    return real(*a)\n"
        "v.check_scores = fail\n"
        "from pot_audit.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, script, "reverify", GOOD, GOOD, "--signer", KEY, "--json"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 70
    document = json.loads(done.stdout)
    assert [one["verdict"] for one in document["bundles"]] == ["INCOMPLETE", "VERIFIED"]
    assert [one["exit_code"] for one in document["bundles"]] == [70, 0]
    assert "ValueError: oh" in done.stderr
