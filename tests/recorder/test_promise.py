"""The precommit and its secret on disk."""

import pytest

pytest.importorskip("cryptography")

from pot_recorder.keys import generate_private_keys
from pot_recorder.promise import (
    load_promise,
    make_promise,
    require_ed25519,
    save_promise,
    secret_path_of,
)
from pot_reverify import Rejection
from pot_reverify.challenge.seeds import secret_commitment
from pot_reverify.decision.presets import PRESETS
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.documents.precommit import Counterpart
from pot_reverify.seal.public_keys import Algorithm


@pytest.fixture(scope="module")
def signers():
    return generate_private_keys(post_quantum=True)


@pytest.fixture
def promise(signers):
    return make_promise(
        reference=ModelClaim("reference", b"\x01" * 32),
        candidate=ModelClaim("candidate", None),
        preset=PRESETS["audit"],
        attempt=3,
        counterpart=Counterpart("beacon", "drand", 12345),
        signers=signers,
    )


def code_of(error: pytest.ExceptionInfo[Rejection]) -> str:
    return error.value.code


def test_a_promise_is_read_back_by_its_key(promise, signers, tmp_path):
    path = tmp_path / "run.precommit"
    save_promise(promise, path, signers)
    loaded = load_promise(path, signers)
    assert loaded == promise
    assert secret_commitment(loaded.secret, loaded.precommit.run_id) == (
        loaded.precommit.secret_commitment
    )


def test_the_secret_is_encrypted_and_private(promise, signers, tmp_path):
    path = tmp_path / "run.precommit"
    secret_path = save_promise(promise, path, signers)
    assert promise.secret not in secret_path.read_bytes()
    assert promise.secret not in path.read_bytes()
    assert secret_path.stat().st_mode & 0o777 == 0o600
    assert promise.secret.hex() not in repr(promise)
    assert repr(promise.secret) not in repr(promise)


def test_another_key_cannot_open_the_secret(promise, signers, tmp_path):
    path = tmp_path / "run.precommit"
    save_promise(promise, path, signers)
    with pytest.raises(Rejection) as error:
        load_promise(path, generate_private_keys(post_quantum=False))
    assert code_of(error) == "precommit.wrong-key"


def test_a_missing_or_damaged_secret_is_told_apart(promise, signers, tmp_path):
    path = tmp_path / "run.precommit"
    save_promise(promise, path, signers)
    secret_path = secret_path_of(path)
    damaged = bytearray(secret_path.read_bytes())
    damaged[-1] ^= 1
    secret_path.write_bytes(damaged)
    with pytest.raises(Rejection) as error:
        load_promise(path, signers)
    assert code_of(error) == "precommit.wrong-key"
    secret_path.unlink()
    with pytest.raises(Rejection) as error:
        load_promise(path, signers)
    assert code_of(error) == "precommit.secret-missing"


def test_a_precommit_is_never_overwritten(promise, signers, tmp_path):
    path = tmp_path / "run.precommit"
    save_promise(promise, path, signers)
    before = path.read_bytes()
    with pytest.raises(Rejection) as error:
        save_promise(promise, path, signers)
    assert code_of(error) == "precommit.exists"
    assert path.read_bytes() == before


def test_a_key_file_without_ed25519_cannot_keep_a_secret(signers):
    others = generate_private_keys([Algorithm.ECDSA_P256], post_quantum=True)
    with pytest.raises(Rejection) as error:
        require_ed25519(others)
    assert code_of(error) == "precommit.no-ed25519"
    assert "keygen" in str(error.value)
    assert require_ed25519([*others, *signers]) is signers[0]
