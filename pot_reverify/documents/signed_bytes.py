"""Detached signatures as they travel: an algorithm label, a key id hint, and the signature.

Label and hint are written by whoever made the file. A check compares them with the key that the
reader named; it never chooses a key or an algorithm by them.
"""

from dataclasses import dataclass

from pot_reverify.encoding import canonical_msgpack
from pot_reverify.encoding.fields import Fields

MAX_SIGNATURES = 64
_MAX_SIGNATURE_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature over the DSSE pre-authentication encoding of a document."""

    algorithm: str
    key_id: str
    signature: bytes

    def to_map(self) -> dict[str, canonical_msgpack.Value]:
        """The signature as a msgpack map."""
        return {"algorithm": self.algorithm, "key_id": self.key_id, "signature": self.signature}

    def encode(self) -> bytes:
        """The payload of a SIGNATURE frame."""
        return canonical_msgpack.encode(self.to_map())


def parse_signature(fields: Fields) -> Signature:
    """Take a signature and finish its map.

    Raises:
        Rejection: ``schema.*``.
    """
    signature = Signature(
        algorithm=fields.take_str("algorithm", 32),
        key_id=fields.take_str("key_id", 80),
        signature=fields.take_bytes("signature", 1, _MAX_SIGNATURE_BYTES),
    )
    fields.finish()
    return signature
