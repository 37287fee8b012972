"""Verifies proofs with the program ``pot-halo2``: other code in another language, and faster.

The program is a process: claims go in as JSON, findings come out as JSON. Its public values are
those that were computed here. What it says counts only if it is exactly what the program would
say; anything else is "could not tell", and never a pass.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pot_reverify.encoding import strict_json
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.proof.verify import ProofClaim, check_proofs

PROGRAM = "pot-halo2"
HOW_TO_BUILD = "cargo install --path halo2"
MAX_CLAIMS = 1024
"""Claims a process: their JSON stays below the 16 MiB that the program reads."""

_SECONDS_MAX = 900
_REASONS = {
    "circuit.unknown": "proof.unknown-circuit",
    "input.not-canonical": "proof.instance-not-canonical",
    "input.not-hex": "proof.instance-not-canonical",  # a value of more than 64 digits
    "instance.length": "proof.instance-length",
    "instance.out-of-range": "proof.instance-out-of-range",
    "proof.length": "proof.length",
    "proof.opening-failed": "proof.opening-failed",
    "proof.point-is-identity": "proof.point-is-identity",
    "proof.point-not-canonical": "proof.point-not-canonical",
    "proof.point-not-on-curve": "proof.point-not-on-curve",
    "proof.scalar-not-canonical": "proof.scalar-not-canonical",
}


def find_program() -> Path:
    """Finds the program on the path.

    Raises:
        Indeterminate: ``proof.binary-missing``.
    """
    found = shutil.which(PROGRAM)
    if found is None:
        raise Indeterminate(
            "proof.binary-missing", f"{PROGRAM} is not on the path", needs=HOW_TO_BUILD
        )
    return Path(found)


def verify_with_binary(
    claims: Sequence[ProofClaim], program: Path | None = None
) -> list[Rejection | None]:
    """Checks proofs with ``pot-halo2`` alone.

    Args:
        claims: the claims.
        program: the program; None takes the one on the path.

    Returns:
        As `check_proofs`: one entry a claim, None where the proof is right.

    Raises:
        Indeterminate: ``proof.binary-missing`` or ``proof.binary-failed``.
    """
    path = find_program() if program is None else program
    findings: list[Rejection | None] = []
    for start in range(0, len(claims), MAX_CLAIMS):
        findings += _ask(path, claims[start : start + MAX_CLAIMS])
    return findings


def verify_with_both(
    claims: Sequence[ProofClaim], program: Path | None = None
) -> list[Rejection | None]:
    """Checks proofs with ``pot-halo2`` and in Python; a proof is right if both say so.

    Returns:
        As `check_proofs`; ``proof.verifiers-disagree`` where only one of them accepts.

    Raises:
        Indeterminate: as `verify_with_binary`.
    """
    pairs = zip(verify_with_binary(claims, program), check_proofs(claims), strict=True)
    return [_both(theirs, ours) for theirs, ours in pairs]


def _both(theirs: Rejection | None, ours: Rejection | None) -> Rejection | None:
    if (theirs is None) == (ours is None):
        return ours
    return Rejection(
        "proof.verifiers-disagree",
        f"{PROGRAM} and the verifier in Python say different things of the same proof",
        expected=f"in Python {'accepted' if ours is None else ours.code}",
        got=f"from {PROGRAM} {'accepted' if theirs is None else theirs.code}",
    )


def _ask(program: Path, claims: Sequence[ProofClaim]) -> list[Rejection | None]:
    request = json.dumps([_document(claim) for claim in claims]).encode()
    try:
        answer = subprocess.run(  # noqa: S603  a fixed argument, no shell
            [program, "verify"],
            check=False,
            input=request,
            capture_output=True,
            timeout=_SECONDS_MAX,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(f"it could not be run: {error}") from None
    if answer.returncode not in (0, 1):
        last = answer.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise _failed(f"exit code {answer.returncode}: {last[:200]!r}")
    findings = _parse_answer(answer.stdout, claims)
    if any(findings) != bool(answer.returncode):
        raise _failed(f"exit code {answer.returncode} belies its findings")
    return findings


def _document(claim: ProofClaim) -> dict[str, Any]:
    """What is too long is sent long enough to be found so, and no longer."""
    circuit = claim.circuit
    instance = claim.instance[: len(circuit.instance_bases) + 1]
    proof = claim.proof[: circuit.proof_bytes + 1]
    return {
        "circuit": circuit.circuit_id,
        "public_inputs": [f"{value:064x}"[:65] for value in instance],
        "proof": base64.b64encode(proof).decode(),
    }


def _parse_answer(stdout: bytes, claims: Sequence[ProofClaim]) -> list[Rejection | None]:
    try:
        document = strict_json.decode(stdout)
    except Rejection as rejection:
        raise _failed(f"its output is not readable: {rejection}") from None
    entries = document.get("findings")
    if (
        document.keys() != {"findings"}
        or not isinstance(entries, list)
        or len(entries) != len(claims)
    ):
        raise _failed(f"not one finding for each of {len(claims)} claims")
    return [_parse_finding(entry, claim) for entry, claim in zip(entries, claims, strict=True)]


def _parse_finding(entry: object, claim: ProofClaim) -> Rejection | None:
    match entry:
        case {"circuit": claim.circuit.circuit_id, "verified": True, **rest} if not rest:
            return None
        case {
            "circuit": claim.circuit.circuit_id,
            "verified": False,
            "error": {"code": str(reason), "message": str(message), **more},
            **rest,
        } if reason in _REASONS and not more and not rest:
            return Rejection(_REASONS[reason], message)
        case _:
            raise _failed(f"a finding that {PROGRAM} does not make: {str(entry)[:200]}")


def _failed(what: str) -> Indeterminate:
    return Indeterminate(
        "proof.binary-failed",
        f"{PROGRAM} did not do its work: {what}",
        needs=f"{PROGRAM} of this version: {HOW_TO_BUILD}",
    )
