"""The whole hostile collection: a judgement of each file, within a second and 100 MB."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bundle_floods import challenges, manifest, model_files, statement_with
from collection import COLLECTION, Hostile

HERE = Path(__file__).parent
MAX_BYTES = 1_100_000
MAX_SECONDS = 1.0
MAX_MEMORY_BYTES = 100_000_000


def costs_of(files: dict[str, tuple[str, bytes]], folder: Path) -> tuple[float, dict[str, dict]]:
    """The calibration, and the cost of each file."""
    index = []
    for number, (name, (kind, data)) in enumerate(files.items()):
        path = folder / f"{number:03d}"
        path.write_bytes(data)
        index.append([name, kind, str(path)])
    (folder / "index.json").write_text(json.dumps(index))
    done = subprocess.run(
        [sys.executable, HERE / "measure_costs.py", folder / "index.json"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )
    first, *lines = map(json.loads, done.stdout.splitlines())
    return first["calibration_s"], {one["name"]: one for one in lines}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    files = {one.name: (one.kind, one.make()) for one in COLLECTION}
    return costs_of(files, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("hostile", COLLECTION, ids=lambda one: one.name)
def test_a_hostile_file_is_judged_within_its_limits(hostile: Hostile, measured):
    calibration_s, costs = measured
    cost = costs[hostile.name]
    assert cost["is_judged"], cost["said"]
    assert cost["size_bytes"] <= MAX_BYTES
    assert cost["cpu_s"] <= MAX_SECONDS * calibration_s, cost
    assert cost["memory_bytes"] <= MAX_MEMORY_BYTES, cost


SCALED = {
    "arrays in JSON": lambda size: statement_with(b"[" + b"[]," * (size // 3) + b"[]]"),
    "files of a model": lambda size: manifest(model_files(size // 130)),
    "withheld challenges": lambda size: challenges(size // 470, shown=0),
    "shown challenges": lambda size: challenges(size // 16_000, shown=4),
}


def test_larger_files_cost_in_proportion(tmp_path):
    """Four times the bytes take at most eight times the time, where the square took sixteen."""
    files = {
        f"{name} {size}": ("bundle", make(size))
        for name, make in SCALED.items()
        for size in (500_000, 2_000_000)
    }
    _, costs = costs_of(files, tmp_path)
    for name in SCALED:
        small, large = costs[f"{name} 500000"], costs[f"{name} 2000000"]
        assert small["is_judged"], small["said"]
        assert large["cpu_s"] <= 8 * small["cpu_s"], (name, small["cpu_s"], large["cpu_s"])
        assert large["memory_bytes"] <= 4 * MAX_MEMORY_BYTES


def test_the_collection_is_hostile_to_every_reader():
    assert {one.kind for one in COLLECTION} == {"bundle", "policy", "keys", "evidence"}
    assert len(COLLECTION) > 120
    assert len({one.name for one in COLLECTION}) == len(COLLECTION)
