"""The fields of a GGUF header: numbers, strings and arrays, each capped before it is read."""

import struct
from collections.abc import Mapping
from io import BufferedIOBase
from types import MappingProxyType
from typing import TypeAlias

from pot_reverify.errors import Rejection

Scalar: TypeAlias = int | float | bool | str
Value: TypeAlias = Scalar | tuple[Scalar, ...]

# A vocabulary of 262,144 tokens with its merges takes 10 MB.
_HEADER_BYTES_MAX = 256 << 20
_ARRAY_MAX = 1 << 22
_STRING_BYTES_MAX = 16 << 20
_BOOL, _STRING, _ARRAY = 7, 8, 9
_NUMBERS: Mapping[int, struct.Struct] = MappingProxyType(
    {
        0: struct.Struct("<B"),
        1: struct.Struct("<b"),
        2: struct.Struct("<H"),
        3: struct.Struct("<h"),
        4: struct.Struct("<I"),
        5: struct.Struct("<i"),
        6: struct.Struct("<f"),
        10: struct.Struct("<Q"),
        11: struct.Struct("<q"),
        12: struct.Struct("<d"),
    }
)


class Fields:
    """A place in a header, moved on by every field that is read.

    Args:
        stream: at `position`.
        size_bytes: of the whole file.
        where: the file's name, for errors.
    """

    def __init__(self, stream: BufferedIOBase, size_bytes: int, position: int, where: str) -> None:
        self._stream = stream
        self._end = min(size_bytes, _HEADER_BYTES_MAX)
        self._where = where
        self.position = position

    def unsigned(self, width_bytes: int) -> int:
        """A number of 4 or 8 bytes."""
        return int.from_bytes(self._take(width_bytes), "little")

    def count(self, maximum: int, what: str) -> int:
        """How many of something follow, at most `maximum` and at most one for each byte left."""
        count = self.unsigned(8)
        if count > min(maximum, self._end - self.position):
            raise corrupt(self._where, f"an absurd number of {what}", got=count)
        return count

    def name(self, maximum_bytes: int, what: str) -> str:
        """The name of a key or tensor: printable ASCII, as the format asks."""
        text = self._string(maximum_bytes)
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise corrupt(self._where, f"a {what} is no name", got=ascii(text[:80]))
        return text

    def value(self, key: str) -> Value:
        """A value with its type before it.

        Raises:
            Rejection: ``model.corrupt-gguf``; the message names `key`.
        """
        kind = self.unsigned(4)
        if kind == _ARRAY:
            element = self.unsigned(4)
            if element not in _NUMBERS and element not in (_BOOL, _STRING):
                raise corrupt(self._where, f"{key} is an array of an unknown type", got=element)
            count = self.count(_ARRAY_MAX, f"values in {key}")
            if element in _NUMBERS:
                number = _NUMBERS[element]
                # One unpacking for all: a loop over a million scores takes a second.
                content = self._take(count * number.size)
                return struct.unpack(f"<{count}{number.format[1:]}", content)
            return tuple(self._scalar(element, key) for _ in range(count))
        return self._scalar(kind, key)

    def _scalar(self, kind: int, key: str) -> Scalar:
        if kind == _STRING:
            return self._string(_STRING_BYTES_MAX)
        if kind == _BOOL:
            byte = self._take(1)[0]
            if byte > 1:
                raise corrupt(self._where, f"{key} is neither true nor false", got=byte)
            return byte == 1
        number = _NUMBERS.get(kind)
        if number is None:
            raise corrupt(self._where, f"{key} has a value of an unknown type", got=kind)
        value: int | float = number.unpack(self._take(number.size))[0]
        return value

    def _string(self, maximum_bytes: int) -> str:
        length = self.unsigned(8)
        if length > maximum_bytes:
            raise corrupt(self._where, "a string is absurdly long", got=f"{length} bytes")
        try:
            return self._take(length).decode()
        except UnicodeDecodeError as error:
            raise corrupt(self._where, "a string is not UTF-8") from error

    def _take(self, count: int) -> bytes:
        if count > self._end - self.position:
            raise corrupt(self._where, "the file ends inside its header")
        content = self._stream.read(count)
        if len(content) != count:
            raise corrupt(self._where, "the file ends inside its header")
        self.position += count
        return content


def corrupt(where: str, message: str, *, got: object = None, expected: object = None) -> Rejection:
    """The error for a file that breaks the format."""
    return Rejection("model.corrupt-gguf", message, where=where, got=got, expected=expected)
