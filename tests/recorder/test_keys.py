"""Private keys: files that keep their secret, and signers that print none of it."""

import base64
import os
import pickle
import shutil
import stat
import subprocess
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pot_recorder.keys import (
    Protection,
    Signer,
    generate_private_keys,
    load_private_keys,
    save_private_keys,
)
from pot_reverify.errors import Rejection
from pot_reverify.seal.public_keys import Algorithm, parse_public_keys
from pot_reverify.seal.signatures import verify_signature

PASSPHRASE = "correct horse b\u00e4ttery"
SEED = bytes(range(100, 132))


@pytest.fixture
def key_path(tmp_path):
    return tmp_path / "acme.key"


def refused(code, function, *arguments):
    with pytest.raises(Rejection) as caught:
        function(*arguments)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("passphrase", [PASSPHRASE, Protection.UNSAFE_NONE])
@pytest.mark.parametrize("post_quantum", [False, True])
@pytest.mark.parametrize(
    "algorithms",
    [
        [Algorithm.ED25519],
        [Algorithm.ECDSA_P256],
        [Algorithm.ED25519, Algorithm.ECDSA_P256],
    ],
)
def test_round_trip(key_path, algorithms, post_quantum, passphrase):
    signers = generate_private_keys(algorithms, post_quantum=post_quantum)
    public_path = save_private_keys(signers, key_path, passphrase)
    loaded = load_private_keys(key_path, passphrase if isinstance(passphrase, str) else None)
    public_keys = tuple(signer.public_key for signer in signers)
    algorithms = [*algorithms, *[Algorithm.ML_DSA_65] * post_quantum]
    assert [key.algorithm for key in public_keys] == algorithms
    assert tuple(signer.public_key for signer in loaded) == public_keys
    assert public_path == key_path.with_name("acme.key.pub")
    assert parse_public_keys(public_path.read_bytes()) == public_keys
    for signer in loaded:
        verify_signature(signer.public_key, b"message", signer.sign(b"message"))


def test_keys_are_different_each_time():
    ids = {
        signer.public_key.key_id
        for _ in range(3)
        for signer in generate_private_keys(post_quantum=True)
    }
    assert len(ids) == 6


def test_ed25519_signatures_are_those_of_rfc_8032():
    """Section 7.1, test 2."""
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    signer = Signer(Ed25519PrivateKey.from_private_bytes(seed))
    assert signer.public_key.raw.hex() == (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    )
    assert signer.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


class TestFiles:
    def test_modes(self, key_path):
        before = os.umask(0)
        try:
            public_path = save_private_keys(
                generate_private_keys(post_quantum=True), key_path, PASSPHRASE
            )
        finally:
            os.umask(before)
        assert stat.S_IMODE(key_path.stat().st_mode) == 0o600
        assert stat.S_IMODE(public_path.stat().st_mode) == 0o644

    @pytest.mark.parametrize("existing", ["acme.key", "acme.key.pub"])
    def test_nothing_is_overwritten(self, key_path, existing):
        key_path.with_name(existing).write_text("mine")
        signers = generate_private_keys(post_quantum=False)
        refused("key.file-exists", save_private_keys, signers, key_path, PASSPHRASE)
        assert [path.name for path in key_path.parent.iterdir()] == [existing]
        assert key_path.with_name(existing).read_text() == "mine"

    def test_links_are_not_followed(self, key_path):
        key_path.symlink_to(key_path.with_name("elsewhere"))
        signers = generate_private_keys(post_quantum=False)
        refused("key.file-exists", save_private_keys, signers, key_path, PASSPHRASE)
        assert not key_path.with_name("elsewhere").exists()

    def test_a_full_disk_leaves_no_half_of_a_key(self, key_path, monkeypatch):
        def full(_descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            save_private_keys(generate_private_keys(post_quantum=False), key_path, PASSPHRASE)
        assert list(key_path.parent.iterdir()) == []

    def test_missing_directory(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            save_private_keys(
                generate_private_keys(post_quantum=False), tmp_path / "no" / "key", PASSPHRASE
            )


class TestPassphrase:
    @pytest.mark.parametrize("wrong", ["x", PASSPHRASE.upper(), PASSPHRASE + " "])
    @pytest.mark.parametrize("post_quantum", [False, True])
    def test_wrong(self, key_path, post_quantum, wrong):
        save_private_keys(generate_private_keys(post_quantum=post_quantum), key_path, PASSPHRASE)
        error = refused("key.wrong-passphrase", load_private_keys, key_path, wrong)
        assert error.where == "acme.key, block 1"

    def test_empty(self, key_path):
        signers = generate_private_keys(post_quantum=False)
        refused("key.empty-passphrase", save_private_keys, signers, key_path, "")
        assert list(key_path.parent.iterdir()) == []

    @pytest.mark.parametrize("nothing", [None, ""])
    def test_needed(self, key_path, nothing):
        save_private_keys(generate_private_keys(post_quantum=False), key_path, PASSPHRASE)
        refused("key.passphrase-needed", load_private_keys, key_path, nothing)

    def test_given_for_a_file_without(self, key_path):
        signers = generate_private_keys(post_quantum=False)
        save_private_keys(signers, key_path, Protection.UNSAFE_NONE)
        refused("key.not-encrypted", load_private_keys, key_path, PASSPHRASE)

    def test_encryption_is_new_each_time(self):
        [signer] = generate_private_keys(post_quantum=False)
        assert signer.to_private_pem(PASSPHRASE) != signer.to_private_pem(PASSPHRASE)


class TestOtherTools:
    @pytest.mark.parametrize("kind", [Ed25519PrivateKey, MLDSA65PrivateKey])
    def test_their_files_are_read(self, key_path, kind):
        private_key = kind.generate()
        key_path.write_bytes(
            private_key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode())
            )
        )
        [signer] = load_private_keys(key_path, PASSPHRASE)
        assert signer.public_key.raw == private_key.public_key().public_bytes_raw()

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
    def test_keys_of_openssl_are_read(self, key_path):
        command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subprocess.run([*command, "-out", key_path], capture_output=True, check=True)
        [signer] = load_private_keys(key_path, None)
        assert signer.public_key.algorithm is Algorithm.ECDSA_P256
        verify_signature(signer.public_key, b"message", signer.sign(b"message"))

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
    @pytest.mark.parametrize("algorithm", [Algorithm.ED25519, Algorithm.ECDSA_P256])
    def test_openssl_reads_our_encrypted_file(self, key_path, algorithm):
        [signer] = generate_private_keys([algorithm], post_quantum=False)
        save_private_keys([signer], key_path, PASSPHRASE)
        result = subprocess.run(
            ["openssl", "pkey", "-in", key_path, "-passin", f"pass:{PASSPHRASE}", "-pubout"],
            capture_output=True,
            check=True,
        )
        assert parse_public_keys(result.stdout) == (signer.public_key,)

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
    def test_openssl_sees_scrypt_at_full_cost(self, key_path):
        save_private_keys(generate_private_keys(post_quantum=True), key_path, PASSPHRASE)
        text = subprocess.run(
            ["openssl", "asn1parse", "-in", key_path], capture_output=True, check=True, text=True
        ).stdout
        assert ":PBES2" in text
        assert ":scrypt" in text
        assert ":aes-256-cbc" in text
        integers = [line.rpartition(":")[2] for line in text.splitlines() if "INTEGER" in line]
        assert [int(integer, 16) for integer in integers] == [2**14, 8, 10]

    @pytest.mark.parametrize(
        "private_key",
        [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    )
    @pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
    def test_other_algorithms_are_refused(self, key_path, private_key, passphrase):
        encryption = BestAvailableEncryption(PASSPHRASE.encode()) if passphrase else NoEncryption()
        key_path.write_bytes(
            private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        )
        refused("key.algorithm", load_private_keys, key_path, passphrase)

    def test_an_algorithm_that_nobody_knows_is_refused(self, key_path):
        [signer] = generate_private_keys(post_quantum=False)
        pem = signer.to_private_pem(Protection.UNSAFE_NONE)
        der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
        other = base64.b64encode(der.replace(bytes.fromhex("2b6570"), bytes.fromhex("2b6579")))
        key_path.write_bytes(
            b"-----BEGIN PRIVATE KEY-----\n%b\n-----END PRIVATE KEY-----\n" % other
        )
        refused("key.algorithm", load_private_keys, key_path, None)


class TestMalformedFiles:
    def pem(self):
        [signer] = generate_private_keys(post_quantum=False)
        return signer.to_private_pem(Protection.UNSAFE_NONE)

    @pytest.mark.parametrize(
        "change",
        [
            lambda _: b"",
            lambda pem: b"text" + pem,
            lambda pem: pem + b"-----\n",
            lambda pem: pem.replace(b"PRIVATE KEY", b"PUBLIC KEY"),
            lambda pem: pem + pem.replace(b"PRIVATE", b"EC PRIVATE"),
            lambda pem: pem.replace(b"BEGIN PRIVATE", b"BEGIN RSA PRIVATE"),
            lambda pem: pem.replace(b"END PRIVATE", b"END ENCRYPTED PRIVATE"),
            lambda pem: pem[:60] + pem[64:],
            lambda _: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ],
    )
    def test_unencrypted(self, key_path, change):
        key_path.write_bytes(change(self.pem()))
        refused("key.malformed", load_private_keys, key_path, None)

    def test_damage_to_an_encrypted_file_looks_like_a_wrong_passphrase(self, key_path):
        key_path.write_bytes(
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
        )
        refused("key.wrong-passphrase", load_private_keys, key_path, PASSPHRASE)

    @pytest.mark.parametrize(
        "spell",
        [
            lambda pem: pem.replace(b"\n", b"\r\n"),
            lambda pem: pem.removesuffix(b"\n"),
            lambda pem: b"\n" + pem.replace(b"\n", b" \n"),
            lambda pem: b"\xef\xbb\xbf" + pem,
            lambda pem: b"friendlyName: acme\nKey Attributes: <none>\n" + pem + b"\n",
        ],
    )
    def test_what_editors_do_to_a_file_is_tolerated(self, key_path, spell):
        pem = self.pem()
        key_path.write_bytes(spell(pem))
        [signer] = load_private_keys(key_path, None)
        expected = load_pem_private_key(pem, None).public_key().public_bytes_raw()
        assert signer.public_key.raw == expected

    def test_missing_file(self, key_path):
        with pytest.raises(FileNotFoundError):
            load_private_keys(key_path, None)


class TestNothingShowsTheSecret:
    signers = (
        Signer(Ed25519PrivateKey.from_private_bytes(SEED)),
        Signer(MLDSA65PrivateKey.from_seed_bytes(SEED)),
    )

    def assert_clean(self, text):
        for form in (
            SEED.hex(),
            repr(SEED),
            str(list(SEED)),
            PASSPHRASE,
            repr(PASSPHRASE.encode()),
        ):
            assert form not in text

    @pytest.mark.parametrize("signer", signers)
    def test_signer(self, signer):
        for text in (repr(signer), str(signer), f"{signer}", repr([signer])):
            assert signer.public_key.key_id in text
            self.assert_clean(text)
        assert not hasattr(signer, "__dict__")
        with pytest.raises(TypeError):
            pickle.dumps(signer)

    @pytest.mark.parametrize("signer", signers)
    def test_encrypted_file(self, signer):
        pem = signer.to_private_pem(PASSPHRASE)
        assert SEED not in pem
        self.assert_clean(pem.decode())

    @pytest.mark.parametrize("passphrase", [None, "wrong " + PASSPHRASE])
    def test_errors(self, key_path, passphrase):
        save_private_keys(self.signers, key_path, PASSPHRASE)
        self.assert_clean(self.error_text(key_path, passphrase))

    def test_errors_of_unencrypted_files(self, key_path):
        save_private_keys(self.signers, key_path, Protection.UNSAFE_NONE)
        lines = [line for line in key_path.read_text().splitlines() if not line.startswith("-----")]
        texts = [self.error_text(key_path, PASSPHRASE)]
        for damaged in (b"-----BEGIN \x00", b"-----"):
            key_path.write_bytes(key_path.read_bytes() + damaged)
            texts.append(self.error_text(key_path, None))
        for text in texts:
            self.assert_clean(text)
            assert not any(line in text for line in lines)

    def error_text(self, path, passphrase):
        with pytest.raises(Rejection) as caught:
            load_private_keys(path, passphrase)
        formatted = "".join(traceback.format_exception(caught.value))
        return f"{caught.value!r} {vars(caught.value)} {formatted}"


def test_a_fault_in_signing_is_noticed():
    """A wrong signature beside a right one of the same message can give an Ed25519 key away."""

    class Faulty:
        def __init__(self):
            self.key = Ed25519PrivateKey.from_private_bytes(SEED)
            self.public_key = self.key.public_key

        def sign(self, message):
            signature = bytearray(self.key.sign(message))
            signature[40] ^= 1
            return bytes(signature)

    signer = Signer(Ed25519PrivateKey.from_private_bytes(SEED))
    signer._private_key = Faulty()
    refused("signature.invalid", signer.sign, b"message")
