"""Frames: what is written is read, what is damaged is refused, nothing is read beyond its end."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pot_reverify.container.frames import (
    FRAME_OVERHEAD_BYTES,
    HEADER,
    MAX_FILE_BYTES,
    MAX_FRAME_BYTES,
    FrameType,
    NotABundle,
    Truncated,
    encode_frame,
    read_frames,
)
from pot_reverify.errors import Rejection

FRAMES = st.lists(st.tuples(st.sampled_from(FrameType), st.binary(max_size=60)), max_size=6)


def read(data: bytes, size_bytes: int | None = None):
    return list(read_frames(io.BytesIO(data), len(data) if size_bytes is None else size_bytes))


def refusal(data: bytes, size_bytes: int | None = None) -> Rejection:
    with pytest.raises(Rejection) as refused:
        read(data, size_bytes)
    return refused.value


@settings(derandomize=True, deadline=None)
@given(FRAMES)
def test_what_is_written_is_read(frames):
    data = HEADER + b"".join(encode_frame(kind, payload) for kind, payload in frames)
    found = read(data)
    assert [(frame.type, frame.payload) for frame in found] == frames
    assert [frame.number for frame in found] == list(range(len(frames)))
    ends = [frame.end_offset_bytes for frame in found]
    assert ends == sorted(ends)
    assert (ends or [len(HEADER)])[-1] == len(data)


@settings(derandomize=True, deadline=None)
@given(FRAMES, st.data())
def test_a_cut_loses_the_frame_that_is_cut_and_no_other(frames, draw):
    data = HEADER + b"".join(encode_frame(kind, payload) for kind, payload in frames)
    cut = data[: draw.draw(st.integers(len(HEADER), len(data)))]
    ends = [len(HEADER)]
    for _, payload in frames:
        ends.append(ends[-1] + FRAME_OVERHEAD_BYTES + len(payload))
    whole = sum(end <= len(cut) for end in ends[1:])
    reader = read_frames(io.BytesIO(cut), len(cut))
    found = [next(reader) for _ in range(whole)]
    assert [(frame.type, frame.payload) for frame in found] == frames[:whole]
    if len(cut) == ends[whole]:
        assert next(reader, None) is None
        return
    with pytest.raises(Truncated) as refused:
        next(reader)
    assert refused.value.code == "container.truncated"


@settings(derandomize=True, deadline=None)
@given(FRAMES.filter(bool), st.data())
def test_a_changed_bit_is_found(frames, draw):
    data = bytearray(HEADER + b"".join(encode_frame(kind, payload) for kind, payload in frames))
    bit = draw.draw(st.integers(0, 8 * len(data) - 1))
    data[bit // 8] ^= 1 << bit % 8
    assert refusal(bytes(data)).code.startswith("container.")


@pytest.mark.parametrize("length", range(len(HEADER)))
def test_a_file_shorter_than_a_header(length):
    error = refusal(HEADER[:length])
    assert isinstance(error, NotABundle if length < 8 else Truncated)
    assert error.code == ("container.not-a-bundle" if length < 8 else "container.truncated")


@pytest.mark.parametrize("missing", [1, 4, 5, 20, 29])
def test_a_file_that_shrinks_while_it_is_read(missing):
    """The size was taken before; the bytes are not there any more."""
    data = HEADER + encode_frame(FrameType.BLOB, bytes(20))
    error = refusal(data[:-missing], len(data))
    assert isinstance(error, Truncated)


def test_sizes_at_the_limits():
    assert refusal(HEADER, MAX_FILE_BYTES + 1).code == "container.file-too-large"
    assert refusal(HEADER, MAX_FILE_BYTES).code == "container.truncated"
    claim = struct.pack("<IB", MAX_FRAME_BYTES, FrameType.BLOB)
    assert refusal(HEADER + claim + bytes(4)).code == "container.truncated"
    claim = struct.pack("<IB", MAX_FRAME_BYTES + 1, FrameType.BLOB)
    assert refusal(HEADER + claim + bytes(4)).code == "container.frame-too-large"


def test_no_frame_is_written_that_would_be_refused():
    largest = bytes(MAX_FRAME_BYTES)
    assert len(encode_frame(FrameType.BLOB, largest)) == MAX_FRAME_BYTES + FRAME_OVERHEAD_BYTES
    with pytest.raises(Rejection) as refused:
        encode_frame(FrameType.BLOB, largest + b"\x00")
    assert refused.value.code == "container.frame-too-large"


@pytest.mark.parametrize("number", sorted(set(range(256)) - set(FrameType)))
def test_every_other_type_is_refused(number):
    crc = struct.pack("<I", zlib.crc32(bytes([number])))
    error = refusal(HEADER + struct.pack("<IB", 0, number) + crc)
    assert error.code == "container.unknown-frame-type"
    assert error.got == str(number)


def test_the_layout_is_the_specified_one():
    assert HEADER.hex(" ") == "89 50 4f 54 42 0d 0a 1a 01 00 00 00 00 00 00 00"
    assert encode_frame(FrameType.REVEAL, b"abc").hex(" ") == (
        "03 00 00 00 06 61 62 63 " + zlib.crc32(b"\x06abc").to_bytes(4, "little").hex(" ")
    )
    assert [kind for kind in FrameType if kind.is_leaf] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04", "ZIP"),
        (b"\x1f\x8b", "gzip"),
        (b"{", "JSON"),
        (b"version https://git-lfs", "LFS"),
        (b"<", "HTML"),
        (b"-----BEGIN", "PEM"),
        (b"\x89POTB\n", "text-mode"),
        (b"GGUF", "this is not a bundle"),
    ],
)
def test_what_it_is_instead_is_said(start, said):
    error = refusal(start + bytes(30))
    assert isinstance(error, NotABundle)
    assert said in error.message
