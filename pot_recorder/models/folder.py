"""Every file of a model's folder, also those that no recording reads."""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pot_reverify.documents.weight_manifest import WeightManifest
from pot_reverify.errors import Rejection


@dataclass(frozen=True, slots=True)
class FolderContents:
    """What lies in a folder.

    Args:
        digests: SHA-256 of every file, by its path below the folder with ``/`` between its parts.
        links: the paths that are symbolic links. Those to files have digests too; those to folders
            are not followed.
    """

    digests: dict[str, bytes]
    links: frozenset[str]


def hash_folder(folder: Path, known: WeightManifest, skip: Callable[[str], bool]) -> FolderContents:
    """Hash what is not hashed yet.

    Args:
        known: files of the folder that were hashed already.
        skip: paths that are of no interest; below a skipped folder nothing is looked at.

    Raises:
        Rejection: ``model.unreadable-file``.
    """
    digests = {file.path: file.digest for file in known.files}
    links = set()
    for place, folders, files in os.walk(folder, onerror=_unreadable):
        for name in [*folders, *files]:
            path = Path(place, name)
            relative = path.relative_to(folder).as_posix()
            if skip(relative) and relative not in digests:
                if name in folders:
                    folders.remove(name)
                continue
            if path.is_symlink():
                links.add(relative)
            if name in files and relative not in digests:
                digests[relative] = _hash(path)
    return FolderContents(digests, frozenset(links))


def _hash(path: Path) -> bytes:
    try:
        # A named pipe would be waited for.
        if not stat.S_ISREG(path.stat().st_mode):
            raise Rejection("model.unreadable-file", "not a regular file", where=str(path))
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        _unreadable(error)
        raise


def _unreadable(error: OSError) -> None:
    raise Rejection(
        "model.unreadable-file", error.strerror or str(error), where=str(error.filename)
    ) from error
