from pathlib import Path

import pytest

from pot_recorder.environment.energy import POWERCAP, EnergyMeter


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Two packages, and a part of the first, laid out as Linux does."""
    for zone, used in (("intel-rapl:0", 500), ("intel-rapl:1", 900), ("intel-rapl:0:0", 400)):
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "energy_uj").write_text(f"{used}\n")
        (tmp_path / zone / "max_energy_range_uj").write_text("1000\n")
    return tmp_path


def set_counter(powercap: Path, zone: str, used: int) -> None:
    (powercap / zone / "energy_uj").write_text(f"{used}\n")


def test_packages_are_summed_and_their_parts_are_not(powercap: Path) -> None:
    meter = EnergyMeter(powercap)
    assert meter.read_uj() == 0
    set_counter(powercap, "intel-rapl:0", 520)
    set_counter(powercap, "intel-rapl:1", 903)
    set_counter(powercap, "intel-rapl:0:0", 999)
    assert meter.read_uj() == 23


def test_counters_that_start_anew(powercap: Path) -> None:
    meter = EnergyMeter(powercap)
    set_counter(powercap, "intel-rapl:0", 100)
    assert meter.read_uj() == 600
    set_counter(powercap, "intel-rapl:0", 600)
    assert meter.read_uj() == 1100


def test_counter_that_vanishes(powercap: Path) -> None:
    meter = EnergyMeter(powercap)
    (powercap / "intel-rapl:0" / "energy_uj").unlink()
    assert meter.read_uj() is None


def test_no_counters(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path).read_uj() is None


@pytest.mark.skipif(
    not any(POWERCAP.glob("intel-rapl:?/energy_uj")), reason="this machine has no RAPL counters"
)
def test_this_machine() -> None:
    meter = EnergyMeter()
    assert sum(range(3_000_000)) > 0
    used = meter.read_uj()
    assert used is None or used >= 0
