"""One round of a beacon: what was signed, by whom, and the 32 random bytes that follow from it."""

import hashlib
from dataclasses import dataclass

from pot_reverify.beacons.bls import verify_bls
from pot_reverify.beacons.chains import BeaconChain
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Rejection


@dataclass(frozen=True, slots=True)
class SignedRound:
    """A round as a drand server gives it.

    Args:
        number: of the round, from 1.
        signature: the group's, compressed.
        previous_signature: of the round before, where the chain signs that too, else None.
    """

    number: int
    signature: bytes
    previous_signature: bytes | None

    @property
    def randomness(self) -> bytes:
        """What everybody takes from the round: SHA-256 of its signature."""
        return sha256_digest(self.signature)


def verify_round(chain: BeaconChain, one: SignedRound) -> None:
    """Accept a round that the chain's pinned group key has signed.

    Raises:
        Rejection: ``beacon.previous-signature``, ``beacon.point``, ``beacon.signature``.
        Indeterminate: ``beacon.backend-missing``.
    """
    _require_previous(chain, one)
    hasher = hashlib.sha256(one.previous_signature or b"")
    hasher.update(one.number.to_bytes(8, "big"))
    verify_bls(chain.scheme, chain.public_key, hasher.digest(), one.signature)


def _require_previous(chain: BeaconChain, one: SignedRound) -> None:
    """The lengths leave one way only to read the message: what comes before the round's 8 bytes."""
    previous = one.previous_signature
    if not chain.scheme.is_chained:
        is_right, expected = previous is None, "none: this chain does not sign it"
    elif one.number == 1:
        is_right, expected = previous == chain.group_hash, "the group hash, in round 1"
    else:
        size = chain.scheme.signature_bytes
        is_right, expected = previous is not None and len(previous) == size, f"{size} bytes"
    if not is_right:
        raise Rejection(
            "beacon.previous-signature",
            "The signature of the round before is not as this chain has it.",
            expected=expected,
            got="none" if previous is None else f"{len(previous)} bytes",
        )
