"""Which software records: its version, and a digest over every source file of it."""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable

from pot_reverify.documents.head import Recorder

_PACKAGES = ("pot_recorder", "pot_reverify")
_SOURCE_SUFFIXES = (".py", ".json")


def this_recorder() -> Recorder:
    """Version and code digest of the running recorder and of the re-verifier that it stands on."""
    lines = sorted(line for package in _PACKAGES for line in _source_lines(files(package), package))
    digest = hashlib.sha256(b"pot-audit/code/1\x00" + "".join(lines).encode()).digest()
    try:
        release = version("pot-audit")
    except PackageNotFoundError:
        release = "not installed"
    return Recorder(f"pot-audit {release}", digest)


def _source_lines(folder: Traversable, prefix: str) -> list[str]:
    lines = []
    for entry in folder.iterdir():
        path = f"{prefix}/{entry.name}"
        if entry.is_dir():
            lines += _source_lines(entry, path)
        elif entry.name.endswith(_SOURCE_SUFFIXES):
            lines.append(f"{hashlib.sha256(entry.read_bytes()).hexdigest()}  {path}\n")
    return lines
