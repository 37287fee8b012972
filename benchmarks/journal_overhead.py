"""The journal beside the models: CPU and wall time of writing a challenge, over scoring it.

python benchmarks/journal_overhead.py
"""

import tempfile
import time
from pathlib import Path

from pot_recorder.journal import Journal
from pot_reverify.container.frames import FrameType, read_frames
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.documents.challenge_record import PROBES, Record, parse_content

RECORDED = Path(__file__).parent.parent / "fixtures" / "bundles" / "int8.potb"
ROUNDS = 20
JOURNAL_KEY = bytes(32)  # authenticates journals that nobody continues


def main() -> None:
    """Write the challenges of a recorded bundle again, and compare with what scoring them took."""
    size_bytes = RECORDED.stat().st_size
    with RECORDED.open("rb") as stream:
        bundle = read_bundle(stream, size_bytes)
    with RECORDED.open("rb") as stream:
        contents = [
            parse_content(frame.payload, frame.where)
            for frame in read_frames(stream, size_bytes)
            if frame.type is FrameType.CONTENT
        ]
    warm = [one.duration_ns for one in bundle.challenges if not one.is_cold]
    scoring_ms = sum(warm) / len(warm) / 1e6
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
        for number in range(ROUNDS):
            with Journal.create(
                Path(folder) / f"{number}.partial", bundle.head, JOURNAL_KEY
            ) as journal:
                for index, challenge in enumerate(bundle.challenges):
                    four = tuple(contents[PROBES * index : PROBES * (index + 1)])
                    digests = tuple(leaf_digest(FrameType.CONTENT, one.encode()) for one in four)
                    record = Record(
                        challenge.index, (0, 0, 0, 0), digests, challenge.started_ns, 0, False
                    )
                    journal.append_challenge(record, four)
                journal.sync()
        count = ROUNDS * len(bundle.challenges)
        cpu_ms = (time.process_time_ns() - cpu_ns) / count / 1e6
        wall_ms = (time.perf_counter_ns() - wall_ns) / count / 1e6
    print(f"scoring a challenge (as recorded, both models)  {scoring_ms:9.3f} ms")
    print(f"journal, CPU   {cpu_ms:9.3f} ms   {100 * cpu_ms / scoring_ms:6.3f} % of scoring")
    print(f"journal, wall  {wall_ms:9.3f} ms   {100 * wall_ms / scoring_ms:6.3f} % of scoring")


if __name__ == "__main__":
    main()
