# ruff: noqa: E402 - the module is skipped before it imports what needs torch
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

from safetensors.torch import load_file, save_file

from pot_recorder.models import load, manifest
from pot_recorder.models.load import open_model
from pot_recorder.models.source import parse_model_source
from pot_reverify.errors import Rejection

TEXT = "A text of some twenty or more bytes."

watched_folders: list[str] = []
opened_paths: list[str] = []


def _note_open(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and watched_folders and str(arguments[0]).startswith(watched_folders[0]):
        opened_paths.append(str(arguments[0]))


sys.addaudithook(_note_open)


@contextmanager
def opens_noted(folder: Path) -> Iterator[list[str]]:
    watched_folders.append(str(folder))
    opened_paths.clear()
    try:
        yield opened_paths
    finally:
        watched_folders.clear()


def refusal(folder: Path, **options: str) -> Rejection:
    with pytest.raises(Rejection) as caught:
        open_model(parse_model_source(str(folder)), **options)
    return caught.value


def rewrite(folder: Path, **changes: object) -> None:
    weights = load_file(folder / "model.safetensors")
    for name, tensor in changes.items():
        if tensor is None:
            del weights[name]
        else:
            weights[name] = tensor
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def probabilities(model) -> object:
    ids = model.encode(TEXT)
    return model.probabilities([ids], [range(len(ids) - 1)], ["text"])[0]


def test_identity_and_manifest(tiny_folder: Path) -> None:
    identity = open_model(parse_model_source(str(tiny_folder)), attention="eager").identity
    assert identity.name == str(tiny_folder)
    assert identity.kind == "safetensors"
    assert identity.architecture == "LlamaForCausalLM"
    assert (identity.dtype, identity.device, identity.attention) == ("float32", "cpu", "eager")
    assert identity.vocabulary == 256
    weights = load_file(tiny_folder / "model.safetensors")
    assert identity.parameters == sum(tensor.numel() for tensor in weights.values())
    files = {file.path: file for file in identity.manifest.files}
    assert files.keys() == {path.name for path in tiny_folder.iterdir()}
    for name, entry in files.items():
        content = (tiny_folder / name).read_bytes()
        assert (entry.size_bytes, entry.digest) == (len(content), hashlib.sha256(content).digest())


def test_every_path_is_opened_exactly_once(tiny_folder: Path) -> None:
    with opens_noted(tiny_folder) as opened:
        identity = open_model(parse_model_source(str(tiny_folder))).identity
    assert sorted(opened) == [str(tiny_folder / file.path) for file in identity.manifest.files]


def test_sharded_paths_are_opened_exactly_once(tiny_folder: Path) -> None:
    before = probabilities(open_model(parse_model_source(str(tiny_folder))))
    split(tiny_folder)
    with opens_noted(tiny_folder) as opened:
        model = open_model(parse_model_source(str(tiny_folder)))
    assert sorted(opened) == [str(tiny_folder / f.path) for f in model.identity.manifest.files]
    assert sum(path.endswith(".safetensors") for path in opened) == 2
    assert (probabilities(model) == before).all()


def split(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    parts = {"one.safetensors": names[:9], "two.safetensors": names[9:]}
    for file, part in parts.items():
        save_file({name: weights[name] for name in part}, folder / file)
    weight_map = {name: file for file, part in parts.items() for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (folder / "model.safetensors").unlink()


def test_files_replaced_after_they_were_read_change_nothing(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = open_model(parse_model_source(str(tiny_folder)))
    read = load.read_hashed

    def then_ruin(folder: Path, name: str) -> object:
        result = read(folder, name)
        (folder / name).write_bytes(b"something else")
        return result

    monkeypatch.setattr(load, "read_hashed", then_ruin)  # weights
    monkeypatch.setattr(manifest, "read_hashed", then_ruin)  # everything else
    model = open_model(parse_model_source(str(tiny_folder)))
    assert {path.read_bytes() for path in tiny_folder.iterdir()} == {b"something else"}
    assert model.identity.manifest == expected.identity.manifest
    assert (probabilities(model) == probabilities(expected)).all()


def test_private_copies_are_removed(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    open_model(parse_model_source(str(tiny_folder)))
    (tiny_folder / "tokenizer.json").write_text("{}")
    assert refusal(tiny_folder).code == "model.no-tokenizer"
    assert list(private.iterdir()) == []


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_dtype(tiny_folder: Path, dtype: str) -> None:
    assert open_model(parse_model_source(str(tiny_folder)), dtype=dtype).identity.dtype == dtype
    weights = load_file(tiny_folder / "model.safetensors")
    rewrite(tiny_folder, **{n: t.to(getattr(torch, dtype)) for n, t in weights.items()})
    applied = open_model(parse_model_source(str(tiny_folder))).identity.applied
    assert (applied.dtype, applied.stored) == ("float32", dtype)  # as config.json says
    edit_config(tiny_folder, dtype=None)
    applied = open_model(parse_model_source(str(tiny_folder))).identity.applied
    assert (applied.dtype, applied.stored) == (dtype, None)


@pytest.mark.parametrize("length", [-1, 5])
def test_corrupt_shard_is_named(tiny_folder: Path, length: int) -> None:
    path = tiny_folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    error = refusal(tiny_folder)
    assert error.code == "model.corrupt-shard"
    assert error.where == str(path)


def test_shard_that_is_missing(tiny_folder: Path) -> None:
    split(tiny_folder)
    (tiny_folder / "two.safetensors").unlink()
    error = refusal(tiny_folder)
    assert error.code == "model.missing-shard"
    assert error.expected == "two.safetensors"


def test_two_shards_with_one_tensor(tiny_folder: Path) -> None:
    split(tiny_folder)
    shutil.copy(tiny_folder / "one.safetensors", tiny_folder / "two.safetensors")
    assert refusal(tiny_folder).code == "model.corrupt-shard"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model.norm.weight": None}, "missing_keys"),
        ({"lm_head.weight": None}, "missing_keys"),
        ({"model.extra.weight": torch.zeros(2)}, "unexpected_keys"),
    ],
)
def test_weights_that_do_not_fit(tiny_folder: Path, changes: object, problem: str) -> None:
    rewrite(tiny_folder, **changes)
    error = refusal(tiny_folder)
    assert error.code == "model.weights-do-not-fit"
    assert problem in error.message
    assert error.got == next(iter(changes))


def test_weights_of_another_shape(tiny_folder: Path) -> None:
    rewrite(tiny_folder, **{"model.norm.weight": torch.zeros(33)})
    error = refusal(tiny_folder)
    assert error.code == "model.weights-do-not-fit"
    assert "model.norm.weight" in error.message
    assert (error.expected, error.got) == ("[32]", "[33]")


def edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize("model_type", ["no-such-model", "vit", "t5"])
def test_unsupported_architecture(tiny_folder: Path, model_type: str) -> None:
    edit_config(tiny_folder, model_type=model_type)
    assert refusal(tiny_folder).code == "model.unsupported-architecture"


def test_config_that_is_not_json(tiny_folder: Path) -> None:
    (tiny_folder / "config.json").write_text("{")
    assert refusal(tiny_folder).code == "model.corrupt-config"


def test_code_of_a_model_is_never_run(tiny_folder: Path) -> None:
    marker = tiny_folder / "it-ran"
    (tiny_folder / "custom.py").write_text(f"open({str(marker)!r}, 'w')\n")
    edit_config(
        tiny_folder,
        model_type="custom",
        auto_map={"AutoConfig": "custom.C", "AutoModelForCausalLM": "custom.M"},
    )
    assert refusal(tiny_folder).code == "model.custom-code"
    assert not marker.exists()


def test_unreadable_file(tiny_folder: Path) -> None:
    (tiny_folder / "model.safetensors").unlink()
    (tiny_folder / "model.safetensors").symlink_to(tiny_folder / "nowhere")
    error = refusal(tiny_folder)
    assert error.code == "model.unreadable-file"
    assert error.where == str(tiny_folder / "model.safetensors")


def test_no_such_device(tiny_folder: Path) -> None:
    assert refusal(tiny_folder, device="cuda:99").code == "model.no-such-device"


def test_gguf_that_is_not_one(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF but no more than that")
    assert refusal(tmp_path / "model.gguf").code == "model.gguf-version"


@pytest.mark.models
def test_gguf_is_the_dequantised_folder(smollm2_gguf: Path, smollm2_folder: Path) -> None:
    with opens_noted(smollm2_gguf.parent) as opened:
        model = open_model(parse_model_source(str(smollm2_gguf)))
    assert opened == [str(smollm2_gguf)]
    assert model.identity.kind == "gguf"
    assert [file.path for file in model.identity.manifest.files] == [smollm2_gguf.name]
    assert model.identity.parameters == 134_515_008
    folder_model = open_model(parse_model_source(str(smollm2_folder)))
    assert (probabilities(model) == probabilities(folder_model)).all()
