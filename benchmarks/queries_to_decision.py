"""How many challenges rule ``eb/1`` needs, against the least that any valid rule can need.

    python benchmarks/queries_to_decision.py [--runs 200] [--seed 1]

The limit: a rule that says SAME after m scores of 0 also says it for a model that scores 2 with
probability g / 2 and else 0, g = min(gamma, 2 eta gamma), whenever its first m scores are 0: with
probability (1 - g / 2)^m. That model's mean is g, so a valid rule needs (1 - g / 2)^m <= alpha / 2,
which is m >= ln(2 / alpha) / -ln(1 - g / 2) probes.

Score laws are Betas on [0, 2] with the mean and standard deviation that were measured on pairs made
from a 135 M parameter model (docs/statistics.md). The seed's counts are those that PoT_Experiments
publishes (`docs/papers/POT_PAPER_COMPLETE_UPDATED.md`, section 7.1, August 2025); its rule does not
keep its level (`decision_error_rates.py`, last column), so they are no aim, only a comparison.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log, log1p
from statistics import median

from pot_reverify.decision.empirical_bernstein import (
    PROBES_PER_CHALLENGE,
    SCORE_RANGE,
    Decision,
    SequentialTest,
    Step,
    StopReason,
)
from pot_reverify.decision.presets import PRESETS, Preset


@dataclass(frozen=True)
class ScoreLaw:
    """A pair of models, by the mean and standard deviation of its scores."""

    name: str
    mean: float
    deviation: float

    def sampler(self, generator: random.Random) -> Callable[[], int]:
        """Scores of this law; the Beta with these two moments, or the mean itself."""
        if not self.deviation:
            return lambda: min(SCORE_RANGE - 1, int(self.mean / 2 * SCORE_RANGE))
        mean, deviation = self.mean / 2, self.deviation / 2
        concentration = mean * (1 - mean) / deviation**2 - 1
        a, b = mean * concentration, (1 - mean) * concentration
        return lambda: min(SCORE_RANGE - 1, int(generator.betavariate(a, b) * SCORE_RANGE))


LAWS = (
    ScoreLaw("identical", 0, 0),
    ScoreLaw("weight noise 1e-3", 0.0004, 0.0004),
    ScoreLaw("five fine-tuning steps", 0.013, 0.004),
    ScoreLaw("bf16 against fp32", 0.014, 0.006),
    ScoreLaw("int8 rows", 0.044, 0.015),
    ScoreLaw("weight noise 1e-2", 0.051, 0.019),
    ScoreLaw("forty fine-tuning steps", 0.31, 0.06),
    ScoreLaw("weight noise 5e-2", 0.99, 0.16),
    ScoreLaw("one of 30 layers dropped", 1.2, 0.42),
    ScoreLaw("four of 30 layers dropped", 1.90, 0.15),
    ScoreLaw("naive int4", 1.99, 0.01),
)

SEED_COUNTS = {
    ("quick", Decision.SAME): 14,
    ("audit", Decision.SAME): 30,
    ("quick", Decision.DIFFERENT): 16,
    ("audit", Decision.DIFFERENT): 32,
}
"""Queries of llama-7b against itself, gpt2 against itself, DialoGPT against gpt2, gpt2 against
distilgpt2. No EXTENDED run is published."""


def limit_probes(preset: Preset) -> float:
    """The least number of probes after which a valid rule can say SAME."""
    g = min(preset.gamma, 2 * preset.eta * preset.gamma)
    return log(2 / float(preset.alpha)) / -log1p(-float(g) / 2)


def run(preset: Preset, draw: Callable[[], int]) -> Step:
    test = SequentialTest(preset)
    while True:
        step = test.observe([draw() for _ in range(PROBES_PER_CHALLENGE)])
        if step.reason is not None:
            return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{options.runs} runs a line, seed {options.seed}\n")
    print(
        "| preset | scores (mean, sd) | decision | challenges, median | 5 % to 95 % | probes "
        "| / limit | / seed |"
    )
    print("|---|---|---|---:|---:|---:|---:|---:|")
    for preset in PRESETS.values():
        for law in LAWS:
            draw = law.sampler(random.Random(f"{options.seed}/{preset.name}/{law.name}"))
            steps = [run(preset, draw) for _ in range(options.runs)]
            print(_row(preset, law, steps), flush=True)
    print()
    for preset in PRESETS.values():
        probes = limit_probes(preset)
        print(
            f"{preset.name}: no valid rule says SAME before probe {ceil(probes)} "
            f"(challenge {max(preset.n_min, ceil(probes / PROBES_PER_CHALLENGE))})"
        )
    print(f"\n400 challenges: {_milliseconds_for_400():.1f} ms of CPU, constants included")


def _row(preset: Preset, law: ScoreLaw, steps: list[Step]) -> str:
    stops = sorted(step.n for step in steps)
    middle = median(stops)
    low, high = stops[len(stops) // 20], stops[-1 - len(stops) // 20]
    probes = PROBES_PER_CHALLENGE * middle
    counts = Counter((step.decision, step.reason) for step in steps).most_common()
    decisions = {decision for (decision, _), _ in counts if decision is not None}
    cells = [preset.name, f"{law.name} ({law.mean}, {law.deviation})"]
    cells.append(", ".join(_share(*key, count, len(steps)) for key, count in counts))
    cells += [f"{middle:g}", f"{low} to {high}", f"{probes:g}"]
    cells.append(f"{probes / limit_probes(preset):.2f}" if decisions == {Decision.SAME} else "")
    seed = [SEED_COUNTS.get((preset.name, decision)) for decision in decisions]
    cells.append(f"{middle / seed[0]:.2f}" if len(seed) == 1 and seed[0] else "")
    return f"| {' | '.join(cells)} |"


def _share(decision: Decision | None, reason: StopReason | None, count: int, runs: int) -> str:
    detail = f" ({reason})" if decision is Decision.UNDECIDED else ""
    return f"{decision}{detail}" + (f" {100 * count / runs:g} %" if count < runs else "")


def _milliseconds_for_400() -> float:
    """Best of 5, on a run that never stops early: the mean stands at gamma."""
    preset, best = PRESETS["audit"], float("inf")
    for _ in range(5):
        start = time.process_time()
        step = run(preset, lambda: 3277)
        best = min(best, time.process_time() - start)
        assert step.n == preset.n_max
    return 1000 * best


if __name__ == "__main__":
    main()
