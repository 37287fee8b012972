"""C11: the proof that the committed scores give the signed decision.

What is proven is taken from the statement and from the leaves, never from the proof's own document.
Preparing and concluding are two steps, so that the proofs of many bundles can be verified together.
"""

from dataclasses import dataclass

from pot_reverify.checks.result import CheckId, CheckResult, absent, from_error, passed, skipped
from pot_reverify.decision.empirical_bernstein import StopReason
from pot_reverify.documents.blob import DECISION_PROOF, PROOF_PREFIX
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.proof_document import ProofDocument, parse_proof_document
from pot_reverify.documents.statement import Statement
from pot_reverify.errors import PotAuditError, Rejection
from pot_reverify.policy import Policy
from pot_reverify.proof.eb_instance import DecisionClaim, commit_to_scores, preset_digest
from pot_reverify.proof.registry import find_circuit, prepare_claim
from pot_reverify.proof.run_binding import (
    format_commitment,
    parse_commitment,
    run_digest,
    score_salt,
)
from pot_reverify.proof.verify import ProofClaim


@dataclass(frozen=True, slots=True)
class PendingProof:
    """A proof with what it must show; nothing has been said about it yet.

    Args:
        claim: for the verifier.
        shows: what it shows if it is right, for people.
        notes: the rest of the result if it is right.
    """

    claim: ProofClaim
    shows: str
    notes: tuple[str, ...]

    def conclude(self, finding: PotAuditError | None) -> CheckResult:
        """The result of the check, given what the verifier found."""
        if finding is not None:
            return from_error(CheckId.PROOF, finding)
        return passed(CheckId.PROOF, self.shows, *self.notes)


def prepare_proof(bundle: Bundle, policy: Policy) -> PendingProof | CheckResult:
    """Rebuild what a bundle's proof must show.

    Returns:
        A proof to be verified, or the result where there is none.

    Raises:
        Rejection: ``proof.*``, ``json.*``, ``schema.*``.
        Indeterminate: ``decision.constants-not-certain``.
    """
    document = _document(bundle)
    statement = bundle.statement
    if statement is None:
        if document is None:
            return _without_proof(policy)
        return skipped(
            CheckId.PROOF,
            "container.unsealed",
            "The file was never sealed: there is no signed decision to prove.",
            needs="a sealed bundle (pot-audit record --resume)",
        )
    if document is None:
        if statement.score_commitment is None:
            return _without_proof(policy)
        raise Rejection(
            "proof.blob-missing",
            "The statement commits to scores, and no proof is in the bundle.",
            where=DECISION_PROOF,
        )
    if statement.score_commitment is None:
        raise Rejection(
            "proof.commitment-missing",
            "There is a proof, and the statement commits to no scores.",
            where="predicate.score_commitment",
        )
    claim = _claim(bundle, statement, statement.score_commitment)
    prepared = prepare_claim(document.circuit, claim, document.proof)
    return PendingProof(
        prepared,
        f"proven: the committed scores give {claim.reason.decision} at challenge {claim.n}, and "
        f"no earlier stop ({document.circuit})",
        _opening_notes(bundle, claim, document.circuit),
    )


def _document(bundle: Bundle) -> ProofDocument | None:
    for blob in bundle.blobs:
        if blob.name.startswith(PROOF_PREFIX) and blob.name != DECISION_PROOF:
            raise Rejection(
                "proof.unknown-blob",
                "A bundle has one proof.",
                where=blob.name,
                expected=DECISION_PROOF,
            )
    blob_of_proof = bundle.blob(DECISION_PROOF)
    return None if blob_of_proof is None else parse_proof_document(blob_of_proof.data, "proof")


def _without_proof(policy: Policy) -> CheckResult:
    if policy.requires_proof:
        return skipped(
            CheckId.PROOF,
            "proof.required",
            "No proof, and you require one.",
            needs="a bundle with a proof (pot-audit record --prove)",
        )
    return absent(CheckId.PROOF, "proof.absent", "No proof.")


def _claim(bundle: Bundle, statement: Statement, commitment: str) -> DecisionClaim:
    return DecisionClaim(
        preset=statement.preset,
        attempt=statement.attempt,
        reason=StopReason(statement.stop_reason),
        n=statement.challenges,
        score_commitment=parse_commitment(commitment, "predicate.score_commitment"),
        run_digest=run_digest(bundle.head.run_id, bundle.transcript_root),
    )


def _opening_notes(bundle: Bundle, claim: DecisionClaim, circuit: str) -> tuple[str, ...]:
    """Open the commitment, where every content is there."""
    not_shown = (
        "not shown: that the committed scores are those of these probes, or of any model; "
        "that rests on the signature"
    )
    probes = [probe for challenge in bundle.challenges for probe in challenge.probes]
    salts = [probe.salt for probe in probes if probe.salt is not None]
    if len(salts) < len(probes):
        return (
            f"the commitment was not opened: {len(probes) - len(salts)} contents are withheld",
            not_shown,
        )
    scores = [
        [probe.claimed_score for probe in challenge.probes if probe.claimed_score is not None]
        for challenge in bundle.challenges
    ]
    opened = commit_to_scores(
        find_circuit(circuit).capacity,
        preset_digest(claim.preset, claim.attempt),
        claim.run_digest,
        score_salt(bundle.head.run_id, salts),
        scores,
    )
    if opened != claim.score_commitment:
        raise Rejection(
            "proof.commitment-mismatch",
            "The statement commits to other scores than those in the bundle.",
            where="predicate.score_commitment",
            expected=format_commitment(opened),
            got=format_commitment(claim.score_commitment),
        )
    return ("the commitment was opened: it is to the scores in this bundle",)
