"""What runs from a GGUF file agrees with llama.cpp, where llama-cpp-python is installed.

It is built from source, which takes ten minutes, and is no part of the `dev` extra:
``pip install llama-cpp-python==0.3.36``.
"""
# ruff: noqa: E402 - the module is skipped before it imports what needs torch

import pydoc_data.topics
from itertools import product
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")
llama_cpp = pytest.importorskip("llama_cpp", reason="needs llama-cpp-python")

from gguf_files import CONTEXT, KINDS, TOKENS, attention, write_kind, write_pieces

from pot_recorder.models.gguf_pre_tokenizers import PRE_TOKENIZERS
from pot_recorder.models.load import open_model
from pot_recorder.models.source import parse_model_source

IDS = [number * 37 % len(TOKENS) for number in range(100)]
GGML_TYPE_F32 = 0
# The largest difference of two logits, whose standard deviation is 1.3 to 1.7. Both compute in
# float32; llama.cpp takes GELU from a table of half-precision numbers.
TOLERANCE, TOLERANCE_GELU = 2e-4, 1e-2
GELU = {"gemma2", "gemma3", "gpt2", "starcoder2"}
TEXTS = [
    "A text of some twenty or more bytes.", "a  1 2024 in 2024", "Hello World's 3.14", "  two",
    " the  12 1the in inthe  the   1", "tab\tand\n\nlines \n end ",
    "ünïcödé — 漢字 🙂", "I'll don't WE'VE", "x=1;y=22;z=333", "", " ",
]  # fmt: skip


FLAGS = [
    {key: value for key, value in zip(("add_space_prefix", "add_bos_token"), values, strict=True)
     if value is not None}
    for values in product((None, True, False), repeat=2)
]  # fmt: skip


def llama(path: Path, **options):
    return llama_cpp.Llama(str(path), verbose=False, n_threads=1, **options)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_logits_agree(name: str, tmp_path: Path) -> None:
    path, _ = write_kind(tmp_path / "model.gguf", name)
    kind = KINDS[name]
    theirs = llama(
        path, n_ctx=CONTEXT, n_batch=CONTEXT, n_ubatch=CONTEXT, logits_all=True, use_mmap=False,
        type_k=GGML_TYPE_F32, type_v=GGML_TYPE_F32, flash_attn=False,
    )  # fmt: skip
    theirs.eval(IDS)
    expected = torch.from_numpy(theirs.scores[: len(IDS)].copy())
    ours = open_model(parse_model_source(str(path)), attention=attention(kind))
    with torch.inference_mode():
        got = ours._network(input_ids=torch.tensor([IDS]), use_cache=False).logits[0]
    difference = float((got - expected).abs().max())
    assert difference < (TOLERANCE_GELU if kind.arch in GELU else TOLERANCE)


@pytest.mark.parametrize("pre", sorted(PRE_TOKENIZERS))
def test_every_rule_of_cutting_gives_the_same_ids(pre: str, tmp_path: Path) -> None:
    bos = {"tokenizer.ggml.pre": pre, "tokenizer.ggml.bos_token_id": len(TOKENS) - 1}
    path, _ = write_kind(tmp_path / "model.gguf", "llama", **bos)
    theirs = llama(path, vocab_only=True)
    ours = open_model(parse_model_source(str(path)))
    for text in TEXTS:
        expected = theirs.tokenize(text.encode(), add_bos=True, special=True)
        assert ours.encode(text) == expected, text


@pytest.mark.parametrize("name", ["llama", "phi3", "gemma3"])
@pytest.mark.parametrize("said", FLAGS, ids=str)
def test_sentencepiece_gives_the_same_ids(name: str, said: dict[str, bool], tmp_path: Path) -> None:
    keys = {f"tokenizer.ggml.{key}": value for key, value in said.items()}
    path = write_pieces(tmp_path / "model.gguf", name, **keys)
    theirs = llama(path, vocab_only=True)
    ours = open_model(parse_model_source(str(path)))
    for text in [*TEXTS, " the", "  the two", "the and  12", "</s>the", "a</s> the"]:
        expected = theirs.tokenize(text.encode(), add_bos=True, special=True)
        assert ours.encode(text) == expected, text


@pytest.mark.models
@pytest.mark.parametrize("which", ["smollm2_gguf", "gemma_gguf"])
def test_token_ids_agree(which: str, request: pytest.FixtureRequest, challenges) -> None:
    path = request.getfixturevalue(which)
    theirs = llama(path, vocab_only=True)
    ours = open_model(parse_model_source(str(path)))
    runs = [f"a{blank * count}b" for count in range(1, 70) for blank in (" ", "\n", "\t")]
    prose = [text[:2000] for text in pydoc_data.topics.topics.values()]
    asked = [text for _, texts in challenges(3) for text in texts]
    for text in [*TEXTS, *runs, *prose, *asked]:
        expected = theirs.tokenize(text.encode(), add_bos=True, special=True)
        assert ours.encode(text) == expected, text
