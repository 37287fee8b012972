"""REVEAL, the last leaf: the secret behind the challenges, and how the run really went."""

from dataclasses import dataclass

from pot_reverify.challenge.seeds import NONCE_BYTES, SECRET_BYTES
from pot_reverify.encoding import canonical_msgpack
from pot_reverify.encoding.fields import Fields

_MAX_EVENTS = 10_000
# An event is an item, and three fields with their names.
_MAX_ITEMS = 7 * _MAX_EVENTS + canonical_msgpack.MAX_FRAME_ITEMS


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An error, a retry or a resumption, as it happened."""

    at_ns: int
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Reveal:
    """The payload of a REVEAL frame.

    Args:
        secret: the 32 bytes that the precommit commits to.
        counterpart_nonce: the counterpart's 32 bytes, or None where the precommit names none.
        planned_challenges: n_max of the preset.
        run_challenges: how many challenges the models answered; those after the stop are counted
            here and are not in the bundle.
        events: errors, retries and resumptions, in order.
    """

    secret: bytes
    counterpart_nonce: bytes | None
    planned_challenges: int
    run_challenges: int
    events: tuple[RunEvent, ...]

    def encode(self) -> bytes:
        """The canonical payload."""
        return canonical_msgpack.encode(
            {
                "counterpart_nonce": self.counterpart_nonce,
                "events": [
                    {"at_ns": one.at_ns, "kind": one.kind, "message": one.message}
                    for one in self.events
                ],
                "planned_challenges": self.planned_challenges,
                "run_challenges": self.run_challenges,
                "secret": self.secret,
            }
        )


def parse_reveal(payload: bytes, where: str) -> Reveal:
    """Read a REVEAL payload.

    Raises:
        Rejection: ``msgpack.*``, ``schema.*``.
    """
    fields = Fields(canonical_msgpack.decode(payload, _MAX_ITEMS), where)
    nonce = None
    if not fields.drop_null("counterpart_nonce"):
        nonce = fields.take_bytes("counterpart_nonce", NONCE_BYTES)
    reveal = Reveal(
        secret=fields.take_bytes("secret", SECRET_BYTES),
        counterpart_nonce=nonce,
        planned_challenges=fields.take_int("planned_challenges", 1),
        run_challenges=fields.take_int("run_challenges", 1),
        events=tuple(
            _parse_event(Fields(item, f"{fields.at('events')}[{number}]"))
            for number, item in enumerate(fields.take_list("events", 0, _MAX_EVENTS))
        ),
    )
    fields.drop_extensions()
    fields.finish()
    return reveal


def _parse_event(fields: Fields) -> RunEvent:
    event = RunEvent(
        fields.take_int("at_ns"),
        fields.take_literal("kind", "error", "retry", "resume", "interrupt"),
        fields.take_str("message", 2048),
    )
    fields.finish()
    return event
