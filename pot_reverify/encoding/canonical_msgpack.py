"""potb-mp/1: msgpack with exactly one accepted encoding of each value.

Stock decoders take the last of two equal keys, integers of any width, and sizes as an attacker
claims them. Here the ``msgpack`` package reads scalars and headers; depth, sizes, key order and the
refused types are decided before it reads on; what was read must encode to the bytes that came.

Sources: the msgpack specification; docs/format.md, "Canonical msgpack".
"""

from typing import Final, TypeAlias, cast

import msgpack  # type: ignore[import-untyped]  # the package ships no annotations

from pot_reverify.errors import Rejection

ENCODING_ID: Final = "potb-mp/1"
MAX_DEPTH: Final = 16
# An empty array is one byte on the wire and 56 in memory, so bytes alone do not bound memory.
MAX_ITEMS: Final = 2**20
MAX_FRAME_ITEMS: Final = 2**14
"""In the payload of a frame without lists that grow; the largest that is written has some 120."""

Value: TypeAlias = "bool | int | str | bytes | list[Value] | dict[str, Value] | None"

_MAP_HEADERS: Final = frozenset({*range(0x80, 0x90), 0xDE, 0xDF})
_ARRAY_HEADERS: Final = frozenset({*range(0x90, 0xA0), 0xDC, 0xDD})
_REFUSED_HEADERS: Final = {
    0xC1: ("msgpack.malformed", "0xc1 is no msgpack type"),
    **dict.fromkeys((0xCA, 0xCB), ("msgpack.float", "floats are refused")),
    **dict.fromkeys(
        (0xC7, 0xC8, 0xC9, *range(0xD4, 0xD9)),
        ("msgpack.ext", "extension types and timestamps are refused"),
    ),
}


def decode(payload: bytes, max_items: int = MAX_ITEMS) -> dict[str, Value]:
    """Decodes the one canonical encoding of a map.

    Memory is at most a small multiple of ``len(payload)`` plus about 100 bytes an item, whatever
    the payload claims.

    Args:
        payload: the whole encoding and nothing after it.
        max_items: how many items all arrays and maps may have together.

    Raises:
        Rejection: ``msgpack.*``, at the first byte that is not canonical.
    """
    reader = _Reader(payload, max_items)
    try:
        value = reader.read(depth=1)
    except UnicodeDecodeError as error:
        raise Rejection(
            "msgpack.invalid-utf8", "a string is not UTF-8", where=reader.place()
        ) from error
    # The package raises ValueError for a claimed size above that of its whole input.
    except (msgpack.OutOfData, ValueError) as error:
        raise Rejection(
            "msgpack.length", "an item runs past the end of the payload", where=reader.place()
        ) from error
    if not isinstance(value, dict):
        raise Rejection("msgpack.not-a-map", "the top level is not a map", got=type(value).__name__)
    if reader.position != len(payload):
        raise Rejection(
            "msgpack.trailing-bytes",
            "bytes follow the map",
            expected=f"{reader.position} bytes",
            got=f"{len(payload)} bytes",
        )
    shortest = cast("bytes", msgpack.packb(value))
    if shortest != payload:
        raise Rejection(
            "msgpack.not-shortest",
            "a shorter form of an item exists",
            expected=f"{len(shortest)} bytes",
            got=f"{len(payload)} bytes",
        )
    return value


def encode(value: dict[str, Value]) -> bytes:
    """Encodes a map, keys sorted; what it returns, `decode` accepts.

    Raises:
        Rejection: the reason that `decode` would give for the same content.
        TypeError: a Python type that msgpack or this profile does not know, such as a tuple.
    """
    try:
        payload = cast("bytes", msgpack.packb(_sorted(value, depth=1), strict_types=True))
    except UnicodeEncodeError as error:
        raise Rejection("msgpack.invalid-utf8", "a string holds a lone surrogate") from error
    except OverflowError as error:
        raise Rejection(
            "msgpack.integer-range", "an integer is out of range", expected="-2^63 to 2^64-1"
        ) from error
    decode(payload)
    return payload


class _Reader:
    """One pass over a payload, which holds every limit before it reads on."""

    __slots__ = ("_items_left", "_max_items", "_payload", "_unpacker")

    def __init__(self, payload: bytes, max_items: int) -> None:
        self._payload = payload
        self._max_items = self._items_left = max_items
        self._unpacker = msgpack.Unpacker(max_buffer_size=len(payload))
        self._unpacker.feed(payload)

    @property
    def position(self) -> int:
        return cast("int", self._unpacker.tell())

    def place(self) -> str:
        return f"byte {self.position}"

    def read(self, depth: int) -> Value:
        position = self._unpacker.tell()
        if position == len(self._payload):
            raise msgpack.OutOfData
        header = self._payload[position]
        if header in _REFUSED_HEADERS:
            raise Rejection(*_REFUSED_HEADERS[header], where=self.place())
        if header in _MAP_HEADERS:
            _check_depth(depth)
            return self._read_map(depth)
        if header in _ARRAY_HEADERS:
            _check_depth(depth)
            count = self._unpacker.read_array_header()
            self._spend(count)
            return [self.read(depth + 1) for _ in range(count)]
        return cast("Value", self._unpacker.unpack())

    def _read_map(self, depth: int) -> dict[str, Value]:
        count = self._unpacker.read_map_header()
        self._spend(2 * count)
        result: dict[str, Value] = {}
        previous = ""
        for _ in range(count):
            key = self.read(depth + 1)
            if not isinstance(key, str):
                raise _key_type(key, where=self.place())
            # Code points compare as their UTF-8 bytes do.
            if result and key <= previous:
                if key in result:
                    raise Rejection(
                        "msgpack.duplicate-key",
                        "a key occurs twice",
                        where=self.place(),
                        got=repr(key[:80]),
                    )
                raise Rejection(
                    "msgpack.unsorted-keys",
                    "keys are not in increasing order of their UTF-8 bytes",
                    where=self.place(),
                    got=f"{key[:80]!r} after {previous[:80]!r}",
                )
            result[key] = self.read(depth + 1)
            previous = key
        return result

    def _spend(self, items: int) -> None:
        """Refuses a claim of more items than there are bytes left, or than the budget holds."""
        if items > len(self._payload) - self._unpacker.tell():
            raise msgpack.OutOfData
        self._items_left -= items
        if self._items_left < 0:
            raise Rejection(
                "msgpack.items", f"more than {self._max_items} items", where=self.place()
            )


def _sorted(value: Value, depth: int) -> Value:
    if isinstance(value, dict):
        _check_depth(depth)
        for key in value:
            if not isinstance(key, str):
                raise _key_type(key)
        return {key: _sorted(value[key], depth + 1) for key in sorted(value)}
    if isinstance(value, list):
        _check_depth(depth)
        return [_sorted(item, depth + 1) for item in value]
    return value


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Rejection("msgpack.depth", f"more than {MAX_DEPTH} containers inside each other")


def _key_type(key: object, where: str | None = None) -> Rejection:
    return Rejection(
        "msgpack.key-type", "a map key is not a string", where=where, got=type(key).__name__
    )
