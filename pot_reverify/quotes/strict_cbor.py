"""The part of CBOR (RFC 8949) that Nitro documents use, without the choices that hide things.

Refused: a key that occurs twice, strings and arrays of indefinite length, floats, simple values
other than null, tags other than COSE_Sign1's, and anything after the end. A map of indefinite
length is read, since the Nitro security module has written its payload as one since 2025.
"""

from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes.byte_reader import ByteReader

_WHERE: Final = "CBOR"
_MAX_DEPTH: Final = 8
# A document has a few hundred. An empty array is one byte of CBOR and 56 in memory.
_MAX_ITEMS: Final = 1 << 14
_COSE_SIGN1: Final = 0xD2
_BREAK: Final = 0xFF
_NULL: Final = 0xF6
_INDEFINITE_MAP: Final = 0xBF

Value = int | bytes | str | list["Value"] | dict["int | str", "Value"] | None


def decode(data: bytes) -> Value:
    """The one data item.

    Raises:
        Rejection: ``quote.cbor``, ``quote.truncated`` or ``quote.trailing-bytes``.
    """
    reader = _Reader(data, _WHERE)
    if data[:1] == bytes([_COSE_SIGN1]):
        reader.take(1)
    value = _decode_item(reader, reader.take(1)[0], 0)
    reader.finish()
    return value


def encode_bytes(data: bytes) -> bytes:
    """A byte string with its shortest head."""
    size = len(data)
    if size < 24:
        return bytes([0x40 + size]) + data
    log2_length = 0 if size < 2**8 else 1 if size < 2**16 else 2
    return bytes([0x58 + log2_length]) + size.to_bytes(1 << log2_length, "big") + data


class _Reader(ByteReader):
    """Bytes, and how many items may still be made of them."""

    def __init__(self, data: bytes, where: str) -> None:
        super().__init__(data, where)
        self._items_left = _MAX_ITEMS

    def spend(self, items: int) -> None:
        """Count the items of a container before they are read."""
        self._items_left -= items
        if self._items_left < 0:
            raise _refuse(self, f"more than {_MAX_ITEMS} items")


def _decode_item(reader: _Reader, initial: int, depth: int) -> Value:
    if depth > _MAX_DEPTH:
        raise _refuse(reader, "too many containers inside each other")
    if initial == _NULL:
        return None
    if initial == _INDEFINITE_MAP:
        return _decode_map(reader, None, depth)
    argument = _decode_argument(reader, initial & 0x1F)
    match initial >> 5:
        case 0:
            value: Value = argument
        case 1:
            value = -1 - argument
        case 2:
            value = reader.take(argument)
        case 3:
            value = _decode_text(reader, argument)
        case 4:
            reader.spend(argument)
            value = [_decode_item(reader, reader.take(1)[0], depth + 1) for _ in range(argument)]
        case 5:
            value = _decode_map(reader, argument, depth)
        case _:
            raise _refuse(reader, "a tag, float or simple value")
    return value


def _decode_argument(reader: _Reader, additional: int) -> int:
    if additional < 24:
        return additional
    if additional > 27:
        raise _refuse(reader, "an indefinite length, or a reserved value")
    return int.from_bytes(reader.take(1 << additional - 24), "big")


def _decode_text(reader: _Reader, size: int) -> str:
    try:
        return reader.take(size).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(reader, "text that is not UTF-8") from error


def _decode_map(reader: _Reader, size: int | None, depth: int) -> Value:
    result: dict[int | str, Value] = {}
    while size is None or len(result) < size:
        reader.spend(1)
        initial = reader.take(1)[0]
        if size is None and initial == _BREAK:
            break
        key = _decode_item(reader, initial, depth + 1)
        if not isinstance(key, int | str):
            raise _refuse(reader, "a key that is neither text nor an integer")
        if key in result:
            raise _refuse(reader, "a key that occurs twice")
        result[key] = _decode_item(reader, reader.take(1)[0], depth + 1)
    return result


def _refuse(reader: _Reader, what: str) -> Rejection:
    return Rejection("quote.cbor", f"{what} is not read here", where=f"CBOR, byte {reader.offset}")
