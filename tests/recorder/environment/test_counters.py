import mmap
import os
import resource
from pathlib import Path

from pot_recorder.environment.counters import peak_rss_bytes, read_counters
from pot_recorder.environment.energy import EnergyMeter


def test_counters_count_this_process(tmp_path: Path) -> None:
    energy = EnergyMeter(tmp_path)
    before = read_counters(energy)
    with mmap.mmap(-1, 64 << 20) as fresh:
        for start in range(0, len(fresh), mmap.PAGESIZE):
            fresh[start] = 1
    total = sum(range(2_000_000))
    after = read_counters(energy)
    assert total == 1_999_999_000_000
    assert after.wall_ns > before.wall_ns
    assert after.cpu_ns - before.cpu_ns > 1_000_000
    # Huge pages may back 512 small ones with one fault.
    assert after.minor_faults - before.minor_faults >= 32
    assert after.energy_uj is None


def test_disk_reads_are_those_that_missed_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(8 << 20))
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        energy = EnergyMeter(tmp_path)
        start = read_counters(energy).disk_read_bytes
        file.read()
        cold = read_counters(energy).disk_read_bytes
        file.seek(0)
        file.read()
        warm = read_counters(energy).disk_read_bytes
    assert start is not None
    assert cold - start in (0, *range(8 << 20, 17 << 20))  # 0 where tmp_path is in memory
    assert warm == cold


def test_peak_rss_is_the_kernels() -> None:
    before = peak_rss_bytes()
    assert before > 1 << 20
    content = b"x" * (256 << 20)
    assert peak_rss_bytes() >= len(content)
    assert peak_rss_bytes() <= 1.1 * max(
        before + len(content), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
