"""BLOB and ATTACHMENT: named bytes inside the signed tree, and bytes added after sealing."""

from dataclasses import dataclass

from pot_reverify.container.frames import MAX_FRAME_BYTES
from pot_reverify.encoding import canonical_msgpack
from pot_reverify.encoding.fields import Fields

REFERENCE_WEIGHTS = "weights/reference.json"
CANDIDATE_WEIGHTS = "weights/candidate.json"
ENVIRONMENT = "environment.json"
COUNTERPART = "counterpart.json"
BEACON_ROUND = "beacon.json"
QUOTE_PREFIX = "quote/"
PROOF_PREFIX = "proof/"
DECISION_PROOF = "proof/decision.json"
TIME_PREFIX = "time/"
EXCHANGE_PREFIX = "exchange/"


@dataclass(frozen=True, slots=True)
class Blob:
    """A named document inside the tree."""

    name: str
    media_type: str
    data: bytes

    def encode(self) -> bytes:
        """The canonical payload."""
        return canonical_msgpack.encode(
            {"data": self.data, "media_type": self.media_type, "name": self.name}
        )


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that anybody added after sealing; it can widen no trust."""

    media_type: str
    data: bytes

    def encode(self) -> bytes:
        """The canonical payload."""
        return canonical_msgpack.encode({"data": self.data, "media_type": self.media_type})


def parse_blob(payload: bytes, where: str) -> Blob:
    """Read a BLOB payload.

    Raises:
        Rejection: ``msgpack.*``, ``schema.*``.
    """
    fields = Fields(canonical_msgpack.decode(payload, canonical_msgpack.MAX_FRAME_ITEMS), where)
    blob = Blob(
        fields.take_str("name"),
        fields.take_str("media_type"),
        fields.take_bytes("data", 0, MAX_FRAME_BYTES),
    )
    fields.finish()
    return blob


def parse_attachment(payload: bytes, where: str) -> Attachment:
    """Read an ATTACHMENT payload.

    Raises:
        Rejection: ``msgpack.*``, ``schema.*``.
    """
    fields = Fields(canonical_msgpack.decode(payload, canonical_msgpack.MAX_FRAME_ITEMS), where)
    attachment = Attachment(
        fields.take_str("media_type"), fields.take_bytes("data", 1, MAX_FRAME_BYTES)
    )
    fields.finish()
    return attachment
