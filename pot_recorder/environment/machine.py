"""The machine that a run ran on."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import torch

_CPUINFO = Path("/proc/cpuinfo")
_BLOCK_DEVICES = Path("/sys/dev/block")


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A CUDA device: its name, its memory, and the most of it that tensors held."""

    name: str
    memory_bytes: int
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware and system.

    Attributes:
        system: operating system and kernel release.
        architecture: such as ``x86_64``.
        processor: the processor's name for itself.
        usable_cores: cores that this process may use.
        ram_bytes: physical memory.
        accelerators: CUDA devices, in their order.
    """

    system: str
    architecture: str
    processor: str
    usable_cores: int
    ram_bytes: int
    accelerators: tuple[Accelerator, ...]

    def to_document(self) -> dict[str, object]:
        """The machine as a document of strings and integers."""
        return {
            "accelerators": [
                {
                    "memory_bytes": device.memory_bytes,
                    "name": device.name,
                    "peak_memory_bytes": device.peak_memory_bytes,
                }
                for device in self.accelerators
            ],
            "architecture": self.architecture,
            "processor": self.processor,
            "ram_bytes": self.ram_bytes,
            "system": self.system,
            "usable_cores": self.usable_cores,
        }


def this_machine() -> Machine:
    """Ask the system."""
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        processor=_processor(),
        usable_cores=len(os.sched_getaffinity(0)),
        ram_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        accelerators=tuple(
            Accelerator(
                torch.cuda.get_device_name(number),
                torch.cuda.get_device_properties(number).total_memory,
                torch.cuda.max_memory_allocated(number),
            )
            for number in range(torch.cuda.device_count())
        ),
    )


def read_ahead_kb(path: Path) -> int | None:
    """How far the kernel reads ahead on the disk that holds a path; None if it does not say."""
    try:
        device = path.stat().st_dev
        block = (_BLOCK_DEVICES / f"{os.major(device)}:{os.minor(device)}").resolve(strict=True)
    except OSError:
        return None
    for folder in (block, block.parent):  # a partition has its queue in the disk's folder
        setting = folder / "queue" / "read_ahead_kb"
        if setting.exists():
            return int(setting.read_text(encoding="ascii"))
    return None


def _processor() -> str:
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
