import io
import struct
import tracemalloc

import pytest
from gguf_bytes import (
    ARRAY,
    BOOL,
    F32,
    NUMBER,
    STRING,
    U32,
    U64,
    array,
    entry,
    gguf_bytes,
    string,
    tensor,
    text,
    u32,
)
from hypothesis import given
from hypothesis import strategies as st

from pot_recorder.models.gguf_header import GgufHeader, read_gguf_header
from pot_recorder.models.gguf_tensor_types import TENSOR_TYPES
from pot_reverify.errors import Rejection

ONE = tensor("a", [8])
DATA = b"\1" * 32


def read(content: bytes) -> GgufHeader:
    return read_gguf_header(io.BytesIO(content), len(content), "model.gguf")


def refusal(content: bytes) -> Rejection:
    with pytest.raises(Rejection) as caught:
        read(content)
    assert caught.value.where == "model.gguf"
    return caught.value


@pytest.mark.parametrize("version", [2, 3])
def test_every_kind_of_value_is_read(version: int) -> None:
    numbers = [
        entry(f"n.{kind}", kind, struct.pack("<" + letter, 3)) for kind, letter in NUMBER.items()
    ]
    header = read(
        gguf_bytes(
            [
                *numbers,
                text("s", "ünï"),
                entry("yes", BOOL, b"\1"),
                array("list", STRING, [string("a"), string("")]),
                array("flags", BOOL, [b"\1", b"\0"]),
                array("floats", F32, [struct.pack("<f", 0.5)] * 3),
                array("none", U32, []),
            ],
            [tensor("b", [4, 2]), tensor("a", [8], offset=32)],
            DATA * 2,
            version=version,
        )
    )
    assert header.version == version
    assert [header.metadata[f"n.{kind}"] for kind in NUMBER] == [3] * len(NUMBER)
    assert type(header.metadata[f"n.{F32}"]) is float
    assert header.metadata["s"] == "ünï"
    assert header.metadata["yes"] is True
    assert header.metadata["list"] == ("a", "")
    assert header.metadata["flags"] == (True, False)
    assert header.metadata["floats"] == (0.5, 0.5, 0.5)
    assert header.metadata["none"] == ()
    assert list(header.tensors) == ["b", "a"]
    assert header.tensors["b"].shape == (2, 4)  # the fastest-running dimension last
    assert header.tensors["b"].size_bytes == 32
    assert header.tensors["a"].offset_bytes == 32


def test_types_have_the_sizes_that_ggml_gives_them() -> None:
    gguf = pytest.importorskip("gguf", reason="needs the `record` extra")
    sizes = {int(kind): size for kind, size in gguf.GGML_QUANT_SIZES.items()}
    for number, kind in TENSOR_TYPES.items():
        assert (kind.block_elements, kind.block_bytes) == sizes[number], kind.name
        assert gguf.GGMLQuantizationType(number).name == kind.name


def test_every_type_that_is_read_can_be_dequantised() -> None:
    gguf = pytest.importorskip("gguf", reason="needs the `record` extra")
    np = pytest.importorskip("numpy")
    for number, kind in TENSOR_TYPES.items():
        block = np.zeros((1, kind.block_bytes), dtype=np.uint8)
        if kind.name in {"F32", "F16"}:
            block = block.view(np.float32 if kind.name == "F32" else np.float16)
        values = gguf.dequantize(block, gguf.GGMLQuantizationType(number))
        assert values.size == kind.block_elements, kind.name


BROKEN = {
    "nothing": b"",
    "another magic": gguf_bytes([], [ONE], DATA, magic=b"GGML"),
    "magic alone": b"GGUF",
    "a key twice": gguf_bytes([u32("a", 1), u32("a", 1)], [ONE], DATA),
    "a tensor twice": gguf_bytes([], [ONE, tensor("a", [8], offset=32)], DATA * 2),
    "an empty key": gguf_bytes([u32("", 1)], [ONE], DATA),
    "a key with a blank": gguf_bytes([u32("a b", 1)], [ONE], DATA),
    "a key with a control": gguf_bytes([entry(b"a\x1b[2J", U32, b"\0" * 4)], [ONE], DATA),
    "a key in Greek": gguf_bytes([u32("α", 1)], [ONE], DATA),
    "a key too long": gguf_bytes([u32("a" * 65536, 1)], [ONE], DATA),
    "a name too long": gguf_bytes([], [tensor("a" * 64, [8])], DATA),
    "a name that is no text": gguf_bytes([], [tensor(b"\xff\xfe", [8])], DATA),
    "a string that is no text": gguf_bytes([text("a", b"\xff")], [ONE], DATA),
    "a string beyond the file": gguf_bytes(
        [entry("a", STRING, struct.pack("<Q", 1 << 40))], [ONE], DATA
    ),
    "an unknown type of value": gguf_bytes([entry("a", 13, b"")], [ONE], DATA),
    "an array of arrays": gguf_bytes([array("a", ARRAY, [])], [ONE], DATA),
    "an array of unknowns": gguf_bytes([array("a", 99, [])], [ONE], DATA),
    "an array beyond the file": gguf_bytes(
        [entry("a", ARRAY, struct.pack("<IQ", U64, 1 << 60))], [ONE], DATA
    ),
    "an array of strings beyond the file": gguf_bytes(
        [entry("a", ARRAY, struct.pack("<IQ", STRING, 1 << 21))], [ONE], DATA
    ),
    "a flag that is 2": gguf_bytes([entry("a", BOOL, b"\2")], [ONE], DATA),
    "more keys than there are": gguf_bytes([], [ONE], DATA, key_count=1 << 60),
    "more tensors than there are": gguf_bytes([], [ONE], DATA, tensor_count=2),
    "absurdly many tensors": gguf_bytes([], [ONE], DATA, tensor_count=1 << 63),
    "no dimension": gguf_bytes([], [tensor("a", [])], DATA),
    "five dimensions": gguf_bytes([], [tensor("a", [1] * 5)], DATA),
    "an empty tensor": gguf_bytes([], [tensor("a", [8, 0])], DATA),
    "a shape that overflows": gguf_bytes([], [tensor("a", [1 << 33, 1 << 33])], DATA),
    "a row that is no blocks": gguf_bytes([], [tensor("a", [33], kind=2)], DATA),
    "a gap": gguf_bytes([], [ONE, tensor("b", [8], offset=64)], DATA * 3),
    "an overlap": gguf_bytes([], [ONE, tensor("b", [8])], DATA),
    "another order": gguf_bytes([], [tensor("a", [8], offset=32), tensor("b", [8])], DATA * 2),
    "an offset beyond the file": gguf_bytes([], [tensor("a", [8], offset=1 << 62)], DATA),
    "a last tensor cut off": gguf_bytes([], [ONE], DATA[:-1]),
    "bytes behind the last tensor": gguf_bytes([], [ONE], DATA + b"\0"),
    "alignment 0": gguf_bytes([u32("general.alignment", 0)], [ONE], DATA),
    "alignment 24": gguf_bytes([u32("general.alignment", 24)], [ONE], DATA),
    "alignment of 2 GB": gguf_bytes([u32("general.alignment", 1 << 31)], [ONE], DATA),
    "alignment that is text": gguf_bytes([text("general.alignment", "32")], [ONE], DATA),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_format_is_refused(name: str) -> None:
    assert refusal(BROKEN[name]).code == "model.corrupt-gguf"


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (gguf_bytes([], [ONE], DATA, version=1), "model.gguf-version", "version 1"),
        (gguf_bytes([], [ONE], DATA, version=4), "model.gguf-version", "version 4"),
        (gguf_bytes([], [ONE], DATA, version=3 << 24), "model.gguf-version", "3, big-endian"),
        (gguf_bytes([], [tensor("a", [8], 24)], DATA), "model.gguf-tensor-type", "ggml type 24"),
        (gguf_bytes([], [tensor("a", [8], 99)], DATA), "model.gguf-tensor-type", "ggml type 99"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "model.lfs-pointer", "git lfs pull"),
    ],
)
def test_what_is_not_read_is_refused_by_name(content: bytes, code: str, says: str) -> None:
    error = refusal(content)
    assert error.code == code
    assert says in str(error)


def test_another_alignment_moves_the_data() -> None:
    content = gguf_bytes([u32("general.alignment", 64)], [ONE], DATA, alignment=64)
    assert read(content).data_start_bytes % 64 == 0
    assert refusal(content[: -len(DATA) - 32] + DATA).code == "model.corrupt-gguf"


def test_a_promise_of_gigabytes_takes_no_memory() -> None:
    sized = [
        BROKEN["a string beyond the file"],
        BROKEN["an array beyond the file"],
        BROKEN["an array of strings beyond the file"],
        BROKEN["absurdly many tensors"],
    ]
    tracemalloc.start()
    for content in sized:
        refusal(content)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1 << 20


GOOD = gguf_bytes(
    [u32("a", 7), text("b", "text"), array("c", STRING, [string("x"), string("y")])],
    [tensor("t", [8]), tensor("u", [32], kind=8, offset=32)],
    DATA + b"\0" * 34,
)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_read_as_it_stands(place: int, change: int) -> None:
    content = bytearray(GOOD)
    content[place] ^= change
    try:
        header = read(bytes(content))
    except Rejection:
        return
    assert len(header.tensors) == 2


@given(st.integers(0, len(GOOD) - 1))
def test_a_cut_is_refused(length: int) -> None:
    assert refusal(GOOD[:length]).code == "model.corrupt-gguf"
