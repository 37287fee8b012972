"""How fast score ``affinity/1`` is recomputed from recorded distributions, on one core.

    python benchmarks/affinity_throughput.py

The load is a bundle of 400 challenges: 1,600 probes of 32 positions of 12 tokens (two top-8 sets
that share half of their tokens), read from packed bytes. Printed beside it: the same formula as a
plain loop over the cells, and the two aims, 300 ns a cell and 5 bundles a second.
"""

import random
import struct
import time
from collections.abc import Callable, Sequence
from math import isqrt

from pot_reverify.score.affinity import (
    SCORE_MAX,
    WHOLE,
    ProbeDistributions,
    affinity_score,
    parse_distributions,
)

PROBES, POSITIONS, CELLS = 1600, 32, 12
SAMPLE = 200
ROUNDS = 9
AIM_NS_A_CELL = 300
AIM_BUNDLES_A_SECOND = 5

Packed = tuple[bytes, bytes, bytes, bytes]


def recorded_probe(generator: random.Random) -> Packed:
    """Long-tailed distributions, the candidate's near the reference's."""
    ids: list[int] = []
    p: list[int] = []
    q: list[int] = []
    for _ in range(POSITIONS):
        ids += sorted(generator.sample(range(50_000), CELLS))
        weights = [generator.random() ** 4 for _ in range(CELLS + 1)]
        near = [weight * generator.uniform(0.8, 1.25) for weight in weights]
        p += [int(weight / sum(weights) * (WHOLE - 1)) for weight in weights[:CELLS]]
        q += [int(weight / sum(near) * (WHOLE - 1)) for weight in near[:CELLS]]
    packed = [struct.pack(f"<{len(array)}I", *array) for array in (ids, p, q)]
    return bytes([CELLS] * POSITIONS), packed[0], packed[1], packed[2]


def plain_score(distributions: ProbeDistributions) -> int:
    """The formula of the specification, cell by cell."""
    product, offset = WHOLE, 0
    for size in distributions.position_sizes:
        rest_p = rest_q = WHOLE
        coefficient = 0
        for _ in range(size):
            p = int.from_bytes(distributions.p[offset : offset + 4], "little")
            q = int.from_bytes(distributions.q[offset : offset + 4], "little")
            rest_p -= p
            rest_q -= q
            coefficient += isqrt(p * q)
            offset += 4
        coefficient += isqrt(rest_p * rest_q)
        product = product * coefficient >> 32
    return min(SCORE_MAX, 2 * (WHOLE - product) >> 17)


def best_ns_a_probe(work: Callable[[], object], probes: int) -> float:
    """CPU time, best of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        work()
        best = min(best, time.process_time_ns() - start)
    return best / probes


def main() -> None:
    generator = random.Random(1)
    packed: Sequence[Packed] = [recorded_probe(generator) for _ in range(SAMPLE)]
    probes = [parse_distributions(*fields) for fields in packed]
    assert [affinity_score(probe) for probe in probes] == [plain_score(probe) for probe in probes]

    parse = best_ns_a_probe(lambda: [parse_distributions(*fields) for fields in packed], SAMPLE)
    score = best_ns_a_probe(lambda: [affinity_score(probe) for probe in probes], SAMPLE)
    plain = best_ns_a_probe(lambda: [plain_score(probe) for probe in probes], SAMPLE)
    cells = POSITIONS * CELLS
    print("| step | ns a cell | bundle of 400 challenges, ms |")
    print("|---|---:|---:|")
    for name, ns in (
        ("check the distributions", parse),
        ("score", score),
        ("check and score", parse + score),
        ("score, plain loop", plain),
    ):
        print(f"| {name} | {ns / cells:.0f} | {PROBES * ns / 1e6:.0f} |")
    bundles = 1e9 / (PROBES * score)
    both = 1e9 / (PROBES * (parse + score))
    print(f"\nscore: {AIM_NS_A_CELL / (score / cells):.2f} x as fast as the aim a cell")
    print(f"score: {bundles:.1f} bundles/s, {bundles / AIM_BUNDLES_A_SECOND:.2f} x the aim")
    print(f"check and score: {both:.1f} bundles/s, {both / AIM_BUNDLES_A_SECOND:.2f} x the aim")
    print(f"score: {plain / score:.2f} x as fast as the plain loop")


if __name__ == "__main__":
    main()
