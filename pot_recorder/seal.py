"""Seal a run: write its documents, reveal the secret, state the decision, sign."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from pot_recorder.journal import Journal
from pot_recorder.keys import Signer
from pot_recorder.promise import Promise, sign_document
from pot_reverify.checks.quote_bindings import GRADE_OF
from pot_reverify.container.checkpoint import checkpoint_digest
from pot_reverify.container.frames import FrameType
from pot_reverify.container.merkle import tree_root
from pot_reverify.decision.empirical_bernstein import Outcome
from pot_reverify.documents.blob import QUOTE_PREFIX, Blob
from pot_reverify.documents.challenge_record import PROBES
from pot_reverify.documents.evidence_document import parse_evidence_document
from pot_reverify.documents.head import Head
from pot_reverify.documents.reveal import Reveal, RunEvent
from pot_reverify.documents.statement import PAYLOAD_TYPE, Statement
from pot_reverify.documents.statement_parts import DeclaredSigner, Labels, LeafCounts, NoiseFloor
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.policy import Grade

_CLAIMED_FIRST = (Grade.RUN_BOUND, Grade.WEIGHTS, Grade.KEY_ATTESTED, Grade.CHANNEL)


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """What sealing needs to know of a run that the rule has stopped.

    Args:
        outcome: the decision.
        started_ns: when challenge 1 started.
        run_challenges: how many challenges the models answered, those after the stop included.
        score_commitment: to the scores that a proof among the blobs is about.
    """

    head: Head
    promise: Promise
    counterpart_nonce: bytes | None
    outcome: Outcome
    started_ns: int
    run_challenges: int
    events: tuple[RunEvent, ...]
    blobs: tuple[Blob, ...]
    score_commitment: str | None
    environment_summary: str
    noise_floor: NoiseFloor | None
    labels: Labels


def seal(journal: Journal, run: FinishedRun, signers: Sequence[Signer]) -> Statement:
    """Append everything after the last challenge; the caller publishes the file.

    Raises:
        OSError: the file cannot be written.
    """
    for blob in run.blobs:
        journal.append_leaf(FrameType.BLOB, blob.encode())
    reveal = Reveal(
        secret=run.promise.secret,
        counterpart_nonce=run.counterpart_nonce,
        planned_challenges=run.head.preset.n_max,
        run_challenges=run.run_challenges,
        events=run.events,
    )
    journal.append_leaf(FrameType.REVEAL, reveal.encode())
    statement = _statement(journal.leaf_digests, run, signers)
    payload = statement.to_json()
    journal.append_unsigned(FrameType.STATEMENT, payload)
    for signature in sign_document(PAYLOAD_TYPE, payload, signers):
        journal.append_unsigned(FrameType.SIGNATURE, signature.encode())
    return statement


def _statement(leaves: Sequence[bytes], run: FinishedRun, signers: Sequence[Signer]) -> Statement:
    head, outcome = run.head, run.outcome
    root = tree_root(leaves)
    weights = (head.reference.claim.weights_digest, head.candidate.claim.weights_digest)
    return Statement(
        checkpoint_digest=checkpoint_digest(head.run_id, len(leaves), root),
        reference_name=head.reference.claim.name,
        reference_weights=weights[0],
        candidate_name=head.candidate.claim.name,
        candidate_weights=weights[1],
        run_id=head.run_id,
        decision=outcome.decision.value,
        stop_reason=outcome.reason.value,
        challenges=outcome.n,
        probes=outcome.n * PROBES,
        score_sum=outcome.S,
        square_sum=outcome.V,
        half_width_sum=outcome.H,
        margin=outcome.margin,
        preset=head.preset,
        attempt=head.attempt,
        rule=head.rule,
        score=head.score,
        challenge_family=head.challenge_family,
        score_commitment=run.score_commitment,
        precommit_digest=head.precommit.digest,
        started_ns=run.started_ns,
        ended_ns=time.time_ns(),
        leaves=LeafCounts(len(leaves), outcome.n, outcome.n * PROBES, len(run.blobs)),
        access=head.access,
        binding_grade=_claimed_grade(run.blobs, has_weights=None not in weights).value,
        quote_digests=tuple(
            sha256_digest(blob.data) for blob in run.blobs if blob.name.startswith(QUOTE_PREFIX)
        ),
        environment_summary=run.environment_summary,
        recorder_version=head.recorder.version,
        recorder_code_digest=head.recorder.code_digest,
        signers=tuple(
            DeclaredSigner(one.public_key.algorithm.value, one.public_key.key_id) for one in signers
        ),
        noise_floor=run.noise_floor,
        labels=run.labels,
    )


def _claimed_grade(blobs: Sequence[Blob], *, has_weights: bool) -> Grade:
    """The grade that the recorder claims; the re-verifier finds all that there is evidence for."""
    there = {
        GRADE_OF[parse_evidence_document(blob.data, blob.name).binding]
        for blob in blobs
        if blob.name.startswith(QUOTE_PREFIX)
    } | ({Grade.WEIGHTS} if has_weights else set())
    return next((grade for grade in _CLAIMED_FIRST if grade in there), Grade.UNBOUND)
