"""One recording: promise → challenges → scores → decision → seal, with a journal all along."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pot_recorder.event_log import journal_key
from pot_recorder.evidence_folder import remove_evidence
from pot_recorder.interrupts import deferred_interrupts
from pot_recorder.journal import Journal, note_interruption
from pot_recorder.keys import Signer
from pot_recorder.models.loaded_model import ModelIdentity as LoadedIdentity
from pot_recorder.partial_file import Recovered, partial_path_of
from pot_recorder.promise import Promise
from pot_recorder.prover import Prover, evidence_to_seal
from pot_recorder.run.scorer import ChallengeMeasurement
from pot_recorder.scoring_order import Scorer
from pot_recorder.seal import FinishedRun, seal
from pot_recorder.self_check import verify_own_bundle
from pot_recorder.software import this_recorder
from pot_reverify.challenge.prose import derive_probes
from pot_reverify.challenge.seeds import challenge_seed, derive_challenge_key
from pot_reverify.container.frames import FrameType
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.decision.empirical_bernstein import SequentialTest, Step
from pot_reverify.documents.blob import CANDIDATE_WEIGHTS, ENVIRONMENT, REFERENCE_WEIGHTS, Blob
from pot_reverify.documents.challenge_record import SALT_BYTES, Content, Record
from pot_reverify.documents.head import Head
from pot_reverify.documents.model_identity import ModelClaim, ModelIdentity
from pot_reverify.documents.statement import Statement
from pot_reverify.documents.statement_parts import Labels, NoiseFloor
from pot_reverify.documents.weight_manifest import MEDIA_TYPE
from pot_reverify.encoding import strict_json
from pot_reverify.errors import PotAuditError, Rejection
from pot_reverify.score.affinity import affinity_score


@dataclass(frozen=True, slots=True)
class Environment:
    """What the run ran on and cost: a line for the statement, a document for the bundle."""

    summary: str
    document: dict[str, object]


@dataclass(frozen=True)
class Session:
    """Everything that a recording is made from.

    Args:
        scorer: runs both models over challenges.
        output: where the bundle goes; the journal is ``output`` with ``.partial`` added.
        environment: called once, at the end, with the first challenge that this process ran, for
            the measured environment.
        noise_floor: measured beforehand on request; None if it was not asked for.
        hides_scores: whether scores stand in the contents, to be withheld with them.
        prover: proves the decision before it is sealed; None for no proof.
        on_challenge: called after every challenge, once it is in the journal.
    """

    reference: LoadedIdentity
    candidate: LoadedIdentity
    scorer: Scorer
    promise: Promise
    counterpart_nonce: bytes | None
    signers: Sequence[Signer]
    output: Path
    environment: Callable[[int], Environment]
    labels: Labels = field(default_factory=lambda: Labels(None, None, None, None))
    noise_floor: NoiseFloor | None = None
    hides_scores: bool = False
    prover: Prover | None = None
    on_challenge: Callable[[ChallengeMeasurement, Step], None] = lambda _measurement, _step: None

    @property
    def partial_path(self) -> Path:
        """The journal."""
        return partial_path_of(self.output)

    @property
    def _journal_key(self) -> bytes:
        return journal_key(self.promise.secret, self.promise.precommit.run_id)

    def record(self, *, resume: bool = False, hold: bool = False) -> Statement | None:
        """Run until the rule stops, seal, and give the bundle its name.

        On an error or Ctrl-C the journal stays, with every whole challenge in it.

        Args:
            resume: go on with the journal of an interrupted recording.
            hold: stop before sealing, so that evidence can be added; `resume` seals.

        Returns:
            The statement, or None if it was held.

        Raises:
            Rejection: ``session.*``, ``journal.*``, ``model.*``, ``tokenizer.*``, ``challenge.*``.
            OSError: the journal cannot be written.
            KeyboardInterrupt: Ctrl-C.
        """
        self._require_promised()
        if self.output.exists():
            raise Rejection(
                "session.output-exists", "bundles are never overwritten", where=str(self.output)
            )
        head = self._head()
        journal, recovered = self._open_journal(head, resume=resume)
        with journal:
            try:
                test, step, started_ns = _replay(head, recovered)
                first_challenge = 1 if step is None else step.n + 1
                first_ns = self._run(journal, test, step, head)
                started_ns = started_ns if started_ns is not None else first_ns
                assert started_ns is not None
                if hold:
                    journal.sync()
                    return None
                environment = self.environment(first_challenge)
                statement = self._seal(journal, head, test, started_ns, environment)
            except (PotAuditError, OSError) as error:
                journal.events.note("error", str(error))
                raise
            except KeyboardInterrupt as stopped:
                note_interruption(journal, stopped)
                raise
        remove_evidence(self.output)
        return statement

    def _require_promised(self) -> None:
        precommit = self.promise.precommit
        for role, model, claim in (
            ("reference", self.reference, precommit.reference),
            ("candidate", self.candidate, precommit.candidate),
        ):
            if claim_of(model, claim.name) != claim:
                raise Rejection(
                    "session.model-not-promised",
                    f"the {role}'s weights are not those of the precommit",
                    where=claim.name,
                )
        if (precommit.counterpart is None) != (self.counterpart_nonce is None):
            raise Rejection(
                "session.counterpart",
                "a counterpart's nonce is needed exactly if the precommit names a counterpart",
            )

    def _head(self) -> Head:
        precommit = self.promise.precommit
        return Head(
            run_id=precommit.run_id,
            precommit=self.promise.signed,
            preset=precommit.preset,
            attempt=precommit.attempt,
            rule=precommit.rule,
            score=precommit.score,
            challenge_family=precommit.challenge_family,
            scores_hidden=self.hides_scores,
            access="weights",
            batch_layout=self.scorer.layout.value,
            reference=_identity_of(self.reference, precommit.reference),
            candidate=_identity_of(self.candidate, precommit.candidate),
            recorder=this_recorder(),
        )

    def _open_journal(self, head: Head, *, resume: bool) -> tuple[Journal, Recovered | None]:
        if not resume:
            return Journal.create(self.partial_path, head, self._journal_key), None
        journal, recovered = Journal.reopen(self.partial_path, self._journal_key)
        if recovered.head != head:
            journal.close()
            raise Rejection(
                "session.resume-differs",
                "the interrupted recording was made by other software, in another configuration, "
                "or of another precommit; delete it and start anew with a later attempt number",
                where=str(self.partial_path),
            )
        journal.events.note("resume", f"after {len(recovered.challenges)} challenges")
        return journal, recovered

    def _run(
        self, journal: Journal, test: SequentialTest, step: Step | None, head: Head
    ) -> int | None:
        """Go on until the rule stops; returns when the first challenge started, if one did."""
        if step is not None and step.reason is not None:
            return None
        first_ns: int | None = None
        start = 1 if step is None else step.n + 1
        for measurement in self.scorer.score(start, head.preset, self._texts):
            step = self._append(journal, measurement, test)
            first_ns = first_ns or measurement.start_ns
            self.on_challenge(measurement, step)
            if step.reason is not None:
                return first_ns
        raise AssertionError("the rule stops at n_max at the latest")

    def _texts(self, index: int) -> Sequence[str]:
        """The probe texts of a challenge."""
        run_id = self.promise.precommit.run_id
        key = derive_challenge_key(self.promise.secret, self.counterpart_nonce or b"", run_id)
        return [probe.text for probe in derive_probes(challenge_seed(key, run_id, index))]

    def _append(
        self, journal: Journal, measurement: ChallengeMeasurement, test: SequentialTest
    ) -> Step:
        scores = tuple(affinity_score(probe.distributions) for probe in measurement.probes)
        contents = tuple(
            Content(
                salt=secrets.token_bytes(SALT_BYTES),
                text=probe.text,
                token_ids=b"".join(token.to_bytes(4, "little") for token in probe.token_ids),
                distributions=probe.distributions,
                score=score if self.hides_scores else None,
            )
            for probe, score in zip(measurement.probes, scores, strict=True)
        )
        step = test.observe(scores)
        record = Record(
            index=measurement.index,
            scores=None if self.hides_scores else scores,
            content_digests=tuple(
                leaf_digest(FrameType.CONTENT, content.encode()) for content in contents
            ),
            started_ns=measurement.start_ns,
            duration_ns=measurement.duration_ns,
            is_cold=measurement.cold,
        )
        journal.append_challenge(record, contents)
        return step

    def _seal(
        self,
        journal: Journal,
        head: Head,
        test: SequentialTest,
        started_ns: int,
        environment: Environment,
    ) -> Statement:
        outcome = test.outcome()
        evidence, commitment = evidence_to_seal(self.output, head, journal, self.prover)
        blobs = (
            Blob(REFERENCE_WEIGHTS, MEDIA_TYPE, self.reference.manifest.to_json()),
            Blob(CANDIDATE_WEIGHTS, MEDIA_TYPE, self.candidate.manifest.to_json()),
            Blob(ENVIRONMENT, "application/json", strict_json.encode(environment.document)),
            *evidence,
        )
        run = FinishedRun(
            head=head,
            promise=self.promise,
            counterpart_nonce=self.counterpart_nonce,
            outcome=outcome,
            started_ns=started_ns,
            run_challenges=max(outcome.n, self.scorer.answered),
            events=journal.events.events,
            blobs=blobs,
            score_commitment=commitment,
            environment_summary=environment.summary,
            noise_floor=self.noise_floor,
            labels=self.labels,
        )
        with deferred_interrupts():
            statement = seal(journal, run, self.signers)
            journal.sync()
            verify_own_bundle(self.partial_path, self.signers)
            journal.publish(self.output, is_public=not head.scores_hidden)
        return statement


def claim_of(model: LoadedIdentity, name: str) -> ModelClaim:
    """The claim that a loaded model bears out."""
    return ModelClaim(name, model.manifest.root_digest)


def _identity_of(known: LoadedIdentity, claim: ModelClaim) -> ModelIdentity:
    return ModelIdentity(
        claim=claim,
        source_kind=known.kind,
        revision=known.revision,
        architecture=known.architecture,
        dtype=known.dtype,
        device=known.device,
        attention=known.attention,
        parameter_count=known.parameters,
        vocabulary_size=known.vocabulary,
    )


def _replay(
    head: Head, recovered: Recovered | None
) -> tuple[SequentialTest, Step | None, int | None]:
    test, step, started_ns = SequentialTest(head.preset, head.attempt), None, None
    for challenge in recovered.challenges if recovered else ():
        started_ns = started_ns if started_ns is not None else challenge.record.started_ns
        step = test.observe(challenge.scores)
    return test, step, started_ns
