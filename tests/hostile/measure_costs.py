"""What it costs to judge files: CPU seconds and memory beyond what a process has anyway.

    python tests/hostile/measure_costs.py INDEX.json

The index is a list of [name, kind, path]; one JSON object a line comes out, the first with the
calibration. Every file is judged in a child of its own, forked from a process that has judged good
files before, so that imports and tables that are made once count for none of them.
"""

import json
import os
import resource
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
for folder in ("fixtures/vectors", "tests/timestamps", "tests/quotes", "tests/hostile"):
    sys.path.insert(0, str(ROOT / folder))

from judges import JUDGES  # noqa: E402

# A second of the machines that this was written on; slower ones take longer for both.
_STEPS = 12_000_000
_LIMIT_S = 60


@dataclass(frozen=True)
class Cost:
    """What judging one file took.

    Args:
        said: the judgement, or the error that no judgement may end with.
        is_judged: whether it ended with one.
    """

    name: str
    kind: str
    size_bytes: int
    cpu_s: float
    memory_bytes: int
    said: str
    is_judged: bool


def calibration_s() -> float:
    """How long this machine's interpreter takes for what a second was once."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        value = 1
        for _ in range(_STEPS // 10):
            value = value * 5 + 1 & 0xFFFFFFFF
        best = min(best, time.process_time() - start)
    return 10 * best


def warm_up() -> None:
    vectors = ROOT / "fixtures" / "vectors"
    for path in ("vectors/base-proven.potb", "vectors/grade-a.potb", "bundles/timestamped.potb"):
        JUDGES["bundle"]((vectors.parent / path).read_bytes())
    JUDGES["policy"]((ROOT / "fixtures" / "policies" / "auditor.toml").read_bytes())
    for path in sorted((ROOT / "fixtures" / "tee" / "nitro").glob("*.bin")):
        JUDGES["evidence"](path.read_bytes())


def measure(name: str, kind: str, path: str) -> Cost:
    """Judge one file in a child."""
    data = Path(path).read_bytes()
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        resource.setrlimit(resource.RLIMIT_CPU, (_LIMIT_S, _LIMIT_S))
        with os.fdopen(sending, "w") as pipe:
            json.dump(asdict(_judge(name, kind, data)), pipe)
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not answer:
        said = f"the process ended with status {status}"
        return Cost(name, kind, len(data), _LIMIT_S, 0, said, is_judged=False)
    return Cost(**json.loads(answer))


def _judge(name: str, kind: str, data: bytes) -> Cost:
    before = resource.getrusage(resource.RUSAGE_SELF)
    is_judged = True
    try:
        said = JUDGES[kind](data)
    except BaseException:  # noqa: BLE001  whatever it is, it is the finding
        said, is_judged = traceback.format_exc(limit=-3), False
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory_bytes = (after.ru_maxrss - before.ru_maxrss) * 1024
    return Cost(name, kind, len(data), cpu_s, memory_bytes, said, is_judged)


def main(index: Path) -> None:
    warm_up()
    _say({"calibration_s": calibration_s()})
    for name, kind, path in json.loads(index.read_text()):
        _say(asdict(measure(name, kind, path)))


def _say(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
