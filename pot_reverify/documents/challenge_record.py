"""The leaves of a challenge: one RECORD, then four CONTENTs, each possibly WITHHELD."""

import struct
from dataclasses import dataclass

from pot_reverify.encoding import canonical_msgpack
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection
from pot_reverify.score.affinity import ProbeDistributions, parse_distributions

PROBES = 4
MAX_SCORE = 65535
MAX_TEXT_CHARACTERS = 8192
SALT_BYTES = 16
_MAX_POSITIONS = 32
_MAX_CELLS = 16 * _MAX_POSITIONS
_MAX_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Record:
    """One challenge: its scores (None when they are hidden in the contents), and when it ran."""

    index: int
    scores: tuple[int, ...] | None
    content_digests: tuple[bytes, ...]
    started_ns: int
    duration_ns: int
    is_cold: bool

    def encode(self) -> bytes:
        """The canonical payload."""
        return canonical_msgpack.encode(
            {
                "content_digests": list(self.content_digests),
                "duration_ns": self.duration_ns,
                "index": self.index,
                "is_cold": self.is_cold,
                "scores": None if self.scores is None else list(self.scores),
                "started_ns": self.started_ns,
            }
        )


@dataclass(frozen=True, slots=True)
class Content:
    """One probe: its text, its token ids (packed little-endian u32), what both models predicted.

    The salt keeps the leaf digest of a withheld probe from being found by guessing its text.
    """

    salt: bytes
    text: str
    token_ids: bytes
    distributions: ProbeDistributions
    score: int | None

    def encode(self) -> bytes:
        """The canonical payload."""
        return canonical_msgpack.encode(
            {
                "candidate_probabilities": self.distributions.q,
                "cell_token_ids": self.distributions.token_ids,
                "position_sizes": self.distributions.position_sizes,
                "reference_probabilities": self.distributions.p,
                "salt": self.salt,
                "score": self.score,
                "text": self.text,
                "token_ids": self.token_ids,
            }
        )


@dataclass(frozen=True, slots=True)
class Withheld:
    """What stands for a CONTENT that was withheld: its leaf digest."""

    leaf_digest: bytes

    def encode(self) -> bytes:
        """The canonical payload."""
        return canonical_msgpack.encode({"leaf_digest": self.leaf_digest})


def parse_record(payload: bytes, where: str) -> Record:
    """Read a RECORD payload.

    Raises:
        Rejection: ``msgpack.*``, ``schema.*``.
    """
    fields = Fields(canonical_msgpack.decode(payload, canonical_msgpack.MAX_FRAME_ITEMS), where)
    record = Record(
        index=fields.take_int("index", 1),
        scores=None if fields.drop_null("scores") else _scores(fields),
        content_digests=_content_digests(fields),
        started_ns=fields.take_int("started_ns"),
        duration_ns=fields.take_int("duration_ns"),
        is_cold=fields.take_bool("is_cold"),
    )
    fields.finish()
    return record


def parse_content(payload: bytes, where: str) -> Content:
    """Read a CONTENT payload.

    Raises:
        Rejection: ``msgpack.*``, ``schema.*``, ``score.*`` for impossible distributions.
    """
    fields = Fields(canonical_msgpack.decode(payload, canonical_msgpack.MAX_FRAME_ITEMS), where)
    token_ids = fields.take_bytes("token_ids", 4, 4 * _MAX_TOKENS)
    distributions = parse_distributions(
        position_sizes=fields.take_bytes("position_sizes", 1, _MAX_POSITIONS),
        token_ids=fields.take_bytes("cell_token_ids", 4, 4 * _MAX_CELLS),
        p=fields.take_bytes("reference_probabilities", 4, 4 * _MAX_CELLS),
        q=fields.take_bytes("candidate_probabilities", 4, 4 * _MAX_CELLS),
    )
    content = Content(
        salt=fields.take_bytes("salt", SALT_BYTES),
        text=fields.take_str("text", MAX_TEXT_CHARACTERS),
        token_ids=token_ids,
        distributions=distributions,
        score=None if fields.drop_null("score") else fields.take_int("score", 0, MAX_SCORE),
    )
    fields.finish()
    if len(token_ids) % 4 or len(distributions.position_sizes) != min(
        _MAX_POSITIONS, len(token_ids) // 4 - 1
    ):
        raise Rejection(
            "schema.positions-and-tokens",
            "a probe of T tokens has min(32, T-1) scored positions",
            where=where,
            got=f"{len(distributions.position_sizes)} positions, {len(token_ids)} token id bytes",
        )
    return content


def require_known_tokens(content: Content, vocabulary_size: int, where: str) -> None:
    """Refuse token ids that a model with so many tokens does not have.

    Args:
        vocabulary_size: that of the model which has fewer.

    Raises:
        Rejection: ``score.token-unknown``.
    """
    for name, packed in (
        ("token_ids", content.token_ids),
        ("cell_token_ids", content.distributions.token_ids),
    ):
        highest = max(struct.unpack(f"<{len(packed) // 4}I", packed))
        if highest >= vocabulary_size:
            raise Rejection(
                "score.token-unknown",
                "a token id lies outside the vocabulary of a model",
                where=f"{where}.{name}",
                expected=f"below {vocabulary_size}",
                got=highest,
            )


def parse_withheld(payload: bytes, where: str) -> Withheld:
    """Read a WITHHELD payload.

    Raises:
        Rejection: ``msgpack.*``, ``schema.*``.
    """
    fields = Fields(canonical_msgpack.decode(payload, canonical_msgpack.MAX_FRAME_ITEMS), where)
    withheld = Withheld(fields.take_bytes("leaf_digest", 32))
    fields.finish()
    return withheld


def _scores(fields: Fields) -> tuple[int, ...]:
    scores = fields.take_list("scores", PROBES, PROBES)
    for score in scores:
        if type(score) is not int or not 0 <= score <= MAX_SCORE:
            raise Rejection(
                "schema.out-of-range",
                "a score is an integer from 0 to 65535",
                where=fields.at("scores"),
                got=score,
            )
    return tuple(score for score in scores if isinstance(score, int))


def _content_digests(fields: Fields) -> tuple[bytes, ...]:
    digests = fields.take_list("content_digests", PROBES, PROBES)
    taken = tuple(one for one in digests if isinstance(one, bytes) and len(one) == 32)
    if len(taken) != PROBES:
        raise Rejection(
            "schema.wrong-type", "a digest is 32 bytes", where=fields.at("content_digests")
        )
    return taken
