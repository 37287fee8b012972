"""HEAD, the first leaf: everything that was fixed before the first challenge."""

from dataclasses import dataclass

from pot_reverify.decision.presets import Preset, parse_preset
from pot_reverify.documents.model_identity import ModelIdentity, parse_model_identity
from pot_reverify.documents.precommit import MAX_ATTEMPT, SignedPrecommit, parse_signed_precommit
from pot_reverify.encoding import canonical_msgpack
from pot_reverify.encoding.fields import Fields


@dataclass(frozen=True, slots=True)
class Recorder:
    """The software that wrote the bundle: its version, and a digest over its source files."""

    version: str
    code_digest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The payload of a HEAD frame."""

    run_id: bytes
    precommit: SignedPrecommit
    preset: Preset
    attempt: int
    rule: str
    score: str
    challenge_family: str
    scores_hidden: bool
    access: str
    batch_layout: str
    reference: ModelIdentity
    candidate: ModelIdentity
    recorder: Recorder

    def encode(self) -> bytes:
        """The canonical payload."""
        return canonical_msgpack.encode(
            {
                "access": self.access,
                "attempt": self.attempt,
                "batch_layout": self.batch_layout,
                "candidate": self.candidate.to_map(),
                "challenge_family": self.challenge_family,
                "precommit": self.precommit.to_map(),
                "preset": preset_map(self.preset),
                "recorder": {
                    "code_digest": self.recorder.code_digest,
                    "version": self.recorder.version,
                },
                "reference": self.reference.to_map(),
                "rule": self.rule,
                "run_id": self.run_id,
                "score": self.score,
                "scores_hidden": self.scores_hidden,
                "version": 1,
            }
        )


def preset_map(preset: Preset) -> dict[str, canonical_msgpack.Value]:
    """The preset as the values of a frame."""
    return {
        name: [*value] if isinstance(value, list) else value
        for name, value in preset.to_document().items()
    }


def parse_head(payload: bytes, where: str) -> Head:
    """Read a HEAD payload.

    Raises:
        Rejection: ``msgpack.*``, ``schema.*``, ``preset.*``, ``digest.*``.
    """
    fields = Fields(canonical_msgpack.decode(payload, canonical_msgpack.MAX_FRAME_ITEMS), where)
    fields.take_int("version", 1, 1)
    recorder = fields.take_fields("recorder")
    head = Head(
        run_id=fields.take_bytes("run_id", 16),
        precommit=parse_signed_precommit(fields.take_fields("precommit")),
        preset=parse_preset(fields.take_map("preset")),
        attempt=fields.take_int("attempt", 1, MAX_ATTEMPT),
        rule=fields.take_literal("rule", "eb/1"),
        score=fields.take_literal("score", "affinity/1"),
        challenge_family=fields.take_literal("challenge_family", "prose/1"),
        scores_hidden=fields.take_bool("scores_hidden"),
        access=fields.take_literal("access", "weights"),
        batch_layout=fields.take_str("batch_layout"),
        reference=parse_model_identity(fields.take_fields("reference")),
        candidate=parse_model_identity(fields.take_fields("candidate")),
        recorder=Recorder(recorder.take_str("version"), recorder.take_bytes("code_digest", 32)),
    )
    recorder.finish()
    fields.drop_extensions()
    fields.finish()
    return head
