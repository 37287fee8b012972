"""Private keys: made, kept in encrypted PEM files, and used to sign.

What a key signs is told apart by the DSSE payload type inside the signed bytes
(`pot_reverify.seal.dsse`), so one key may sign statements, precommitments and countersignatures.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file
from pot_reverify.seal.pem import PemBlock, parse_pem
from pot_reverify.seal.public_keys import Algorithm, PublicKey
from pot_reverify.seal.signatures import verify_signature

# scrypt (RFC 7914) as OWASP's password storage sheet has it for 16 MiB. Plain `openssl pkey`
# opens these files: it gives scrypt at most 32 MiB. The `cryptography` package would take PBKDF2
# with 2048 rounds, a thousandth of the work.
_SCRYPT_N: Final = 2**14
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 10
_SCRYPT_MEMORY_BYTES: Final = 32 * 2**20

_OID_PBES2: Final = bytes.fromhex("2a864886f70d01050d")
_OID_SCRYPT: Final = bytes.fromhex("2b06010401da47040b")
_OID_AES_256_CBC: Final = bytes.fromhex("60864801650304012a")
_INTEGER: Final = 0x02
_OCTET_STRING: Final = 0x04
_OBJECT_IDENTIFIER: Final = 0x06
_SEQUENCE: Final = 0x30

_PLAIN: Final = "PRIVATE KEY"
_ENCRYPTED: Final = "ENCRYPTED PRIVATE KEY"

_PrivateKey: TypeAlias = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | MLDSA65PrivateKey


class Protection(Enum):
    """What stands in for a passphrase where a private key file shall have none."""

    UNSAFE_NONE = "unencrypted"


class Signer:
    """A private key and what it does. Neither prints nor pickles its secret.

    Attributes:
        public_key: the key that verifies.
    """

    __slots__ = ("_private_key", "public_key")

    def __init__(self, private_key: _PrivateKey) -> None:
        self._private_key = private_key
        self.public_key = _public_key_of(private_key)

    def __repr__(self) -> str:
        return f"Signer({self.public_key.algorithm.value}, {self.public_key.key_id})"

    def sign(self, message: bytes) -> bytes:
        """Signs a message, and verifies what it made: a fault in signing can give the key away.

        Args:
            message: `pot_reverify.seal.dsse.pae` of a document, never the document itself.

        Returns:
            64 bytes for Ed25519, DER for ECDSA P-256 with SHA-256, 3309 bytes for pure ML-DSA-65
            with the empty context.
        """
        if isinstance(self._private_key, ec.EllipticCurvePrivateKey):
            signature = self._private_key.sign(message, ec.ECDSA(SHA256()))
        else:
            signature = self._private_key.sign(message)
        verify_signature(self.public_key, message, signature)
        return signature

    def to_private_pem(self, passphrase: str | Protection) -> bytes:
        """One PEM block of PKCS#8 (RFC 5958): encrypted, unless `Protection.UNSAFE_NONE`.

        Encrypted means PBES2 (RFC 8018) with scrypt and AES-256-CBC.

        Raises:
            Rejection: ``key.empty-passphrase``.
        """
        der = self._private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        if isinstance(passphrase, Protection):
            return _pem(_PLAIN, der)
        return _pem(_ENCRYPTED, _encrypt(der, passphrase))


def generate_private_keys(
    algorithms: Iterable[Algorithm] = (Algorithm.ED25519,), *, post_quantum: bool
) -> tuple[Signer, ...]:
    """A new key of each algorithm and, if asked, an ML-DSA-65 key to sign beside them."""
    beside = (Algorithm.ML_DSA_65,) if post_quantum else ()
    return tuple(Signer(_generate(algorithm)) for algorithm in (*algorithms, *beside))


def save_private_keys(signers: Sequence[Signer], path: Path, passphrase: str | Protection) -> Path:
    """Writes private keys to a new file of mode 0600, and the public ones beside it.

    Returns:
        The path of the public keys: ``path`` with ``.pub`` added.

    Raises:
        Rejection: ``key.file-exists``, and then nothing was written; ``key.empty-passphrase``.
        OSError: the files cannot be written, and then neither is left behind.
    """
    private_pem = b"".join(signer.to_private_pem(passphrase) for signer in signers)
    public_pem = b"".join(signer.public_key.to_pem() for signer in signers)
    public_path = path.with_name(path.name + ".pub")
    _write_new(path, private_pem, mode=0o600)
    try:
        _write_new(public_path, public_pem, mode=0o644)
    except BaseException:
        path.unlink()
        raise
    return public_path


def load_private_keys(path: Path, passphrase: str | None) -> tuple[Signer, ...]:
    """Reads every private key of a file.

    Args:
        path: a file as `save_private_keys` or ``openssl genpkey`` writes it.
        passphrase: None for a file that is not encrypted.

    Raises:
        Rejection: ``key.wrong-passphrase``, ``key.passphrase-needed``,
            ``key.passphrase-encoding``, ``key.not-encrypted`` (a
            passphrase was given for a file that has none), ``key.algorithm`` or
            ``key.malformed``.
        OSError: the file cannot be read.
    """
    blocks = parse_pem(read_file(path), path.name)
    return tuple(_load_block(block, passphrase) for block in blocks)


def _load_block(block: PemBlock, passphrase: str | None) -> Signer:
    encrypted, where = block.label == _ENCRYPTED, block.where
    if not encrypted and block.label != _PLAIN:
        raise Rejection(
            "key.malformed",
            "not a PEM private key (PKCS#8)",
            where=where,
            expected=f"{_PLAIN} or {_ENCRYPTED}",
            got=block.label[:40],
        )
    if encrypted and not passphrase:
        raise Rejection("key.passphrase-needed", "the private key is encrypted", where=where)
    if passphrase is not None and not encrypted:
        raise Rejection("key.not-encrypted", "the private key is not encrypted", where=where)
    try:
        private_key = load_pem_private_key(
            _pem(block.label, block.der), None if passphrase is None else _utf8(passphrase)
        )
    except UnsupportedAlgorithm as error:
        raise Rejection(
            "key.algorithm", "a key or an encryption of another kind", where=where
        ) from error
    # What the package knows of the secret stays out of the traceback.
    except ValueError:
        if encrypted:
            raise Rejection(
                "key.wrong-passphrase", "wrong passphrase, or a damaged file", where=where
            ) from None
        raise Rejection("key.malformed", "not a PKCS#8 private key", where=where) from None
    match private_key:
        case Ed25519PrivateKey() | MLDSA65PrivateKey():
            return Signer(private_key)
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return Signer(private_key)
    raise Rejection(
        "key.algorithm", "not an Ed25519, an ECDSA P-256 or an ML-DSA-65 key", where=where
    )


def _generate(algorithm: Algorithm) -> _PrivateKey:
    match algorithm:
        case Algorithm.ED25519:
            return Ed25519PrivateKey.generate()
        case Algorithm.ECDSA_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.ML_DSA_65:
            return MLDSA65PrivateKey.generate()


def _public_key_of(private_key: _PrivateKey) -> PublicKey:
    public_key = private_key.public_key()
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        point = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PublicKey(Algorithm.ECDSA_P256, point)
    if isinstance(public_key, Ed25519PublicKey):
        return PublicKey(Algorithm.ED25519, public_key.public_bytes_raw())
    return PublicKey(Algorithm.ML_DSA_65, public_key.public_bytes_raw())


def _write_new(path: Path, data: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise Rejection(
            "key.file-exists", "key files are never overwritten", where=str(path)
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise


def _encrypt(private_key_info: bytes, passphrase: str) -> bytes:
    """DER of EncryptedPrivateKeyInfo (RFC 5958 §3, RFC 8018 §6.2, RFC 7914 §7)."""
    if not passphrase:
        raise Rejection("key.empty-passphrase", "the passphrase is empty")
    salt, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    key = hashlib.scrypt(
        _utf8(passphrase),
        salt=salt,
        n=_SCRYPT_N,
        r=_SCRYPT_R,
        p=_SCRYPT_P,
        maxmem=_SCRYPT_MEMORY_BYTES,
        dklen=32,
    )
    padder = PKCS7(algorithms.AES.block_size).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    padded = padder.update(private_key_info) + padder.finalize()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    scrypt_parameters = _der(
        _SEQUENCE,
        _der(_OCTET_STRING, salt),
        *(_der(_INTEGER, _unsigned(value)) for value in (_SCRYPT_N, _SCRYPT_R, _SCRYPT_P)),
    )
    pbes2_parameters = _der(
        _SEQUENCE,
        _der(_SEQUENCE, _der(_OBJECT_IDENTIFIER, _OID_SCRYPT), scrypt_parameters),
        _der(_SEQUENCE, _der(_OBJECT_IDENTIFIER, _OID_AES_256_CBC), _der(_OCTET_STRING, iv)),
    )
    return _der(
        _SEQUENCE,
        _der(_SEQUENCE, _der(_OBJECT_IDENTIFIER, _OID_PBES2), pbes2_parameters),
        _der(_OCTET_STRING, ciphertext),
    )


def _utf8(passphrase: str) -> bytes:
    try:
        return passphrase.encode()
    except UnicodeEncodeError:  # its message would repeat the passphrase
        raise Rejection("key.passphrase-encoding", "the passphrase is not UTF-8") from None


def _der(tag: int, *contents: bytes) -> bytes:
    """One DER element (X.690 §8.1, §10.1)."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def _unsigned(value: int) -> bytes:
    """The content of a DER INTEGER, with room for its sign bit."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def _pem(label: str, der: bytes) -> bytes:
    text = base64.b64encode(der).decode()
    lines = (text[at : at + 64] + "\n" for at in range(0, len(text), 64))
    return "".join((f"-----BEGIN {label}-----\n", *lines, f"-----END {label}-----\n")).encode()
