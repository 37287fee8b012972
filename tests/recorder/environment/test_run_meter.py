# ruff: noqa: E402 - the module is skipped before it imports what needs torch
import hashlib
import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.environment.installed_software import _git, installed_software
from pot_recorder.environment.machine import read_ahead_kb, this_machine
from pot_recorder.environment.run_meter import RunMeter, RunMetrics
from pot_recorder.models.load import open_model
from pot_recorder.models.source import parse_model_source
from pot_recorder.run.determinism import make_deterministic
from pot_recorder.run.scorer import ChallengeMeasurement, score_challenges
from pot_reverify.encoding import strict_json

TEXTS = ["A probe of twenty bytes or more."] * 4


def measured_run(folder: Path) -> tuple[RunMetrics, list[ChallengeMeasurement]]:
    meter = RunMeter(make_deterministic(), {"reference": folder, "candidate": folder})
    torch.use_deterministic_algorithms(mode=False)
    model = open_model(parse_model_source(str(folder)))
    meter.start_run()
    challenges = [(index, TEXTS) for index in range(1, 6)]
    seen = list(meter.watch(score_challenges(model, model, challenges, cold_below=3)))
    return meter.finish(), seen


def test_a_run(tiny_folder: Path) -> None:
    metrics, seen = measured_run(tiny_folder)
    (load_name, load), (run_name, run) = metrics.phases
    assert (load_name, run_name) == ("load", "run")
    assert load.counters.minor_faults > 0
    assert (metrics.cold.probes, metrics.warm.probes) == (8, 12)
    assert metrics.cold.total_ns == sum(m.duration_ns for m in seen[:2])
    assert metrics.warm.total_ns == sum(m.duration_ns for m in seen[2:])
    assert metrics.cold.total_ns + metrics.warm.total_ns <= run.counters.wall_ns
    assert run.counters.cpu_ns > 0
    assert load.peak_rss_bytes <= run.peak_rss_bytes


def test_document_has_integers_strings_and_lists_only(tiny_folder: Path) -> None:
    document = measured_run(tiny_folder)[0].to_document()
    assert strict_json.decode(strict_json.encode(document)) == document
    assert_no_float(document)
    assert document["phases"]["run"].keys() == {
        "cpu_ns", "disk_read_bytes", "disk_read_bytes_per_s", "energy_uj", "major_faults",
        "minor_faults", "peak_rss_bytes", "wall_ns",
    }  # fmt: skip
    assert document["warm"]["ns_per_probe"] == document["warm"]["total_ns"] // 12


def assert_no_float(value: object) -> None:
    assert not isinstance(value, float)
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, dict | list):
            assert_no_float(part)
        else:
            assert part is None or isinstance(part, str | int)


def test_run_without_warm_probes(tiny_folder: Path) -> None:
    meter = RunMeter(make_deterministic(), {"reference": tiny_folder})
    torch.use_deterministic_algorithms(mode=False)
    meter.start_run()
    assert meter.finish().warm.to_document() == {"ns_per_probe": None, "probes": 0, "total_ns": 0}


def test_machine() -> None:
    machine = this_machine()
    assert machine.usable_cores == len(os.sched_getaffinity(0))
    meminfo = Path("/proc/meminfo").read_text().split()
    assert machine.ram_bytes == pytest.approx(int(meminfo[1]) * 1024, rel=0.01)
    assert len(machine.accelerators) == torch.cuda.device_count()
    assert machine.processor


def test_read_ahead(tmp_path: Path) -> None:
    assert read_ahead_kb(tmp_path / "nowhere") is None
    device = tmp_path.stat().st_dev
    name = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    settings = [Path(f"{name}/queue/read_ahead_kb"), Path(f"{name}/../queue/read_ahead_kb")]
    shown = [int(path.read_text()) for path in settings if path.exists()]
    assert read_ahead_kb(tmp_path) == (shown[0] if shown else None)


def test_software() -> None:
    software = installed_software()
    assert f"pytest=={version('pytest')}" in software.packages
    assert list(software.packages) == sorted(software.packages)
    listing = "".join(f"{line}\n" for line in software.packages).encode()
    assert software.packages_digest == hashlib.sha256(listing).digest()
    assert torch.__version__ in software.torch_build


def test_commit_is_that_of_the_checkout() -> None:
    software = installed_software()
    root = Path(__file__).parents[3]
    if shutil.which("git") is None or not (root / ".git").exists():
        assert software.git_commit is None
        return
    finished = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    assert software.git_commit in (finished.stdout.strip(), None)


def test_folder_outside_any_checkout(tmp_path: Path) -> None:
    assert _git(["rev-parse", "HEAD"], tmp_path) is None
