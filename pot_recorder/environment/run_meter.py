"""What a run cost, measured on the run itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pot_recorder.environment.counters import Counters, peak_rss_bytes, read_counters
from pot_recorder.environment.energy import EnergyMeter
from pot_recorder.environment.installed_software import InstalledSoftware, installed_software
from pot_recorder.environment.machine import Machine, read_ahead_kb, this_machine
from pot_recorder.run.determinism import DeterminismSettings
from pot_recorder.run.scorer import ChallengeMeasurement

KIND = "pot-audit/environment/1"
Phase = Literal["load", "run"]
_SECOND_NS = 10**9


@dataclass(frozen=True, slots=True)
class PhaseCost:
    """Counters of one phase: the difference between its end and its start.

    Attributes:
        counters: see `Counters`; ``wall_ns`` is the length of the phase.
        peak_rss_bytes: the most physical memory held up to the end of the phase.
    """

    counters: Counters
    peak_rss_bytes: int

    def to_document(self) -> dict[str, object]:
        """The cost as a document of integers; None for what the system does not expose."""
        cost = self.counters
        read = cost.disk_read_bytes
        return {
            "cpu_ns": cost.cpu_ns,
            "disk_read_bytes": read,
            "disk_read_bytes_per_s": (
                None if read is None else read * _SECOND_NS // max(1, cost.wall_ns)
            ),
            "energy_uj": cost.energy_uj,
            "major_faults": cost.major_faults,
            "minor_faults": cost.minor_faults,
            "peak_rss_bytes": self.peak_rss_bytes,
            "wall_ns": cost.wall_ns,
        }


@dataclass(frozen=True, slots=True)
class ProbeTimes:
    """How many probes were scored by both models, and the time of all of them together."""

    probes: int
    total_ns: int

    def to_document(self) -> dict[str, object]:
        """The times as a document of integers."""
        mean = self.total_ns // self.probes if self.probes else None
        return {"ns_per_probe": mean, "probes": self.probes, "total_ns": self.total_ns}


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """Everything that is measured about a run.

    Attributes:
        phases: cost of ``load`` and ``run``.
        cold: probes of the first block, when caches are cold.
        warm: all later probes.
        read_ahead_kb: of each model's disk, by the folder's role; None where unknown.
    """

    machine: Machine
    software: InstalledSoftware
    settings: DeterminismSettings
    phases: tuple[tuple[Phase, PhaseCost], ...]
    cold: ProbeTimes
    warm: ProbeTimes
    read_ahead_kb: tuple[tuple[str, int | None], ...]

    def to_document(self) -> dict[str, object]:
        """The document that a bundle carries: no floating-point number in it."""
        return {
            "cold": self.cold.to_document(),
            "kind": KIND,
            "machine": self.machine.to_document(),
            "phases": {name: cost.to_document() for name, cost in self.phases},
            "read_ahead_kb": dict(self.read_ahead_kb),
            "settings": self.settings.to_document(),
            "software": self.software.to_document(),
            "warm": self.warm.to_document(),
        }


class RunMeter:
    """Measures a run from loading to sealing. Making one starts the phase ``load``.

    Args:
        settings: as `make_deterministic` returned them.
        folders: where each model's files lie, by role such as ``reference``.
    """

    def __init__(self, settings: DeterminismSettings, folders: dict[str, Path]) -> None:
        self._settings = settings
        self._read_ahead = tuple((role, read_ahead_kb(path)) for role, path in folders.items())
        self._energy = EnergyMeter()
        self._phases: list[tuple[Phase, PhaseCost]] = []
        self._times = {True: ProbeTimes(0, 0), False: ProbeTimes(0, 0)}
        self._phase: Phase = "load"
        self._start = read_counters(self._energy)

    def start_run(self) -> None:
        """End the phase ``load`` and start the phase ``run``."""
        self._end_phase()
        self._phase = "run"

    def watch(self, measurements: Iterable[ChallengeMeasurement]) -> Iterator[ChallengeMeasurement]:
        """Pass measurements through and count them."""
        for measurement in measurements:
            self.observe(measurement)
            yield measurement

    def observe(self, measurement: ChallengeMeasurement) -> None:
        """Count the time of one challenge."""
        before = self._times[measurement.cold]
        self._times[measurement.cold] = ProbeTimes(
            before.probes + len(measurement.probes), before.total_ns + measurement.duration_ns
        )
        self._energy.read_uj()  # so that no wrap of the counter is missed

    def finish(self) -> RunMetrics:
        """End the current phase, and ask for the machine and the software."""
        self._end_phase()
        return RunMetrics(
            machine=this_machine(),
            software=installed_software(),
            settings=self._settings,
            phases=tuple(self._phases),
            cold=self._times[True],
            warm=self._times[False],
            read_ahead_kb=self._read_ahead,
        )

    def _end_phase(self) -> None:
        now = read_counters(self._energy)
        self._phases.append((self._phase, PhaseCost(_minus(now, self._start), peak_rss_bytes())))
        self._start = now


def _minus(end: Counters, start: Counters) -> Counters:
    return Counters(
        wall_ns=end.wall_ns - start.wall_ns,
        cpu_ns=end.cpu_ns - start.cpu_ns,
        major_faults=end.major_faults - start.major_faults,
        minor_faults=end.minor_faults - start.minor_faults,
        disk_read_bytes=_difference(end.disk_read_bytes, start.disk_read_bytes),
        energy_uj=_difference(end.energy_uj, start.energy_uj),
    )


def _difference(end: int | None, start: int | None) -> int | None:
    return None if end is None or start is None else end - start
