"""Real variants of a real model, and the scores that the design expects of them."""

import math
import pydoc_data.topics
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from safetensors.torch import load_file

from pot_recorder import variants
from pot_recorder.models.load import open_model
from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.models.source import parse_model_source
from pot_recorder.run.scorer import score_challenges
from pot_recorder.run.tokenizers import tokenizer_facts, verify_same_tokenizer
from pot_reverify.score.affinity import affinity_score

UNITS = 32768


@pytest.fixture(scope="module")
def full(smollm2_folder: Path) -> LoadedModel:
    return open_model(parse_model_source(str(smollm2_folder)))


@pytest.fixture(scope="module")
def mean_score(challenges) -> Callable[..., float]:
    def measure(reference: LoadedModel, folder: Path, dtype: str = "float32") -> float:
        candidate = open_model(parse_model_source(str(folder)), dtype=dtype)
        verify_same_tokenizer(tokenizer_facts(reference), tokenizer_facts(candidate))
        scores = [
            affinity_score(probe.distributions)
            for measurement in score_challenges(reference, candidate, challenges(2))
            for probe in measurement.probes
        ]
        assert len(scores) == 8
        return sum(scores) / len(scores) / UNITS

    return measure


@pytest.mark.models
def test_bfloat16(full: LoadedModel, smollm2_folder: Path, mean_score) -> None:
    assert 0.004 < mean_score(full, smollm2_folder, "bfloat16") < 0.04


@pytest.mark.models
@pytest.mark.parametrize(
    ("make", "bounds"),
    [
        (variants.save_int8, (0.015, 0.12)),
        (variants.save_int4, (1.8, 2.0)),
        (partial(variants.save_noise, relative=1e-2), (0.015, 0.15)),
        (partial(variants.save_noise, relative=5e-2), (0.6, 1.5)),
        (partial(variants.save_without_layers, dropped=[5, 11, 17, 23]), (1.5, 2.0)),
    ],
    ids=["int8", "int4", "noise 1e-2", "noise 5e-2", "four layers dropped"],
)
def test_scores_lie_where_the_design_says(
    full: LoadedModel, tmp_path: Path, mean_score, make, bounds: tuple[float, float]
) -> None:
    make(Path(full.identity.name), tmp_path / "variant")
    least, most = bounds
    assert least < mean_score(full, tmp_path / "variant") < most


@pytest.mark.models
def test_fine_tuning_lowers_the_loss_on_one_fixed_text(
    small_folder: Path, tmp_path: Path, mean_score
) -> None:
    losses = variants.save_fine_tuned(small_folder, tmp_path / "tuned", steps=6)
    assert len(losses) == 6
    small, tuned = (
        open_model(parse_model_source(str(path))) for path in (small_folder, tmp_path / "tuned")
    )
    # The losses of the steps are of different batches, so they do not compare with each other.
    assert loss_on_fixed_text(tuned) < loss_on_fixed_text(small) - 0.1
    assert 0 < mean_score(small, tmp_path / "tuned") < 2


def loss_on_fixed_text(model: LoadedModel) -> float:
    """Mean nats a token on a piece of what the fine-tuning reads."""
    ids = model.encode(pydoc_data.topics.topics["for"])[:200]
    laws = model.probabilities([ids], [range(len(ids) - 1)], ["text"])[0]
    return -sum(math.log(law[token]) for law, token in zip(laws, ids[1:], strict=True)) / len(laws)


@pytest.mark.models
def test_noise_is_seeded_and_relative(small_folder: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        variants.save_noise(small_folder, tmp_path / name, 0.01, seed)
    a, b, c = (load_file(tmp_path / name / "model.safetensors") for name in "abc")
    before = load_file(small_folder / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    assert (a[name] == b[name]).all()
    assert not (a[name] == c[name]).all()
    assert float((a[name] - before[name]).std() / before[name].std()) == pytest.approx(
        0.01, rel=0.02
    )


@pytest.mark.models
def test_rounding_keeps_255_or_15_values_a_row(small_folder: Path, tmp_path: Path) -> None:
    for make, values in ((variants.save_int8, 255), (variants.save_int4, 15)):
        make(small_folder, tmp_path / make.__name__)
        rounded = load_file(tmp_path / make.__name__ / "model.safetensors")
        weight = rounded["model.layers.1.self_attn.q_proj.weight"]
        assert max(len(row.unique()) for row in weight) <= values


@pytest.mark.models
def test_dropped_layers_leave_the_others_as_they_were(small_folder: Path, tmp_path: Path) -> None:
    variants.save_without_layers(small_folder, tmp_path / "dropped", [1, 2])
    before = load_file(small_folder / "model.safetensors")
    after = load_file(tmp_path / "dropped" / "model.safetensors")
    for new, old in ((0, 0), (1, 3)):
        name = "model.layers.{}.mlp.down_proj.weight"
        assert (after[name.format(new)] == before[name.format(old)]).all()
    assert not any(name.startswith("model.layers.2") for name in after)
