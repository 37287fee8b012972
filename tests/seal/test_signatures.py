"""One signature by one key: the key's algorithm decides; what cannot run decides nothing."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa
from nacl.signing import SigningKey

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.seal.public_keys import Algorithm, PublicKey
from pot_reverify.seal.signatures import verify_signature

WYCHEPROOF = Path(__file__).parents[2] / "fixtures" / "public" / "wycheproof"
ACCEPTED = "accepted"
MESSAGE = b"message"
ED25519_PRIVATE = SigningKey(bytes(32))
ML_DSA_65_PRIVATE = mldsa.MLDSA65PrivateKey.from_seed_bytes(bytes(32))
ED25519 = PublicKey(Algorithm.ED25519, bytes(ED25519_PRIVATE.verify_key))
ML_DSA_65 = PublicKey(Algorithm.ML_DSA_65, ML_DSA_65_PRIVATE.public_key().public_bytes_raw())


def answer(key, message, signature):
    try:
        verify_signature(key, message, signature)
    except Rejection as rejection:
        return rejection.code
    return ACCEPTED


def test_wycheproof_ml_dsa_65():
    """Of the vectors with a context string, none is accepted: ours is always empty."""
    count = Counter()
    groups = json.loads((WYCHEPROOF / "mldsa_65_verify_test.json").read_bytes())["testGroups"]
    for group in groups:
        raw = bytes.fromhex(group["publicKey"])
        if any("IncorrectPublicKeyLength" in case["flags"] for case in group["tests"]):
            with pytest.raises(Rejection) as caught:
                PublicKey(Algorithm.ML_DSA_65, raw)
            count[caught.value.code] += len(group["tests"])
            continue
        key = PublicKey(Algorithm.ML_DSA_65, raw)
        for case in group["tests"]:
            got = answer(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            wanted = case["result"] == "valid" and not case.get("ctx")
            assert (got == ACCEPTED) == wanted, case["tcId"]
            assert (got == "signature.length") == ("IncorrectSignatureLength" in case["flags"])
            count[got] += 1
    assert count == {
        ACCEPTED: 77,
        "signature.invalid": 126,
        "signature.length": 3,
        "key.length": 4,
    }


def test_good_signatures():
    assert answer(ED25519, MESSAGE, ED25519_PRIVATE.sign(MESSAGE).signature) == ACCEPTED
    assert answer(ML_DSA_65, MESSAGE, ML_DSA_65_PRIVATE.sign(MESSAGE)) == ACCEPTED


def test_empty_message():
    assert answer(ED25519, b"", ED25519_PRIVATE.sign(b"").signature) == ACCEPTED
    assert answer(ML_DSA_65, b"", ML_DSA_65_PRIVATE.sign(b"")) == ACCEPTED


def test_other_message_or_key():
    ed25519 = ED25519_PRIVATE.sign(MESSAGE).signature
    ml_dsa_65 = ML_DSA_65_PRIVATE.sign(MESSAGE)
    other_ed25519 = PublicKey(Algorithm.ED25519, bytes(SigningKey(b"\x01" * 32).verify_key))
    other_ml_dsa_65 = PublicKey(
        Algorithm.ML_DSA_65,
        mldsa.MLDSA65PrivateKey.from_seed_bytes(b"\x01" * 32).public_key().public_bytes_raw(),
    )
    for key, message, signature in (
        (ED25519, MESSAGE + b" ", ed25519),
        (ML_DSA_65, MESSAGE + b" ", ml_dsa_65),
        (other_ed25519, MESSAGE, ed25519),
        (other_ml_dsa_65, MESSAGE, ml_dsa_65),
    ):
        assert answer(key, message, signature) == "signature.invalid"


def test_a_signature_of_the_other_algorithm_is_never_tried():
    assert answer(ML_DSA_65, MESSAGE, ED25519_PRIVATE.sign(MESSAGE).signature) == "signature.length"
    assert answer(ED25519, MESSAGE, ML_DSA_65_PRIVATE.sign(MESSAGE)) == "signature.length"


def test_ml_dsa_65_with_a_context_or_prehash_is_another_scheme():
    assert (
        answer(ML_DSA_65, MESSAGE, ML_DSA_65_PRIVATE.sign(MESSAGE, b"tuf")) == "signature.invalid"
    )


class TestWithoutBackend:
    """What is not installed cannot be checked, which is neither good nor bad."""

    @pytest.mark.parametrize(
        "absent",
        ["cryptography.exceptions", "cryptography.hazmat.primitives.asymmetric.mldsa"],
    )
    def test_package_missing_or_too_old(self, monkeypatch, absent):
        signature = ML_DSA_65_PRIVATE.sign(MESSAGE)
        monkeypatch.setitem(sys.modules, absent, None)
        with pytest.raises(Indeterminate) as caught:
            verify_signature(ML_DSA_65, MESSAGE, signature)
        assert caught.value.code == "signature.backend-missing"
        assert caught.value.needs == "pip install 'pot-audit[pq]'"

    def test_openssl_without_ml_dsa(self, monkeypatch):
        class Unsupported:
            @staticmethod
            def from_public_bytes(_data):
                raise UnsupportedAlgorithm("ML-DSA-65 is not supported by this backend")

        signature = ML_DSA_65_PRIVATE.sign(MESSAGE)
        monkeypatch.setattr(mldsa, "MLDSA65PublicKey", Unsupported)
        with pytest.raises(Indeterminate) as caught:
            verify_signature(ML_DSA_65, MESSAGE, signature)
        assert caught.value.code == "signature.backend-missing"

    def test_ed25519_needs_it_not(self, monkeypatch):
        for name in list(sys.modules):
            if name.partition(".")[0] == "cryptography":
                monkeypatch.setitem(sys.modules, name, None)
        assert answer(ED25519, MESSAGE, ED25519_PRIVATE.sign(MESSAGE).signature) == ACCEPTED

    def test_wrong_length_needs_it_not(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
        assert answer(ML_DSA_65, MESSAGE, b"") == "signature.length"
