"""A DSSE envelope in JSON whose signatures say their algorithm: precommits and counterparts' words.

Every signature is labelled as in a SIGNATURE frame; labels are compared with named keys and choose
nothing.
"""

import base64
from collections.abc import Sequence

from pot_reverify.documents.signed_bytes import MAX_SIGNATURES, Signature
from pot_reverify.encoding import strict_base64, strict_json
from pot_reverify.encoding.fields import Fields

_MAX_SIGNATURE_CHARACTERS = 16384


def encode_envelope(payload_type: str, payload: bytes, signatures: Sequence[Signature]) -> bytes:
    """The envelope as it is kept in a file."""
    return strict_json.encode(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [
                {
                    "algorithm": one.algorithm,
                    "keyid": one.key_id,
                    "sig": base64.b64encode(one.signature).decode(),
                }
                for one in signatures
            ],
        }
    )


def decode_envelope(
    data: bytes,
    payload_type: str,
    max_payload_bytes: int,
    base64_code: str,
    where: str,
    *,
    max_signatures: int = MAX_SIGNATURES,
) -> tuple[bytes, tuple[Signature, ...]]:
    """The payload's exact bytes, and the signatures.

    Args:
        base64_code: the reason code of what is not strict base64.

    Raises:
        Rejection: ``json.*``, ``schema.*``, and `base64_code`.
    """
    fields = Fields(strict_json.decode(data), where)
    fields.take_literal("payloadType", payload_type)
    text = fields.take_str("payload", 2 * max_payload_bytes)
    payload = strict_base64.decode(text, base64_code, where)
    signatures = []
    for number, item in enumerate(fields.take_list("signatures", 1, max_signatures)):
        entry = Fields(item, f"{where}.signatures[{number}]")
        algorithm, key_id = entry.take_str("algorithm", 32), entry.take_str("keyid", 80)
        text = entry.take_str("sig", _MAX_SIGNATURE_CHARACTERS)
        signature = strict_base64.decode(text, base64_code, entry.where)
        signatures.append(Signature(algorithm, key_id, signature))
        entry.finish()
    fields.finish()
    return payload, tuple(signatures)
