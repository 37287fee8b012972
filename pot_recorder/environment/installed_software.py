"""The software that a run ran on: every installed distribution, and the commit if there is one."""

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import torch

from pot_reverify.encoding.digest import format_digest


@dataclass(frozen=True, slots=True)
class InstalledSoftware:
    """Versions.

    Attributes:
        python: implementation and version.
        torch_build: torch's version and the CUDA version that it was built for, if any.
        packages: ``name==version`` of every installed distribution, sorted.
        packages_digest: SHA-256 of those lines, each ended by a newline.
        git_commit: the commit of the checkout that the recorder runs from; None if it is installed.
        git_dirty: whether that checkout's recorder or re-verifier has uncommitted changes.
    """

    python: str
    torch_build: str
    packages: tuple[str, ...]
    packages_digest: bytes
    git_commit: str | None
    git_dirty: bool

    def to_document(self) -> dict[str, object]:
        """The versions as a document of strings and lists."""
        return {
            "git_commit": self.git_commit,
            "git_dirty": self.git_dirty,
            "packages": list(self.packages),
            "packages_digest": format_digest(self.packages_digest),
            "python": self.python,
            "torch_build": self.torch_build,
        }


def installed_software() -> InstalledSoftware:
    """Ask the interpreter's package metadata, and git where the recorder lies in a checkout."""
    packages = tuple(
        sorted({f"{found.metadata['Name']}=={found.version}" for found in distributions()})
    )
    commit, dirty = _commit()
    return InstalledSoftware(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        torch_build=f"{torch.__version__} (CUDA {torch.version.cuda or 'none'})",
        packages=packages,
        packages_digest=hashlib.sha256("".join(f"{p}\n" for p in packages).encode()).digest(),
        git_commit=commit,
        git_dirty=dirty,
    )


def _commit() -> tuple[str | None, bool]:
    here = Path(__file__).resolve()
    # A virtual environment may lie inside a checkout of something else.
    if _git(["ls-files", "--error-unmatch", here.name], here.parent) is None:
        return None, False
    root = here.parents[2]
    changes = _git(["status", "--porcelain", "--", "pot_recorder", "pot_reverify"], root)
    return _git(["rev-parse", "HEAD"], root), bool(changes)


def _git(arguments: Sequence[str], folder: Path) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    finished = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return finished.stdout.strip() if finished.returncode == 0 else None
