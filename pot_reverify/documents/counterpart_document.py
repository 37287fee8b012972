"""A counterpart's word: these 32 bytes are mine, and I gave them for this precommit.

It is a DSSE envelope with a payload type of its own, so that no other signature of the same key can
be taken for it. The counterpart has seen the precommit; the recorder has not seen the bytes before.
"""

from dataclasses import dataclass
from typing import Final

from pot_reverify.challenge.seeds import NONCE_BYTES
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.documents.signed_envelope import decode_envelope, encode_envelope
from pot_reverify.encoding import strict_json
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.fields import Fields
from pot_reverify.encoding.strict_hex import take_hex

KIND: Final = "pot-audit/counterpart/1"
PAYLOAD_TYPE: Final = "application/vnd.pot-audit.counterpart+json"
_MAX_PAYLOAD_BYTES: Final = 1 << 12
MAX_FILE_BYTES: Final = 1 << 16
_MAX_SIGNATURES: Final = 4


@dataclass(frozen=True, slots=True)
class CounterpartWord:
    """What the counterpart signs.

    Args:
        precommit_digest: SHA-256 of the precommit's payload.
        nonce: the counterpart's 32 bytes.
        created_ns: when the counterpart says that this was.
    """

    precommit_digest: bytes
    nonce: bytes
    created_ns: int

    def to_json(self) -> bytes:
        """The bytes to sign."""
        return strict_json.encode(
            {
                "created_ns": self.created_ns,
                "kind": KIND,
                "nonce": self.nonce.hex(),
                "precommit_digest": format_digest(self.precommit_digest),
            }
        )


@dataclass(frozen=True, slots=True)
class SignedWord:
    """The word, its exact bytes, and the signatures over them."""

    word: CounterpartWord
    payload: bytes
    signatures: tuple[Signature, ...]

    def to_envelope(self) -> bytes:
        """The envelope, as the counterpart hands it over and the bundle carries it."""
        return encode_envelope(PAYLOAD_TYPE, self.payload, self.signatures)


def parse_signed_word(data: bytes, where: str) -> SignedWord:
    """Read an envelope and what is in it; no signature is checked.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``digest.*``, ``counterpart.base64``.
    """
    payload, signatures = decode_word(data, where)
    return SignedWord(parse_word(payload, where), payload, signatures)


def decode_word(data: bytes, where: str) -> tuple[bytes, tuple[Signature, ...]]:
    """The signed bytes of an envelope, and the signatures over them.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``counterpart.base64``.
    """
    return decode_envelope(
        data,
        PAYLOAD_TYPE,
        _MAX_PAYLOAD_BYTES,
        "counterpart.base64",
        where,
        max_signatures=_MAX_SIGNATURES,
    )


def parse_word(payload: bytes, where: str) -> CounterpartWord:
    """Read the signed bytes.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``digest.*``.
    """
    fields = Fields(strict_json.decode(payload), where)
    fields.take_literal("kind", KIND)
    word = CounterpartWord(
        precommit_digest=fields.take_digest("precommit_digest"),
        nonce=take_hex(fields, "nonce", NONCE_BYTES),
        created_ns=fields.take_int("created_ns"),
    )
    fields.finish()
    return word
