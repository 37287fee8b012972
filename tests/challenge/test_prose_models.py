"""`prose/1` as real tokenizers and a real model see it."""

import warnings
from pathlib import Path

import pytest

from pot_reverify.challenge.prose import KINDS, Probe, derive_probes

transformers = pytest.importorskip("transformers", reason="needs the `record` extra")

SEEDS = 2000
ENTROPY_CHALLENGES = 24


def probes_of(count: int) -> list[Probe]:
    return [p for number in range(count) for p in derive_probes(number.to_bytes(32, "big"))]


def gguf_tokenizer(path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)


def require_40_to_80_tokens(tokenizer, name: str) -> None:
    probes = probes_of(SEEDS)
    ids = tokenizer([probe.text for probe in probes], add_special_tokens=False)["input_ids"]
    for kind in KINDS:
        counts = [len(i) for i, probe in zip(ids, probes, strict=True) if probe.kind == kind]
        mean = sum(counts) / len(counts)
        found = f"{min(counts)} to {max(counts)} tokens, mean {mean:.1f}"
        print(f"\n{name}, {kind}: {found}", end="")  # noqa: T201 - a report
        assert min(counts) >= 40
        assert max(counts) <= 80


@pytest.mark.models
def test_texts_have_40_to_80_tokens_with_smollm2(smollm2_gguf: Path) -> None:
    require_40_to_80_tokens(gguf_tokenizer(smollm2_gguf), "SmolLM2")


@pytest.mark.models
def test_texts_have_40_to_80_tokens_with_gemma(gemma_gguf: Path) -> None:
    require_40_to_80_tokens(gguf_tokenizer(gemma_gguf), "Gemma")


@pytest.mark.models
def test_a_real_model_is_on_its_distribution(smollm2_folder: Path) -> None:
    numpy = pytest.importorskip("numpy")
    load = pytest.importorskip("pot_recorder.models.load")
    source = pytest.importorskip("pot_recorder.models.source")
    model = load.open_model(source.parse_model_source(str(smollm2_folder)), dtype="bfloat16")
    entropies: dict[str, list[float]] = {kind: [] for kind in KINDS}
    surprises: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for probe in probes_of(ENTROPY_CHALLENGES):
        ids = model.encode(probe.text)
        p = model.probabilities([ids], [range(len(ids) - 1)], [probe.kind])[0]
        entropies[probe.kind] += list(-(p * numpy.log(numpy.maximum(p, 1e-300))).sum(axis=1))
        surprises[probe.kind] += list(-numpy.log(p[numpy.arange(len(ids) - 1), ids[1:]]))
    for kind in KINDS:
        entropy, surprise = numpy.mean(entropies[kind]), numpy.mean(surprises[kind])
        found = f"entropy {entropy:.2f}, surprise {surprise:.2f} nats a position"
        print(f"\n{kind}: {found}", end="")  # noqa: T201 - a report
        assert 1 <= entropy <= 5
        # Off its distribution a model is surprised far beyond the entropy that it reckons with.
        assert surprise - entropy < 1.5
