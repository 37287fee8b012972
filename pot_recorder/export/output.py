"""Where exports go: new files and new folders, never over older ones, whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pot_reverify.errors import Rejection


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A place to write a new file, which then gets its name; nothing is left after a failure.

    Raises:
        Rejection: ``export.output-exists``.
        OSError: the file cannot be made.
    """
    with _unfinished(path) as partial:
        partial.touch(exist_ok=False)
        yield partial


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """The same for a folder.

    Raises:
        Rejection: ``export.output-exists``.
        OSError: the folder cannot be made.
    """
    with _unfinished(path) as partial:
        partial.mkdir()
        yield partial


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    if os.path.lexists(path):
        raise Rejection("export.output-exists", "exports are never overwritten", where=str(path))
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.rename(path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)
