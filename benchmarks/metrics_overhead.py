"""What measuring a run costs, as a share of the run: the claim is less than 1 %.

    python benchmarks/metrics_overhead.py MODEL [CHALLENGES]

The meter's own time is summed around its calls: start, one observation a challenge, the two phase
ends, and the inventory of machine and software at the end. The model runs against itself.
"""

import hashlib
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


def main(spec: str, count: int) -> None:
    settings = make_deterministic()
    begin = time.perf_counter()
    meter = RunMeter(settings, {"reference": Path(spec), "candidate": Path(spec)})
    metering = time.perf_counter() - begin
    model = open_model(parse_model_source(spec))
    start = time.perf_counter()
    meter.start_run()
    metering += time.perf_counter() - start
    challenges = ((index, _texts(index)) for index in range(1, count + 1))
    for measurement in score_challenges(model, model, challenges):
        start = time.perf_counter()
        meter.observe(measurement)
        metering += time.perf_counter() - start
    start = time.perf_counter()
    meter.finish().to_document()
    inventory = time.perf_counter() - start
    whole = time.perf_counter() - begin
    energy = EnergyMeter()
    start = time.perf_counter()
    for _ in range(READS):
        read_counters(energy)
    one_read = (time.perf_counter() - start) / READS
    print(f"{count} challenges in {whole:.2f} s, loading included")
    print(f"metering while it ran: {metering * 1e6:.0f} us, {100 * metering / whole:.4f} %")
    print(f"phase end and inventory: {inventory * 1e3:.1f} ms, {100 * inventory / whole:.3f} %")
    print(f"all: {100 * (metering + inventory) / whole:.3f} %")
    print(f"one reading of all counters: {one_read * 1e6:.1f} us")


def _texts(index: int) -> list[str]:
    seed = hashlib.sha256(b"metrics overhead" + index.to_bytes(8, "big")).digest()
    return [probe.text for probe in derive_probes(seed)]


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 10)
