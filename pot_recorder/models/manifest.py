"""Hash a model's files without making a model of them: the manifest that loading would give."""

from collections.abc import Mapping
from dataclasses import dataclass

from pot_recorder.models.file_names import INDEX_NAME
from pot_recorder.models.files import hash_file, read_hashed, require_inside
from pot_recorder.models.folder_claims import require_nothing_unapplied
from pot_recorder.models.gguf_file import hash_gguf
from pot_recorder.models.safetensors_header import (
    TensorEntry,
    parse_safetensors_header,
    prefix_bytes,
)
from pot_recorder.models.source import ModelSource
from pot_recorder.models.tokenizer_range import require_stored_ids_in_range
from pot_recorder.models.weight_files import (
    parse_shard_index,
    require_consistent_tensors,
    shard_names,
)
from pot_reverify.documents.weight_manifest import FileEntry, WeightManifest


@dataclass(frozen=True, slots=True)
class SmallFiles:
    """A folder's configuration and tokenizer files, read once.

    Args:
        entries: of the manifest.
        contents: the bytes that were hashed, by name.
    """

    entries: tuple[FileEntry, ...]
    contents: Mapping[str, bytearray]


@dataclass(frozen=True, slots=True)
class WeightNames:
    """Which files hold a folder's weights.

    Args:
        entries: the index of the manifest, none without an index.
        weight_map: the file of each tensor, None without an index.
        names: the files with tensors, sorted.
    """

    entries: tuple[FileEntry, ...]
    weight_map: Mapping[str, str] | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExaminedFolder:
    """A folder whose files were hashed and agree with each other.

    Args:
        small: its configuration and tokenizer files.
        tensors: what its weights hold, without the values.
    """

    manifest: WeightManifest
    small: SmallFiles
    tensors: tuple[TensorEntry, ...]


def hash_model(source: ModelSource) -> WeightManifest:
    """Hash every file that `open_model` would read, one chunk in memory at a time.

    What needs no torch to refuse is refused.

    Raises:
        Rejection: as `examine_folder`; for a GGUF file as `hash_gguf`.
    """
    if source.kind == "gguf":
        return WeightManifest.of([hash_gguf(source)])
    return examine_folder(source).manifest


def examine_folder(source: ModelSource) -> ExaminedFolder:
    """Hash a folder's files, and check what needs no torch.

    Raises:
        Rejection: as `read_small_files` and `read_weight_names`, ``model.corrupt-shard``,
            ``model.no-weights``, ``model.quantised``.
    """
    small = read_small_files(source)
    weights = read_weight_names(source)
    entries = [*small.entries, *weights.entries]
    headers: dict[str, tuple[TensorEntry, ...]] = {}
    for name in weights.names:
        require_inside(source.folder, name)
        entry, prefix = hash_file(source.folder, name, prefix_bytes)
        where = str(source.folder / name)
        headers[name] = parse_safetensors_header(prefix, entry.size_bytes, where)
        entries.append(entry)
    require_consistent_tensors(source, weights.weight_map, headers)
    tensors = tuple(entry for header in headers.values() for entry in header)
    return ExaminedFolder(WeightManifest.of(entries), small, tensors)


def read_small_files(source: ModelSource) -> SmallFiles:
    """Read, hash and check a folder's configuration and tokenizer files.

    Raises:
        Rejection: ``model.unreadable-file``, ``model.file-changed``, ``model.lfs-pointer``,
            ``model.link-leaves-folder``, ``model.corrupt-config``, ``model.custom-code``,
            ``model.quantised``, ``model.redirected``, ``model.no-tokenizer`` or
            ``tokenizer.ids-exceed-model``.
    """
    entries, contents = [], {}
    for name in source.small_files:
        require_inside(source.folder, name)
        entry, contents[name] = read_hashed(source.folder, name)
        entries.append(entry)
    require_nothing_unapplied(contents, str(source.folder))
    require_stored_ids_in_range(contents, str(source.folder))
    return SmallFiles(tuple(entries), contents)


def read_weight_names(source: ModelSource) -> WeightNames:
    """Find the files of a folder's weights, through their index if there is one.

    Raises:
        Rejection: ``model.unreadable-file``, ``model.file-changed``, ``model.lfs-pointer``,
            ``model.link-leaves-folder``, ``model.corrupt-index``, ``model.missing-shard`` or
            ``model.ambiguous-weights``.
    """
    if source.weight_file != INDEX_NAME:
        return WeightNames((), None, (source.weight_file,))
    require_inside(source.folder, INDEX_NAME)
    entry, content = read_hashed(source.folder, INDEX_NAME)
    weight_map = parse_shard_index(content, str(source.folder / INDEX_NAME))
    return WeightNames((entry,), weight_map, shard_names(source, weight_map))
