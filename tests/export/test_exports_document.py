"""The commands of docs/exports.md, in order, in one folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import BUNDLES, FIXTURES, KEYS, VECTORS, pot_audit

DOCUMENT = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
BLOCKS = re.findall(r"```sh( p256)?\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def folder(tmp_path, other_python):
    """What the page takes for granted: a bundle, its signer's key, a model, and three programs."""
    shutil.copy(BUNDLES / "identical.potb", tmp_path / "bundle.potb")
    shutil.copy(KEYS / "fixtures.pub", tmp_path / "acme.pub")
    shutil.copytree(FIXTURES / "oms" / "model", tmp_path / "model")
    programs = tmp_path / "bin"
    programs.mkdir()
    environment = "env -u PYTHONPATH"
    for name, command in (
        ("python3", f"{environment} {other_python}"),
        ("pot-audit", f"{sys.executable} -m pot_audit"),
    ):
        (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / name).chmod(0o755)
    return tmp_path


def run(block, folder):
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )


@pytest.mark.skipif(
    None in (shutil.which("openssl"), shutil.which("npm")), reason="needs openssl and npm"
)
def test_every_command_of_the_page_runs(folder):
    pytest.importorskip("huggingface_hub", reason="needs the `record` extra")
    printed = ""
    for kind, block in BLOCKS:
        if not kind:
            done = run(block, folder)
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
            printed += done.stdout
    for expected in (
        "Signature Verified Successfully",
        "the signature holds",
        "SAME 72 samples",
        "the bundle is the evidence",
        "1.2 ['bundle.potb', 'statement.dsse.json']",
        "VERIFIED",
        "Signing succeeded",
        "signed by the key that you named: 5 files, all as signed",
    ):
        assert expected in printed


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_command_for_p256(folder):
    made = folder / "statement.dsse.json"
    done = pot_audit("export", VECTORS / "p256-alone.potb", "--dsse", "-o", made)
    assert done.returncode == 0
    shutil.copy(KEYS / "test-auditor-p256.pub", folder / "auditor.pub")
    [split] = [block for _, block in BLOCKS if "pae" in block and "pkeyutl" in block]
    assert run(split.partition("openssl")[0], folder).returncode == 0
    [command] = [block for kind, block in BLOCKS if kind]
    done = run(command, folder)
    assert (done.returncode, done.stdout) == (0, "Verified OK\n")
    (folder / "pae").write_bytes((folder / "pae").read_bytes() + b" ")
    assert run(command, folder).returncode != 0
