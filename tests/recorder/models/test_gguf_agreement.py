"""What runs from a GGUF file is the model that the file was written from, bit for bit."""
# ruff: noqa: E402 - the module is skipped before it imports what needs torch

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

from gguf_files import KINDS, TOKENS, write_kind
from transformers import AutoModelForCausalLM

from pot_recorder.models.load import open_model
from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.models.source import parse_model_source

IDS = (torch.arange(100) * 37 % len(TOKENS))[None]
# transformers' own reading of the same file computes something else than the model that the file
# was written from: it drops these keys.
PLAIN_DIFFERS = frozenset()


def opened(path: Path, **options: str) -> LoadedModel:
    return open_model(parse_model_source(str(path)), **options)


def logits(network) -> "torch.Tensor":
    with torch.inference_mode():
        return network(input_ids=IDS, use_cache=False).logits


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_file_computes_what_its_model_computes(name: str, tmp_path: Path) -> None:
    path, model = write_kind(tmp_path / "model.gguf", name)
    first = logits(opened(path)._network)
    assert torch.equal(first, logits(model))
    assert torch.equal(first, logits(opened(path)._network)), "two loads of one file"
    assert first.std() > 0.1, "a model that says the same of everything would agree with any"


@pytest.mark.parametrize("name", sorted(KINDS))
def test_transformers_own_reading_agrees_or_drops_a_key(name: str, tmp_path: Path) -> None:
    path, model = write_kind(tmp_path / "model.gguf", name)
    try:
        plain = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name)
        same = torch.equal(logits(plain), logits(model))
    except Exception:
        same = False
    assert same == (name not in PLAIN_DIFFERS)
