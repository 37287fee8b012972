"""Reading a model's files exactly once, hashed on the way.

The bytes that are hashed are the bytes that are used: a file is opened once, and what was read is
kept, in memory or in a private copy. Replacing the file afterwards changes nothing.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pot_recorder.models.lfs_pointer import FIRST_BYTES, require_no_lfs_pointer
from pot_reverify.documents.weight_manifest import FileEntry
from pot_reverify.errors import Rejection

_CHUNK_BYTES = 8 << 20


def read_hashed(folder: Path, name: str) -> tuple[FileEntry, bytearray]:
    """The whole content of a file, and its manifest entry.

    SHA-256 of one chunk runs beside the read of the next.

    Raises:
        Rejection: ``model.unreadable-file``, ``model.lfs-pointer``, or ``model.file-changed`` if
            the file has another length than it had when it was opened.
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
    require_no_lfs_pointer(bytes(content[:FIRST_BYTES]), str(folder / name))
    return FileEntry(name, size, digest.digest()), content


def hash_file(
    folder: Path, name: str, prefix_bytes: Callable[[bytes], int] = lambda _: 0
) -> tuple[FileEntry, bytes]:
    """A file's manifest entry, and the beginning of the bytes that were hashed.

    Args:
        prefix_bytes: given the first bytes of the file (enough for a length field), says how much
            of its beginning to keep.

    Raises:
        Rejection: like `read_hashed`.
    """
    with _opened(folder / name) as descriptor:
        size = os.fstat(descriptor).st_size
        first = _read_up_to(descriptor, min(FIRST_BYTES, size))
        require_no_lfs_pointer(first, str(folder / name))
        rest = min(prefix_bytes(first), size) - len(first)
        prefix = first + _read_up_to(descriptor, max(rest, 0))
        digest = hashlib.sha256(prefix)
        done = len(prefix)
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
        _require_whole(folder / name, size, done, b"")
    return FileEntry(name, size, digest.digest()), prefix


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
            if done == 0:
                require_no_lfs_pointer(chunk[:FIRST_BYTES], str(folder / name))
            digest.update(chunk)
            copy.write(chunk)
            done += len(chunk)
        _require_whole(folder / name, size, done, b"")
    return FileEntry(name, size, digest.digest())


def require_inside(folder: Path, name: str) -> None:
    """Refuse a file of a folder that is a link to somewhere else.

    Its name and digest would stand in a signed manifest, and whoever holds the folder holds
    another model. The links of a hub's cache, which lead from a snapshot to the blobs of the same
    repository, are part of its layout.

    Raises:
        Rejection: ``model.link-leaves-folder``.
    """
    home, target = folder.resolve(), (folder / name).resolve()
    allowed = [home]
    if home.parent.name == "snapshots":
        allowed.append(home.parent.parent / "blobs")
    if not any(target.is_relative_to(one) for one in allowed):
        raise Rejection(
            "model.link-leaves-folder",
            "a link to a file outside the folder; put the file itself there",
            where=str(folder / name),
        )


def _read_up_to(descriptor: int, count: int) -> bytes:
    content = b""
    while len(content) < count and (chunk := os.read(descriptor, count - len(content))):
        content += chunk
    return content


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
