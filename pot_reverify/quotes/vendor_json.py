"""JSON of vendors: the house's strict decoder, with hex fields, arrays, and RFC 8785.

Vendors add members as they like, so unknown members are passed over; no member is ever believed
that a quote or a signature does not bind.
"""

import json
from collections.abc import Mapping
from typing import cast

from pot_reverify.encoding import strict_json
from pot_reverify.errors import Rejection


def decode(data: bytes | str, where: str) -> object:
    """Any JSON value under the rules of `pot_reverify.encoding.strict_json`.

    Raises:
        Rejection: ``quote.json``.
    """
    try:
        raw = data.encode() if isinstance(data, str) else data
        # The house's documents are objects; a value of another type is the member of one.
        document = strict_json.decode(b'{"value":' + raw + b"}")
    except (Rejection, UnicodeEncodeError) as error:
        message = error.message if isinstance(error, Rejection) else "not Unicode"
        raise Rejection("quote.json", message, where=where) from error
    if len(document) != 1:
        raise Rejection("quote.json", "not one value", where=where)
    return document["value"]


def decode_object(data: bytes | str, where: str) -> dict[str, object]:
    """A JSON object.

    Raises:
        Rejection: ``quote.json``.
    """
    return as_object(decode(data, where), where)


def as_object(value: object, where: str) -> dict[str, object]:
    """The value itself, if it is an object.

    Raises:
        Rejection: ``quote.json``.
    """
    if not isinstance(value, dict):
        raise Rejection("quote.json", "not an object", where=where)
    return cast("dict[str, object]", value)


def as_list(value: object, where: str) -> list[object]:
    """The value itself, if it is an array.

    Raises:
        Rejection: ``quote.json``.
    """
    if not isinstance(value, list):
        raise Rejection("quote.json", "not an array", where=where)
    return cast("list[object]", value)


def text(document: Mapping[str, object], name: str, where: str) -> str:
    """A member that is a string.

    Raises:
        Rejection: ``quote.json``.
    """
    value = document.get(name)
    if not isinstance(value, str):
        raise Rejection("quote.json", "not a string", where=f"{where}.{name}")
    return value


def integer(document: Mapping[str, object], name: str, where: str) -> int:
    """A member that is an integer.

    Raises:
        Rejection: ``quote.json``.
    """
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Rejection("quote.json", "not an integer", where=f"{where}.{name}")
    return value


def hex_bytes(document: Mapping[str, object], name: str, where: str) -> bytes:
    """A member that is hex, with or without ``0x``.

    Raises:
        Rejection: ``quote.json``.
    """
    digits = text(document, name, where).removeprefix("0x")
    try:
        value = bytes.fromhex(digits)
    except ValueError as error:
        raise Rejection("quote.json", "not hex", where=f"{where}.{name}") from error
    if len(digits) != 2 * len(value):  # bytes.fromhex passes over white space
        raise Rejection("quote.json", "not hex", where=f"{where}.{name}")
    return value


def canonical(value: object) -> bytes:
    """RFC 8785 for decoded values: no floats came in, so only the order of names is left.

    Names are sorted by UTF-16 code units, as the RFC says.
    """
    return json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":")).encode()


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return {name: _sorted(value[name]) for name in names}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
