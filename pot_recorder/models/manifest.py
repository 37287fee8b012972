"""Hash a model's files without making a model of them: the manifest that loading would give."""

import hashlib

from pot_recorder.models.files import read_hashed
from pot_recorder.models.gguf_file import hash_gguf
from pot_recorder.models.source import INDEX_NAME, ModelSource, parse_shard_index
from pot_reverify.documents.weight_manifest import FileEntry, WeightManifest
from pot_reverify.errors import Rejection


def hash_model(source: ModelSource) -> WeightManifest:
    """Hash every file that `open_model` would read, one chunk in memory at a time.

    Raises:
        Rejection: ``model.unreadable-file``, ``model.corrupt-index``; for GGUF as `hash_gguf`.
    """
    if source.kind == "gguf":
        return WeightManifest.of([hash_gguf(source)])
    names = list(source.small_files)
    entries: list[FileEntry] = []
    if source.weight_file == INDEX_NAME:
        entry, content = read_hashed(source.folder, INDEX_NAME)
        entries.append(entry)
        names += parse_shard_index(content, str(source.folder / INDEX_NAME))
    else:
        names.append(source.weight_file)
    return WeightManifest.of(entries + [_hash_file(source, name) for name in names])


def _hash_file(source: ModelSource, name: str) -> FileEntry:
    path = source.folder / name
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
            return FileEntry(name, stream.tell(), digest)
    except OSError as error:
        raise Rejection(
            "model.unreadable-file", error.strerror or str(error), where=str(path)
        ) from error
