"""Reading a model's files exactly once, hashed on the way.

The bytes that are hashed are the bytes that are used: a file is opened once, and what was read is
kept, in memory or in a private copy. Replacing the file afterwards changes nothing.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pot_reverify.documents.weight_manifest import FileEntry
from pot_reverify.errors import Rejection

_CHUNK_BYTES = 8 << 20


def read_hashed(folder: Path, name: str) -> tuple[FileEntry, bytearray]:
    """The whole content of a file, and its manifest entry.

    SHA-256 of one chunk runs beside the read of the next.

    Raises:
        Rejection: ``model.unreadable-file``, or ``model.file-changed`` if the file has another
            length than it had when it was opened.
    """
    with _opened(folder / name) as descriptor:
        size = os.fstat(descriptor).st_size
        content = bytearray(size)
        view = memoryview(content)
        digest = hashlib.sha256()
        with ThreadPoolExecutor(max_workers=1) as hasher:
            hashed = hasher.submit(digest.update, b"")
            done = 0
            while done < size:
                count = os.readv(descriptor, [view[done : done + _CHUNK_BYTES]])
                if count == 0:
                    break
                hashed.result()
                hashed = hasher.submit(digest.update, view[done : done + count])
                done += count
            hashed.result()
        _require_whole(folder / name, size, done, os.read(descriptor, 1))
    return FileEntry(name, size, digest.digest()), content


def copy_hashed(folder: Path, name: str, target: Path) -> FileEntry:
    """Copy a file into a private folder, hashing the bytes that are written.

    Raises:
        Rejection: like `read_hashed`.
    """
    with _opened(folder / name) as descriptor, (target / name).open("xb") as copy:
        size = os.fstat(descriptor).st_size
        digest = hashlib.sha256()
        done = 0
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
            done += len(chunk)
        _require_whole(folder / name, size, done, b"")
    return FileEntry(name, size, digest.digest())


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        # Without O_NONBLOCK a named pipe in the folder would hang the run.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Rejection(
            "model.unreadable-file", error.strerror or str(error), where=str(path)
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Rejection("model.unreadable-file", "not a regular file", where=str(path))
        yield descriptor
    except OSError as error:
        raise Rejection(
            "model.unreadable-file", error.strerror or str(error), where=str(path)
        ) from error
    finally:
        os.close(descriptor)


def _require_whole(path: Path, expected_bytes: int, got_bytes: int, beyond: bytes) -> None:
    if got_bytes != expected_bytes or beyond:
        raise Rejection(
            "model.file-changed",
            "the file changed its length while it was read",
            where=str(path),
            expected=f"{expected_bytes} bytes",
            got=f"{got_bytes + len(beyond)} bytes or more",
        )
