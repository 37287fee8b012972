"""Make a time-stamp response carry the certificates that its readers will need.

The certificates in a response are not signed, and authorities leave some out, or write the set in
an order that DER does not have. Adding and sorting them changes nothing that is signed.
"""

from collections.abc import Sequence
from typing import Final

from pot_reverify.timestamps import der
from pot_reverify.timestamps.der import Element, context

_CERTIFICATES: Final = context(0)


def embed_certificates(data: bytes, certificates: Sequence[bytes], where: str) -> bytes:
    """A response with these certificates in it besides its own, sorted.

    A response without a token is returned as it is: it says why there is none.

    Raises:
        Rejection: ``time.token-malformed``.
    """
    response = der.parse_one(data, where).require(der.SEQUENCE).items()
    if len(response) < 2:
        return data
    status, content_info = response[0], response[1].require(der.SEQUENCE).items()
    if len(content_info) != 2:
        return data
    wrapper = content_info[1].require(context(0))
    signed_data = der.parse_one(wrapper.content, where).require(der.SEQUENCE).items()
    fields = [one.encoded for one in signed_data if one.tag != _CERTIFICATES]
    own = [one for field in signed_data if field.tag == _CERTIFICATES for one in field.items()]
    wanted = {one.encoded for one in own} | set(certificates)
    if wanted:
        fields.insert(3, _encode(_CERTIFICATES, sorted(wanted)))
    inner = _encode(context(0), [_encode(der.SEQUENCE, fields)])
    token = _encode(der.SEQUENCE, [content_info[0].encoded, inner])
    return _encode(der.SEQUENCE, [status.encoded, token, *_rest(response)])


def _rest(response: Sequence[Element]) -> list[bytes]:
    """What no response has; it is kept, so that whoever verifies it sees it."""
    return [one.encoded for one in response[2:]]


def _encode(tag: int, parts: Sequence[bytes]) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
