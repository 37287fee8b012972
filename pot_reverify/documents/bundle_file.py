"""A bundle's file, read and hashed in one pass: what is judged is what the digest is of."""

from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Final

from pot_reverify.container.frames import MAGIC, MAX_FILE_BYTES, NotABundle
from pot_reverify.container.hashed_stream import HashedStream
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_file_or_pipe, size_of

_MAX_HASHED_AFTER_REFUSAL_BYTES: Final = 64 << 20
"""A refused file is hashed to its end for people, and not when it is large for that alone."""


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A file that was read.

    Args:
        bundle: what is in it, or why there is none.
        digest: SHA-256 of the whole file; None where not all of it was read.
    """

    bundle: Bundle | Rejection
    digest: bytes | None


def read_bundle_file(path: str | Path) -> BundleFile:
    """Read a regular file, or a pipe as `open_file_or_pipe` knows it; no `PotAuditError` is raised.

    A file that cannot be read is `NotABundle` with ``file.*``.
    """
    try:
        with open_file_or_pipe(path, MAX_FILE_BYTES, MAGIC) as stream:
            return read_bundle_stream(stream, size_of(stream))
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        return BundleFile(NotABundle("file.cannot-read", message, where=str(path)), None)
    except Rejection as error:
        return BundleFile(NotABundle(error.code, error.message, where=error.where), None)


def read_bundle_stream(stream: BufferedIOBase, size_bytes: int) -> BundleFile:
    """Read a bundle from a binary stream at its start.

    Raises:
        OSError: the stream cannot be read.
    """
    hashed = HashedStream(stream)
    try:
        bundle = read_bundle(hashed, size_bytes)
    except NotABundle as error:
        return BundleFile(error, None)
    except Rejection as error:
        return BundleFile(error, _digest_of_refused(hashed, size_bytes))
    if hashed.read(1):
        longer = Rejection(
            "container.file-changed",
            "the file became longer while it was read",
            expected=f"{size_bytes} bytes",
        )
        return BundleFile(longer, None)
    return BundleFile(bundle, hashed.digest())


def _digest_of_refused(hashed: HashedStream, size_bytes: int) -> bytes | None:
    """The digest of a file that was refused on the way, if little enough of it is left."""
    if size_bytes - hashed.position_bytes > _MAX_HASHED_AFTER_REFUSAL_BYTES:
        return None
    hashed.read_to_end()
    return hashed.digest()
