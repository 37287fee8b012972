"""Reading and hashing in one pass, so that what is judged is what was hashed."""

import hashlib
from io import BufferedIOBase
from typing import Final

_CHUNK_BYTES: Final = 1 << 20


class HashedStream(BufferedIOBase):
    """A stream that hashes whatever is read from it, and offers nothing but reading on.

    Args:
        source: the file, at its start.
    """

    def __init__(self, source: BufferedIOBase) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self.position_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, as many as the source gives."""
        data = self._source.read(size)
        self._digest.update(data)
        self.position_bytes += len(data)
        return data

    def read_to_end(self) -> None:
        """Hash what is left without keeping it."""
        while self.read(_CHUNK_BYTES):
            pass

    def digest(self) -> bytes:
        """SHA-256 of all that was read."""
        return self._digest.digest()
