"""What runs from a GGUF file is the model that the file was written from."""
# ruff: noqa: E402 - the module is skipped before it imports what needs torch

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

import gguf
from gguf_files import (
    KINDS,
    TOKENS,
    all_keys,
    attention,
    random_model,
    stored_tensors,
    write,
    write_kind,
)
from transformers import AutoModelForCausalLM

from pot_recorder.models.load import open_model
from pot_recorder.models.source import parse_model_source
from pot_recorder.variants import save_gguf_as_folder

IDS = (torch.arange(100) * 37 % len(TOKENS))[None]
# Where transformers' own reading of a file is not the model that the file was written from: it
# refuses shapes that it does not read off the file ("refuses"), or computes without scaling of
# rotary positions or with a scale of attention that is another model's ("differs").
PLAIN = {
    "gemma2": "differs",
    "gemma3": "differs",
    "gemma3-linear": "differs",
    "gpt2": "refuses",
    "llama-3.1": "differs",
    "llama-linear": "differs",
    "llama-old-linear": "differs",
    "llama-wide-heads": "refuses",
    "llama-yarn": "differs",
    "phi3": "refuses",
    "phi3-partial": "refuses",
    "qwen2-yarn": "differs",
    "qwen2moe": "refuses",
    "qwen3": "refuses",
    "qwen3moe": "refuses",
}
STORED = ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")


def opened_logits(path: Path, kernel: str = "sdpa") -> "torch.Tensor":
    return logits(open_model(parse_model_source(str(path)), attention=kernel)._network)


def logits(network) -> "torch.Tensor":
    with torch.inference_mode():
        return network(input_ids=IDS, use_cache=False).logits


def plain_logits(path: Path) -> "torch.Tensor | None":
    try:
        plain = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
    except (RuntimeError, AssertionError):
        return None
    return logits(plain)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_file_computes_what_its_model_computes(name: str, tmp_path: Path) -> None:
    path, model = write_kind(tmp_path / "model.gguf", name)
    expected, kernel = logits(model), attention(KINDS[name])
    first = opened_logits(path, kernel)
    assert torch.equal(first, opened_logits(path, kernel)), "two loads of one file"
    assert first.std() > 1, "a model that says the same of everything would agree with any"
    if name == "llama-3.1":
        # The file has quotients of speeds, rounded to float32, the folder what they come from.
        assert torch.allclose(first, expected, rtol=0, atol=1e-4)
    else:
        assert torch.equal(first, expected)


def test_scaling_that_no_folder_can_say_is_not_lost_in_one(tmp_path: Path) -> None:
    path, _ = write_kind(tmp_path / "model.gguf", "llama-3.1")
    network = open_model(parse_model_source(str(path)))._network
    assert network.config.rope_parameters["rope_type"] == "rope_freqs.weight"
    with pytest.raises(KeyError):
        save_gguf_as_folder(path, tmp_path / "folder")


def test_a_folder_made_from_a_file_is_the_same_model(tmp_path: Path) -> None:
    path, _ = write_kind(tmp_path / "model.gguf", "gemma3-linear")
    save_gguf_as_folder(path, tmp_path / "folder")
    folder = open_model(parse_model_source(str(tmp_path / "folder")))
    file = open_model(parse_model_source(str(path)))
    assert torch.equal(logits(folder._network), logits(file._network))
    assert folder.encode("the  12") == file.encode("the  12")


@pytest.mark.parametrize("name", sorted(KINDS))
def test_transformers_own_reading_agrees_where_it_uses_all_of_the_file(
    name: str, tmp_path: Path
) -> None:
    path, _ = write_kind(tmp_path / "model.gguf", name)
    plain = plain_logits(path)
    if PLAIN.get(name) == "refuses":
        assert plain is None
    else:
        ours = opened_logits(path, attention(KINDS[name]))
        assert torch.equal(plain, ours) == (name not in PLAIN)


@pytest.mark.parametrize("stored", STORED)
def test_quantised_weights_run_as_transformers_runs_them(stored: str, tmp_path: Path) -> None:
    kind = KINDS["llama"]
    wanted = gguf.GGMLQuantizationType[stored]
    path = write(
        tmp_path / "model.gguf", kind.arch, all_keys(kind),
        stored_tensors(kind, random_model(kind)),
        lambda _, values: wanted if values.ndim == 2 and stored != "F32" else None,
    )  # fmt: skip
    ours = opened_logits(path)
    assert torch.equal(ours, plain_logits(path))
    assert torch.equal(ours, opened_logits(path))


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_another_dtype_is_that_of_the_whole_network(name: str, tmp_path: Path) -> None:
    path, _ = write_kind(tmp_path / "model.gguf", name)
    model = open_model(parse_model_source(str(path)), dtype="bfloat16")
    assert model.identity.dtype == "bfloat16"
    assert {parameter.dtype for parameter in model._network.parameters()} == {torch.bfloat16}


def test_keys_of_a_model_decide_what_is_computed(tmp_path: Path) -> None:
    """The kinds of Llama differ in keys alone: were keys dropped, they would agree."""
    same = [name for name, kind in KINDS.items() if kind.arch == "llama" and name != "llama-tied"]
    results = {}
    for name in same:
        if name != "llama-wide-heads":
            path, _ = write_kind(tmp_path / f"{name}.gguf", name)
            results[name] = opened_logits(path)
    names = list(results)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            assert not torch.allclose(results[one], results[other], atol=0.1), (one, other)
