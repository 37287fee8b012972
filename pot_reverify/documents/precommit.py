"""The precommit: what the recorder promises, in signed bytes, before any model answers.

As a file it is a DSSE envelope in JSON; a bundle carries the same payload bytes and signatures.
"""

from dataclasses import dataclass

from pot_reverify.decision.presets import Preset, parse_preset
from pot_reverify.documents.model_identity import ModelClaim, parse_model_claim
from pot_reverify.documents.signed_bytes import MAX_SIGNATURES, Signature, parse_signature
from pot_reverify.documents.signed_envelope import decode_envelope, encode_envelope
from pot_reverify.encoding import canonical_msgpack, strict_json
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection

KIND = "pot-audit/precommit/1"
PAYLOAD_TYPE = "application/vnd.pot-audit.precommit+json"
MAX_ATTEMPT = 32
_MAX_PAYLOAD_BYTES = 1 << 16


PARTY = "party"
PARTY_WITH_KEY = "party-with-key"
BEACON = "beacon"


@dataclass(frozen=True, slots=True)
class Counterpart:
    """Who gives the second half of the challenge randomness, after seeing the precommit.

    Args:
        kind: ``party`` (a vendor, an auditor), ``party-with-key`` (likewise, and the promise says
            with which key it will sign), or ``beacon`` (a public randomness beacon).
        name: the party, or the beacon's name.
        round: the beacon's future round, None for a party.
        key_id: of the party's key, None for the other kinds.
    """

    kind: str
    name: str
    round: int | None
    key_id: str | None = None

    @property
    def is_party(self) -> bool:
        """Whether it is somebody with a key, and no beacon."""
        return self.kind != BEACON

    def to_document(self) -> dict[str, object]:
        """The counterpart as JSON values."""
        document: dict[str, object] = {"kind": self.kind, "name": self.name, "round": self.round}
        return document if self.key_id is None else {**document, "key_id": self.key_id}


@dataclass(frozen=True, slots=True)
class Precommit:
    """The promise: which models, which rule, which challenges (by a commitment), which attempt."""

    run_id: bytes
    created_ns: int
    secret_commitment: bytes
    preset: Preset
    attempt: int
    rule: str
    score: str
    challenge_family: str
    reference: ModelClaim
    candidate: ModelClaim
    counterpart: Counterpart | None

    def to_json(self) -> bytes:
        """The bytes to sign."""
        other = self.counterpart
        return strict_json.encode(
            {
                "attempt": self.attempt,
                "candidate": self.candidate.to_document(),
                "challenge_family": self.challenge_family,
                "counterpart": None if other is None else other.to_document(),
                "created_ns": self.created_ns,
                "kind": KIND,
                "preset": self.preset.to_document(),
                "reference": self.reference.to_document(),
                "rule": self.rule,
                "run_id": self.run_id.hex(),
                "score": self.score,
                "secret_commitment": format_digest(self.secret_commitment),
            }
        )


@dataclass(frozen=True, slots=True)
class SignedPrecommit:
    """The precommit's exact bytes and its signatures."""

    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signed bytes: what a counterpart, a quote or a timestamp refers to."""
        return sha256_digest(self.payload)

    def to_map(self) -> dict[str, canonical_msgpack.Value]:
        """The signed precommit as it stands in HEAD."""
        signatures: list[canonical_msgpack.Value] = [one.to_map() for one in self.signatures]
        return {"payload": self.payload, "signatures": signatures}

    def to_envelope(self) -> bytes:
        """The DSSE envelope file."""
        return encode_envelope(PAYLOAD_TYPE, self.payload, self.signatures)


def parse_precommit(payload: bytes, where: str = "precommit") -> Precommit:
    """Read the signed bytes.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``preset.*``, ``digest.*``.
    """
    fields = Fields(strict_json.decode(payload), where)
    fields.take_literal("kind", KIND)
    run_id = fields.take_str("run_id", 32)
    if len(run_id) != 32 or not set(run_id) <= set("0123456789abcdef"):
        raise Rejection(
            "schema.unknown-value", "a run id is 32 hex digits", where=where, got=run_id
        )
    precommit = Precommit(
        run_id=bytes.fromhex(run_id),
        created_ns=fields.take_int("created_ns"),
        secret_commitment=fields.take_digest("secret_commitment"),
        preset=parse_preset(fields.take_map("preset")),
        attempt=fields.take_int("attempt", 1, MAX_ATTEMPT),
        rule=fields.take_str("rule", 32),
        score=fields.take_str("score", 32),
        challenge_family=fields.take_str("challenge_family", 32),
        reference=parse_model_claim(fields.take_fields("reference")),
        candidate=parse_model_claim(fields.take_fields("candidate")),
        counterpart=_parse_counterpart(fields),
    )
    fields.finish()
    return precommit


def parse_signed_precommit(fields: Fields) -> SignedPrecommit:
    """Take the precommit as it stands in HEAD, and finish its map.

    Raises:
        Rejection: ``schema.*``.
    """
    payload = fields.take_bytes("payload", 1, _MAX_PAYLOAD_BYTES)
    signatures = tuple(
        parse_signature(Fields(item, f"{fields.at('signatures')}[{number}]"))
        for number, item in enumerate(fields.take_list("signatures", 1, MAX_SIGNATURES))
    )
    fields.finish()
    return SignedPrecommit(payload, signatures)


def parse_envelope(data: bytes, where: str) -> SignedPrecommit:
    """Read a precommit file.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``precommit.base64``.
    """
    payload, signatures = decode_envelope(
        data, PAYLOAD_TYPE, _MAX_PAYLOAD_BYTES, "precommit.base64", where
    )
    return SignedPrecommit(payload, signatures)


def _parse_counterpart(fields: Fields) -> Counterpart | None:
    if fields.drop_null("counterpart"):
        return None
    inner = fields.take_fields("counterpart")
    kind = inner.take_literal("kind", PARTY, PARTY_WITH_KEY, BEACON)
    name = inner.take_str("name")
    beacon_round = None if inner.drop_null("round") else inner.take_int("round", 1)
    key_id = format_digest(inner.take_digest("key_id")) if kind == PARTY_WITH_KEY else None
    inner.finish()
    if (kind == BEACON) != (beacon_round is not None):
        raise Rejection(
            "schema.unknown-value", "a beacon, and only a beacon, has a round", where=inner.where
        )
    return Counterpart(kind, name, beacon_round, key_id)
