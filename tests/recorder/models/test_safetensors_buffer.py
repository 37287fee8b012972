# ruff: noqa: E402 - the module is skipped before it imports what needs torch
import json

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")
safetensors_torch = pytest.importorskip("safetensors.torch")

from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError

from pot_recorder.models.safetensors_buffer import parse_safetensors
from pot_reverify.errors import Rejection

TENSORS = {
    "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "b": torch.tensor(2.5, dtype=torch.bfloat16),
    "c": torch.tensor([1, 0, 2], dtype=torch.uint8),
    "d": torch.empty(0, 4, dtype=torch.float16),
    "e": torch.arange(-3, 3, dtype=torch.int64),
}
GOOD = safetensors_torch.save(TENSORS, metadata={"format": "pt"})


def build(header: object, data: bytes = b"") -> bytearray:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return bytearray(len(text).to_bytes(8, "little") + text + data)


def f32(start: int, end: int, shape: list[int] | None = None) -> dict[str, object]:
    length = [(end - start) // 4]
    return {
        "dtype": "F32",
        "shape": length if shape is None else shape,
        "data_offsets": [start, end],
    }


def raw_bytes(tensor: torch.Tensor) -> bytes:
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize(
    "dtype",
    ["bfloat16", "bool", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2",
     "int16", "int32", "int64", "int8", "uint8"],
)  # fmt: skip
def test_every_dtype(dtype: str) -> None:
    tensor = torch.tensor([[0, 1], [1, 0]]).to(getattr(torch, dtype))
    back = parse_safetensors(bytearray(safetensors_torch.save({"t": tensor})), "x")["t"]
    assert back.dtype is tensor.dtype
    assert raw_bytes(back) == raw_bytes(tensor)


def test_tensors_own_aligned_memory() -> None:
    content = bytearray(GOOD)
    tensors = parse_safetensors(content, "x")
    content[:] = bytes(len(content))
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert all(tensor.data_ptr() % 64 == 0 for tensor in tensors.values())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytearray(), "no safetensors header"),
        (bytearray(b"version https://git-lfs.github.com/spec/v1\n"), "no safetensors header"),
        (bytearray((10**9).to_bytes(8, "little") + b"{}"), "no safetensors header"),
        (build(b"{]"), "not JSON"),
        (build(b"[" * 50_000), "not JSON"),
        (build([]), "not an object"),
        (build({"t": 1}), "no description"),
        (build({"t": {"dtype": "F99"}}), "unknown type"),
        (build({"t": {"dtype": "F32", "shape": [1]}}), "malformed"),
        (build({"t": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}), "malformed"),
        (build({"t": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}), "malformed"),
        (build({"t": f32(0, 8, [1])}, bytes(8)), "another length"),
        (build({"t": f32(0, 8), "u": f32(4, 12)}, bytes(12)), "does not follow"),
        (build({"t": f32(0, 4), "u": f32(8, 12)}, bytes(12)), "does not follow"),
        (build({"t": f32(0, 8)}, bytes(7)), "ends inside"),
        (build({"t": f32(0, 8)}, bytes(9)), "belong to no tensor"),
    ],
)
def test_corrupt(content: bytearray, message: str) -> None:
    with pytest.raises(Rejection, match=message) as caught:
        parse_safetensors(content, "shard-1")
    assert caught.value.code == "model.corrupt-shard"
    assert caught.value.where == "shard-1"


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_nothing_passes_that_the_library_refuses(place: int, flip: int) -> None:
    content = bytearray(GOOD)
    content[place] ^= flip
    try:
        ours = parse_safetensors(content, "x")
    except Rejection:
        return
    try:
        theirs = safetensors_torch.load(bytes(content))
    except SafetensorError as error:
        pytest.fail(f"accepted what safetensors refuses: {error}")
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert tensor.shape == theirs[name].shape
        assert raw_bytes(tensor) == raw_bytes(theirs[name])


@pytest.mark.parametrize("shape", [[2**62] * 60_000, [1] * 65])
def test_shapes_of_many_dimensions_are_refused_before_they_are_multiplied(shape) -> None:
    with pytest.raises(Rejection) as refused:
        parse_safetensors(build({"t": f32(0, 4, shape)}, bytes(4)), "x")
    assert refused.value.code == "model.corrupt-shard"
