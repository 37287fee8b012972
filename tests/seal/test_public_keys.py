"""Public keys: three algorithms, one text each, refused otherwise."""

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, mldsa, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from pot_reverify.errors import Rejection
from pot_reverify.seal.public_keys import Algorithm, PublicKey, parse_public_keys

SPELLED = Path(__file__).parents[2] / "fixtures" / "keys" / "spelled"
WYCHEPROOF = Path(__file__).parents[2] / "fixtures" / "public" / "wycheproof"


def ed25519_key(seed):
    return PublicKey(Algorithm.ED25519, bytes(SigningKey(bytes([seed]) * 32).verify_key))


ED25519 = ed25519_key(1)
ML_DSA_65 = PublicKey(Algorithm.ML_DSA_65, bytes(range(256)) * 7 + bytes(160))
P256_PRIVATE = ec.derive_private_key(7, ec.SECP256R1())
P256 = PublicKey(
    Algorithm.ECDSA_P256,
    P256_PRIVATE.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
)
PEM = ED25519.to_pem()


def reason(pem):
    try:
        parse_public_keys(pem)
    except Rejection as rejection:
        return rejection.code
    return None


def pem_of(der, label="PUBLIC KEY"):
    lines = base64.encodebytes(der).replace(b"\n", b"")
    body = b"".join(lines[at : at + 64] + b"\n" for at in range(0, len(lines), 64))
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), body, label.encode())


@pytest.mark.parametrize(
    "keys", [(ED25519,), (P256,), (ML_DSA_65,), (ED25519, P256, ML_DSA_65, ed25519_key(2))]
)
def test_round_trip(keys):
    assert parse_public_keys(b"".join(key.to_pem() for key in keys)) == keys


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.binary(min_size=32, max_size=32))
def test_text_form_is_that_of_other_tools(seed):
    key = PublicKey(Algorithm.ED25519, bytes(SigningKey(seed).verify_key))
    loaded = load_pem_public_key(key.to_pem())
    assert loaded.public_bytes_raw() == key.raw
    assert loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) == key.to_pem()
    assert loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == key.to_der()


def test_text_form_is_that_of_other_tools_ml_dsa_65():
    loaded = mldsa.MLDSA65PrivateKey.from_seed_bytes(bytes(32)).public_key()
    key = PublicKey(Algorithm.ML_DSA_65, loaded.public_bytes_raw())
    assert loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) == key.to_pem()
    assert parse_public_keys(key.to_pem()) == (key,)


def test_wycheproof_keys_are_parsed():
    for group in json.loads((WYCHEPROOF / "ed25519_test.json").read_bytes())["testGroups"]:
        [key] = parse_public_keys(group["publicKeyPem"].encode())
        assert key.raw.hex() == group["publicKey"]["pk"]
        assert key.to_der().hex() == group["publicKeyDer"]


def test_text_form_is_that_of_other_tools_p256():
    loaded = P256_PRIVATE.public_key()
    assert loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) == P256.to_pem()
    assert parse_public_keys(P256.to_pem()) == (P256,)


def test_key_id_is_the_digest_of_the_der():
    assert ED25519.key_id == f"sha256:{hashlib.sha256(ED25519.to_der()).hexdigest()}"
    assert ED25519.key_id != ed25519_key(2).key_id


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_openssl_gives_the_same_key_id():
    result = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"],
        input=PEM,
        capture_output=True,
        check=True,
    )
    assert f"sha256:{hashlib.sha256(result.stdout).hexdigest()}" == ED25519.key_id


def test_crlf_is_tolerated():
    assert parse_public_keys((PEM + ML_DSA_65.to_pem()).replace(b"\n", b"\r\n")) == (
        ED25519,
        ML_DSA_65,
    )


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"\n",
        PEM.decode().encode("utf-16"),
        PEM.removesuffix(b"\n") + PEM,
        b"text" + PEM,
        PEM + b"-----\n",
        PEM + b"-----BEGIN PUBLIC KEY-----\n",
        b"-----END PUBLIC KEY-----\n" + PEM,
        PEM.replace(b"-----BEGIN", b"----BEGIN"),
        PEM.replace(b"MC", b"M\x00C"),
        PEM.replace(b"MC", b"M\xc2\xa0C"),
        PEM.replace(b"MC", b"M\xe2\x80\x8bC"),
        PEM.replace(b"PUBLIC KEY", b"CERTIFICATE") + PEM,
        PEM + bytes(1 << 18),
        PEM.replace(b"PUBLIC KEY", b"CERTIFICATE"),
        PEM.replace(b"BEGIN", b"begin"),
        PEM.replace(b"-----\n", b"-----\nComment: mine\n\n", 1),
        PEM.replace(b"END PUBLIC KEY", b"END CERTIFICATE"),
        PEM.replace(b"=", b""),
        PEM.replace(b"=\n", b"==\n"),
        PEM.replace(b"=\n", b"=\nAAAA\n"),
        PEM.replace(b"MC", b"M=C"),
        PEM.replace(b"MC", b"M-C"),
        PEM.replace(b"MCow", b"MC_w"),
        ML_DSA_65.to_pem().replace(b"\n", b""),
        b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        ED25519.to_der(),
        ED25519.raw,
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me\n",
    ],
)
def test_other_texts_are_malformed(pem):
    assert reason(pem) == "key.malformed"


def test_bits_after_the_last_byte_are_malformed():
    """44 bytes leave two unused bits in base64: four texts decode to the same key."""
    text = PEM.decode().splitlines()[1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(text[-2])
    others = [text[:-2] + alphabet[last | bits] + "=" for bits in (1, 2, 3)]
    for other in others:
        assert base64.b64decode(other) == ED25519.to_der()
        assert reason(PEM.replace(text.encode(), other.encode())) == "key.malformed"


@pytest.mark.parametrize(
    "pem",
    [
        PEM.removesuffix(b"\n"),
        PEM + b"\n\n \t\n",
        b"\n\n" + PEM,
        b" " + PEM,
        PEM.replace(b"\n", b"\r"),
        PEM.replace(b"\n", b"\r\n"),
        PEM.replace(b"\n", b" \t\n"),
        PEM.replace(b"\n", b"\n    "),
        PEM.replace(b"=\n", b"=\n\n"),
        PEM.replace(b"=\n", b"\n=\n"),
        PEM.replace(b"MC", b"M\nC"),
        b"\xef\xbb\xbf" + PEM,
        b"The key of Acme, valid to 2029\xff\n" + PEM + b"published at acme.example\n",
    ],
)
def test_what_editors_and_mail_do_to_a_file_is_tolerated(pem):
    assert parse_public_keys(pem) == (ED25519,)


@pytest.mark.parametrize("path", sorted(SPELLED.glob("*.pub")), ids=lambda path: path.stem)
def test_spellings_of_one_key_are_one_key(path):
    [key] = parse_public_keys(path.read_bytes())
    assert key.key_id == "sha256:468925a8e5c9156d1c336c3aa447f49609bbe67739c12b1a74d3403c9b3430e1"
    assert path.read_bytes() != key.to_pem()


def test_there_are_spellings():
    assert {path.stem for path in SPELLED.glob("*.pub")} == {"blank", "nonl", "trailws"}


def test_text_between_two_keys_is_left_out():
    other = ed25519_key(2)
    assert parse_public_keys(PEM + b"\nand the next\n" + other.to_pem()) == (ED25519, other)


@pytest.mark.parametrize("line", [60, 63, 32, 4000])
def test_other_line_lengths_are_tolerated(line):
    text = base64.b64encode(ML_DSA_65.to_der())
    body = b"".join(text[at : at + line] + b"\n" for at in range(0, len(text), line))
    pem = b"-----BEGIN PUBLIC KEY-----\n" + body + b"-----END PUBLIC KEY-----\n"
    assert parse_public_keys(pem) == (ML_DSA_65,)


def other_algorithms():
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for name, private_key in (
        ("P-384", ec.generate_private_key(ec.SECP384R1())),
        ("secp256k1", ec.generate_private_key(ec.SECP256K1())),
        ("RSA", rsa.generate_private_key(65537, 2048)),
        ("Ed448", ed448.Ed448PrivateKey.generate()),
        ("ML-DSA-44", mldsa.MLDSA44PrivateKey.generate()),
        ("ML-DSA-87", mldsa.MLDSA87PrivateKey.generate()),
    ):
        yield pytest.param(private_key.public_key().public_bytes(*spki), id=name)
    compressed = P256_PRIVATE.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = P256.to_der()[2:23]
    yield pytest.param(
        b"\x30\x39" + algorithm + b"\x03\x22\x00" + compressed, id="P-256, compressed"
    )
    raw = ED25519.raw
    for name, der in (
        ("X25519", bytes.fromhex("302a300506032b656e032100") + raw),
        ("explicit NULL parameters", bytes.fromhex("302c300706032b65700500032100") + raw),
        ("long-form length", bytes.fromhex("30812a300506032b6570032100") + raw),
        ("unused bits", bytes.fromhex("302a300506032b6570032101") + raw),
        ("one byte", b"\x30"),
    ):
        yield pytest.param(der, id=name)


@pytest.mark.parametrize("der", list(other_algorithms()))
def test_other_algorithms_and_encodings_are_refused(der):
    assert reason(pem_of(der)) == "key.algorithm"


@pytest.mark.parametrize(
    ("der", "code"),
    [
        (ED25519.to_der()[:-1], "key.length"),
        (ED25519.to_der() + b"\x00", "key.length"),
        (P256.to_der()[:-1], "key.length"),
        (P256.to_der() + b"\x00", "key.length"),
        (P256.to_der()[:-1] + b"\x00", "key.not-on-curve"),
        (ML_DSA_65.to_der()[:-1], "key.length"),
        (ML_DSA_65.to_der() + b"\x00", "key.length"),
        (ED25519.to_der()[:12] + bytes(32), "key.low-order"),
        (ED25519.to_der()[:12] + b"\xff" * 32, "key.non-canonical"),
    ],
)
def test_other_lengths_and_points_are_refused(der, code):
    assert reason(pem_of(der)) == code


@pytest.mark.parametrize(
    ("algorithm", "raw", "code"),
    [
        (Algorithm.ED25519, bytes(1952), "key.length"),
        (Algorithm.ML_DSA_65, ED25519.raw, "key.length"),
        (Algorithm.ED25519, b"\x01" + bytes(31), "key.low-order"),
    ],
)
def test_no_key_object_holds_a_bad_key(algorithm, raw, code):
    with pytest.raises(Rejection) as caught:
        PublicKey(algorithm, raw)
    assert caught.value.code == code


def test_duplicates_are_refused():
    assert reason(PEM + ML_DSA_65.to_pem() + PEM) == "key.duplicate"


@pytest.mark.parametrize("label", ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"])
def test_private_keys_are_refused_and_not_repeated(label):
    private_key = ec.generate_private_key(ec.SECP256R1())
    der = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    pem = PEM + pem_of(der, label)
    with pytest.raises(Rejection) as caught:
        parse_public_keys(pem)
    assert caught.value.code == "key.private"
    assert pem.split(b"\n")[4].decode() not in str(caught.value)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.integers(0, len(PEM) - 1), st.integers(0, 255))
def test_no_other_text_of_a_key_is_accepted(at, byte):
    pem = bytearray(PEM)
    pem[at] = byte
    if reason(bytes(pem)) is None:
        # Another key, spelled as it has to be, or this one with another blank around a line.
        [key] = parse_public_keys(bytes(pem))
        text = b"".join(bytes(pem).split())
        assert text == b"".join(key.to_pem().split())


def test_one_owner_has_not_thousands_of_keys():
    """Each is compared with those before it."""
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    blocks = [
        ed25519.Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for _ in range(65)
    ]
    assert len(parse_public_keys(b"".join(blocks[:64]))) == 64
    with pytest.raises(Rejection) as refused:
        parse_public_keys(b"".join(blocks))
    assert refused.value.code == "key.too-many"
