"""The circuits that this verifier knows; a proof for any other one is refused.

A circuit never changes and never leaves the registry: another verifying key is another circuit
id. ``code_digest`` is the digest of what a circuit proves: the constants of the rule, the text of
the verifying key, and the points that commit to public values. It says nothing about which
program ran.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from pot_reverify.decision.constants import FIXED_POINT_BITS, GRID
from pot_reverify.decision.empirical_bernstein import (
    PROBES_PER_CHALLENGE,
    RULE_ID,
    SCORE_RANGE,
    SCORE_UNIT,
)
from pot_reverify.encoding.digest import format_digest
from pot_reverify.errors import Rejection
from pot_reverify.proof.eb_instance import DecisionClaim, public_values
from pot_reverify.proof.verify import Circuit, ProofClaim
from pot_reverify.proof.verifying_key import parse_verifying_key
from pot_reverify.proof.vesta import decompress


@dataclass(frozen=True, slots=True)
class RegisteredCircuit:
    """One line of the registry.

    Attributes:
        circuit_id: the name of the circuit in statements.
        version: 1 shows the decision; 2 also S and V, with a commitment to each challenge.
        capacity: the most challenges that a run may have.
        k: the circuit has 2^k rows.
        proof_bytes: the length of every proof.
        instance_length: how many public values there are.
        code_digest: digest of what the circuit proves, as in documents.
    """

    circuit_id: str
    version: int
    capacity: int
    k: int
    proof_bytes: int
    instance_length: int
    code_digest: str


_DATA = files("pot_reverify.proof") / "data"

REGISTRY = tuple(
    RegisteredCircuit(**line) for line in json.loads((_DATA / "registry.json").read_bytes())
)
"""Smallest first within a version."""

LATEST_VERSION = max(line.version for line in REGISTRY)
"""The version that new proofs are made with; those before it are verified for ever."""


def prepare_claim(circuit_id: str, claim: DecisionClaim, proof: bytes) -> ProofClaim:
    """Brings together a proof, its circuit, and the public values that it must be for.

    The sums of the claim are left out where the circuit does not show them.

    Raises:
        Rejection: ``proof.unknown-circuit``; ``proof.not-the-smallest-circuit``, since n alone
            decides which circuit, and so which score commitment, a run has; or what
            `public_values` and `load_circuit` raise.
    """
    registered = find_circuit(circuit_id)
    smallest = smallest_circuit(registered.version, claim.n)
    if smallest is not None and registered != smallest:
        raise Rejection(
            "proof.not-the-smallest-circuit",
            "a run is proven in the smallest circuit that holds it",
            expected=smallest.circuit_id,
            got=circuit_id,
        )
    if registered.version == 1:
        claim = replace(claim, sums=None)
    values = public_values(circuit_id, registered.capacity, claim)
    return ProofClaim(load_circuit(circuit_id), values, proof)


def smallest_circuit(version: int, challenges: int) -> RegisteredCircuit | None:
    """The one circuit of a version that runs of so many challenges are proven in, if there is."""
    of_version = (one for one in REGISTRY if one.version == version)
    return next((one for one in of_version if challenges <= one.capacity), None)


def find_circuit(circuit_id: str) -> RegisteredCircuit:
    """Looks a circuit up.

    Raises:
        Rejection: ``proof.unknown-circuit``.
    """
    for registered in REGISTRY:
        if registered.circuit_id == circuit_id:
            return registered
    raise Rejection("proof.unknown-circuit", "no such circuit", got=repr(circuit_id[:80]))


@cache
def load_circuit(circuit_id: str) -> Circuit:
    """Reads a circuit of the registry.

    Raises:
        Rejection: ``proof.unknown-circuit``, or ``proof.circuit-damaged`` if the files of this
            package are not those that were registered.
    """
    registered = find_circuit(circuit_id)
    key_text = (_DATA / f"{circuit_id}.vk.txt").read_bytes()
    bases_text = (_DATA / f"{circuit_id}.bases.txt").read_bytes()
    if code_digest(circuit_id, key_text, bases_text) != registered.code_digest:
        raise Rejection("proof.circuit-damaged", "not the registered circuit", where=circuit_id)
    bases = (decompress(bytes.fromhex(line)) for line in bases_text.decode().split())
    key = parse_verifying_key(key_text.decode())
    return Circuit(circuit_id, key, registered.proof_bytes, tuple(bases))


def code_digest(circuit_id: str, key_text: bytes, bases_text: bytes) -> str:
    """Returns the digest of what a circuit proves; parts are prefixed with their length."""
    grid = " ".join(f"{lam}:{weight}" for lam, weight in GRID)
    rule = f"{RULE_ID} {PROBES_PER_CHALLENGE} {SCORE_RANGE} {SCORE_UNIT} {FIXED_POINT_BITS} {grid}"
    state = hashlib.sha256(b"pot-audit/circuit-code/1")
    for part in (rule.encode(), circuit_id.encode(), key_text, bases_text):
        state.update(len(part).to_bytes(8, "big") + part)
    return format_digest(state.digest())
