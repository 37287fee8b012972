"""The token beside a precommit goes into the bundle that is recorded by it."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from certificates import make_root, make_tsa
from forge import Forge, integer, seq

from pot_recorder.evidence_folder import add_evidence, read_evidence
from pot_recorder.keys import load_private_keys
from pot_recorder.promise import make_promise
from pot_recorder.promised_time import add_precommit_token, token_path_of
from pot_reverify import Rejection
from pot_reverify.decision.presets import PRESETS
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.timestamps.token import parse_token


@pytest.fixture(scope="module")
def signed():
    from draft import KEYS

    return make_promise(
        reference=ModelClaim("a", bytes(32)),
        candidate=ModelClaim("b", bytes(32)),
        preset=PRESETS["quick"],
        attempt=1,
        counterpart=None,
        signers=load_private_keys(KEYS / "test-recorder", None),
    ).signed


def test_the_token_beside_the_precommit_is_taken_once(tmp_path, signed):
    promise, output = tmp_path / "run.precommit", tmp_path / "run.potb"
    add_precommit_token(promise, signed, output)
    assert read_evidence(output) == ()
    token = Forge(make_tsa(make_root()), signed.signatures[0].signature).data()
    token_path_of(promise).write_bytes(token)
    for _ in range(2):  # a recording that failed at once is started again
        add_precommit_token(promise, signed, output)
        (blob,) = read_evidence(output)
        assert (blob.name, blob.data) == ("time/precommit.tsr", token)
    assert blob.media_type == "application/timestamp-reply"


def test_another_token_is_not_taken(tmp_path, signed):
    promise, output = tmp_path / "run.precommit", tmp_path / "run.potb"
    tsa = make_tsa(make_root())
    token_path_of(promise).write_bytes(Forge(tsa, b"another promise").data())
    with pytest.raises(Rejection) as refused:
        add_precommit_token(promise, signed, output)
    assert refused.value.code == "time.token-imprint"
    assert read_evidence(output) == ()
    add_evidence(output, "time/precommit.tsr", b"0")
    token_path_of(promise).write_bytes(Forge(tsa, signed.signatures[0].signature).data())
    with pytest.raises(Rejection) as refused:
        add_precommit_token(promise, signed, output)
    assert refused.value.code == "evidence.exists"


@pytest.mark.parametrize(("ahead_s", "accuracy_s"), [(60, 1), (0, 3600)])
def test_a_token_that_is_not_past_is_no_promise_yet(tmp_path, signed, ahead_s, accuracy_s):
    promise, output = tmp_path / "run.precommit", tmp_path / "run.potb"
    at = datetime.now(UTC) + timedelta(seconds=ahead_s)
    token = Forge(
        make_tsa(make_root()),
        signed.signatures[0].signature,
        gen_time=f"{at:%Y%m%d%H%M%SZ}",
        accuracy=seq(integer(accuracy_s)),
    ).data()
    token_path_of(promise).write_bytes(token)
    with pytest.raises(Rejection) as refused:
        add_precommit_token(promise, signed, output)
    assert refused.value.code == "timestamp.clocks"
    assert read_evidence(output) == ()


def test_the_recording_begins_when_the_token_is_past(tmp_path, signed):
    promise, output = tmp_path / "run.precommit", tmp_path / "run.potb"
    token = Forge(make_tsa(make_root()), signed.signatures[0].signature).data()
    token_path_of(promise).write_bytes(token)
    read = parse_token(token, "token")
    add_precommit_token(promise, signed, output)
    assert time.time_ns() >= read.gen_time_ns + read.accuracy_ns
