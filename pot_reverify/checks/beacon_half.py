"""A beacon's half: a round that its group key signed, and that was to come at the promise.

A token that anybody can attach can only help to show this: none that is missing, late or by a clock
that is wrong makes a bundle wrong.
"""

from collections.abc import Sequence
from typing import Final

from pot_reverify.beacons.chains import BeaconChain, find_chain
from pot_reverify.beacons.round import verify_round
from pot_reverify.checks.half_given import HalfClaimed, HalfGiven, signer_says
from pot_reverify.checks.proven_times import CLOCK_TOLERANCE_NS, ProvenTimes
from pot_reverify.checks.time_tokens import BundleToken, Subject, provable_until_ns
from pot_reverify.documents.beacon_round import BeaconRound, parse_beacon_round
from pot_reverify.documents.blob import BEACON_ROUND
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.precommit import Counterpart, Precommit
from pot_reverify.errors import Rejection
from pot_reverify.policy import Policy
from pot_reverify.quotes.evidence import format_time

_NS_PER_S: Final = 1_000_000_000
MARGIN_NS: Final = 30 * _NS_PER_S
"""How long before the round the precommit must be proven: servers and clocks are not exact."""
WINDOW_NS: Final = 3600 * _NS_PER_S
"""How long after the precommit's proven time the round may be."""

_WHERE: Final = f'blob "{BEACON_ROUND}"'
_NEEDS_STAMP: Final = (
    "a token over the precommit from before the round (pot-audit timestamp RUN.precommit), by an "
    "authority that you name"
)
_NEEDS_CHAIN: Final = "a beacon that this version knows, or a [[beacon]] of your policy"


def judge_beacon(
    bundle: Bundle, claimed: HalfClaimed, policy: Policy, times: ProvenTimes
) -> HalfGiven:
    """Judge the round of a beacon.

    Raises:
        Rejection: ``beacon.*``, and what parsing raises.
        Indeterminate: ``beacon.*``: only the signer says so, or the library is missing.
    """
    counterpart, beacon_round = claimed.counterpart, claimed.counterpart.round
    assert beacon_round is not None
    blob = bundle.blob(BEACON_ROUND)
    document = None if blob is None else parse_beacon_round(blob.data, _WHERE)
    if document is not None:
        require_round(document, counterpart, _WHERE)
    chain = find_chain(counterpart.name, policy.beacons)
    if chain is None:
        why = "this is no beacon that this version or your policy knows"
        raise signer_says(counterpart, "beacon.not-known", why, needs=_NEEDS_CHAIN)
    _require_order(chain, beacon_round, claimed.precommit, bundle)
    if document is None:
        why = "its signature is not in the file"
        needs = "a run that carries the round (pot-audit record --beacon)"
        raise signer_says(counterpart, "beacon.round-missing", why, needs=needs)
    verify_round(chain, document.round)
    if document.round.randomness != claimed.nonce:
        raise Rejection(
            "beacon.other-nonce",
            "The challenges were not derived from what the beacon published.",
            where=_WHERE,
            expected=document.round.randomness.hex(),
            got=claimed.nonce.hex(),
        )
    _require_to_come(chain, counterpart, beacon_round, times)
    published = format_time(chain.time_ns(beacon_round))
    return HalfGiven(
        f"challenges chosen by the recorder and round {beacon_round} of {chain.label}, signed by "
        f"its group key and published {published}, after the proven time of the precommit",
        None,
        chain.is_test,
    )


def require_round(document: BeaconRound, counterpart: Counterpart, where: str) -> None:
    """The document is of the chain and round that the precommit names.

    Raises:
        Rejection: ``beacon.other-round``.
    """
    if (document.chain, document.round.number) != (counterpart.name, counterpart.round):
        raise Rejection(
            "beacon.other-round",
            "This is another beacon or round than the promised one.",
            where=where,
            expected=f"round {counterpart.round} of {counterpart.name}",
            got=f"round {document.round.number} of {document.chain}",
        )


def _require_order(
    chain: BeaconChain, beacon_round: int, precommit: Precommit, bundle: Bundle
) -> None:
    """What the recorder signed of its own times leaves room for a round between them."""
    published_ns = chain.time_ns(beacon_round)
    published = format_time(published_ns)
    if precommit.created_ns >= published_ns:
        raise Rejection(
            "beacon.round-past",
            "The precommit names a round that had been published when it was made.",
            where="precommit.counterpart",
            expected=f"a round after {format_time(precommit.created_ns)}, as the signer dates it",
            got=f"round {beacon_round}, published {published}",
        )
    started_ns = bundle.challenges[0].started_ns if bundle.challenges else None
    if started_ns is not None and started_ns < published_ns:
        raise Rejection(
            "beacon.round-after-start",
            "Challenge 1 started before the round was published from which it follows.",
            where="challenge 1",
            expected=f"not before {published}, when round {beacon_round} was published",
            got=format_time(started_ns),
        )


def _require_to_come(
    chain: BeaconChain, counterpart: Counterpart, beacon_round: int, times: ProvenTimes
) -> None:
    """One token proves the precommit early enough before the round, and not too long before it."""
    published_ns = chain.time_ns(beacon_round)
    tokens = _tokens_over_precommit(times)
    if not tokens:
        why = "nothing proves that the precommit was older than the round"
        code = "beacon.precommit-not-dated"
        raise signer_says(counterpart, code, why, needs=_NEEDS_STAMP)
    before = [one for one in tokens if one.latest_ns + MARGIN_NS < published_ns]
    if not before:
        why = "the round may have been known when the precommit was fixed"
        raise signer_says(counterpart, "beacon.round-known", why, needs=_NEEDS_STAMP)
    if not any(published_ns <= one.token.gen_time_ns + WINDOW_NS for one in before):
        why = "the round came more than an hour after the proven time of the precommit"
        raise signer_says(counterpart, "beacon.round-too-far", why, needs=_NEEDS_STAMP)


def _tokens_over_precommit(times: ProvenTimes) -> Sequence[BundleToken]:
    """Tokens over the precommit by named authorities and keys that prove something now."""
    return [
        one
        for number, one in enumerate(times.tokens)
        if one.subject is Subject.PRECOMMIT
        and one.stamp is not None
        and one.signer is not None
        and one.token.gen_time_ns <= times.now_ns + CLOCK_TOLERANCE_NS
        and provable_until_ns(number, times.tokens) >= times.now_ns
    ]
