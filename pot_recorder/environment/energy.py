"""Energy of the processor packages, where the system exposes it (RAPL through powercap)."""

from dataclasses import dataclass, field
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(slots=True)
class _Package:
    counter: Path
    range_uj: int
    last_uj: int
    used_uj: int = 0


@dataclass(slots=True)
class EnergyMeter:
    """Sums the packages' energy counters, which start anew after minutes to hours.

    Args:
        powercap: where the system exposes the counters.
    """

    powercap: Path = POWERCAP
    _packages: list[_Package] = field(init=False)

    def __post_init__(self) -> None:
        self._packages = []
        # Zones with two colons are parts of a package, already counted in it.
        for zone in sorted(self.powercap.glob("intel-rapl:*")):
            if zone.name.count(":") == 1:
                counter = zone / "energy_uj"
                now, whole = _read(counter), _read(zone / "max_energy_range_uj")
                if now is not None and whole is not None:
                    self._packages.append(_Package(counter, whole, now))

    def read_uj(self) -> int | None:
        """Microjoules since the meter was made; None if no counter can be read.

        A wrap is seen only if this is called at least once in every round of the counter.
        """
        for package in self._packages:
            now = _read(package.counter)
            if now is None:
                return None
            step = now - package.last_uj
            package.used_uj += step if step >= 0 else step + package.range_uj
            package.last_uj = now
        return sum(package.used_uj for package in self._packages) if self._packages else None


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # usually readable by root only
        return None
