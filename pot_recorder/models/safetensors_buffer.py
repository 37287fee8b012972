"""Tensors from the very bytes that were hashed: a safetensors file held in memory.

Format: 8 bytes little-endian header length, a JSON header, then the data. The header must describe
the data without gaps, overlaps or a remainder (safetensors, "Format"), so that no byte of the file
is left out of the model unseen.
"""

import json
import math
from collections.abc import Mapping
from typing import TypeGuard

import torch

from pot_reverify.errors import Rejection

_HEADER_BYTES_MAX = 100_000_000
_MAX_DIMENSIONS = 64
_DTYPES: Mapping[str, torch.dtype] = {
    "BF16": torch.bfloat16,
    "BOOL": torch.bool,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "I8": torch.int8,
    "U8": torch.uint8,
}


def parse_safetensors(content: bytearray, where: str) -> dict[str, torch.Tensor]:
    """The tensors of one file, each copied into memory of its own.

    A copy is aligned as torch aligns its tensors, whatever the header's length: kernels may choose
    their order of additions by alignment, and the same weights must give the same numbers.

    Args:
        content: the whole file.
        where: the file's name, for errors.

    Raises:
        Rejection: ``model.corrupt-shard``.
    """
    header, data_start = _header(content, where)
    tensors: dict[str, torch.Tensor] = {}
    entries = [
        (*_entry(name, value, where), name)
        for name, value in header.items()
        if name != "__metadata__"
    ]
    end = 0
    for start, stop, dtype, shape, name in sorted(entries, key=lambda entry: entry[:2]):
        if start != end:
            raise _corrupt(where, f"tensor {name} does not follow the one before it")
        end = stop
        if data_start + stop > len(content):
            raise _corrupt(where, f"the file ends inside tensor {name}")
        count = math.prod(shape)
        if count == 0:
            tensors[name] = torch.empty(shape, dtype=dtype)
            continue
        flat = torch.frombuffer(content, dtype=dtype, count=count, offset=data_start + start)
        tensors[name] = flat.reshape(shape).clone()
    if data_start + end != len(content):
        raise _corrupt(where, "bytes that belong to no tensor")
    return tensors


def _header(content: bytearray, where: str) -> tuple[dict[str, object], int]:
    header_bytes = int.from_bytes(content[:8], "little")
    if len(content) < 8 or not 2 <= header_bytes <= min(_HEADER_BYTES_MAX, len(content) - 8):
        raise _corrupt(where, "no safetensors header")
    try:
        header: object = json.loads(bytes(content[8 : 8 + header_bytes]))
    except (ValueError, RecursionError) as error:
        raise _corrupt(where, "the header is not JSON") from error
    if not isinstance(header, dict):
        raise _corrupt(where, "the header is not an object")
    return header, 8 + header_bytes


def _entry(name: str, value: object, where: str) -> tuple[int, int, torch.dtype, tuple[int, ...]]:
    if not isinstance(value, dict):
        raise _corrupt(where, f"tensor {name} has no description")
    dtype = _DTYPES.get(str(value.get("dtype")))
    if dtype is None:
        raise _corrupt(where, f"tensor {name} has the unknown type {value.get('dtype')}")
    shape, offsets = value.get("shape"), value.get("data_offsets")
    # The product of many sizes is a number that takes minutes to compute.
    if (
        not _is_sizes(shape)
        or len(shape) > _MAX_DIMENSIONS
        or not _is_sizes(offsets)
        or len(offsets) != 2
    ):
        raise _corrupt(where, f"tensor {name} has a malformed shape or offsets")
    if offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
        raise _corrupt(where, f"tensor {name} has another length than its shape")
    return offsets[0], offsets[1], dtype, tuple(shape)


def _is_sizes(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)


def _corrupt(where: str, message: str) -> Rejection:
    return Rejection("model.corrupt-shard", message, where=where)
