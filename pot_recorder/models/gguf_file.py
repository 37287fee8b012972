"""Hashing a GGUF file while its header is held against what a recording would run."""

import hashlib
import os
import stat

from pot_recorder.models.gguf_model import read_gguf_model
from pot_recorder.models.source import ModelSource
from pot_reverify.documents.weight_manifest import FileEntry
from pot_reverify.errors import Rejection


def hash_gguf(source: ModelSource) -> FileEntry:
    """The manifest entry of a GGUF file that a recording would accept, as far as a header tells.

    Raises:
        Rejection: ``model.unreadable-file`` and what `read_gguf_model` raises.
    """
    path = source.folder / source.weight_file
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Rejection("model.unreadable-file", "not a regular file", where=str(path))
            # The header first: it is quickly read, and gigabytes of a refused file need no hash.
            read_gguf_model(stream, status.st_size, source.name)
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").digest()
            return FileEntry(source.weight_file, stream.tell(), digest)
    except OSError as error:
        raise Rejection(
            "model.unreadable-file", error.strerror or str(error), where=str(path)
        ) from error
