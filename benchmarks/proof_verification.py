"""What checking proofs costs: CPU-seconds for one, and for each of a hundred together.

    python benchmarks/proof_verification.py PROOFS_PER_BATCH CLAIM.json...

Each file holds the input and the output of `pot-halo2 prove`, as in `fixtures/proof/decisions`. A
batch needs different proofs: with `POT_HALO2` naming that program, they are made on the spot, with
a new salt each; else the batch is left out.
"""

import base64
import json
import os
import resource
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pot_reverify.decision.empirical_bernstein import StopReason
from pot_reverify.decision.presets import parse_preset
from pot_reverify.proof.eb_instance import DecisionClaim
from pot_reverify.proof.params import derive_generators, generators
from pot_reverify.proof.registry import load_circuit, prepare_claim
from pot_reverify.proof.verify import ProofClaim, check_proofs, verify_proof


def cpu_seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def proof_claim(run: dict[str, Any], output: dict[str, Any]) -> ProofClaim:
    claim = DecisionClaim(
        preset=parse_preset(run["preset"]),
        attempt=run["attempt"],
        reason=StopReason(output["reason"]),
        n=output["n"],
        score_commitment=int(output["score_commitment"], 16),
        run_digest=bytes.fromhex(run["run_digest"]),
    )
    return prepare_claim(output["circuit"], claim, base64.b64decode(output["proof"]))


def prove_again(program: str, run: dict[str, Any]) -> ProofClaim:
    salted = {**run, "salt": secrets.token_hex(16)}
    answer = subprocess.run(
        [program, "prove"], input=json.dumps(salted).encode(), capture_output=True, check=True
    )
    return proof_claim(salted, json.loads(answer.stdout))


def measure(path: Path, batch_size: int) -> list[tuple[str, float]]:
    document = json.loads(path.read_text())
    run, output = document["input"], document["output"]
    load_circuit.cache_clear()
    load = cpu_seconds(lambda: load_circuit(output["circuit"]))
    claim = proof_claim(run, output)
    k = claim.circuit.key.k
    derive = cpu_seconds(lambda: derive_generators(k))
    generators(k)
    single = min(cpu_seconds(lambda: verify_proof(claim)) for _ in range(3))
    rows = [
        ("derive the generators (once a machine)", derive),
        ("load the circuit (once a process)", load),
        ("one proof", single),
    ]
    program = os.environ.get("POT_HALO2")
    if program is not None:
        claims = [claim, *(prove_again(program, run) for _ in range(batch_size - 1))]
        batch = cpu_seconds(lambda: check_all(claims)) / batch_size
        rows.append((f"each of {batch_size} together", batch))
        rows.append(("  as a part of one alone", batch / single))
    print(f"{claim.circuit.circuit_id}, k={k}, n={output['n']}, {len(claim.proof)} bytes")
    return rows


def check_all(claims: list[ProofClaim]) -> None:
    findings = check_proofs(claims)
    if any(finding is not None for finding in findings):
        raise SystemExit(f"a proof was rejected: {findings}")


def main() -> None:
    batch_size, *paths = sys.argv[1:]
    for path in paths:
        for label, value in measure(Path(path), int(batch_size)):
            print(f"  {label:40}{value:8.3f}")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak_kib / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
