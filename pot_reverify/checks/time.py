"""C05: what is proven of the time of the run, and what is only asserted."""

from datetime import UTC, datetime
from itertools import pairwise

from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.checks.result import CheckId, CheckResult, absent, skipped
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.dsse_envelope import MEDIA_TYPE as ENVELOPE
from pot_reverify.documents.precommit import parse_precommit
from pot_reverify.errors import Rejection
from pot_reverify.policy import Policy

_NS_PER_S = 1_000_000_000


def check_time(bundle: Bundle, _policy: Policy, _times: ProvenTimes) -> CheckResult:
    """The asserted times must at least agree with each other.

    Raises:
        Rejection: ``time.out-of-order``.
    """
    moments = [("precommit.created_ns", parse_precommit(bundle.head.precommit.payload).created_ns)]
    moments += [(f"challenge {one.index}", one.started_ns) for one in bundle.challenges]
    if bundle.statement is not None:
        if bundle.challenges and bundle.statement.started_ns != bundle.challenges[0].started_ns:
            raise _out_of_order("predicate.started_ns", "the start of challenge 1")
        moments.append(("predicate.ended_ns", bundle.statement.ended_ns))
    for (before, earlier), (after, later) in pairwise(moments):
        if later < earlier:
            raise _out_of_order(after, before)
    if any(one.media_type != ENVELOPE for one in bundle.attachments):  # those are C04's
        return skipped(
            CheckId.TIME,
            "time.token-not-supported",
            "The bundle carries attachments, which this version does not check.",
            needs="a version of pot-audit that checks RFC 3161 tokens",
        )
    first, last = utc_text(moments[0][1]), utc_text(moments[-1][1])
    return absent(
        CheckId.TIME,
        "time.asserted-only",
        f"The signer says {first} to {last}; no time is proven.",
    )


def utc_text(unix_ns: int) -> str:
    """A UNIX time in nanoseconds, below 2^63 (the year 2262), as a date that people read."""
    moment = datetime.fromtimestamp(unix_ns // _NS_PER_S, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _out_of_order(after: str, before: str) -> Rejection:
    return Rejection(
        "time.out-of-order",
        "The times in the bundle contradict each other.",
        where=after,
        expected=f"not before {before}",
    )
