"""The container: a 16-byte header and length-prefixed frames (docs/format.md, section 2)."""

import enum
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_regular, size_of

MAGIC = b"\x89POTB\r\n\x1a"
HEADER = MAGIC + struct.pack("<HHI", 1, 0, 0)
MAX_FILE_BYTES = 4 << 30
MAX_FRAME_BYTES = 64 << 20

_PREFIX = struct.Struct("<IB")
_CRC = struct.Struct("<I")
FRAME_OVERHEAD_BYTES = _PREFIX.size + _CRC.size

_OTHER_FILES = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"{", "a JSON document"),
    (b"version https:", "a Git LFS pointer: fetch the file itself"),
    (b"<", "an HTML or XML page"),
    (b"-----BEGIN", "a PEM file"),
    (b"\x89POTB\n", "a bundle damaged by a text-mode transfer (line ends were changed)"),
)


class FrameType(enum.IntEnum):
    """The frame types of version 1; everything else is refused."""

    HEAD = 1
    RECORD = 2
    CONTENT = 3
    WITHHELD = 4
    BLOB = 5
    REVEAL = 6
    STATEMENT = 33
    SIGNATURE = 34
    ATTACHMENT = 35

    @property
    def is_leaf(self) -> bool:
        """Whether the frame is a leaf of the signed tree."""
        return self < FrameType.STATEMENT


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its number in the file from 0, its type, its payload, and where it ends."""

    number: int
    type: FrameType
    payload: bytes
    end_offset_bytes: int

    @property
    def where(self) -> str:
        """The frame's name in errors."""
        return f"frame {self.number} ({self.type.name})"


class NotABundle(Rejection):
    """There is no bundle: the file starts otherwise than one of a known version, or is no file."""


class Truncated(Rejection):
    """The file ends inside a frame, as after a crash or a broken copy."""


def encode_frame(frame_type: FrameType, payload: bytes) -> bytes:
    """The bytes of one frame.

    Raises:
        Rejection: ``container.frame-too-large``.
    """
    _check_length(len(payload), f"a {frame_type.name} frame")
    prefix = _PREFIX.pack(len(payload), frame_type)
    return prefix + payload + _CRC.pack(zlib.crc32(payload, zlib.crc32(prefix[4:])))


def read_frames(stream: BufferedIOBase, size_bytes: int) -> Iterator[Frame]:
    """Read the header, then yield the frames one by one, in bounded memory.

    Args:
        stream: the file, at its start.
        size_bytes: the file's size.

    Raises:
        NotABundle: ``container.not-a-bundle``, ``container.unknown-version``,
            ``container.nonzero-flags``.
        Truncated: ``container.truncated``.
        Rejection: ``container.file-too-large``, ``container.frame-too-large``,
            ``container.unknown-frame-type``, ``container.crc-mismatch``.
    """
    _check_header(stream.read(len(HEADER)))
    if size_bytes > MAX_FILE_BYTES:
        raise Rejection(
            "container.file-too-large",
            "the file is over the limit",
            expected=f"at most {MAX_FILE_BYTES} bytes",
            got=size_bytes,
        )
    offset = len(HEADER)
    number = 0
    while offset < size_bytes:
        where = f"frame {number}, at byte {offset}"
        if size_bytes - offset < FRAME_OVERHEAD_BYTES:
            raise _truncated(where, FRAME_OVERHEAD_BYTES, size_bytes - offset)
        prefix = stream.read(_PREFIX.size)
        if len(prefix) != _PREFIX.size:
            raise _truncated(where, FRAME_OVERHEAD_BYTES, len(prefix))
        length, type_number = _PREFIX.unpack(prefix)
        _check_length(length, where)
        if length > size_bytes - offset - FRAME_OVERHEAD_BYTES:
            raise _truncated(where, length + FRAME_OVERHEAD_BYTES, size_bytes - offset)
        payload = stream.read(length)
        crc = stream.read(_CRC.size)
        if len(payload) != length or len(crc) != _CRC.size:
            raise _truncated(where, length + FRAME_OVERHEAD_BYTES, size_bytes - offset)
        if _CRC.unpack(crc)[0] != zlib.crc32(payload, zlib.crc32(prefix[4:])):
            raise Rejection(
                "container.crc-mismatch", "the frame was damaged or changed", where=where
            )
        offset += length + FRAME_OVERHEAD_BYTES
        yield Frame(number, _frame_type(type_number, where), payload, offset)
        number += 1


def read_frames_of(path: Path) -> Iterator[Frame]:
    """Yield the frames of a file, which is open until the last one.

    Raises:
        NotABundle, Truncated, Rejection: as `read_frames`; ``file.not-regular``.
        OSError: the file cannot be read.
    """
    with open_regular(path) as stream:
        yield from read_frames(stream, size_of(stream))


def _check_header(header: bytes) -> None:
    if header[: len(MAGIC)] != MAGIC:
        kind = next((name for start, name in _OTHER_FILES if header.startswith(start)), None)
        raise NotABundle(
            "container.not-a-bundle",
            f"this is {kind}, not a bundle" if kind else "this is not a bundle",
            where="byte 0",
            expected=MAGIC.hex(" "),
            got=header[: len(MAGIC)].hex(" ") or "an empty file",
        )
    if len(header) < len(HEADER):
        raise _truncated("header", len(HEADER), len(header))
    version, flags, reserved = struct.unpack_from("<HHI", header, len(MAGIC))
    if version != 1:
        raise NotABundle(
            "container.unknown-version", "the version is unknown", expected=1, got=version
        )
    if flags or reserved:
        raise NotABundle(
            "container.nonzero-flags",
            "flags and reserved bytes must be zero",
            got=f"flags {flags}, reserved {reserved}",
        )


def _check_length(length: int, where: str) -> None:
    if length > MAX_FRAME_BYTES:
        raise Rejection(
            "container.frame-too-large",
            "the frame is over the limit",
            where=where,
            expected=f"at most {MAX_FRAME_BYTES} bytes",
            got=length,
        )


def _frame_type(number: int, where: str) -> FrameType:
    try:
        return FrameType(number)
    except ValueError:
        raise Rejection(
            "container.unknown-frame-type",
            "version 1 does not know the frame type",
            where=where,
            got=number,
        ) from None


def _truncated(where: str, expected: int, got: int) -> Truncated:
    return Truncated(
        "container.truncated",
        "the file ends inside a frame",
        where=where,
        expected=f"{expected} bytes",
        got=f"{got} bytes",
    )
