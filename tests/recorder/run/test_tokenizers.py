from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.models.load import open_model
from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.models.source import parse_model_source
from pot_recorder.run.tokenizers import (
    TokenizerFacts,
    tokenizer_facts,
    verify_same_ids,
    verify_same_tokenizer,
)
from pot_reverify.errors import Rejection

FACTS = TokenizerFacts(100, bytes(32), ((1, 2), (3,)))


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (replace(FACTS, vocabulary=101), "widths"),
        (replace(FACTS, vocabulary_digest=bytes(31) + b"\x01"), "vocabularies"),
        (replace(FACTS, ids=((1, 2), (4,))), "token ids"),
    ],
)
def test_any_difference_is_refused(other: TokenizerFacts, what: str) -> None:
    verify_same_tokenizer(FACTS, FACTS)
    with pytest.raises(Rejection, match=what) as caught:
        verify_same_tokenizer(FACTS, other)
    assert caught.value.code == "tokenizer.differs"
    assert "affinity-text/1, which is not available yet" in caught.value.message


def test_ids_of_a_probe(tiny_folder: Path) -> None:
    model = open_model(parse_model_source(str(tiny_folder)))
    ids = model.encode("A probe")
    verify_same_ids(model, "A probe", ids, "probe 0")
    with pytest.raises(Rejection, match="probe 0") as caught:
        verify_same_ids(model, "A probe", ids[:-1], "probe 0")
    assert caught.value.code == "tokenizer.differs"


def test_a_tokenizer_that_adds_a_token_is_another(tiny_folder: Path) -> None:
    source = parse_model_source(str(tiny_folder))
    before = tokenizer_facts(open_model(source))
    model = open_model(source)
    model.tokenizer.add_tokens(["quick brown"])
    with pytest.raises(Rejection) as caught:
        verify_same_tokenizer(before, tokenizer_facts(model))
    assert caught.value.code == "tokenizer.differs"


@pytest.mark.models
def test_gemma_against_smollm2_is_refused(gemma: LoadedModel, small_folder: Path) -> None:
    smollm2 = open_model(parse_model_source(str(small_folder)))
    texts = ["A probe of the run."]
    verify_same_tokenizer(tokenizer_facts(smollm2, texts), tokenizer_facts(smollm2, texts))
    with pytest.raises(Rejection) as caught:
        verify_same_tokenizer(tokenizer_facts(smollm2, texts), tokenizer_facts(gemma, texts))
    assert caught.value.code == "tokenizer.differs"
