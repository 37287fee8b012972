"""The small GGUF files of fixtures/models, opened and from the command line."""
# ruff: noqa: E402 - the module is skipped before it imports what needs torch

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.models.load import open_model
from pot_recorder.models.source import parse_model_source

FIXTURES = Path(__file__).parents[3] / "fixtures"
MODELS = FIXTURES / "models"
FILES = MODELS / "gguf"
KEY = FIXTURES / "keys" / "fixtures.key"
IDS = torch.arange(200)[None]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 70240\n"


def logits(name: str) -> "torch.Tensor":
    model = open_model(parse_model_source(str(MODELS / name)))
    with torch.inference_mode():
        return model._network(input_ids=IDS, use_cache=False).logits


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pot_audit", *map(str, arguments)],
        capture_output=True, text=True, check=False, env=os.environ, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "folder"),
    [("gguf/whole.gguf", "micro"), ("gguf/ignored-rope-scaling.gguf", "true-linear8")],
)
def test_a_file_and_a_folder_of_one_model_give_equal_logits(file: str, folder: str) -> None:
    assert torch.equal(logits(file), logits(folder))


def test_scaling_of_positions_makes_another_model() -> None:
    assert (logits("gguf/ignored-rope-scaling.gguf") - logits("gguf/whole.gguf")).abs().max() > 1


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ((FILES / "missing-layer.gguf").read_bytes(), "model.weights-do-not-fit", "blk.2."),
        (POINTER, "model.lfs-pointer", "git lfs pull"),
        ((FILES / "whole.gguf").read_bytes()[:-32], "model.corrupt-gguf", "blk.2."),
    ],
)
def test_no_command_promises_what_could_not_run(
    content: bytes, code: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    promise = tmp_path / "run.precommit"
    commands = [
        ["weights", path],
        ["precommit", "--reference", FILES / "whole.gguf", "--candidate", path,
         "--key", KEY, "-o", promise],
        ["record", "--reference", FILES / "whole.gguf", "--candidate", path, "--key", KEY,
         "-o", tmp_path / "bundle.potb"],
    ]  # fmt: skip
    for command in commands:
        done = run(*command, "--json")
        assert done.returncode == 2, done.stderr
        error = json.loads(done.stdout)["error"]
        assert error["code"] == code
        assert says in json.dumps(error)
        assert "pot-audit-model-" not in done.stdout + done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.gguf"]


def test_the_manifest_is_that_of_a_recording(tmp_path: Path) -> None:
    path = shutil.copy(FILES / "whole.gguf", tmp_path / "model.gguf")
    done = run("weights", path, "--json")
    assert done.returncode == 0, done.stderr
    opened = open_model(parse_model_source(str(path)))
    assert json.loads(done.stdout)["manifest"] == json.loads(opened.identity.manifest.to_json())
