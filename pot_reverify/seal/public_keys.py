"""Public keys: exactly three algorithms, one text form, one identity.

The algorithm belongs to the key, and the key to the policy that names it. What a signature says of
itself chooses neither.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.seal import ecdsa_p256, ed25519_strict

_BEGIN: Final = "-----BEGIN PUBLIC KEY-----\n"
_END: Final = "-----END PUBLIC KEY-----\n"
_LINE_CHARACTERS: Final = 64
_MAX_KEYS: Final = 64
_MAX_FILE_BYTES: Final = 1 << 18  # 64 keys of ML-DSA-65 are 175 kB
_BLOCK: Final = re.compile(_BEGIN.encode() + rb"((?:[A-Za-z0-9+/]{1,64}={0,2}\n)+)" + _END.encode())


class Algorithm(Enum):
    """A signature algorithm, by the name that documents use."""

    ED25519 = "ed25519"
    ECDSA_P256 = "ecdsa-p256"
    ML_DSA_65 = "ml-dsa-65"


# SubjectPublicKeyInfo (RFC 5280 §4.1) up to the raw key: RFC 8410 §4, RFC 5480 §2 (a named curve)
# and RFC 9881 §4.
_SPKI_PREFIXES: Final = {
    Algorithm.ED25519: bytes.fromhex("302a300506032b6570032100"),
    Algorithm.ECDSA_P256: bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    Algorithm.ML_DSA_65: bytes.fromhex("308207b2300b0609608648016503040312038207a100"),
}
_ML_DSA_65_KEY_BYTES: Final = 1952  # FIPS 204, table 2


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that passed every check a key can be given alone.

    Args:
        algorithm: the only algorithm that this key verifies.
        raw: 32 bytes for Ed25519, an uncompressed point of 65 for ECDSA P-256, 1952 for ML-DSA-65.

    Raises:
        Rejection: ``key.length``, ``key.non-canonical``, ``key.low-order`` or
            ``key.not-on-curve``.
    """

    algorithm: Algorithm
    raw: bytes

    def __post_init__(self) -> None:
        if self.algorithm is Algorithm.ED25519:
            ed25519_strict.check_public_key(self.raw)
        elif self.algorithm is Algorithm.ECDSA_P256:
            ecdsa_p256.check_public_key(self.raw)
        elif len(self.raw) != _ML_DSA_65_KEY_BYTES:
            raise Rejection(
                "key.length",
                "an ML-DSA-65 public key has the wrong length",
                expected=f"{_ML_DSA_65_KEY_BYTES} bytes",
                got=f"{len(self.raw)} bytes",
            )

    def to_der(self) -> bytes:
        """DER of SubjectPublicKeyInfo."""
        return _SPKI_PREFIXES[self.algorithm] + self.raw

    def to_pem(self) -> bytes:
        """The one text form that `parse_public_keys` accepts (RFC 7468 §13)."""
        text = base64.b64encode(self.to_der()).decode()
        lines = [text[at : at + _LINE_CHARACTERS] for at in range(0, len(text), _LINE_CHARACTERS)]
        return "".join((_BEGIN, *(line + "\n" for line in lines), _END)).encode()

    @property
    def key_id(self) -> str:
        """``sha256:`` and the hex SHA-256 of `to_der`: what people compare and policies name."""
        return format_digest(sha256_digest(self.to_der()))


def parse_public_keys(pem: bytes) -> tuple[PublicKey, ...]:
    """Parses a file of one or more public keys.

    The file is PEM blocks as `PublicKey.to_pem` writes them, and nothing between, before or after.
    Lines may end in CRLF, which mail and version control put there.

    Raises:
        Rejection: ``key.private`` for a private key; ``key.malformed`` for any other text;
            ``key.algorithm`` for a key of another algorithm or of compressed form;
            ``key.duplicate``; ``key.too-many``; or as `PublicKey`.
    """
    if len(pem) > _MAX_FILE_BYTES:
        raise Rejection(
            "key.too-many",
            f"longer than {_MAX_KEYS} keys",
            expected=f"at most {_MAX_FILE_BYTES} bytes",
            got=f"{len(pem)} bytes",
        )
    pem = pem.replace(b"\r\n", b"\n")
    if b"PRIVATE KEY-----" in pem:
        raise Rejection(
            "key.private", "this file holds a private key; its owner publishes NAME.pub instead"
        )
    keys: list[PublicKey] = []
    position = 0
    while position < len(pem) or not keys:
        block = _BLOCK.match(pem, position)
        if block is None:
            raise _malformed("not a PEM public key", f"block {len(keys) + 1}")
        if len(keys) == _MAX_KEYS:
            raise Rejection("key.too-many", f"one owner has more than {_MAX_KEYS} keys")
        key = _parse_block(block, f"block {len(keys) + 1}")
        if key in keys:
            raise Rejection(
                "key.duplicate",
                "a key occurs twice",
                where=f"block {len(keys) + 1}",
                got=key.key_id,
            )
        keys.append(key)
        position = block.end()
    return tuple(keys)


def _parse_block(block: re.Match[bytes], where: str) -> PublicKey:
    try:
        der = base64.b64decode(block[1].replace(b"\n", b""), validate=True)
    except binascii.Error as error:
        raise _malformed("the base64 text is broken", where) from error
    for algorithm, prefix in _SPKI_PREFIXES.items():
        if der.startswith(prefix):
            key = PublicKey(algorithm, der[len(prefix) :])
            # Other line lengths, or bits after the last byte, would give one key many texts.
            if key.to_pem() != block[0]:
                raise _malformed("the base64 text is not in its one form", where)
            return key
    raise Rejection(
        "key.algorithm",
        "not an Ed25519, an ECDSA P-256 (uncompressed) or an ML-DSA-65 key",
        where=where,
        got=der[:24].hex(),
    )


def _malformed(message: str, where: str) -> Rejection:
    return Rejection("key.malformed", message, where=where)
