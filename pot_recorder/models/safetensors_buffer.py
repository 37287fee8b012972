"""Tensors from the very bytes that were hashed: a safetensors file held in memory."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch

from pot_recorder.models.safetensors_header import (
    TensorEntry,
    parse_safetensors_header,
    prefix_bytes,
)

_DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "BF16": torch.bfloat16,
        "BOOL": torch.bool,
        "F16": torch.float16,
        "F32": torch.float32,
        "F64": torch.float64,
        "F8_E4M3": torch.float8_e4m3fn,
        "F8_E5M2": torch.float8_e5m2,
        "F8_E8M0": torch.float8_e8m0fnu,
        "I16": torch.int16,
        "I32": torch.int32,
        "I64": torch.int64,
        "I8": torch.int8,
        "U16": torch.uint16,
        "U32": torch.uint32,
        "U64": torch.uint64,
        "U8": torch.uint8,
    }
)


def parse_safetensors(content: bytearray, where: str) -> dict[str, torch.Tensor]:
    """The tensors of one file, each copied into memory of its own.

    Args:
        content: the whole file.
        where: the file's name, for errors.

    Raises:
        Rejection: ``model.corrupt-shard``.
    """
    return tensors_of(content, parse_safetensors_header(content, len(content), where))


def torch_dtype(name: str) -> torch.dtype:
    """The type that a header's name stands for."""
    return _DTYPES[name]


def tensors_of(content: bytearray, entries: Sequence[TensorEntry]) -> dict[str, torch.Tensor]:
    """The tensors that a header describes, each copied into memory of its own.

    A copy is aligned as torch aligns its tensors, whatever the header's length: kernels may choose
    their order of additions by alignment, and the same weights must give the same numbers.

    Args:
        content: the whole file.
        entries: from `parse_safetensors_header` of these very bytes.
    """
    data_start = prefix_bytes(content)
    tensors: dict[str, torch.Tensor] = {}
    for entry in entries:
        dtype = _DTYPES[entry.dtype]
        count = math.prod(entry.shape)
        if count == 0:
            tensors[entry.name] = torch.empty(entry.shape, dtype=dtype)
            continue
        flat = torch.frombuffer(content, dtype=dtype, count=count, offset=data_start + entry.start)
        tensors[entry.name] = flat.reshape(entry.shape).clone()
    return tensors
