"""Proofs of `pot-halo2` for the circuits of the registry: `fixtures/proof/decisions`."""

import base64
import json
from functools import cache

from proof_vectors import FIXTURES

from pot_reverify.decision.empirical_bernstein import StopReason
from pot_reverify.decision.presets import parse_preset
from pot_reverify.proof.eb_instance import DecisionClaim, Sums
from pot_reverify.proof.registry import prepare_claim

DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in (FIXTURES / "decisions").iterdir()}
SMALL = ("same", "different", "between", "exhausted")
"""Those of the smallest circuit."""
SMALL_2 = tuple(f"v2-{name}" for name in SMALL)
"""The same runs in the smallest circuit of version 2."""


def decision_claim(name):
    run, output = DOCUMENTS[name]["input"], DOCUMENTS[name]["output"]
    return DecisionClaim(
        preset=parse_preset(run["preset"]),
        attempt=run["attempt"],
        reason=StopReason(output["reason"]),
        n=output["n"],
        score_commitment=int(output["score_commitment"], 16),
        run_digest=bytes.fromhex(run["run_digest"]),
        sums=Sums(output["score_sum"], output["square_sum"]) if "salts" in run else None,
    )


def circuit_and_proof(name):
    output = DOCUMENTS[name]["output"]
    return output["circuit"], base64.b64decode(output["proof"])


@cache
def proof_claim(name):
    circuit, proof = circuit_and_proof(name)
    return prepare_claim(circuit, decision_claim(name), proof)
