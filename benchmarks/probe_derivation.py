"""Probes of `prose/1`: CPU time of loading the grammars and of deriving a large bundle's texts.

python benchmarks/probe_derivation.py
"""

import time

from pot_reverify.challenge.prose import derive_probes

CHALLENGES = 400
ROUNDS = 5
LOAD_LIMIT_MS = 15
TEXTS_LIMIT_MS = 60


def main() -> None:
    """Print both times and their ratios to the limits that the project set itself."""
    start_ns = time.process_time_ns()
    derive_probes(bytes(32))
    load_ms = (time.process_time_ns() - start_ns) / 1e6
    texts_ms = []
    for _ in range(ROUNDS):
        start_ns = time.process_time_ns()
        for index in range(CHALLENGES):
            derive_probes(index.to_bytes(32, "big"))
        texts_ms.append((time.process_time_ns() - start_ns) / 1e6)
    best_ms = min(texts_ms)
    print(f"load, first probes  {load_ms:7.1f} CPU-ms   ratio {load_ms / LOAD_LIMIT_MS:.2f}")
    print(f"1,600 texts         {best_ms:7.1f} CPU-ms   ratio {best_ms / TEXTS_LIMIT_MS:.2f}")


if __name__ == "__main__":
    main()
