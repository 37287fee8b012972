import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.models.file_names import INDEX_NAME
from pot_recorder.models.source import parse_model_source
from pot_recorder.models.weight_files import parse_shard_index
from pot_reverify.errors import Rejection


def refusal(spec: str) -> Rejection:
    with pytest.raises(Rejection) as caught:
        parse_model_source(spec)
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes(b"{}")
    return tmp_path


def test_folder(folder: Path) -> None:
    for name in ("README.md", "._config.json", "convert.py", "notes.txt"):
        (folder / name).touch()
    (folder / "original").mkdir()
    source = parse_model_source(str(folder))
    assert source.kind == "safetensors"
    assert source.weight_file == "model.safetensors"
    assert source.small_files == ("config.json", "tokenizer.json")
    assert source.left_aside == ("._config.json", "README.md", "convert.py", "notes.txt")
    assert source.left_aside_line is not None
    assert source.left_aside_line.endswith(": ._config.json, README.md, convert.py, notes.txt")


def test_names_that_are_left_aside_are_shown_and_cannot_write_on_the_screen(folder: Path) -> None:
    assert parse_model_source(str(folder)).left_aside_line is None
    for number in range(9):
        (folder / f"a\n\x1b[31m{number}").touch()
    line = parse_model_source(str(folder)).left_aside_line
    assert line is not None
    assert line.isprintable()
    assert line.endswith('"a\\u000a\\u001b[31m4" and 4 more')


def test_sharded_folder_names_its_index(folder: Path) -> None:
    (folder / INDEX_NAME).write_text("{}")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    source = parse_model_source(str(folder))
    assert source.shards == ("model-00001-of-00001.safetensors",)
    assert source.weight_file == INDEX_NAME
    assert INDEX_NAME not in source.small_files


def test_gguf(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    source = parse_model_source(str(tmp_path / "model.gguf"))
    assert (source.kind, source.folder, source.weight_file) == ("gguf", tmp_path, "model.gguf")


@pytest.mark.parametrize("spec", ["openai:http://localhost:8000#m", "https://host/v1"])
def test_api_is_refused(spec: str) -> None:
    error = refusal(spec)
    assert error.code == "model.api-not-supported"
    assert "not supported yet" in error.message


@pytest.mark.parametrize("spec", ["/no/such/folder", "nowhere", "a/b/c", "owner/model.gguf"])
def test_missing(spec: str) -> None:
    assert refusal(spec).code == "model.not-found"


def test_no_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert refusal(str(folder)).code == "model.no-config"


def test_no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    assert refusal(str(folder)).code == "model.no-tokenizer"


def test_no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert refusal(str(folder)).code == "model.no-weights"
    (folder / "model-00001-of-00002.safetensors").touch()
    error = refusal(str(folder))
    assert (error.code, error.got) == ("model.no-weights", "model-00001-of-00002.safetensors")


def test_a_gguf_file_is_named_itself(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.gguf")
    error = refusal(str(folder))
    assert error.code == "model.no-weights"
    assert "not its folder" in error.message


def test_an_adapter_alone_is_called_one(tmp_path: Path) -> None:
    for name in ("adapter_config.json", "adapter_model.safetensors", "tokenizer.json"):
        (tmp_path / name).touch()
    assert refusal(str(tmp_path)).code == "model.adapter"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_pickle_weights(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    assert refusal(str(folder)).code == "model.pickle-weights"


def test_unknown_file(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    assert refusal(str(tmp_path / "model.onnx")).code == "model.unknown-format"


def test_hub_id_without_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert refusal("pot-audit-tests/no-such-model@main").code == "model.download-failed"


def test_shard_index() -> None:
    index = {"weight_map": {"a": "2.safetensors", "b": "1.safetensors", "c": "2.safetensors"}}
    assert parse_shard_index(json.dumps(index).encode(), "x") == index["weight_map"]


@pytest.mark.parametrize(
    "content",
    [
        b"not JSON",
        b"[]",
        b"{}",
        b'{"weight_map": {}}',
        b'{"weight_map": {"a": "../../other/model.safetensors"}}',
        b'{"weight_map": {"a": "pytorch_model.bin"}}',
        b'{"weight_map": {"a": 1}}',
        b'{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}',
        b"[" * 100_000,
    ],
)
def test_corrupt_index(content: bytes) -> None:
    with pytest.raises(Rejection) as caught:
        parse_shard_index(content, "index")
    assert caught.value.code == "model.corrupt-index"


def test_a_hub_id_means_the_same_whatever_else_is_in_the_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = folder / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin"):
        (snapshot / name).touch()
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(snapshot))
    source = parse_model_source("owner/name")
    assert (source.revision, source.left_aside) == ("0123", ())
    (snapshot / "consolidated.safetensors").touch()
    assert refusal("owner/name").code == "model.ambiguous-weights"
