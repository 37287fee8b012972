"""The header of a safetensors file: which tensors it holds, and where.

Format: 8 bytes little-endian header length, a JSON header, then the data. The header must describe
the data without gaps, overlaps or a remainder (safetensors, "Format"), so that no byte of the file
is left out of the model unseen. Reading it needs no torch and only the beginning of the file.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeGuard

from pot_reverify.errors import Rejection

LENGTH_BYTES = 8
_HEADER_BYTES_MAX = 100_000_000
_MAX_DIMENSIONS = 64
_ITEM_BYTES: Mapping[str, int] = MappingProxyType(
    {
        "BF16": 2,
        "BOOL": 1,
        "F16": 2,
        "F32": 4,
        "F64": 8,
        "F8_E4M3": 1,
        "F8_E5M2": 1,
        "F8_E8M0": 1,
        "I16": 2,
        "I32": 4,
        "I64": 8,
        "I8": 1,
        "U16": 2,
        "U32": 4,
        "U64": 8,
        "U8": 1,
    }
)


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor of a file.

    Args:
        dtype: as the header calls it, such as ``BF16``.
        start: where its data begins, counted from the end of the header; `stop` is where it ends.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def prefix_bytes(beginning: bytes | bytearray) -> int:
    """How many bytes of a file hold its header, from its first `LENGTH_BYTES`; capped."""
    return LENGTH_BYTES + min(int.from_bytes(beginning[:LENGTH_BYTES], "little"), _HEADER_BYTES_MAX)


def parse_safetensors_header(
    prefix: bytes | bytearray, file_bytes: int, where: str
) -> tuple[TensorEntry, ...]:
    """The tensors of a file in the order of their data.

    Args:
        prefix: the file from its beginning, `prefix_bytes` of it or all.
        file_bytes: length of the whole file.
        where: the file's name, for errors.

    Raises:
        Rejection: ``model.corrupt-shard``.
    """
    header_bytes = int.from_bytes(prefix[:LENGTH_BYTES], "little")
    room = min(_HEADER_BYTES_MAX, file_bytes - LENGTH_BYTES, len(prefix) - LENGTH_BYTES)
    if not 2 <= header_bytes <= room:
        raise _corrupt(where, "no safetensors header")
    header = _decode(bytes(prefix[LENGTH_BYTES : LENGTH_BYTES + header_bytes]), where)
    data_bytes = file_bytes - LENGTH_BYTES - header_bytes
    entries = sorted(
        (_entry(name, value, where) for name, value in header.items() if name != "__metadata__"),
        key=lambda entry: (entry.start, entry.stop),
    )
    end = 0
    for entry in entries:
        if entry.start != end:
            raise _corrupt(where, f"tensor {entry.name} does not follow the one before it")
        end = entry.stop
        if end > data_bytes:
            raise _corrupt(where, f"the file ends inside tensor {entry.name}")
    if end != data_bytes:
        raise _corrupt(where, "bytes that belong to no tensor")
    return tuple(entries)


def _decode(content: bytes, where: str) -> dict[str, object]:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise _corrupt(where, "the header names something twice")
        return members

    try:
        header: object = json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise _corrupt(where, "the header is not JSON") from error
    if not isinstance(header, dict):
        raise _corrupt(where, "the header is not an object")
    return header


def _entry(name: str, value: object, where: str) -> TensorEntry:
    if not isinstance(value, dict):
        raise _corrupt(where, f"tensor {name} has no description")
    dtype = value.get("dtype")
    item_bytes = _ITEM_BYTES.get(dtype) if isinstance(dtype, str) else None
    if item_bytes is None:
        raise _corrupt(where, f"tensor {name} has the unknown type {dtype}")
    shape, offsets = value.get("shape"), value.get("data_offsets")
    if not _is_sizes(shape) or not _is_sizes(offsets) or len(offsets) != 2:
        raise _corrupt(where, f"tensor {name} has a malformed shape or offsets")
    if offsets[1] - offsets[0] != math.prod(shape) * item_bytes:
        raise _corrupt(where, f"tensor {name} has another length than its shape")
    return TensorEntry(name, str(dtype), tuple(shape), offsets[0], offsets[1])


def _is_sizes(value: object) -> TypeGuard[list[int]]:
    # The product of very many sizes is a number that takes minutes to compute.
    if not isinstance(value, list) or len(value) > _MAX_DIMENSIONS:
        return False
    return all(type(size) is int and size >= 0 for size in value)


def _corrupt(where: str, message: str) -> Rejection:
    return Rejection("model.corrupt-shard", message, where=where)
