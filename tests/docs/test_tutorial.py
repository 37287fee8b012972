"""The tutorial's commands, in order, in an empty folder; and its Python."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PROVING = re.compile(r"^(## 9\..*?)(?=^## 10\.)", re.MULTILINE | re.DOTALL)
TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()


@pytest.mark.models
def test_every_command_of_the_tutorial_runs(small_folder, tmp_path):
    pytest.importorskip("torch", reason="needs the `record` extra")
    shutil.copytree(small_folder, tmp_path / "original")
    shutil.copytree(small_folder, tmp_path / "candidate")
    (tmp_path / "passphrase.txt").write_text("correct horse battery staple\n")
    tutorial = TUTORIAL
    if "POT_HALO2" not in os.environ:  # the one section that needs Rust
        before, section, after = _PROVING.split(TUTORIAL)
        assert "pot-audit prove" in section
        tutorial = before + after
    (policy,) = re.findall(r"```toml\n(.*?)```", TUTORIAL, re.DOTALL)
    (tmp_path / "policy.toml").write_text(policy)
    lines = [
        line
        for block in re.findall(r"```console\n(.*?)```", tutorial, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(lines) >= 11
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith("$ "):
            continue
        program, *arguments = shlex.split(line.removeprefix("$ "))
        assert program == "pot-audit"
        done = subprocess.run(
            [sys.executable, "-m", "pot_audit", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        )
        expected = int(after.removeprefix("? ")) if after.startswith("? ") else 0
        assert done.returncode == expected, f"{line}\n{done.stdout}\n{done.stderr}"
    for block in re.findall(r"```python\n(.*?)```", TUTORIAL, re.DOTALL):
        printed = subprocess.run(
            [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        assert printed.startswith("VERIFIED SAME")
