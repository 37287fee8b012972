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
from pot_reverify.proof.challenge_commitments import commit_to_challenge, commit_to_run
from pot_reverify.proof.eb_instance import DecisionClaim, Sums, commit_to_scores, preset_digest
from pot_reverify.proof.registry import RegisteredCircuit, find_circuit, prepare_claim
from pot_reverify.proof.run_binding import (
    challenge_salt,
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
    circuit = find_circuit(document.circuit)
    _require_kind(document, circuit)
    claim = _claim(bundle, statement, statement.score_commitment, circuit)
    prepared = prepare_claim(document.circuit, claim, document.proof)
    what = "" if circuit.version == 1 else "with the signed sums "
    return PendingProof(
        prepared,
        f"proven: the committed scores give {claim.reason.decision} {what}at challenge {claim.n}, "
        f"and no earlier stop ({document.circuit})",
        _opening_notes(bundle, claim, circuit, document.challenge_commitments or ()),
    )


def shows_sums(bundle: Bundle) -> bool:
    """Whether the proof of a bundle, if it holds, shows the signed sums as well."""
    try:
        document = _document(bundle)
        return document is not None and find_circuit(document.circuit).version > 1
    except PotAuditError:
        return False


def _require_kind(document: ProofDocument, circuit: RegisteredCircuit) -> None:
    if (document.challenge_commitments is None) != (circuit.version == 1):
        raise Rejection(
            "proof.kind-of-another-version",
            "Version 2 has commitments to the challenges beside the proof, and version 1 has not.",
            where=DECISION_PROOF,
            got=document.circuit,
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


def _claim(
    bundle: Bundle, statement: Statement, commitment: str, circuit: RegisteredCircuit
) -> DecisionClaim:
    where = "predicate.score_commitment"
    return DecisionClaim(
        preset=statement.preset,
        attempt=statement.attempt,
        reason=StopReason(statement.stop_reason),
        n=statement.challenges,
        score_commitment=parse_commitment(commitment, circuit.version, where),
        run_digest=run_digest(bundle.head.run_id, bundle.transcript_root),
        sums=Sums(statement.score_sum, statement.square_sum),
    )


def _opening_notes(
    bundle: Bundle,
    claim: DecisionClaim,
    circuit: RegisteredCircuit,
    commitments: tuple[int, ...],
) -> tuple[str, ...]:
    """Open the commitments, as far as the contents are there."""
    if circuit.version == 1:
        return _open_run(bundle, claim, circuit)
    return _open_challenges(bundle, claim, circuit, commitments)


_NOT_SHOWN = (
    "not shown: that the committed scores are those of these probes, or of any model; "
    "that rests on the signature"
)


def _open_run(bundle: Bundle, claim: DecisionClaim, circuit: RegisteredCircuit) -> tuple[str, ...]:
    """Open the one commitment of version 1, where every content is there."""
    probes = [probe for challenge in bundle.challenges for probe in challenge.probes]
    salts = [probe.salt for probe in probes if probe.salt is not None]
    if len(salts) < len(probes):
        return (
            f"the commitment was not opened: {len(probes) - len(salts)} contents are withheld",
            _NOT_SHOWN,
        )
    scores = [
        [probe.claimed_score for probe in challenge.probes if probe.claimed_score is not None]
        for challenge in bundle.challenges
    ]
    opened = commit_to_scores(
        circuit.capacity,
        preset_digest(claim.preset, claim.attempt),
        claim.run_digest,
        score_salt(bundle.head.run_id, salts),
        scores,
    )
    _require_committed(opened, claim, circuit)
    return ("the commitment was opened: it is to the scores in this bundle",)


def _open_challenges(
    bundle: Bundle,
    claim: DecisionClaim,
    circuit: RegisteredCircuit,
    commitments: tuple[int, ...],
) -> tuple[str, ...]:
    """Open the commitment to each challenge whose four contents are there."""
    count = len(bundle.challenges)
    if len(commitments) != claim.n or len(commitments) != count:
        raise Rejection(
            "proof.challenge-commitments-count",
            "There is one commitment for each challenge.",
            where=f"{DECISION_PROOF}.challenge_commitments",
            expected=count,
            got=len(commitments),
        )
    digest = preset_digest(claim.preset, claim.attempt)
    root = commit_to_run(circuit.capacity, digest, claim.run_digest, commitments)
    _require_committed(root, claim, circuit)
    opened = 0
    for challenge, commitment in zip(bundle.challenges, commitments, strict=True):
        salts = [probe.salt for probe in challenge.probes if probe.salt is not None]
        if len(salts) < len(challenge.probes):
            continue
        opened += 1
        scores = [one.claimed_score for one in challenge.probes if one.claimed_score is not None]
        salt = challenge_salt(bundle.head.run_id, challenge.index, salts)
        if commit_to_challenge(scores, salt) != commitment:
            raise Rejection(
                "proof.challenge-commitment-mismatch",
                "The proof is about other scores of this challenge than those in the bundle.",
                where=f"challenge {challenge.index}",
            )
    if opened == count:
        return ("all commitments were opened: they are to the scores in this bundle",)
    what = f"{opened} of {count} commitments were opened: they are to the scores in this bundle"
    return (f"{what}; of the other challenges contents are withheld", _NOT_SHOWN)


def _require_committed(opened: int, claim: DecisionClaim, circuit: RegisteredCircuit) -> None:
    if opened != claim.score_commitment:
        raise Rejection(
            "proof.commitment-mismatch",
            "The statement commits to other scores than those in the bundle."
            if circuit.version == 1
            else "The statement commits to other challenges than those beside the proof.",
            where="predicate.score_commitment",
            expected=format_commitment(opened, circuit.version),
            got=format_commitment(claim.score_commitment, circuit.version),
        )
