"""C06's second half: whether somebody else really gave half of the challenges' randomness.

What the recorder writes of somebody else is the recorder's word. It becomes evidence where a key
that the reader names for this signed the nonce (a party), or where a beacon's signature holds under
a pinned group key and the round was still to come when the precommit was fixed (a beacon).
"""

from pot_reverify.checks.beacon_half import judge_beacon
from pot_reverify.checks.half_given import HalfClaimed, HalfGiven, doubt
from pot_reverify.checks.party_half import judge_party
from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.documents.blob import BEACON_ROUND, COUNTERPART
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.precommit import Counterpart, Precommit
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.policy import Policy


def judge_second_half(
    bundle: Bundle, precommit: Precommit, policy: Policy, times: ProvenTimes
) -> HalfGiven:
    """Judge what the bundle carries of its counterpart.

    The nonce is already known to be there exactly if a counterpart is named.

    Raises:
        Rejection: ``counterpart.*``, ``beacon.*``, ``signature.*``, and what parsing raises.
        Indeterminate: ``beacon.backend-missing``, ``signature.backend-missing``.
    """
    counterpart = precommit.counterpart
    _require_promised(bundle, counterpart)
    nonce = None if bundle.reveal is None else bundle.reveal.counterpart_nonce
    if counterpart is None or nonce is None:
        return HalfGiven("challenges chosen by the recorder alone", None)
    claimed = HalfClaimed(precommit, counterpart, nonce)
    try:
        if counterpart.is_party:
            return judge_party(bundle, claimed, policy, times)
        return judge_beacon(bundle, claimed, policy, times)
    except Indeterminate as error:
        if error.code.endswith(".backend-missing"):
            raise
        return doubt(error)


def _require_promised(bundle: Bundle, counterpart: Counterpart | None) -> None:
    """Only the counterpart that the precommit names may speak."""
    for name, is_due in (
        (COUNTERPART, counterpart is not None and counterpart.is_party),
        (BEACON_ROUND, counterpart is not None and not counterpart.is_party),
    ):
        if not is_due and bundle.blob(name) is not None:
            raise Rejection(
                "counterpart.unpromised",
                "The precommit names no counterpart of this kind.",
                where=f'blob "{name}"',
            )
