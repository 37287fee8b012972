"""Which files are a model: a local folder, a GGUF file, or a hub id.

Only formats that cannot run code when they are read are accepted: safetensors and GGUF.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pot_recorder.models.file_names import SMALL_NAMES, sort_names
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.errors import Rejection

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?", re.ASCII)
_SHOWN = 5
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
        shards: with an index, the safetensors files beside it.
        left_aside: files of `folder` that are not part of the model, sorted.
    """

    name: str
    kind: Literal["safetensors", "gguf"]
    folder: Path
    weight_file: str
    small_files: tuple[str, ...]
    revision: str | None = None
    shards: tuple[str, ...] = ()
    left_aside: tuple[str, ...] = ()

    @property
    def left_aside_line(self) -> str | None:
        """One line on the files that are neither hashed nor used; None if there are none."""
        if not self.left_aside:
            return None
        shown = [shown_path(name) for name in self.left_aside[:_SHOWN]]
        more = len(self.left_aside) - len(shown)
        return (
            f"{shown_path(self.name)}: not part of the model, neither hashed nor used: "
            + ", ".join(shown)
            + (f" and {more} more" if more else "")
        )


def parse_model_source(spec: str) -> ModelSource:
    """Find the files of a model.

    Args:
        spec: a folder, a ``.gguf`` file, or a hub id ``owner/name`` or ``owner/name@revision``,
            which is downloaded where there is a network.

    Raises:
        Rejection: ``model.api-not-supported``, ``model.not-found``, ``model.unknown-format``,
            ``model.download-failed``, or what `sort_names` finds in a folder.
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


def _folder_source(
    name: str, folder: Path, revision: str | None, patterns: Sequence[str] = ("*",)
) -> ModelSource:
    files = [entry.name for entry in os.scandir(folder) if not entry.is_dir()]
    names = sort_names(
        (file for file in files if any(fnmatchcase(file, pattern) for pattern in patterns)), name
    )
    return ModelSource(
        name,
        "safetensors",
        folder,
        names.weight_file,
        names.small_files,
        revision,
        names.shards,
        names.left_aside,
    )


def _download(spec: str) -> ModelSource:
    # Whoever only hashes a folder needs no hub.
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import (  # noqa: PLC0415
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    repository, _, revision = spec.partition("@")
    # Also what makes a folder another model: it is refused here as it would be in a local folder.
    patterns = [*sorted(SMALL_NAMES), "*.safetensors", "*.safetensors.index*.json", "adapter*"]
    patterns += ["*.py", "*quant*_config.json"]
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
    # The cache may hold more of the repository, fetched by others: it depends on nobody's cache
    # what a hub id means.
    return _folder_source(spec, Path(folder), Path(folder).name, patterns)
