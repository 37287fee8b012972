"""Challenges a second, both models: one padded pass a challenge beside one pass a probe.

    python benchmarks/recording_throughput.py REFERENCE CANDIDATE [CHALLENGES] [DTYPE]

Both sides do everything that a recording does for a score: token ids, both forward passes, float64
softmax, top-8 union, integers. `naive` is the usual way to do it: one probe a pass, and logits for
every position instead of the scored ones. The rounds of the three alternate, and processor time is
printed beside wall time: on a busy machine it is the one to believe. Medians of the rounds.
"""

import hashlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from pot_recorder.models.load import open_model
from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.models.source import parse_model_source
from pot_recorder.run.batches import BatchLayout
from pot_recorder.run.determinism import make_deterministic
from pot_recorder.run.scorer import score_challenges
from pot_reverify.challenge.prose import derive_probes
from pot_reverify.score.affinity import affinity_score

ROUNDS = 3
Challenges = Sequence[tuple[int, Sequence[str]]]
Times = tuple[float, float]
"""Wall and processor seconds."""


def main(reference_spec: str, candidate_spec: str, count: int, dtype: str) -> None:
    print(make_deterministic())
    reference, candidate = (
        open_model(parse_model_source(spec), dtype=dtype)  # type: ignore[arg-type]
        for spec in (reference_spec, candidate_spec)
    )
    challenges = [(index, _texts(index)) for index in range(1, count + 1)]
    ways: dict[str, Callable[[], Times]] = {
        "one pass a challenge": lambda: _run(
            reference, candidate, challenges, BatchLayout.CHALLENGE_LEFT_PADDED
        ),
        "probe by probe": lambda: _run(
            reference, candidate, challenges, BatchLayout.PROBE_BY_PROBE
        ),
        "naive": lambda: _with_all_logits(
            lambda: _run(reference, candidate, challenges, BatchLayout.PROBE_BY_PROBE),
            reference,
            candidate,
        ),
    }
    _run(reference, candidate, challenges[:1], BatchLayout.CHALLENGE_LEFT_PADDED)
    times: dict[str, list[Times]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            times[name].append(run())
    medians = {
        name: [statistics.median(column) for column in zip(*measured, strict=True)]
        for name, measured in times.items()
    }
    naive_wall_s, naive_cpu_s = medians["naive"]
    for name, (wall_s, cpu_s) in medians.items():
        print(
            f"{name}: {count / wall_s:.2f} challenges/s ({naive_wall_s / wall_s:.2f} x naive), "
            f"{count / cpu_s:.2f} a CPU second ({naive_cpu_s / cpu_s:.2f} x naive)"
        )


def _run(
    reference: LoadedModel, candidate: LoadedModel, challenges: Challenges, layout: BatchLayout
) -> Times:
    start, cpu_start = time.perf_counter(), time.process_time()
    scores = [
        affinity_score(probe.distributions)
        for measurement in score_challenges(reference, candidate, challenges, layout=layout)
        for probe in measurement.probes
    ]
    assert len(scores) == 4 * len(challenges)
    return time.perf_counter() - start, time.process_time() - cpu_start


def _with_all_logits(run: Callable[[], Times], *models: LoadedModel) -> Times:
    before = [model._keeps_rows for model in models]  # noqa: SLF001 - what is compared
    for model in models:
        model._keeps_rows = False  # noqa: SLF001
    try:
        return run()
    finally:
        for model, keeps in zip(models, before, strict=True):
            model._keeps_rows = keeps  # noqa: SLF001


def _texts(index: int) -> list[str]:
    seed = hashlib.sha256(b"recording throughput" + index.to_bytes(8, "big")).digest()
    return [probe.text for probe in derive_probes(seed)]


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(
        sys.argv[1],
        sys.argv[2],
        int(sys.argv[3]) if len(sys.argv) > 3 else 6,
        sys.argv[4] if len(sys.argv) > 4 else "float32",
    )
