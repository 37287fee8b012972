"""What measuring a run costs, as a share of the run: the claim is less than 1 %.

    python benchmarks/metrics_overhead.py MODEL [CHALLENGES]

The meter's own time is summed around its calls: start, one observation a challenge, the two phase
ends, and the inventory of machine and software at the end. The model runs against itself. On a busy
machine the share of processor time is the one to believe; its clock ticks every 10 ms.
"""

import hashlib
import os
import sys
import time
from pathlib import Path

from pot_recorder.environment.counters import read_counters
from pot_recorder.environment.energy import EnergyMeter
from pot_recorder.environment.run_meter import RunMeter
from pot_recorder.models.load import open_model
from pot_recorder.models.source import parse_model_source
from pot_recorder.run.determinism import make_deterministic
from pot_recorder.run.scorer import score_challenges
from pot_reverify.challenge.prose import derive_probes

READS = 10_000
Times = tuple[float, float]
"""Wall and processor seconds."""


def main(spec: str, count: int) -> None:
    settings = make_deterministic()
    begin = _now()
    meter = RunMeter(settings, {"reference": Path(spec), "candidate": Path(spec)})
    metering = [_since(begin)]
    model = open_model(parse_model_source(spec))
    start = _now()
    meter.start_run()
    metering.append(_since(start))
    challenges = ((index, _texts(index)) for index in range(1, count + 1))
    for measurement in score_challenges(model, model, challenges):
        start = _now()
        meter.observe(measurement)
        metering.append(_since(start))
    start = _now()
    meter.finish().to_document()
    inventory = _since(start)
    whole = _since(begin)
    energy = EnergyMeter()
    start = _now()
    for _ in range(READS):
        read_counters(energy)
    reads = _since(start)
    for clock, name in enumerate(("wall", "CPU")):
        during = sum(times[clock] for times in metering)
        share = 100 * (during + inventory[clock]) / whole[clock]
        print(
            f"{name}: run {whole[clock]:.2f} s, metering {during * 1e3:.2f} ms, "
            f"inventory at the end {inventory[clock] * 1e3:.1f} ms, together {share:.3f} %; "
            f"one reading of all counters {reads[clock] / READS * 1e6:.1f} us"
        )


def _now() -> Times:
    used = os.times()  # children too: the inventory asks git
    return time.perf_counter(), sum(used[:4])


def _since(start: Times) -> Times:
    now = _now()
    return now[0] - start[0], now[1] - start[1]


def _texts(index: int) -> list[str]:
    seed = hashlib.sha256(b"metrics overhead" + index.to_bytes(8, "big")).digest()
    return [probe.text for probe in derive_probes(seed)]


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 10)
