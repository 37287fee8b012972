"""What a proof of a decision costs, beside ezkl proving mean and variance of as many inputs.

    python benchmarks/proof_systems.py [--ezkl PYTHON] [--challenges N ...]

Needs `cargo build --release --bins --examples` in `halo2/`; `POT_HALO2` names the program there.
PYTHON is an interpreter with `pip install ezkl==23.0.5 onnx`; without it, ezkl is left out. Times
are CPU time on all threads, so that they hold on a busy machine. Every proof of a batch is another
one. Each version of the circuits is measured; beside ezkl stands the latest.
"""

import argparse
import base64
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pot_reverify.proof.params import generators
from pot_reverify.proof.registry import LATEST_VERSION, REGISTRY, load_circuit
from pot_reverify.proof.verify import ProofClaim, check_proofs, verify_proof

CHALLENGES = (31, 64, 200, 400, 800)
EZKL_INPUTS = 400
EZKL_PROGRAM = Path(__file__).parent / "ezkl" / "mean_and_variance.py"
GOAL_CHALLENGES = 64
# Larger circuits gain more from a batch, and cost minutes to prove: few are enough to show it.
BATCH, BATCH_OF_OTHERS = 100, 10
GOALS = (
    ("prove", "prove_cpu_s", 3.0, "CPU-s"),
    ("verify in Rust", "verify_cpu_s", 0.05, "CPU-s"),
    ("verify in Python", "python_cpu_s", 1.0, "CPU-s"),
    ("each of 100 in Python, as a part of one alone", "python_ratio", 0.2, ""),
    ("proof", "proof_bytes", 6000, "bytes"),
)


def cpu_seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def measure(program: Path, n: int, version: int) -> dict[str, Any]:
    count = BATCH if n == GOAL_CHALLENGES else BATCH_OF_OTHERS
    command = [str(program), str(n), str(count), str(version)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(answer.stdout)
    circuit = load_circuit(result["circuit"])
    claims = [
        ProofClaim(
            circuit,
            tuple(int(value, 16) for value in one["public_inputs"]),
            base64.b64decode(one["proof"]),
        )
        for one in result.pop("proofs")
    ]
    generators(circuit.key.k)
    single = min(cpu_seconds(lambda: verify_proof(claims[0])) for _ in range(3))
    together = cpu_seconds(lambda: check_all(claims)) / count
    return {
        **result,
        "count": count,
        "proof_bytes": len(claims[0].proof),
        "python_cpu_s": single,
        "python_together_cpu_s": together,
        "python_ratio": together / single,
    }


def check_all(claims: Sequence[ProofClaim]) -> None:
    findings = check_proofs(claims)
    if any(finding is not None for finding in findings):
        raise SystemExit(f"a proof was rejected: {findings}")


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    print(f"| {' | '.join(head)} |")
    print(f"|{'---:|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    print()


def print_costs(results: Sequence[dict[str, Any]]) -> None:
    head = (
        "n",
        "circuit",
        "proof B",
        "make keys CPU-s",
        "prove CPU-s",
        "peak MB",
        "Rust ms",
        "Python ms",
        "batch of",
        "each, Rust ms",
        "each, Python ms",
        "part of one",
    )
    print_table(
        head,
        [
            (
                one["n"],
                one["circuit"],
                one["proof_bytes"],
                f"{one['keys_cpu_s']:.2f}",
                f"{one['prove_cpu_s']:.2f}",
                one["peak_megabytes"],
                f"{1e3 * one['verify_cpu_s']:.0f}",
                f"{1e3 * one['python_cpu_s']:.0f}",
                one["count"],
                f"{1e3 * one['verify_together_cpu_s']:.1f}",
                f"{1e3 * one['python_together_cpu_s']:.0f}",
                f"1/{1 / one['python_ratio']:.1f}",
            )
            for one in results
        ],
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"Peak memory of the verifier in Python over all of this: {peak} MB.")
    print(
        f"Stored: no proving key; {stored_bytes()} bytes for a verifier in Python, all circuits.\n"
    )


def stored_bytes() -> int:
    data = Path(sys.modules[load_circuit.__module__].__file__ or "").parent / "data"
    return sum(path.stat().st_size for path in data.iterdir())


def print_goals(one: dict[str, Any]) -> None:
    rows = [
        (
            label,
            f"{goal} {unit}".strip(),
            f"{one[key]:.3g}",
            f"{one[key] / goal:.2f}",
            "met" if one[key] <= goal else "MISSED",
        )
        for label, key, goal, unit in GOALS
    ]
    head = (f"goal, n = {GOAL_CHALLENGES}, {one['circuit']}", "at most", "measured", "ratio", "")
    print_table(head, rows)


def run_ezkl(interpreter: str | None) -> dict[str, Any] | None:
    if interpreter is None or shutil.which(interpreter) is None:
        print("ezkl: not installed (--ezkl PYTHON or EZKL_PYTHON names an interpreter with it)")
        return None
    command = [interpreter, str(EZKL_PROGRAM), str(EZKL_INPUTS)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode:
        print(f"ezkl: not installed, or it failed: {answer.stderr.strip()[-300:]}")
        return None
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])  # ezkl prints tables before
    return result


def print_beside_ezkl(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    key_bytes = stored_bytes() // len(REGISTRY)
    pairs = (
        ("set up once, CPU-s", 0.0, theirs["setup_cpu_s"] + theirs["compile_cpu_s"]),
        ("prove, CPU-s (ours: with making the keys)", our_prove(ours), theirs["prove_cpu_s"]),
        ("verify, CPU-ms (ours: Rust)", 1e3 * ours["verify_cpu_s"], theirs["verify_cpu_ms"]),
        ("verify, CPU-ms (ours: Python)", 1e3 * ours["python_cpu_s"], theirs["verify_cpu_ms"]),
        ("proof, bytes", ours["proof_bytes"], theirs["proof_bytes"]),
        ("stored proving key, bytes", 0, theirs["proving_key_bytes"]),
        ("stored verifying key, bytes", key_bytes, theirs["verifying_key_bytes"]),
        ("reference string, bytes", 0, theirs["reference_string_bytes"]),
        ("peak memory, MB", ours["peak_megabytes"], theirs["peak_megabytes"]),
    )
    rows = [
        (label, f"{mine:.6g}", f"{other:.6g}", f"{other / mine:.2g}" if mine else "-")
        for label, mine, other in pairs
    ]
    print_table((f"n = {ours['n']}", "pot-halo2", "ezkl", "ezkl / pot-halo2"), rows)
    mean, variance = theirs["true"]
    proven_mean, proven_variance = theirs["proven"]
    print(
        f"ezkl proves mean {proven_mean:.4f} and variance {proven_variance:.4f} where they are"
        f" {mean:.4f} and {variance:.4f}: no decision, no stopping rule, a trusted setup (made here"
        f" in {theirs['reference_string_cpu_s']:.0f} CPU-s, good for measuring only),"
        f" {theirs['inputs']} inputs in 2^{theirs['logrows']} rows."
    )
    print(f"pot-halo2 proves the decision over {4 * ours['n']} scores exactly, with no setup.")


def our_prove(ours: dict[str, Any]) -> float:
    return float(ours["keys_cpu_s"] + ours["prove_cpu_s"])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ezkl", default=os.environ.get("EZKL_PYTHON"))
    options.add_argument("--challenges", type=int, nargs="+", default=CHALLENGES)
    arguments = options.parse_args()
    program = Path(os.environ["POT_HALO2"]).parent / "examples" / "bench"
    for version in range(1, LATEST_VERSION + 1):
        results = [measure(program, n, version) for n in arguments.challenges]
        print_costs(results)
        by_size = {one["n"]: one for one in results}
        if GOAL_CHALLENGES in by_size:
            print_goals(by_size[GOAL_CHALLENGES])
    theirs = run_ezkl(arguments.ezkl)
    if theirs is not None:
        print_beside_ezkl(by_size.get(EZKL_INPUTS, results[-1]), theirs)


if __name__ == "__main__":
    main()
