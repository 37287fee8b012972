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
from pot_reverify.documents.proof_document import parse_proof_document
from pot_reverify.errors import Rejection
from pot_reverify.proof.challenge_commitments import commit_to_challenge, commit_to_run
from pot_reverify.proof.eb_instance import (
    DecisionClaim,
    Sums,
    commit_to_scores,
    preset_digest,
    public_values,
)
from pot_reverify.proof.registry import (
    LATEST_VERSION,
    REGISTRY,
    RegisteredCircuit,
    find_circuit,
    prepare_claim,
    smallest_circuit,
)
from pot_reverify.proof.run_binding import (
    challenge_salt,
    format_commitment,
    run_digest,
    score_salt,
)
from pot_reverify.proof.verify import verify_proof


@dataclass(frozen=True, slots=True)
class CommittedRun:
    """What a proof is made from, and what it must show.

    Args:
        circuit: the only one that new proofs of runs of this length are made with.
        scores: four a challenge.
        content_salts: of the four contents of each challenge.
        sums: S and V.
        run_digest: what the scores belong to.
    """

    circuit: RegisteredCircuit
    preset: Preset
    attempt: int
    reason: StopReason
    scores: tuple[tuple[int, ...], ...]
    content_salts: tuple[tuple[bytes, ...], ...]
    sums: Sums
    run_id: bytes
    run_digest: bytes

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
        circuit = smallest_circuit(LATEST_VERSION, outcome.n)
        assert circuit is not None
        return cls(
            circuit,
            head.preset,
            head.attempt,
            outcome.reason,
            scores,
            tuple(tuple(challenge.salts) for challenge in challenges),
            Sums(outcome.S, outcome.V),
            head.run_id,
            run_digest(head.run_id, tree_root(transcript_leaves)),
        )

    @property
    def challenge_salts(self) -> tuple[bytes, ...]:
        """The salt of the commitment to each challenge."""
        each = enumerate(self.content_salts, 1)
        return tuple(challenge_salt(self.run_id, index, salts) for index, salts in each)

    @property
    def challenge_commitments(self) -> tuple[int, ...]:
        """The commitment to each challenge."""
        pairs = zip(self.scores, self.challenge_salts, strict=True)
        return tuple(commit_to_challenge(scores, salt) for scores, salt in pairs)

    def commitment(self, version: int = LATEST_VERSION) -> int:
        """The commitment to the scores.

        Args:
            version: of the circuit.
        """
        digest = preset_digest(self.preset, self.attempt)
        circuit = smallest_circuit(version, len(self.scores))
        assert circuit is not None
        if version == 1:
            salt = score_salt(self.run_id, (one for each in self.content_salts for one in each))
            return commit_to_scores(circuit.capacity, digest, self.run_digest, salt, self.scores)
        return commit_to_run(circuit.capacity, digest, self.run_digest, self.challenge_commitments)

    def require_proven(self, document: bytes) -> str:
        """Accept a proof of this very run, and of no other.

        Returns:
            The commitment to the scores, as the statement carries it.

        Raises:
            Rejection: ``proof.*``, ``json.*``, ``schema.*``.
        """
        parsed = parse_proof_document(document, DECISION_PROOF)
        version = find_circuit(parsed.circuit).version
        commitments = None if version == 1 else self.challenge_commitments
        if parsed.challenge_commitments != commitments:
            raise Rejection(
                "proof.challenge-commitment-mismatch",
                "the proof is about other scores than those of this run",
                where=DECISION_PROOF,
            )
        commitment = self.commitment(version)
        claim = DecisionClaim(
            preset=self.preset,
            attempt=self.attempt,
            reason=self.reason,
            n=len(self.scores),
            score_commitment=commitment,
            run_digest=self.run_digest,
            sums=self.sums,
        )
        verify_proof(prepare_claim(parsed.circuit, claim, parsed.proof))
        return format_commitment(commitment, version)


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
