"""Opening what people name as input: regular files, and nothing that blocks or never ends.

A named pipe, a device or a socket on disk makes a reader wait or read for ever, so none of them is
opened as a file. Pipes are read where people mean one: ``-`` and a shell's descriptors (``<(…)``,
``/dev/stdin``), by way of a private copy.
"""

import errno
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Final, cast

from pot_reverify.errors import Rejection

STANDARD_INPUT: Final = "-"
MAX_DOCUMENT_BYTES: Final = 1 << 20
"""For files that hold one key, envelope, token or certificate."""

_DESCRIPTOR_PATH: Final = re.compile(
    r"/dev/(?P<stdin>stdin)|/(?:dev|proc/self)/fd/(?P<number>[0-9]{1,6})", re.ASCII
)
_FIRST_BYTES: Final = 64
_CHUNK_BYTES: Final = 1 << 20
_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def open_regular(path: str | Path) -> BufferedIOBase:
    """Open a regular file, or a link to one, for reading; anything else is refused at once.

    Raises:
        Rejection: ``file.not-regular``.
        OSError: the file cannot be opened.
    """
    # Without O_NONBLOCK the open of a named pipe waits for somebody who writes.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ENXIO:  # what a socket, or a device without a driver, answers
            raise
        raise _not_regular(path, Path(path).stat().st_mode) from error
    except ValueError as error:
        raise Rejection("file.not-regular", f"no path: {error}", where=repr(path)[:80]) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise _not_regular(path, mode)
    return os.fdopen(descriptor, "rb")


def read_file(path: str | Path, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
    """The content of a regular file, or of a shell's ``<(…)``, that is no longer than this.

    Raises:
        Rejection: ``file.not-regular``, ``file.too-large``.
        OSError: the file cannot be read.
    """
    descriptor = _shell_descriptor(path)
    with open_regular(path) if descriptor is None else _open_again(descriptor, path) as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise Rejection(
            "file.too-large",
            "the file is longer than anything that belongs here",
            where=str(path),
            expected=f"at most {max_bytes} bytes",
        )
    return data


def size_of(stream: BufferedIOBase) -> int:
    """How long an open regular file is, in bytes."""
    return os.fstat(stream.fileno()).st_size


@contextmanager
def open_file_or_pipe(path: str | Path, max_bytes: int, start: bytes) -> Iterator[BufferedIOBase]:
    """A seekable stream over a regular file, or over a private copy of what a pipe gives.

    Args:
        path: of a regular file; ``-``, ``/dev/stdin`` or ``/dev/fd/N`` may also be a pipe.
        max_bytes: how much of a pipe is read: one byte more, which shows that there is too much.
        start: what is worth a copy starts with this; of anything else, only the start is read.

    Raises:
        Rejection: ``file.not-regular``.
        OSError: it cannot be read, or no copy can be made.
    """
    descriptor = 0 if os.fspath(path) == STANDARD_INPUT else _shell_descriptor(path)
    if descriptor is None:
        with open_regular(path) as stream:
            yield stream
        return
    with (
        _open_again(descriptor, path) as source,
        cast("BufferedIOBase", tempfile.TemporaryFile()) as copy,
    ):
        _copy(source, copy, max_bytes, start)
        copy.seek(0)
        yield copy


def _copy(source: BufferedIOBase, copy: BufferedIOBase, max_bytes: int, start: bytes) -> None:
    first = source.read(_FIRST_BYTES)
    copy.write(first)
    left = max_bytes + 1 - len(first) if first.startswith(start) else 0
    while left > 0 and (chunk := source.read(min(_CHUNK_BYTES, left))):
        copy.write(chunk)
        left -= len(chunk)
    copy.flush()


def _shell_descriptor(path: str | Path) -> int | None:
    """Which descriptor of this process a path means, as shells write them; None: it is a file's."""
    found = _DESCRIPTOR_PATH.fullmatch(os.fspath(path))
    if found is None:
        return None
    return 0 if found["stdin"] else int(found["number"])


def _open_again(descriptor: int, path: str | Path) -> BufferedIOBase:
    """The open descriptor itself: a pipe that is opened by its name would not wait for its end."""
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
        raise _not_regular(path, mode)
    return os.fdopen(os.dup(descriptor), "rb")


def _not_regular(path: str | Path, mode: int) -> Rejection:
    kind = _KINDS.get(stat.S_IFMT(mode), "no file")
    return Rejection("file.not-regular", f"{kind}, not a file", where=str(path))
