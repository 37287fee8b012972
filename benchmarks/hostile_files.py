"""What a reader spends on files that are made to cost: CPU seconds and memory, one line a file.

    python benchmarks/hostile_files.py [WORD]

With a word, only the files with it in their name. The collection and the way of measuring are those
of tests/hostile, where the same limits are asserted: for each file of at most a megabyte, one CPU
second (on a machine whose interpreter takes the calibration's time for what took ours a second) and
100 MB beyond what the process has anyway.
"""

import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOSTILE = ROOT / "tests" / "hostile"
for folder in ("fixtures/vectors", "tests/timestamps", "tests/quotes", "tests/hostile"):
    sys.path.insert(0, str(ROOT / folder))


def main(word: str) -> None:
    collection = importlib.import_module("collection").COLLECTION  # found by the paths above
    with tempfile.TemporaryDirectory() as name:
        index = []
        for number, one in enumerate(one for one in collection if word in one.name):
            path = Path(name) / f"{number:03d}"
            path.write_bytes(one.make())
            index.append([one.name, one.kind, str(path)])
        listed = Path(name) / "index.json"
        listed.write_text(json.dumps(index))
        done = subprocess.run(
            [sys.executable, HOSTILE / "measure_costs.py", listed],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    first, *costs = map(json.loads, done.stdout.splitlines())
    calibration_s = first["calibration_s"]
    print(f"calibration: {calibration_s:.2f} s for a second\n")
    print(f"{'file':52}{'MB':>6}{'CPU s':>8}{'of limit':>9}{'memory MB':>10}  judgement")
    for one in costs:
        print(
            f"{one['name']:52}{one['size_bytes'] / 1e6:6.2f}{one['cpu_s']:8.2f}"
            f"{one['cpu_s'] / calibration_s:9.0%}{one['memory_bytes'] / 1e6:10.0f}"
            f"  {one['said'][:60]}"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
