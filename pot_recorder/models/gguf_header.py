"""What a GGUF file says about itself: its metadata and its table of tensors.

A reader of our own, beside the one of the `gguf` package that transformers uses: what is loaded is
compared with what this one read. It is strict where a file could mean two things: keys and tensors
have one value each, and tensors fill the file in the order of the table, without gaps, overlaps or
a remainder (ggml asks for the same), so that no byte of the file is left out unseen.
Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from types import MappingProxyType

from pot_recorder.models.gguf_fields import Fields, Value, corrupt
from pot_recorder.models.gguf_tensor_types import TENSOR_TYPES, TensorType
from pot_recorder.models.lfs_pointer import FIRST_BYTES, require_no_lfs_pointer
from pot_reverify.errors import Rejection

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
# The largest models known have 2,000 tensors and 100 keys.
_TENSORS_MAX = 1 << 17
_KEYS_MAX = 1 << 16
_NAME_BYTES_MAX = 63  # GGML_MAX_NAME, with a final zero
_KEY_BYTES_MAX = (1 << 16) - 1
_DIMENSIONS_MAX = 4
_ELEMENTS_MAX = 1 << 48
_ALIGNMENT_DEFAULT = 32
_ALIGNMENT_MAX = 1 << 20
_ALIGNMENT_KEY = "general.alignment"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as the header describes it.

    Args:
        name: such as ``blk.0.attn_q.weight``.
        shape: the fastest-running dimension last, as torch counts.
        type: how its numbers are stored.
        offset_bytes: from the beginning of the data.
    """

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset_bytes: int

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """How many bytes of the file it takes."""
        return self.elements // self.type.block_elements * self.type.block_bytes


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """Everything in a GGUF file but the weights.

    Args:
        version: of the format.
        metadata: every key with its value.
        tensors: every tensor by its name, in the order of the file.
        data_start_bytes: where in the file the tensors begin.
    """

    version: int
    metadata: Mapping[str, Value]
    tensors: Mapping[str, Tensor]
    data_start_bytes: int


def read_gguf_header(stream: BufferedIOBase, size_bytes: int, where: str) -> GgufHeader:
    """Read the header of a GGUF file and hold the file's length against it.

    Args:
        stream: at the beginning of the file.
        size_bytes: of the whole file.
        where: the file's name, for errors.

    Raises:
        Rejection: ``model.lfs-pointer``, ``model.corrupt-gguf``, ``model.gguf-version`` or
            ``model.gguf-tensor-type``.
    """
    first = stream.read(FIRST_BYTES)
    require_no_lfs_pointer(first, where)
    if not first.startswith(_MAGIC):
        raise Rejection(
            "model.corrupt-gguf",
            "not a GGUF file",
            where=where,
            got=repr(first[: len(_MAGIC)]),
            expected="the bytes 'GGUF' at its beginning",
        )
    stream.seek(len(_MAGIC))
    fields = Fields(stream, size_bytes, len(_MAGIC), where)
    version = _version(fields, where)
    tensor_count = fields.count(_TENSORS_MAX, "tensors")
    metadata = _metadata(fields, fields.count(_KEYS_MAX, "keys"), where)
    tensors: dict[str, Tensor] = {}
    for _ in range(tensor_count):
        tensor = _tensor(fields, where)
        if tensor.name in tensors:
            raise corrupt(where, "two tensors have one name", got=tensor.name)
        tensors[tensor.name] = tensor
    alignment = _alignment(metadata, where)
    data_start = _padded(fields.position, alignment)
    _check_layout(tensors.values(), data_start, alignment, size_bytes, where)
    return GgufHeader(version, MappingProxyType(metadata), MappingProxyType(tensors), data_start)


def _version(fields: Fields, where: str) -> int:
    version = fields.unsigned(4)
    swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in _VERSIONS:
        big_endian = swapped in _VERSIONS
        raise Rejection(
            "model.gguf-version",
            "this kind of GGUF is not read",
            where=where,
            got=f"version {swapped}, big-endian" if big_endian else f"version {version}",
            expected="version 2 or 3, little-endian",
        )
    return version


def _metadata(fields: Fields, count: int, where: str) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(count):
        key = fields.name(_KEY_BYTES_MAX, "key")
        if key in metadata:
            raise corrupt(where, "one key has two values", got=key)
        metadata[key] = fields.value(key)
    return metadata


def _tensor(fields: Fields, where: str) -> Tensor:
    name = fields.name(_NAME_BYTES_MAX, "tensor name")
    dimensions = fields.unsigned(4)
    if not 1 <= dimensions <= _DIMENSIONS_MAX:
        raise corrupt(
            where,
            f"tensor {name} has an absurd shape",
            got=f"{dimensions} dimensions",
            expected="1–4",
        )
    shape = tuple(fields.unsigned(8) for _ in range(dimensions))[::-1]
    if not 1 <= math.prod(shape) <= _ELEMENTS_MAX or max(shape) > _ELEMENTS_MAX:
        raise corrupt(where, f"tensor {name} has an absurd shape", got=shape)
    type_id = fields.unsigned(4)
    kind = TENSOR_TYPES.get(type_id)
    if kind is None:
        raise Rejection(
            "model.gguf-tensor-type",
            f"tensor {name} is stored in a way that is not read",
            where=where,
            got=f"ggml type {type_id}",
            expected=", ".join(known.name for known in TENSOR_TYPES.values()),
        )
    if shape[-1] % kind.block_elements:
        raise corrupt(
            where,
            f"a row of tensor {name} is no whole number of blocks",
            got=f"{shape[-1]} elements",
            expected=f"a multiple of {kind.block_elements} for {kind.name}",
        )
    return Tensor(name, shape, kind, fields.unsigned(8))


def _alignment(metadata: Mapping[str, Value], where: str) -> int:
    alignment = metadata.get(_ALIGNMENT_KEY, _ALIGNMENT_DEFAULT)
    if (
        type(alignment) is not int
        or alignment.bit_count() != 1
        or not 1 <= alignment <= _ALIGNMENT_MAX
    ):
        raise corrupt(
            where,
            "an impossible alignment",
            got=alignment,
            expected=f"a power of 2 ≤ {_ALIGNMENT_MAX}",
        )
    return alignment


def _check_layout(
    tensors: Collection[Tensor], data_start: int, alignment: int, size_bytes: int, where: str
) -> None:
    """Each tensor begins where the one before it ends, and the file ends with the last."""
    offset = end = 0
    for tensor in tensors:
        if tensor.offset_bytes != offset:
            raise corrupt(
                where,
                f"tensor {tensor.name} does not follow the one before it",
                got=f"offset {tensor.offset_bytes}",
                expected=f"offset {offset}",
            )
        end = offset + tensor.size_bytes
        offset = _padded(end, alignment)
        if data_start + end > size_bytes:
            raise corrupt(
                where,
                f"the file ends inside tensor {tensor.name}",
                got=f"{size_bytes} bytes",
                expected=f"{data_start + end} bytes or more",
            )
    if tensors and size_bytes > data_start + offset:
        raise corrupt(
            where,
            "bytes that belong to no tensor",
            got=f"{size_bytes} bytes",
            expected=f"{data_start + end} bytes",
        )


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
