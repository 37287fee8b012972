"""Proofs of halo2_proofs for the small circuits of `fixtures/proof/oracle`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pot_reverify.proof.verify import Circuit, ProofClaim
from pot_reverify.proof.verifying_key import parse_verifying_key
from pot_reverify.proof.vesta import decompress

FIXTURES = Path(__file__).parents[2] / "fixtures" / "proof"
SMALL_CIRCUITS = ("chain", "gate", "pairs")


@dataclass(frozen=True)
class Vectors:
    circuit: Circuit
    verifying_key_text: str
    proofs: tuple[ProofClaim, ...]
    proofs_of_false_claims: tuple[ProofClaim, ...]


def read_json(name):
    return json.loads((FIXTURES / f"{name}.json").read_text())


def scalar(text):
    return int.from_bytes(bytes.fromhex(text), "little")


@cache
def small_circuit(name):
    document = read_json(name)
    instance_length = len(document["proofs"][0]["instance"])
    bases = [decompress(bytes.fromhex(text)) for text in document["lagrange_bases"]]
    circuit = Circuit(
        circuit_id=name,
        key=parse_verifying_key(document["verifying_key"]),
        proof_bytes=len(document["proofs"][0]["proof"]) // 2,
        instance_bases=tuple(bases[:instance_length]),
    )

    def claims(cases):
        return tuple(
            ProofClaim(circuit, tuple(map(scalar, case["instance"])), bytes.fromhex(case["proof"]))
            for case in cases
        )

    return Vectors(
        circuit,
        document["verifying_key"],
        claims(document["proofs"]),
        claims(document["proofs_of_false_claims"]),
    )
