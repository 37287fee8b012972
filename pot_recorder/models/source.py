"""Which files are a model: a local folder, a GGUF file, or a hub id.

Only formats that cannot run code when they are read are accepted: safetensors and GGUF.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pot_reverify.errors import Rejection

WEIGHTS_NAME = "model.safetensors"
INDEX_NAME = "model.safetensors.index.json"
CONFIG_NAME = "config.json"

_SMALL_SUFFIXES = frozenset({".json", ".jinja", ".model", ".tiktoken", ".txt"})
_TOKENIZER_NAMES = frozenset(
    {
        "sentencepiece.bpe.model",
        "spiece.model",
        "tekken.json",
        "tokenizer.json",
        "tokenizer.model",
        "vocab.json",
        "vocab.txt",
    }
)
_PICKLE_SUFFIXES = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?", re.ASCII)
_API_PREFIXES = ("openai:", "http://", "https://")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """The files of one model, none of them opened yet.

    Attributes:
        name: what the user wrote.
        kind: ``safetensors`` for a folder in Hugging Face layout, ``gguf`` for one file.
        folder: where the files lie.
        weight_file: the file of the weights inside `folder`; for sharded weights their index.
        small_files: configuration and tokenizer files inside `folder`, sorted.
        revision: the commit of a hub download, else None.
    """

    name: str
    kind: Literal["safetensors", "gguf"]
    folder: Path
    weight_file: str
    small_files: tuple[str, ...]
    revision: str | None = None


def parse_model_source(spec: str) -> ModelSource:
    """Find the files of a model.

    Args:
        spec: a folder, a ``.gguf`` file, or a hub id ``owner/name`` or ``owner/name@revision``,
            which is downloaded where there is a network.

    Raises:
        Rejection: ``model.api-not-supported``, ``model.not-found``, ``model.no-config``,
            ``model.no-tokenizer``, ``model.no-weights``, ``model.pickle-weights``,
            ``model.unknown-format`` or ``model.download-failed``.
    """
    if spec.startswith(_API_PREFIXES):
        raise Rejection(
            "model.api-not-supported",
            "models behind an API are not supported yet; name a folder, a .gguf file or a hub id",
            where=spec,
        )
    path = Path(spec)
    if path.is_dir():
        return _folder_source(spec, path, None)
    if path.suffix.lower() == ".gguf" and (path.exists() or path.is_symlink()):
        return ModelSource(spec, "gguf", path.parent, path.name, ())
    if path.exists():
        raise Rejection(
            "model.unknown-format",
            "neither a model folder nor a .gguf file",
            where=spec,
            expected="a folder with config.json and safetensors, or a .gguf file",
        )
    if _HUB_ID.fullmatch(spec) and path.suffix.lower() != ".gguf":
        return _download(spec)
    raise Rejection("model.not-found", "no such folder, file or hub id", where=spec)


def _folder_source(name: str, folder: Path, revision: str | None) -> ModelSource:
    names = sorted(entry.name for entry in os.scandir(folder) if not entry.is_dir())
    if CONFIG_NAME not in names:
        raise Rejection("model.no-config", "the folder has no config.json", where=name)
    _check_weights(name, names)
    if not any(file in _TOKENIZER_NAMES or file.endswith(".tiktoken") for file in names):
        raise Rejection(
            "model.no-tokenizer",
            "the folder has no tokenizer file",
            where=name,
            expected="tokenizer.json or another tokenizer file beside config.json",
        )
    small = [file for file in names if Path(file).suffix in _SMALL_SUFFIXES and file != INDEX_NAME]
    weights = INDEX_NAME if INDEX_NAME in names else WEIGHTS_NAME
    return ModelSource(name, "safetensors", folder, weights, tuple(small), revision)


def _check_weights(name: str, names: Iterable[str]) -> None:
    if INDEX_NAME in names or WEIGHTS_NAME in names:
        return
    if any(Path(file).suffix in _PICKLE_SUFFIXES for file in names):
        raise Rejection(
            "model.pickle-weights",
            "the weights are in a pickle format, which can run code when it is read",
            where=name,
            expected="safetensors or GGUF",
        )
    raise Rejection(
        "model.no-weights",
        "the folder has no weights",
        where=name,
        expected=f"{WEIGHTS_NAME} or {INDEX_NAME}",
    )


def parse_shard_index(content: bytes | bytearray, where: str) -> tuple[str, ...]:
    """The shard file names of a ``model.safetensors.index.json``, sorted.

    Raises:
        Rejection: ``model.corrupt-index``.
    """
    try:
        index: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Rejection("model.corrupt-index", "not JSON", where=where) from error
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise Rejection("model.corrupt-index", "no weight_map", where=where)
    files = sorted({str(file) for file in weight_map.values()})
    for file in files:
        # The index comes with the model: it must not lead out of the model's folder.
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise Rejection(
                "model.corrupt-index",
                "a shard must be a .safetensors file of the same folder",
                where=where,
                got=file,
            )
    return tuple(files)


def _download(spec: str) -> ModelSource:
    # Whoever only hashes a folder needs no hub.
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import (  # noqa: PLC0415
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    repository, _, revision = spec.partition("@")
    patterns = [f"*{suffix}" for suffix in sorted(_SMALL_SUFFIXES)] + ["*.safetensors"]
    try:
        folder = snapshot_download(
            repository, revision=revision or None, allow_patterns=patterns, ignore_patterns="*/*"
        )
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise Rejection(
            "model.download-failed",
            f"not a local path, and the hub gave nothing: {type(error).__name__}",
            where=spec,
        ) from error
    return _folder_source(spec, Path(folder), Path(folder).name)
