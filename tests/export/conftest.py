"""Other people's tools, installed once into the cache of the tests."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from processes import HERE, pot_audit


@pytest.fixture(scope="session")
def other_python(models_cache: Path) -> Path:
    """A Python with Inspect AI, the RO-Crate validator, securesystemslib and model-signing."""

    def make(folder: Path) -> None:
        venv.create(folder, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "-r", HERE / "requirements.txt"], check=True)

    return _made(models_cache, "python-tools", [HERE / "requirements.txt"], make) / "bin" / "python"


@pytest.fixture(scope="session")
def node_modules(models_cache: Path) -> Path:
    """A folder with @sigstore/verify and ro-crate from npm."""
    if shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    names = ("package.json", "package-lock.json")

    def make(folder: Path) -> None:
        folder.mkdir()
        for name in names:
            shutil.copy(HERE / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    made = _made(models_cache, "node-tools", [HERE / name for name in names], make)
    return made / "node_modules"


@pytest.fixture
def export(tmp_path):
    """Run ``pot-audit export`` and give the path of what it wrote."""

    def run(bundle: Path, form: str, name: str = "out") -> Path:
        output = tmp_path / name
        done = pot_audit("export", bundle, f"--{form}", "-o", output)
        assert done.returncode == 0, done.stderr
        return output

    return run


def _made(cache: Path, name: str, sources: list[Path], make) -> Path:
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    folder = cache / f"{name}-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        make(partial)
        try:
            partial.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(partial)
    return folder
