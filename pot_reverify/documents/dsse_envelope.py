"""A DSSE envelope in JSON with one signature: how a statement travels beside a bundle."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from pot_reverify.documents.statement import PAYLOAD_TYPE
from pot_reverify.encoding import strict_json
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection

MEDIA_TYPE: Final = "application/vnd.dsse.envelope.v1+json"
MAX_PAYLOAD_BYTES: Final = 1 << 16
_MAX_SIGNATURE_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class Envelope:
    """An in-toto statement, its exact bytes, and one signature over them.

    Args:
        key_id: written by whoever made the envelope; compared with a named key, never believed.
    """

    payload: bytes
    key_id: str
    signature: bytes

    def to_json(self) -> bytes:
        """The envelope as it is attached or kept in a file."""
        return strict_json.encode(
            {
                "payload": base64.b64encode(self.payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [
                    {"keyid": self.key_id, "sig": base64.b64encode(self.signature).decode()}
                ],
            }
        )


def parse_envelope(data: bytes, where: str) -> Envelope:
    """Read an envelope; it has exactly one signature, so that nobody's can hide behind another's.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``envelope.base64``.
    """
    fields = Fields(strict_json.decode(data), where)
    fields.take_literal("payloadType", PAYLOAD_TYPE)
    payload = _take_base64(fields, "payload", MAX_PAYLOAD_BYTES)
    (item,) = fields.take_list("signatures", 1, 1)
    fields.finish()
    entry = Fields(item, f"{where}.signatures[0]")
    key_id = entry.take_str("keyid", 80)
    signature = _take_base64(entry, "sig", _MAX_SIGNATURE_BYTES)
    entry.finish()
    return Envelope(payload, key_id, signature)


def _take_base64(fields: Fields, name: str, most_bytes: int) -> bytes:
    text = fields.take_str(name, 4 * (most_bytes + 2) // 3)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise Rejection("envelope.base64", "not strict base64", where=fields.at(name))
    return data
