"""JSON (RFC 8259) with the choices that the RFC leaves to a parser taken away.

I-JSON (RFC 7493) in its refusals, and narrower: no fractions or exponents, so no two parsers can
read different numbers; integers of 64 bits; a bounded depth. White space and key order are free,
since documents are signed as the bytes that they are.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, NoReturn, cast

from pot_reverify.errors import Rejection

MAX_DEPTH: Final = 32
# Strings and brackets. An empty array is two bytes of text and 56 in memory.
MAX_TOKENS: Final = 2**20
MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_WHITE_SPACE: Final = " \t\r\n"
_LONGEST_INTEGER: Final = len(str(MIN_INTEGER))
# Strings whole, so that brackets inside them do not count.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
# As many as can be taken apart at once in little memory.
_STRINGS: Final = re.compile(rb'(?:[^"]{1,1024}+|"(?:[^"\\]++|\\.)*+"){1,256}+', re.DOTALL)
_BRACKETS_AS_ROUND: Final = bytes.maketrans(b"[]{}", b"()()")
_NO_SHAPE: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')


def decode(data: bytes) -> dict[str, object]:
    """Decodes one JSON object.

    Returns:
        Values of the types dict, list, str, int, bool and None.

    Raises:
        Rejection: ``json.*``.
    """
    if data.startswith(_BYTE_ORDER_MARK):
        raise Rejection("json.byte-order-mark", "the document starts with a byte order mark")
    _check_shape(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejection(
            "json.invalid-utf8", "the document is not UTF-8", where=f"byte {error.start}"
        ) from error
    start = len(text) - len(text.lstrip(_WHITE_SPACE))
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise Rejection(
            "json.malformed",
            f"not JSON: {error.msg}",
            where=f"line {error.lineno}, column {error.colno}",
        ) from error
    if text[end:].strip(_WHITE_SPACE):
        raise Rejection(
            "json.trailing-data", "something follows the document", where=f"character {end}"
        )
    if not isinstance(value, dict):
        raise Rejection("json.not-an-object", "the top level is not an object")
    try:
        # UTF-8 has no surrogates; only an escape can make one.
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Rejection("json.lone-surrogate", "a string holds a lone surrogate") from error
    return cast("dict[str, object]", value)


def encode(document: Mapping[str, object]) -> bytes:
    """Encodes a document compactly, keys in code point order; what it returns, `decode` accepts.

    Raises:
        Rejection: the reason that `decode` would give for the same content.
        TypeError: a Python type that JSON does not give back as it was, such as a tuple.
    """
    try:
        text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        data = text.encode()
    except RecursionError as error:
        raise _too_deep() from error
    except UnicodeEncodeError as error:
        raise Rejection("json.lone-surrogate", "a string holds a lone surrogate") from error
    if decode(data) != document:
        raise TypeError("documents hold dicts with str keys, lists, str, int, bool and None")
    return data


def _check_shape(data: bytes) -> None:
    """Before the parser, which recurses and builds whatever it reads."""
    shape = b"".join(_shapes(data))
    left = shape.replace(b'"', b"")
    if b"(" * (MAX_DEPTH + 1) in left:
        raise _too_deep()
    # A round takes away the innermost containers, and so one level of depth.
    for _ in range(MAX_DEPTH):
        before, left = left, left.replace(b"()", b"")
        if len(left) == len(before):
            break
    if b"()" in left or b"(" * (MAX_DEPTH + 1) in left:
        raise _too_deep()
    if len(shape) > MAX_TOKENS:
        raise Rejection("json.items", f"more than {MAX_TOKENS} strings and brackets")


def _shapes(data: bytes) -> Iterator[bytes]:
    """Round brackets for all kinds of them and a quote for each string, piece by piece."""
    position = 0
    while found := _STRINGS.match(data, position):
        position = found.end()
        yield _STRING.sub(b'"', found[0]).translate(_BRACKETS_AS_ROUND, _NO_SHAPE)
    if position < len(data):
        yield b'"'  # a string that never ends


def _too_deep() -> Rejection:
    return Rejection("json.depth", f"more than {MAX_DEPTH} containers inside each other")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise Rejection("json.duplicate-key", "a key occurs twice", got=repr(key[:80]))
        result[key] = value
    return result


def _integer(literal: str) -> int:
    if literal == "-0":
        _refuse_float(literal)
    if len(literal) > _LONGEST_INTEGER or not MIN_INTEGER <= int(literal) <= MAX_INTEGER:
        raise Rejection(
            "json.integer-range",
            "an integer is out of range",
            expected="-2^63 to 2^63-1",
            got=literal[:80],
        )
    return int(literal)


def _refuse_float(literal: str) -> NoReturn:
    raise Rejection("json.float", "a number is not an integer", got=literal[:80])


def _refuse_constant(literal: str) -> NoReturn:
    raise Rejection("json.not-finite", "NaN and Infinity are not JSON", got=literal)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_int=_integer,
    parse_float=_refuse_float,
    parse_constant=_refuse_constant,
)
