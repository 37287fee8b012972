"""The signed statement as a DSSE envelope (DSSE v1.0.2, envelope.md), with every signature."""

import base64
import json

from pot_recorder.export.sealed import SealedBundle
from pot_reverify.documents.statement import PAYLOAD_TYPE


def dsse_envelope(sealed: SealedBundle) -> bytes:
    """The envelope as JSON: the exact statement bytes, and the signatures in the bundle's order.

    ``keyid`` is a hint and nothing signs it; DSSE lets no verifier rely on it.
    """
    envelope = {
        "payload": base64.b64encode(sealed.statement_payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [
            {"keyid": one.key_id, "sig": base64.b64encode(one.signature).decode()}
            for one in sealed.bundle.signatures
        ],
    }
    return json.dumps(envelope, indent=2).encode() + b"\n"
