"""The run digest, the salt and the text of a commitment are the published ones."""

import hashlib

import pytest

from pot_reverify import Rejection
from pot_reverify.proof.pasta_fields import P
from pot_reverify.proof.run_binding import (
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


@pytest.mark.parametrize("commitment", [0, 1, P - 1])
def test_a_commitment_has_one_text(commitment):
    text = format_commitment(commitment)
    assert parse_commitment(text, "there") == commitment
    assert text.startswith("poseidon-p128pow5t3:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 64,
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
        parse_commitment(text, "predicate.score_commitment")
    assert refused.value.code == "proof.commitment-malformed"
    assert refused.value.where == "predicate.score_commitment"
