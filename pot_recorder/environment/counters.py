"""What the operating system counts for this process."""

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pot_recorder.environment.energy import EnergyMeter

_IO = Path("/proc/self/io")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters that only grow, read at one moment.

    Attributes:
        wall_ns: a monotonic clock.
        cpu_ns: processor time of all threads, user and system.
        major_faults: page faults that waited for a disk. Few of them prove little: one fault reads
            ahead as far as ``read_ahead_kb`` says.
        minor_faults: page faults that did not.
        disk_read_bytes: bytes that the kernel fetched from a disk for this process, not from its
            cache; None where the system does not say.
        energy_uj: microjoules of the processor packages since the meter was made, of all processes
            together; None where the system does not say.
    """

    wall_ns: int
    cpu_ns: int
    major_faults: int
    minor_faults: int
    disk_read_bytes: int | None
    energy_uj: int | None


def read_counters(energy: EnergyMeter) -> Counters:
    """Read all counters: tens of microseconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Counters(
        wall_ns=time.perf_counter_ns(),
        cpu_ns=time.process_time_ns(),
        major_faults=usage.ru_majflt,
        minor_faults=usage.ru_minflt,
        disk_read_bytes=_field(_IO, "read_bytes:"),
        energy_uj=energy.read_uj(),
    )


def peak_rss_bytes() -> int:
    """The most physical memory that this process has held."""
    kibibytes = _field(_STATUS, "VmHWM:")
    if kibibytes is not None:
        return kibibytes * 1024
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes


def _field(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(name):
            return int(line.split()[1])
    return None
