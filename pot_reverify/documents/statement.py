"""The statement: the in-toto document that is signed, verbatim, over a DSSE envelope.

Its first subject is the checkpoint, which does not change when content is withheld, so one
signature holds for the full bundle and for every redacted copy.
"""

from dataclasses import dataclass
from fractions import Fraction

from pot_reverify.decision.presets import Preset, parse_preset
from pot_reverify.documents.precommit import MAX_ATTEMPT
from pot_reverify.documents.statement_parts import (
    DeclaredSigner,
    Labels,
    LeafCounts,
    NoiseFloor,
    parse_labels,
    parse_leaves,
    parse_noise_floor,
    parse_signers,
    take_optional_str,
)
from pot_reverify.encoding import strict_json
from pot_reverify.encoding.digest import format_digest, parse_digest
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:pot-audit:predicate:decision:1"


@dataclass(frozen=True, slots=True)
class Statement:
    """The signed claims. Sums are in units of the score, 2^-15."""

    checkpoint_digest: bytes
    reference_name: str
    reference_weights: bytes | None
    candidate_name: str
    candidate_weights: bytes | None
    run_id: bytes
    decision: str
    stop_reason: str
    challenges: int
    probes: int
    score_sum: int
    square_sum: int
    half_width_sum: int
    margin: Fraction
    preset: Preset
    attempt: int
    rule: str
    score: str
    challenge_family: str
    score_commitment: str | None
    precommit_digest: bytes
    started_ns: int
    ended_ns: int
    leaves: LeafCounts
    access: str
    binding_grade: str
    quote_digests: tuple[bytes, ...]
    environment_summary: str
    recorder_version: str
    recorder_code_digest: bytes
    signers: tuple[DeclaredSigner, ...]
    noise_floor: NoiseFloor | None
    labels: Labels

    def to_json(self) -> bytes:
        """The bytes to sign."""
        subjects = [{"digest": {"sha256": self.checkpoint_digest.hex()}, "name": "checkpoint"}]
        for role, name, weights in (
            ("reference", self.reference_name, self.reference_weights),
            ("candidate", self.candidate_name, self.candidate_weights),
        ):
            if weights is not None:
                subjects.append({"digest": {"sha256": weights.hex()}, "name": f"{role}: {name}"})
        return strict_json.encode(
            {
                "_type": STATEMENT_TYPE,
                "predicate": self._predicate(),
                "predicateType": PREDICATE_TYPE,
                "subject": subjects,
            }
        )

    def _predicate(self) -> dict[str, object]:
        floor = self.noise_floor
        return {
            "access": self.access,
            "attempt": self.attempt,
            "binding_grade": self.binding_grade,
            "candidate": _model(self.candidate_name, self.candidate_weights),
            "challenge_family": self.challenge_family,
            "challenges": self.challenges,
            "decision": self.decision,
            "ended_ns": self.ended_ns,
            "environment_summary": self.environment_summary,
            "half_width_sum": self.half_width_sum,
            "labels": {
                "confidentiality": self.labels.confidentiality,
                "organisation": self.labels.organisation,
                "responsible_person": self.labels.responsible_person,
                "retention_until": self.labels.retention_until,
            },
            "leaves": {
                "blobs": self.leaves.blobs,
                "contents": self.leaves.contents,
                "records": self.leaves.records,
                "total": self.leaves.total,
            },
            "margin": list(self.margin.as_integer_ratio()),
            "noise_floor": None
            if floor is None
            else {
                "probes": floor.probes,
                "score_max": floor.score_max,
                "score_sum": floor.score_sum,
            },
            "precommit_digest": format_digest(self.precommit_digest),
            "preset": self.preset.to_document(),
            "probes": self.probes,
            "quote_digests": [format_digest(one) for one in self.quote_digests],
            "recorder": {
                "code_digest": format_digest(self.recorder_code_digest),
                "version": self.recorder_version,
            },
            "reference": _model(self.reference_name, self.reference_weights),
            "rule": self.rule,
            "run_id": self.run_id.hex(),
            "score": self.score,
            "score_commitment": self.score_commitment,
            "score_sum": self.score_sum,
            "signers": [{"algorithm": one.algorithm, "key_id": one.key_id} for one in self.signers],
            "square_sum": self.square_sum,
            "started_ns": self.started_ns,
            "stop_reason": self.stop_reason,
        }


def parse_statement(payload: bytes, where: str) -> Statement:
    """Read a STATEMENT payload.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``preset.*``, ``digest.*``, ``statement.subjects``.
    """
    envelope = Fields(strict_json.decode(payload), where)
    envelope.take_literal("_type", STATEMENT_TYPE)
    envelope.take_literal("predicateType", PREDICATE_TYPE)
    subjects = envelope.take_list("subject", 1, 3)
    fields = envelope.take_fields("predicate")
    envelope.finish()
    reference_name, reference_weights = _parse_model(fields.take_fields("reference"))
    candidate_name, candidate_weights = _parse_model(fields.take_fields("candidate"))
    recorder = fields.take_fields("recorder")
    statement = Statement(
        checkpoint_digest=_checkpoint_subject(subjects[0], where),
        reference_name=reference_name,
        reference_weights=reference_weights,
        candidate_name=candidate_name,
        candidate_weights=candidate_weights,
        run_id=_parse_run_id(fields),
        decision=fields.take_literal("decision", "SAME", "DIFFERENT", "UNDECIDED"),
        stop_reason=fields.take_literal("stop_reason", "same", "different", "between", "exhausted"),
        challenges=fields.take_int("challenges", 1),
        probes=fields.take_int("probes", 1),
        score_sum=fields.take_int("score_sum"),
        square_sum=fields.take_int("square_sum"),
        half_width_sum=fields.take_int("half_width_sum"),
        margin=fields.take_ratio("margin"),
        preset=parse_preset(fields.take_map("preset")),
        attempt=fields.take_int("attempt", 1, MAX_ATTEMPT),
        rule=fields.take_str("rule", 32),
        score=fields.take_str("score", 32),
        challenge_family=fields.take_str("challenge_family", 32),
        score_commitment=take_optional_str(fields, "score_commitment"),
        precommit_digest=fields.take_digest("precommit_digest"),
        started_ns=fields.take_int("started_ns"),
        ended_ns=fields.take_int("ended_ns"),
        leaves=parse_leaves(fields.take_fields("leaves")),
        access=fields.take_str("access", 32),
        binding_grade=fields.take_literal("binding_grade", "W", "A", "B", "C", "D", "unbound"),
        quote_digests=_parse_digests(fields, "quote_digests"),
        environment_summary=fields.take_str("environment_summary", 1024),
        recorder_version=recorder.take_str("version"),
        recorder_code_digest=recorder.take_digest("code_digest"),
        signers=parse_signers(fields),
        noise_floor=parse_noise_floor(fields),
        labels=parse_labels(fields.take_fields("labels")),
    )
    recorder.finish()
    fields.drop_extensions()
    fields.finish()
    if subjects != strict_json.decode(statement.to_json())["subject"]:
        raise Rejection(
            "statement.subjects",
            "the subjects are the checkpoint and the weights that the predicate names",
            where=f"{where}.subject",
        )
    return statement


def _model(name: str, weights: bytes | None) -> dict[str, object]:
    return {"name": name, "weights_digest": None if weights is None else format_digest(weights)}


def _parse_model(fields: Fields) -> tuple[str, bytes | None]:
    name = fields.take_str("name")
    absent = fields.drop_null("weights_digest")
    weights = None if absent else fields.take_digest("weights_digest")
    fields.finish()
    return name, weights


def _checkpoint_subject(subject: object, where: str) -> bytes:
    fields = Fields(subject, f"{where}.subject[0]")
    digests = fields.take_fields("digest")
    return parse_digest("sha256:" + digests.take_str("sha256", 64))


def _parse_run_id(fields: Fields) -> bytes:
    return parse_digest("sha256:" + fields.take_str("run_id", 32) + "0" * 32)[:16]


def _parse_digests(fields: Fields, name: str) -> tuple[bytes, ...]:
    digests = fields.take_list(name, 0, 1024)
    if not all(isinstance(one, str) for one in digests):
        raise Rejection("schema.wrong-type", "a digest is a string", where=fields.at(name))
    return tuple(parse_digest(str(one)) for one in digests)
