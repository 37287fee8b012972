"""Public keys: exactly three algorithms, one text form to publish, one identity.

The algorithm belongs to the key, and the key to the policy that names it. What a signature says of
itself chooses neither.
"""

import base64
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.seal import ecdsa_p256, ed25519_strict
from pot_reverify.seal.pem import parse_pem

_LABEL: Final = "PUBLIC KEY"
_LINE_CHARACTERS: Final = 64
_MAX_KEYS: Final = 64


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
        """The text form that is published (RFC 7468 §13)."""
        text = base64.b64encode(self.to_der()).decode()
        lines = [text[at : at + _LINE_CHARACTERS] for at in range(0, len(text), _LINE_CHARACTERS)]
        return "\n".join(
            (f"-----BEGIN {_LABEL}-----", *lines, f"-----END {_LABEL}-----", "")
        ).encode()

    @property
    def key_id(self) -> str:
        """``sha256:`` and the hex SHA-256 of `to_der`: what people compare and policies name."""
        return format_digest(sha256_digest(self.to_der()))


def parse_public_keys(pem: bytes) -> tuple[PublicKey, ...]:
    """Parses a file of one or more public keys.

    What may stand around the blocks, and how their lines may end, is for `parse_pem` to say.

    Raises:
        Rejection: ``key.private`` for a private key; ``key.malformed`` for any other text;
            ``key.algorithm`` for a key of another algorithm or of compressed form;
            ``key.duplicate``; ``key.too-many``; or as `PublicKey`.
    """
    if b"PRIVATE KEY-----" in pem:
        raise Rejection(
            "key.private", "this file holds a private key; its owner publishes NAME.pub instead"
        )
    keys: list[PublicKey] = []
    for block in parse_pem(pem):
        if block.label != _LABEL:
            raise Rejection(
                "key.malformed",
                "not a public key",
                where=block.where,
                expected=_LABEL,
                got=block.label[:40],
            )
        if len(keys) == _MAX_KEYS:
            raise Rejection("key.too-many", f"one owner has more than {_MAX_KEYS} keys")
        key = _parse_der(block.der, block.where)
        if key in keys:
            raise Rejection(
                "key.duplicate", "a key occurs twice", where=block.where, got=key.key_id
            )
        keys.append(key)
    return tuple(keys)


def _parse_der(der: bytes, where: str) -> PublicKey:
    for algorithm, prefix in _SPKI_PREFIXES.items():
        if der.startswith(prefix):
            return PublicKey(algorithm, der[len(prefix) :])
    raise Rejection(
        "key.algorithm",
        "not an Ed25519, an ECDSA P-256 (uncompressed) or an ML-DSA-65 key",
        where=where,
        got=der[:24].hex(),
    )
