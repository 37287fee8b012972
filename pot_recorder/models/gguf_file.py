"""Hashing a GGUF file while its header is held against what a recording would run."""

import hashlib

from pot_recorder.models.gguf_model import read_gguf_model
from pot_recorder.models.source import ModelSource
from pot_reverify.documents.weight_manifest import FileEntry
from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_regular, size_of


def hash_gguf(source: ModelSource) -> FileEntry:
    """The manifest entry of a GGUF file that a recording would accept, as far as a header tells.

    Raises:
        Rejection: ``model.unreadable-file`` and what `read_gguf_model` raises.
    """
    path = source.folder / source.weight_file
    try:
        with open_regular(path) as stream:
            # The header first: it is quickly read, and gigabytes of a refused file need no hash.
            read_gguf_model(stream, size_of(stream), source.name)
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").digest()
            return FileEntry(source.weight_file, stream.tell(), digest)
    except OSError as error:
        raise Rejection(
            "model.unreadable-file", error.strerror or str(error), where=str(path)
        ) from error
