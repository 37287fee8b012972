"""GGUF files written byte by byte, so that every field of one can be wrong."""

import struct
from collections.abc import Sequence

NUMBER = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 10: "Q", 11: "q", 12: "d"}
U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10


def string(text: str | bytes) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(content)) + content


def entry(key: str | bytes, kind: int, content: bytes) -> bytes:
    return string(key) + struct.pack("<I", kind) + content


def u32(key: str, value: int) -> bytes:
    return entry(key, U32, struct.pack("<I", value))


def text(key: str, value: str | bytes) -> bytes:
    return entry(key, STRING, string(value))


def array(key: str, kind: int, items: Sequence[bytes]) -> bytes:
    return entry(key, ARRAY, struct.pack("<IQ", kind, len(items)) + b"".join(items))


def tensor(name: str | bytes, shape: Sequence[int], kind: int = 0, offset: int = 0) -> bytes:
    """One line of the table, its dimensions as they are stored."""
    dimensions = struct.pack(f"<{len(shape)}Q", *shape)
    return (
        string(name) + struct.pack("<I", len(shape)) + dimensions + struct.pack("<IQ", kind, offset)
    )


def any_entry(key: str, value: object) -> bytes:
    """An entry of the type that converters choose."""
    if isinstance(value, list):
        return array(key, *_elements(value))
    kind, content = _scalar(value)
    return entry(key, kind, content)


def _elements(values: list) -> tuple[int, list[bytes]]:
    scalars = [_scalar(value) for value in values]
    kind = I32 if scalars[0][0] == U32 else scalars[0][0]
    return kind, [content for _, content in scalars]


def _scalar(value: object) -> tuple[int, bytes]:
    match value:
        case bool():
            return BOOL, bytes([value])
        case int():
            return U32, struct.pack("<I", value)
        case float():
            return F32, struct.pack("<f", value)
        case str():
            return STRING, string(value)
    raise TypeError(value)


def gguf_bytes(
    entries: Sequence[bytes],
    tensors: Sequence[bytes],
    data: bytes = b"",
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    tensor_count: int | None = None,
    key_count: int | None = None,
    alignment: int = 32,
) -> bytes:
    counts = (
        len(tensors) if tensor_count is None else tensor_count,
        len(entries) if key_count is None else key_count,
    )
    header = magic + struct.pack("<IQQ", version, *counts) + b"".join([*entries, *tensors])
    return header + b"\0" * (-len(header) % alignment) + data
