"""What hashing costs when weights are read: our read beside `sha256sum` of the same files.

    python benchmarks/weight_hashing.py FOLDER_OR_GGUF [ROUNDS]

Ours gives the bytes in memory and their digest; `sha256sum` gives the digest only. Warm: the files
are in the page cache. Cold: they were dropped from it (posix_fadvise), which the disk's own cache
may still hide. The median of the rounds is printed.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pot_recorder.models.files import read_hashed


def main(target: Path, rounds: int) -> None:
    files = [target] if target.is_file() else sorted(target.glob("*.safetensors"))
    size = sum(path.stat().st_size for path in files)
    program = shutil.which("sha256sum")
    if program is None or not files:
        sys.exit("needs sha256sum, and safetensors or GGUF weights")

    def ours() -> dict[str, str]:
        return {str(path): read_hashed(path.parent, path.name)[0].digest.hex() for path in files}

    def theirs() -> dict[str, str]:
        listing = subprocess.run(
            [program, *map(str, files)], capture_output=True, text=True, check=True
        ).stdout
        return {path: digest for digest, path in map(str.split, listing.splitlines())}

    assert ours() == theirs(), "the digests differ"
    print(f"{len(files)} file(s), {size:,} bytes, median of {rounds} rounds")
    for state, cold in (("warm", False), ("cold", True)):
        ours_s, theirs_s = (
            _median_s(ours, files, rounds, cold),
            _median_s(theirs, files, rounds, cold),
        )
        print(
            f"{state}: ours {ours_s:.3f} s ({size / ours_s / 1e9:.2f} GB/s), "
            f"sha256sum {theirs_s:.3f} s ({size / theirs_s / 1e9:.2f} GB/s), "
            f"sha256sum / ours {theirs_s / ours_s:.2f}"
        )


def _median_s(
    run: Callable[[], object],
    files: list[Path],
    rounds: int,
    cold: bool,  # noqa: FBT001
) -> float:
    times = []
    for _ in range(rounds):
        if cold:
            for path in files:
                _drop_from_cache(path)
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _drop_from_cache(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 5)
