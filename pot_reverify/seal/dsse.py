"""The bytes that a signature of a DSSE envelope covers (DSSE v1.0.2, protocol.md).

The payload type stands inside the signed bytes. It is what keeps a signature over one kind of
document from passing for a signature over another: keys sign nothing but these bytes.
"""


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: ``"DSSEv1" SP len SP payload_type SP len SP payload``.

    Lengths count bytes, in decimal without leading zeros, so no two pairs encode alike.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
