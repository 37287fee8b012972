"""A hostile file costs bounded memory: refused long before what it claims is allocated."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from draft import Draft

from pot_reverify import Policy, VerdictWord, verify
from pot_reverify.container.frames import HEADER, MAX_FILE_BYTES, FrameType
from pot_reverify.verify import verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
SMALL = (VECTORS / "small.potb").read_bytes()
MAX_BYTES = 50_000_000
F = FrameType


def frame(frame_type: int, payload: bytes) -> bytes:
    prefix = struct.pack("<IB", len(payload), frame_type)
    return prefix + payload + struct.pack("<I", zlib.crc32(prefix[4:] + payload))


def head_with(item: bytes) -> bytes:
    """A file that ends after a HEAD with one extension, encoded as given."""
    draft = Draft(SMALL).edit(F.HEAD, extensions={"x": True})
    payload = draft.payload(F.HEAD).replace(b"\xa1x\xc3", b"\xa1x" + item)
    return HEADER + frame(F.HEAD, payload)


def claims() -> dict[str, tuple[bytes, str]]:
    head = frame(F.HEAD, Draft(SMALL).payload(F.HEAD))
    leaves = Draft(SMALL).statement()["predicate"]["leaves"]
    small = HEADER + head
    return {
        "4-gib-frame": (small + b"\xff\xff\xff\xff\x05" + bytes(4), "container.frame-too-large"),
        "64-mib-frame": (small + b"\x00\x00\x00\x04\x05" + bytes(4), "container.truncated"),
        "2^24-leaves": (
            Draft(SMALL).state(leaves={**leaves, "total": 2**24}).data(),
            "tree.count-mismatch",
        ),
        "2^24-leaves-in-100-bytes": (
            HEADER + frame(F.HEAD, b"\x81\xa6leaves\xce" + (2**24).to_bytes(4, "big") + bytes(58)),
            "msgpack.trailing-bytes",
        ),
        "million-empty-frames": (small + frame(F.BLOB, b"") * 10**6, "msgpack.length"),
        "withheld-flood": (
            small + frame(F.WITHHELD, Draft(SMALL).payload(F.WITHHELD)) * 10**5,
            "container.out-of-order",
        ),
        "depth": (head_with(b"\x91" * 10**6 + b"\xc0"), "msgpack.depth"),
        "depth-of-maps": (head_with(b"\x81\xa1x" * 10**6 + b"\xc0"), "msgpack.depth"),
        "array-2^32": (head_with(b"\xdd\xff\xff\xff\xff"), "msgpack.length"),
        "map-2^32": (head_with(b"\xdf\xff\xff\xff\xff"), "msgpack.length"),
        "bin-2^32": (head_with(b"\xc6\xff\xff\xff\xff"), "msgpack.length"),
        "2^20-items-and-one": (
            head_with(b"\xdd" + (2**20 + 1).to_bytes(4, "big") + b"\x90" * (2**20 + 1)),
            "msgpack.items",
        ),
        "json-depth": (
            Draft(SMALL).put(F.STATEMENT, b'{"a":' + b"[" * 10**6).data(),
            "json.depth",
        ),
        "json-integer": (
            Draft(SMALL).put(F.STATEMENT, b'{"a":' + b"9" * 10**6 + b"}").data(),
            "json.integer-range",
        ),
    }


@pytest.mark.parametrize("name", claims())
def test_a_hostile_file_is_refused_in_bounded_memory(name):
    data, code = claims()[name]
    verify_stream(io.BytesIO(SMALL), len(SMALL), Policy())  # what stays in memory once
    stream = io.BytesIO(data)
    tracemalloc.start()
    verdict = verify_stream(stream, len(data), Policy())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict.word is VerdictWord.REJECTED
    assert code in {check.code for check in verdict.checks}
    assert peak_bytes < MAX_BYTES


@pytest.mark.parametrize("size_bytes", [MAX_FILE_BYTES + 1, 1 << 42])
def test_a_file_over_the_limit_is_not_read(tmp_path, size_bytes):
    path = tmp_path / "sparse.potb"
    with path.open("wb") as file:
        file.write(SMALL)
        file.truncate(size_bytes)
    verdict = verify(path)
    assert verdict.word is VerdictWord.REJECTED
    assert verdict.checks[0].code == "container.file-too-large"
    assert verdict.file_digest is None
