"""ECDSA P-256 on every public vector, and the encodings that only BER allows."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.seal import ecdsa_p256
from pot_reverify.seal.public_keys import Algorithm, PublicKey, parse_public_keys
from pot_reverify.seal.signatures import verify_signature

WYCHEPROOF = Path(__file__).parents[2] / "fixtures" / "public" / "wycheproof"
ACCEPTED = "accepted"
MESSAGE = b"message"
PRIVATE = ec.derive_private_key(7, ec.SECP256R1())
POINT = PRIVATE.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
KEY = PublicKey(Algorithm.ECDSA_P256, POINT)
SIGNATURE = PRIVATE.sign(MESSAGE, ec.ECDSA(SHA256()))
R, S = decode_dss_signature(SIGNATURE)


def answer(key, message, signature):
    try:
        verify_signature(key, message, signature)
    except Rejection as rejection:
        return rejection.code
    return ACCEPTED


def groups(name):
    for group in json.loads((WYCHEPROOF / name).read_bytes())["testGroups"]:
        [key] = parse_public_keys(group["publicKeyPem"].encode())
        assert key.algorithm is Algorithm.ECDSA_P256
        assert key.raw.hex() == group["publicKey"]["uncompressed"]
        assert key.to_der().hex() == group["publicKeyDer"]
        yield key, group["tests"]


def test_wycheproof_der():
    count = Counter()
    for key, cases in groups("ecdsa_secp256r1_sha256_test.json"):
        for case in cases:
            got = answer(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            assert (got == ACCEPTED) == (case["result"] == "valid"), case["tcId"]
            if {"BerEncodedSignature", "InvalidTypesInSignature"} & {*case["flags"]}:
                assert got in ("signature.non-canonical", "signature.length")
            count[got] += 1
    assert sum(count.values()) == 484
    assert count[ACCEPTED] == 174
    assert count.keys() == {
        ACCEPTED,
        "signature.invalid",
        "signature.length",
        "signature.non-canonical",
    }


def test_wycheproof_signatures_without_der_are_refused():
    count = Counter()
    for key, cases in groups("ecdsa_secp256r1_sha256_p1363_test.json"):
        for case in cases:
            count[answer(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))] += 1
    assert sum(count.values()) == 262
    assert count.keys() == {"signature.length", "signature.non-canonical"}


def test_both_of_a_malleable_pair_hold():
    other = encode_dss_signature(R, ecdsa_p256._N - S)
    assert answer(KEY, MESSAGE, SIGNATURE) == ACCEPTED
    assert answer(KEY, MESSAGE, other) == ACCEPTED
    assert answer(KEY, MESSAGE + b" ", SIGNATURE) == "signature.invalid"


def test_the_message_is_hashed_once_with_sha_256():
    digest = PRIVATE.sign(MESSAGE, ec.ECDSA(SHA256()))
    assert answer(KEY, MESSAGE, digest) == ACCEPTED
    from cryptography.hazmat.primitives.hashes import SHA384

    assert answer(KEY, MESSAGE, PRIVATE.sign(MESSAGE, ec.ECDSA(SHA384()))) == "signature.invalid"


def der(tag, content):
    return bytes((tag, len(content))) + content


def integer(value, size=None):
    return der(2, value.to_bytes(size or value.bit_length() // 8 + 1, "big", signed=True))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (integer(R, 34) + integer(S), "r with a leading zero"),
        (integer(R) + integer(S, 34), "s with a leading zero"),
        (integer(R) + integer(S) + b"\x05\x00", "something after s"),
        (integer(R), "one integer"),
        (b"", "no integer"),
        (integer(0) + integer(S), "r is 0"),
        (integer(R) + integer(0), "s is 0"),
        (integer(-R) + integer(S), "r is negative"),
        (integer(R) + integer(ecdsa_p256._N), "s is n"),
        (integer(R + ecdsa_p256._N) + integer(S), "r + n"),
        (der(2, b"") + integer(S), "r without content"),
        (der(4, R.to_bytes(33, "big")) + integer(S), "r is no integer"),
        (integer(R) + b"\x02", "s without a length"),
        (integer(R) + b"\x02\x21" + S.to_bytes(32, "big"), "s is cut off"),
    ],
    # The signature is another one in every process, and the name of a test may not be.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_encodings(body, what):
    got = answer(KEY, MESSAGE, der(0x30, body))
    assert got in ("signature.non-canonical", "signature.length"), what


def test_long_form_and_other_tags():
    body = SIGNATURE[2:]
    for other in (b"\x30\x81" + SIGNATURE[1:], der(0x31, body), b"\x30\x80" + body + b"\x00\x00"):
        assert answer(KEY, MESSAGE, other) in ("signature.non-canonical", "signature.length")


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(0, len(SIGNATURE) - 1), st.integers(1, 255))
def test_no_other_byte_is_accepted(at, change):
    changed = bytearray(SIGNATURE)
    changed[at] ^= change
    assert answer(KEY, MESSAGE, bytes(changed)) != ACCEPTED


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (POINT[:-1], "key.length"),
        (POINT + b"\x00", "key.length"),
        (b"\x02" + POINT[1:33], "key.length"),
        (b"\x06" + POINT[1:], "key.length"),
        (b"\x00", "key.length"),
        (b"\x04" + bytes(64), "key.not-on-curve"),
        (POINT[:-1] + bytes([POINT[-1] ^ 1]), "key.not-on-curve"),
        (b"\x04" + b"\xff" * 32 + POINT[33:], "key.non-canonical"),
        (POINT[:33] + b"\xff" * 32, "key.non-canonical"),
    ],
)
def test_no_key_object_holds_a_bad_key(raw, code):
    with pytest.raises(Rejection) as caught:
        PublicKey(Algorithm.ECDSA_P256, raw)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "absent", ["cryptography.exceptions", "cryptography.hazmat.primitives.asymmetric"]
)
def test_without_backend_nothing_is_known_of_a_well_formed_signature(monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(Indeterminate) as caught:
        verify_signature(KEY, MESSAGE, SIGNATURE)
    assert caught.value.code == "signature.backend-missing"
    assert caught.value.needs == "pip install 'pot-audit[pq]'"
    assert answer(KEY, MESSAGE, bytes(64)) == "signature.non-canonical"
