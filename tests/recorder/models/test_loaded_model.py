# ruff: noqa: E402 - the module is skipped before it imports what needs torch
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

from safetensors.torch import load_file, save_file

from pot_recorder.models.load import open_model
from pot_recorder.models.loaded_model import LoadedModel, _require_finite, softmax_float64
from pot_recorder.models.source import parse_model_source
from pot_reverify.errors import Rejection

TEXTS = (
    (
        "The harbour town lies where the river meets the sea; its houses are of grey stone; from "
        "the hill above one sees the islands and the mill."
    ),
    "def mean(values):\n    total = 0\n    for value in values:\n        total += value\n",
    "- flour, 500 g\n- water, 320 ml\n- salt, 10 g\n\nKnead for ten minutes and let it rest.",
)


@pytest.fixture(scope="module")
def small(small_folder: Path) -> LoadedModel:
    return open_model(parse_model_source(str(small_folder)))


def full_logits(model: LoadedModel, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model._network(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


@pytest.mark.models
def test_only_scored_rows_go_through_the_output_layer(small: LoadedModel) -> None:
    for text in TEXTS:
        ids = small.encode(text)
        rows = range(len(ids) - 20, len(ids) - 1)
        kept = small.logits([ids], [rows], ["text"])[0]
        whole = full_logits(small, ids)[rows.start : rows.stop]
        assert kept.shape == (19, small.identity.vocabulary)
        # The output layer's product has another shape, so its additions another order.
        torch.testing.assert_close(kept, whole, rtol=1e-5, atol=1e-4)
        small._keeps_rows = False
        try:
            assert torch.equal(small.logits([ids], [rows], ["text"])[0], whole)
        finally:
            small._keeps_rows = True


@pytest.mark.models
def test_padded_batch_means_the_same_as_single_texts(small: LoadedModel) -> None:
    assert small.can_pad_left
    batch = [small.encode(text) for text in TEXTS]
    rows = [range(len(ids) - 20, len(ids) - 1 - number) for number, ids in enumerate(batch)]
    together = small.logits(batch, rows, TEXTS)
    assert len({len(ids) for ids in batch}) > 1
    for ids, kept, part in zip(batch, rows, together, strict=True):
        alone = small.logits([ids], [kept], ["text"])[0]
        torch.testing.assert_close(part, alone, rtol=1e-4, atol=1e-3)


@pytest.mark.models
def test_probabilities_are_distributions_in_float64(small: LoadedModel) -> None:
    ids = small.encode(TEXTS[0])
    rows = range(4, len(ids) - 1)
    result = small.probabilities([ids], [rows], ["text"])[0]
    assert result.dtype == np.float64
    assert np.abs(result.sum(axis=1) - 1).max() < 2**-40
    logits = small.logits([ids], [rows], ["text"])[0][0].tolist()
    largest = max(logits)
    total = math.fsum(math.exp(value - largest) for value in logits)
    for token in (0, 17, 4000):
        expected = math.exp(logits[token] - largest) / total
        assert result[0, token] == pytest.approx(expected, rel=1e-12)


def test_softmax_uses_the_float32_logits_exactly() -> None:
    logits = torch.tensor([[0.0, 2.0**-23, -1e4]])
    result = softmax_float64(logits)[0]
    assert result[1] / result[0] == pytest.approx(math.exp(2.0**-23), rel=1e-15)
    assert result[2] == 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_non_finite_weights(tiny_folder: Path, value: float) -> None:
    weights = load_file(tiny_folder / "model.safetensors")
    weights["lm_head.weight"][7, 0] = value
    save_file(weights, tiny_folder / "model.safetensors", metadata={"format": "pt"})
    model = open_model(parse_model_source(str(tiny_folder)))
    with pytest.raises(Rejection) as caught:
        model.logits([[1] * 20] * 2, [range(3, 19)] * 2, ["challenge 3, probe 0", "probe 1"])
    assert caught.value.code == "model.non-finite-logits"
    assert caught.value.where == "challenge 3, probe 0, row 3"


def test_non_finite_row_is_named() -> None:
    logits = torch.zeros(4, 5)
    logits[2, 3] = -math.inf
    with pytest.raises(Rejection) as caught:
        _require_finite(logits, range(10, 14), "probe")
    assert caught.value.where == "probe, row 12"


def test_text_that_is_too_long(tiny_folder: Path) -> None:
    model = open_model(parse_model_source(str(tiny_folder)))
    with pytest.raises(Rejection) as caught:
        model.logits([[1] * 513], [range(20)], ["text"])
    assert caught.value.code == "model.text-too-long"


def test_recurrent_layers_forbid_padding(tiny_folder: Path) -> None:
    model = open_model(parse_model_source(str(tiny_folder)))
    assert model.can_pad_left
    model._network.config.layer_types = ["full_attention", "linear_attention"]
    assert not model.can_pad_left
    model._network.config.layer_types = None
    model._takes_position_ids = False
    assert not model.can_pad_left


@pytest.mark.models
def test_encoding_is_the_models_own(gemma: LoadedModel, small: LoadedModel) -> None:
    assert not small.identity.adds_special_tokens
    assert small.tokenizer.decode(small.encode(TEXTS[1])) == TEXTS[1]
    assert gemma.identity.adds_special_tokens
    assert gemma.encode("Hello")[0] == gemma.tokenizer.bos_token_id
    assert gemma.identity.parameters == 268_098_176
    assert gemma.identity.vocabulary == 262_144
    ids = gemma.encode(TEXTS[0])
    rows = range(len(ids) - 17, len(ids) - 1)
    likeliest = gemma.probabilities([ids], [rows], ["text"])[0].argmax(axis=1)
    assert (likeliest == np.array(ids[rows.start + 1 :])).mean() > 0.2
