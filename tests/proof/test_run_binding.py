"""The run digest, the salt and the text of a commitment are the published ones."""

import hashlib

import pytest

from pot_reverify import Rejection
from pot_reverify.proof.pasta_fields import P
from pot_reverify.proof.run_binding import (
    challenge_salt,
    format_commitment,
    parse_commitment,
    run_digest,
    score_salt,
)

RUN, ROOT = bytes(range(16)), bytes(range(32))


def test_the_run_digest_is_that_of_the_specification():
    text = b"pot-audit/run/1" + b"\x00" + RUN + ROOT
    assert run_digest(RUN, ROOT) == hashlib.sha256(text).digest()


def test_the_salt_is_that_of_the_specification_and_needs_every_content():
    salts = [bytes([number]) * 16 for number in range(8)]
    text = b"pot-audit/score-salt/1" + b"\x00" + RUN + b"".join(salts)
    assert score_salt(RUN, salts) == hashlib.sha256(text).digest()[:16]
    assert score_salt(RUN, salts[:-1]) != score_salt(RUN, salts)
    assert score_salt(RUN, salts[::-1]) != score_salt(RUN, salts)


def test_the_salt_of_a_challenge_is_that_of_the_specification():
    salts = [bytes([number]) * 16 for number in range(4)]
    text = b"pot-audit/challenge-salt/2" + b"\x00" + RUN + b"\x00\x00\x00\x07" + b"".join(salts)
    assert challenge_salt(RUN, 7, salts) == hashlib.sha256(text).digest()[:16]
    others = {
        challenge_salt(RUN, 8, salts),
        challenge_salt(RUN, 7, salts[::-1]),
        challenge_salt(RUN, 7, salts[:-1]),
        challenge_salt(ROOT[16:], 7, salts),
    }
    assert len(others | {challenge_salt(RUN, 7, salts)}) == 5


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("commitment", [0, 1, P - 1])
def test_a_commitment_has_one_text(commitment, version):
    text = format_commitment(commitment, version)
    assert parse_commitment(text, version, "there") == commitment
    assert text.startswith({1: "poseidon-p128pow5t3:", 2: "poseidon-p128pow5t3/2:"}[version])
    with pytest.raises(Rejection) as refused:
        parse_commitment(text, 3 - version, "there")
    assert refused.value.code == "proof.commitment-malformed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 64,
        "poseidon-p128pow5t3/2:" + "0" * 64,
        "poseidon-p128pow5t3:",
        "poseidon-p128pow5t3:" + "0" * 63,
        "poseidon-p128pow5t3:" + "0" * 65,
        "poseidon-p128pow5t3:" + "0" * 63 + "F",
        "poseidon-p128pow5t3:" + "0" * 63 + "٣",
        "poseidon-p128pow5t3:" + "0" * 64 + "\n",
        "Poseidon-p128pow5t3:" + "0" * 64,
        f"poseidon-p128pow5t3:{P:064x}",
        "poseidon-p128pow5t3:" + "f" * 64,
    ],
)
def test_every_other_text_is_refused(text):
    with pytest.raises(Rejection) as refused:
        parse_commitment(text, 1, "predicate.score_commitment")
    assert refused.value.code == "proof.commitment-malformed"
    assert refused.value.where == "predicate.score_commitment"
