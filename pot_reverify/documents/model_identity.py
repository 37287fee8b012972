"""What a bundle says about each of the two models."""

from dataclasses import dataclass

from pot_reverify.encoding import canonical_msgpack
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.fields import Fields


@dataclass(frozen=True, slots=True)
class ModelClaim:
    """The claim that the precommit makes of a model before the run.

    Args:
        name: what the model is called; no check relies on it.
        weights_digest: root digest of its weight manifest, or None if they are not at hand.
    """

    name: str
    weights_digest: bytes | None

    def to_document(self) -> dict[str, object]:
        """The claim as JSON values."""
        digest = self.weights_digest
        return {
            "name": self.name,
            "weights_digest": None if digest is None else format_digest(digest),
        }


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """A claim, and how the model was run. Everything but the weights digest is asserted only."""

    claim: ModelClaim
    source_kind: str
    revision: str | None
    architecture: str
    dtype: str
    device: str
    attention: str
    parameter_count: int
    vocabulary_size: int

    def to_map(self) -> dict[str, canonical_msgpack.Value]:
        """The identity as the values of a frame."""
        return {
            "name": self.claim.name,
            "weights_digest": self.claim.weights_digest,
            "architecture": self.architecture,
            "attention": self.attention,
            "device": self.device,
            "dtype": self.dtype,
            "parameter_count": self.parameter_count,
            "revision": self.revision,
            "source_kind": self.source_kind,
            "vocabulary_size": self.vocabulary_size,
        }


def parse_model_claim(fields: Fields) -> ModelClaim:
    """Take a claim, as JSON writes it, and finish its map.

    Raises:
        Rejection: ``schema.*``, ``digest.*``.
    """
    name = fields.take_str("name")
    digest = None if fields.drop_null("weights_digest") else fields.take_digest("weights_digest")
    fields.finish()
    return ModelClaim(name, digest)


def parse_model_identity(fields: Fields) -> ModelIdentity:
    """Take an identity, as a frame holds it, and finish its map.

    Raises:
        Rejection: ``schema.*``.
    """
    name = fields.take_str("name")
    has_digest = not fields.drop_null("weights_digest")
    digest = fields.take_bytes("weights_digest", 32) if has_digest else None
    identity = ModelIdentity(
        claim=ModelClaim(name, digest),
        source_kind=fields.take_literal("source_kind", "safetensors", "gguf"),
        revision=None if fields.drop_null("revision") else fields.take_str("revision"),
        architecture=fields.take_str("architecture"),
        dtype=fields.take_str("dtype"),
        device=fields.take_str("device"),
        attention=fields.take_str("attention"),
        parameter_count=fields.take_int("parameter_count", 1),
        vocabulary_size=fields.take_int("vocabulary_size", 1, 2**32 - 1),
    )
    fields.finish()
    return identity
