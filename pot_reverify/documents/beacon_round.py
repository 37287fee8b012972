"""The document that carries a beacon's round: enough to verify it offline, for ever."""

from dataclasses import dataclass
from typing import Final

from pot_reverify.beacons.chains import MAX_ROUND
from pot_reverify.beacons.round import SignedRound
from pot_reverify.encoding import strict_json
from pot_reverify.encoding.fields import Fields
from pot_reverify.encoding.strict_hex import take_hex

KIND: Final = "pot-audit/beacon-round/1"
MAX_FILE_BYTES: Final = 1 << 12
_MAX_SIGNATURE_BYTES: Final = 96


@dataclass(frozen=True, slots=True)
class BeaconRound:
    """A signed round, and the name of the chain that it is said to be of."""

    chain: str
    round: SignedRound

    def to_json(self) -> bytes:
        """The document as the JSON that a bundle carries."""
        previous = self.round.previous_signature
        return strict_json.encode(
            {
                "chain": self.chain,
                "kind": KIND,
                "previous_signature": None if previous is None else previous.hex(),
                "round": self.round.number,
                "signature": self.round.signature.hex(),
            }
        )


def parse_beacon_round(data: bytes, where: str) -> BeaconRound:
    """Read the document; nothing is verified.

    Raises:
        Rejection: ``json.*``, ``schema.*``.
    """
    fields = Fields(strict_json.decode(data), where)
    fields.take_literal("kind", KIND)
    previous = None
    if not fields.drop_null("previous_signature"):
        previous = take_hex(fields, "previous_signature", 1, _MAX_SIGNATURE_BYTES)
    document = BeaconRound(
        fields.take_str("chain"),
        SignedRound(
            number=fields.take_int("round", 1, MAX_ROUND),
            signature=take_hex(fields, "signature", 1, _MAX_SIGNATURE_BYTES),
            previous_signature=previous,
        ),
    )
    fields.finish()
    return document
