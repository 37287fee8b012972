"""Which ids a text becomes is what the GGUF file says, or the file is refused."""
# ruff: noqa: E402 - the module is skipped before it imports what needs torch

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

from gguf_files import (
    END,
    KINDS,
    MERGES,
    TOKENS,
    all_keys,
    random_model,
    sentencepiece_keys,
    stored_tensors,
    write,
    write_pieces,
)

from pot_recorder.models.gguf_pre_tokenizers import PRE_TOKENIZERS
from pot_recorder.models.load import open_model
from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.models.source import parse_model_source
from pot_reverify.errors import Rejection

PREFIX = "tokenizer.ggml."
KIND = KINDS["llama"]


@pytest.fixture(scope="module")
def tensors():
    return stored_tensors(KIND, random_model(KIND))


@pytest.fixture
def opened(tensors, tmp_path: Path):
    def with_keys(drop: str = "", **changed: Any) -> LoadedModel:
        named = {PREFIX + key: value for key, value in changed.items()}
        keys = {k: v for k, v in (all_keys(KIND) | named).items() if k != PREFIX + drop}
        path = write(tmp_path / "model.gguf", KIND.arch, keys, tensors)
        return open_model(parse_model_source(str(path)))

    return with_keys


def pieces(model: LoadedModel, text: str) -> list[str]:
    return [TOKENS[number] for number in model.encode(text)]


def test_every_byte_comes_back(opened) -> None:
    model = opened()
    text = "".join(map(chr, range(1, 1000))) + "🙂漢字  \n\t"
    assert model.tokenizer.decode(model.encode(text)) == text


@pytest.mark.parametrize(
    ("pre", "expected"),
    [
        ("gpt-2", ["a", "Ġ", "Ġ", "12", "3"]),
        ("smollm", ["a", "ĠĠ", "1", "2", "3"]),
        ("starcoder", ["a", "ĠĠ", "1", "2", "3"]),
        ("qwen2", ["a", "Ġ", "Ġ", "1", "2", "3"]),
    ],
)
def test_a_text_is_cut_where_the_named_rule_cuts_it(opened, pre: str, expected: list[str]) -> None:
    assert pieces(opened(pre=pre), "a  123") == expected


def test_a_whole_word_stays_one_where_the_rule_says_so(opened) -> None:
    """Without the merge that makes it, a word that is a token is reached by no merge."""
    fewer = [merge for merge in MERGES if merge != "h e"]
    keys = {"merges": fewer, "bos_token_id": TOKENS.index(END)}
    assert pieces(opened(**keys, pre="gpt-2"), " the") == ["Ġt", "h", "e"]
    assert pieces(opened(**keys, pre="llama-bpe"), " the") == [END, "Ġthe"]


@pytest.mark.parametrize("pre", sorted(PRE_TOKENIZERS))
def test_bos_is_added_as_the_file_or_the_rule_says(opened, pre: str) -> None:
    bos = TOKENS.index(END)
    for says, added in ((None, PRE_TOKENIZERS[pre].adds_bos), (True, True), (False, False)):
        keys = {} if says is None else {"add_bos_token": says}
        model = opened(pre=pre, bos_token_id=bos, **keys)
        assert (model.encode("a")[0] == bos) is added
        assert model.encode("a")[-1] == TOKENS.index("a")
        assert model.identity.adds_special_tokens is added


def test_control_and_user_defined_tokens_stand_whole_in_a_text(opened) -> None:
    model = opened()
    assert pieces(model, f"a{END}b") == ["a", END, "b"]
    types = [1] * (len(TOKENS) - 1)
    assert len(pieces(opened(token_type=[*types, 1]), END)) == len(END)
    assert pieces(opened(token_type=[*types, 4]), END) == [END]


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "bert"},
        {"model": "t5"},
        {"model": "none"},
        {"pre": "default"},
        {"pre": "gemma4"},
        {"pre": "invented"},
        {"tokens": [*TOKENS[:-1], TOKENS[0]]},
        {"tokens": [*TOKENS, "more"]},
        {"token_type": [1, 1]},
        {"token_type": [9] * len(TOKENS)},
        {"merges": ["a b"]},
        {"merges": ["Ġ"]},
        {"merges": ["Ġ t h"]},
        {"add_space_prefix": True},
        {"add_bos_token": True},
        {"add_eos_token": True},
        {"add_sep_token": True},
        {"remove_extra_whitespaces": True},
        {"precompiled_charsmap": [1, 2]},
        {"bos_token_id": len(TOKENS)},
        {"eos_token_id": 1 << 31},
        {"suppress_tokens": [1, 2]},
        {"scores": ["text"]},
        {"invented": 1},
    ],
)
def test_what_would_give_other_ids_is_refused(opened, changed: dict[str, Any]) -> None:
    with pytest.raises(Rejection) as caught:
        opened(**changed)
    assert caught.value.code in {"model.metadata-not-applied", "model.weights-do-not-fit"}


@pytest.mark.parametrize("key", ["model", "pre", "tokens", "merges"])
def test_what_is_not_said_is_not_made_up(opened, key: str) -> None:
    with pytest.raises(Rejection) as caught:
        opened(drop=key)
    assert caught.value.code == "model.metadata-not-applied"
    assert PREFIX + key in str(caught.value)


PIECES = sentencepiece_keys()
PIECE_TOKENS = PIECES[f"{PREFIX}tokens"]


@pytest.fixture
def opened_pieces(tmp_path: Path):
    def with_keys(**changed: Any) -> LoadedModel:
        named = {PREFIX + key: value for key, value in changed.items()}
        path = write_pieces(tmp_path / "model.gguf", "llama", **named)
        return open_model(parse_model_source(str(path)))

    return with_keys


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the two", ["<s>", "▁the", "▁two"]),
        (" the", ["<s>", "▁", "▁the"]),
        ("and12", ["<s>", "▁and", "12"]),
        ("ä", ["<s>", "▁", "<0xC3>", "<0xA4>"]),
        ("a</s>the", ["<s>", "▁a", "</s>", "▁the"]),
        ("", ["<s>"]),
    ],
)
def test_pieces_are_joined_by_their_scores(opened_pieces, text: str, expected: list[str]) -> None:
    assert [PIECE_TOKENS[number] for number in opened_pieces().encode(text)] == expected


def test_no_blank_is_put_in_front_where_the_file_says_none(opened_pieces) -> None:
    model = opened_pieces(add_space_prefix=False, add_bos_token=False)
    assert [PIECE_TOKENS[number] for number in model.encode("the two")] == ["t", "he", "▁two"]


def test_runs_of_blanks_that_stand_whole_are_found(opened_pieces) -> None:
    types = [*PIECES[f"{PREFIX}token_type"]]
    types[PIECE_TOKENS.index("▁▁")] = 4
    spelled = ["  " if token == "▁▁" else token for token in PIECE_TOKENS]
    keys = {"tokens": spelled, "token_type": types}
    model = opened_pieces(**keys, add_space_prefix=False, add_bos_token=False)
    assert [spelled[number] for number in model.encode("a   two")] == ["a", "  ", "▁two"]
    with pytest.raises(Rejection) as caught:
        opened_pieces(**keys)
    assert caught.value.code == "model.metadata-not-applied"


@pytest.mark.parametrize(
    "changed",
    [
        {"tokens": [token for token in PIECE_TOKENS if token != "<0x41>"] + ["more"]},
        {"tokens": ["  " if token == "x" else token for token in PIECE_TOKENS]},
        {"scores": [0.0]},
        {"merges": ["t h"]},
        {"pre": "gpt-2"},
        {"remove_extra_whitespaces": True},
    ],
)
def test_pieces_that_loaders_would_read_otherwise_are_refused(
    opened_pieces, changed: dict[str, Any]
) -> None:
    with pytest.raises(Rejection) as caught:
        opened_pieces(**changed)
    assert caught.value.code == "model.metadata-not-applied"
