"""Ed25519 on every public vector, and the arithmetic behind the list of low-order points."""

import json
from collections import Counter
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.signing import SigningKey

from pot_reverify.errors import Rejection
from pot_reverify.seal import ed25519_strict

PUBLIC = Path(__file__).parents[2] / "fixtures" / "public"
P = ed25519_strict._P
L = ed25519_strict._L
ACCEPTED = "accepted"


def answer(key, message, signature):
    try:
        ed25519_strict.check_public_key(key)
        ed25519_strict.verify(key, message, signature)
    except Rejection as rejection:
        return rejection.code
    return ACCEPTED


def openssl_accepts(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def load(name):
    return json.loads((PUBLIC / name).read_bytes())


def cctv():
    for case in load("cctv/ed25519vectors.json"):
        yield (
            frozenset(case["flags"] or ()),
            bytes.fromhex(case["key"]),
            case["msg"].encode(),
            bytes.fromhex(case["sig"]),
        )


def speccheck():
    for case in load("ed25519-speccheck/cases.json"):
        names = ("pub_key", "message", "signature")
        yield tuple(bytes.fromhex(case[name]) for name in names)


def wycheproof():
    for group in load("wycheproof/ed25519_test.json")["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            yield case["result"], key, message, signature


def test_cctv():
    """Its flags say what each vector is; only mixed-order points are no blocklist matter."""
    refused_flags = {
        "low_order_A": "key.low-order",
        "non_canonical_A": "key.non-canonical",
        "low_order_R": "signature.low-order",
        "non_canonical_R": "signature.non-canonical",
        "low_order_residue": "signature.invalid",
        "reencoded_k": "signature.invalid",
    }
    answers = Counter()
    for flags, *case in cctv():
        wanted = {code for flag, code in refused_flags.items() if flag in flags} or {ACCEPTED}
        got = answer(*case)
        assert got in wanted, (flags, case)
        answers[got] += 1
    assert answers.total() == 914
    assert answers[ACCEPTED] == 43


def test_speccheck():
    """The row of "Dalek strict" and "LibSodium" in its results: number 3 alone is accepted."""
    assert [answer(*case) for case in speccheck()] == [
        *("key.low-order", "key.low-order", "signature.low-order", ACCEPTED),
        *("signature.invalid", "signature.invalid"),
        *("signature.non-canonical", "signature.non-canonical"),
        *("signature.low-order", "signature.low-order"),
        *("key.low-order", "key.low-order"),
    ]


def test_wycheproof():
    count = Counter()
    for result, *case in wycheproof():
        assert (answer(*case) == ACCEPTED) == (result == "valid"), case
        count[result] += 1
    assert count == {"valid": 88, "invalid": 63}


def test_behind_the_strict_rules_openssl_gives_the_same_answers():
    cases = [
        *(case[1:] for case in cctv()),
        *speccheck(),
        *(case[1:] for case in wycheproof()),
    ]
    assert len(cases) == 914 + 12 + 151
    reached = Counter()
    differ_without = 0
    for case in cases:
        ours = answer(*case)
        if ours in {ACCEPTED, "signature.invalid"}:
            assert openssl_accepts(*case) == (ours == ACCEPTED)
            reached[ours] += 1
        else:
            differ_without += openssl_accepts(*case)
    assert reached == {ACCEPTED: 43 + 1 + 88, "signature.invalid": 63 + 2 + 22}
    # Not idle: alone, OpenSSL accepts these.
    assert differ_without > 100


def test_good_signature_and_every_flipped_bit():
    signing_key = SigningKey(bytes(range(32)))
    key, message = bytes(signing_key.verify_key), b"message"
    signature = signing_key.sign(message).signature
    assert answer(key, message, signature) == ACCEPTED
    for bit in range(512):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert answer(key, message, bytes(flipped)) in {
            "signature.invalid",
            "signature.non-canonical",
        }
    for bit in range(256):
        other = bytearray(key)
        other[bit // 8] ^= 1 << bit % 8
        assert answer(bytes(other), message, signature) == "signature.invalid"
    assert answer(key, message + b"!", signature) == "signature.invalid"


def test_s_is_below_the_order():
    signing_key = SigningKey(bytes(32))
    key = bytes(signing_key.verify_key)
    signature = signing_key.sign(b"").signature
    s = int.from_bytes(signature[32:], "little")
    for other in (s + L, L, 2**256 - 1):
        malleable = signature[:32] + other.to_bytes(32, "little")
        assert answer(key, b"", malleable) == "signature.non-canonical"
    assert answer(key, b"", signature[:32] + (L - 1).to_bytes(32, "little")) == "signature.invalid"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_key_length(length):
    assert answer(bytes(length), b"", bytes(64)) == "key.length"


@pytest.mark.parametrize("length", [0, 32, 63, 65, 3309])
def test_signature_length(length):
    key = bytes(SigningKey(bytes(32)).verify_key)
    assert answer(key, b"", bytes(length)) == "signature.length"


class TestLowOrderPoints:
    """The constants, derived again from the curve -x^2 + y^2 = 1 + d x^2 y^2 of RFC 8032."""

    D = -121665 * pow(121666, -1, P) % P
    SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)

    def add(self, a, b):
        (x1, y1), (x2, y2) = a, b
        product = self.D * x1 * x2 * y1 * y2
        x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P)
        y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P)
        return x % P, y % P

    def times(self, factor, point):
        total = (0, 1)
        for _ in range(factor):
            total = self.add(total, point)
        return total

    def points(self, y):
        x_squared = (y * y - 1) * pow(self.D * y * y + 1, -1, P) % P
        root = pow(x_squared, (P + 3) // 8, P)
        for x in (root, root * self.SQRT_MINUS_1 % P):
            if x * x % P == x_squared:
                return {(x, y), (-x % P, y)}
        return set()

    def test_they_are_the_eight_torsion_points(self):
        points = {point for y in ed25519_strict._LOW_ORDER_Y for point in self.points(y)}
        assert len(points) == 8
        assert all(self.times(8, point) == (0, 1) for point in points)
        orders = Counter(
            next(order for order in (1, 2, 4, 8) if self.times(order, point) == (0, 1))
            for point in points
        )
        assert orders == {1: 1, 2: 1, 4: 2, 8: 4}

    def test_their_fourteen_encodings_are_refused(self):
        """Both signs of x, and y + p where 255 bits hold it: all that libsodium's list has."""
        encodings = {
            (y + extra | sign << 255).to_bytes(32, "little")
            for y in ed25519_strict._LOW_ORDER_Y
            for extra in (0, P)
            for sign in (0, 1)
            if y + extra < 2**255
        }
        assert len(encodings) == 14
        for encoding in encodings:
            assert answer(encoding, b"", bytes(64)) in {"key.low-order", "key.non-canonical"}

    def test_no_y_from_p_on_is_accepted(self):
        for y in range(P, 2**255):
            for sign in (0, 1):
                encoding = (y | sign << 255).to_bytes(32, "little")
                assert answer(encoding, b"", bytes(64)) == "key.non-canonical"
