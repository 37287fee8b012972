"""Base64 (RFC 4648 §4) with exactly one text for each byte string."""

import base64
import binascii

from pot_reverify.errors import Rejection


def decode(text: str, code: str, where: str) -> bytes:
    """Decode a text that is not empty.

    Args:
        code: the reason code of a text that is not in its one form.
        where: the text's place, for errors.

    Raises:
        Rejection: with that code.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise Rejection(code, "not strict base64", where=where)
    return data
