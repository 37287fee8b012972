"""A run that the rule has stopped, its committed scores, and the proof of its decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pot_recorder.partial_file import JournaledChallenge
from pot_reverify.container.merkle import tree_root
from pot_reverify.decision.empirical_bernstein import StopReason, decide
from pot_reverify.decision.presets import Preset
from pot_reverify.documents.blob import DECISION_PROOF
from pot_reverify.documents.head import Head
from pot_reverify.documents.proof_document import ProofDocument, parse_proof_document
from pot_reverify.errors import Rejection
from pot_reverify.proof.eb_instance import (
    DecisionClaim,
    commit_to_scores,
    preset_digest,
    public_values,
)
from pot_reverify.proof.registry import REGISTRY, RegisteredCircuit, prepare_claim
from pot_reverify.proof.run_binding import format_commitment, run_digest, score_salt
from pot_reverify.proof.verify import verify_proof


@dataclass(frozen=True, slots=True)
class CommittedRun:
    """What a proof is made from, and what it must show.

    Args:
        circuit: the only one that runs of this length are proven in.
        scores: four a challenge.
        salt: of the commitment.
    """

    circuit: RegisteredCircuit
    preset: Preset
    attempt: int
    reason: StopReason
    scores: tuple[tuple[int, ...], ...]
    salt: bytes
    run_digest: bytes
    commitment: int

    @classmethod
    def of(
        cls,
        head: Head,
        challenges: Sequence[JournaledChallenge],
        transcript_leaves: Sequence[bytes],
    ) -> Self:
        """The run of a journal.

        Args:
            transcript_leaves: digests of HEAD, the records and their contents.

        Raises:
            Rejection: ``decision.*``: the rule has not stopped; ``proof.preset-not-provable``.
        """
        require_provable(head.preset, head.attempt)
        scores = tuple(challenge.scores for challenge in challenges)
        outcome = decide(head.preset, scores, head.attempt)
        circuit = next(one for one in REGISTRY if outcome.n <= one.capacity)
        salt = score_salt(head.run_id, (one for each in challenges for one in each.salts))
        run = run_digest(head.run_id, tree_root(transcript_leaves))
        commitment = commit_to_scores(
            circuit.capacity, preset_digest(head.preset, head.attempt), run, salt, scores
        )
        return cls(
            circuit,
            head.preset,
            head.attempt,
            outcome.reason,
            scores,
            salt,
            run,
            commitment,
        )

    @property
    def commitment_text(self) -> str:
        """The commitment as the statement carries it."""
        return format_commitment(self.commitment)

    def require_proven(self, document: bytes) -> ProofDocument:
        """Accept a proof of this very run, and of no other.

        Raises:
            Rejection: ``proof.*``, ``json.*``, ``schema.*``.
        """
        parsed = parse_proof_document(document, DECISION_PROOF)
        claim = DecisionClaim(
            preset=self.preset,
            attempt=self.attempt,
            reason=self.reason,
            n=len(self.scores),
            score_commitment=self.commitment,
            run_digest=self.run_digest,
        )
        verify_proof(prepare_claim(parsed.circuit, claim, parsed.proof))
        return parsed


def require_provable(preset: Preset, attempt: int) -> None:
    """Make sure that any run of a preset can be proven, however it ends.

    Raises:
        Rejection: ``proof.preset-not-provable``.
    """
    largest = REGISTRY[-1]
    if preset.n_max > largest.capacity:
        raise Rejection(
            "proof.preset-not-provable",
            "runs of this preset may be too long for a proof",
            where="n_max",
            expected=f"at most {largest.capacity}",
            got=preset.n_max,
        )
    nothing = DecisionClaim(preset, attempt, StopReason.SAME, preset.n_min, 0, bytes(32))
    public_values(largest.circuit_id, largest.capacity, nothing)
