"""C05: what is proven of the time of the run, and what is only asserted."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from pot_reverify.checks.proven_times import ProvenMoment, ProvenTimes
from pot_reverify.checks.result import CheckId, CheckResult, Status, passed, skipped
from pot_reverify.checks.time_tokens import Subject
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.dsse_envelope import MEDIA_TYPE as ENVELOPE
from pot_reverify.documents.precommit import parse_precommit
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.policy import Policy, ProvenTime
from pot_reverify.timestamps.token import MEDIA_TYPE

_NS_PER_S: Final = 1_000_000_000
_LAST_NS: Final = 253_402_300_799 * _NS_PER_S

_RENEW: Final = "pot-audit timestamp --renew, before the certificates expire"


def check_time(bundle: Bundle, policy: Policy, times: ProvenTimes) -> CheckResult:
    """The asserted times agree with each other and with what tokens prove.

    Raises:
        Rejection: ``time.out-of-order``, ``time.precommit-late``, ``time.statement-early``, and
            what reading the tokens raised.
        Indeterminate: ``time.token-expired``, ``time.required-missing``, and what reading the
            tokens raised.
    """
    first, last = _require_ordered(bundle)
    if times.problem is not None:
        raise times.problem
    _require_consistent(bundle, times, last[1])
    if any(one.media_type not in {MEDIA_TYPE, ENVELOPE} for one in bundle.attachments):
        return skipped(
            CheckId.TIME,
            "time.token-not-supported",
            "The bundle carries attachments, which this version does not check.",
            needs="a version of pot-audit that knows their media types",
        )
    _require_current(times)
    _require_demanded(policy, times)
    asserted = f"The signer says {utc_text(first[1])} to {utc_text(last[1])}"
    if times.statement is None and times.precommit is None:
        return CheckResult(
            CheckId.TIME,
            Status.ABSENT,
            "time.asserted-only",
            f"{asserted}; no time is proven.",
            notes=times.notes,
        )
    return passed(CheckId.TIME, _headline(times), *_proven(times), f"{asserted}.", *times.notes)


def utc_text(unix_ns: int) -> str:
    """A UNIX time in nanoseconds as a date that people read."""
    moment = datetime.fromtimestamp(min(unix_ns, _LAST_NS) // _NS_PER_S, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _require_ordered(bundle: Bundle) -> tuple[tuple[str, int], tuple[str, int]]:
    """The first and the last asserted moment, each with its place.

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
    return moments[0], moments[-1]


def _require_consistent(bundle: Bundle, times: ProvenTimes, ended_ns: int) -> None:
    """What the recorder asserts may not contradict what an authority of the reader says."""
    started_ns = bundle.challenges[0].started_ns if bundle.challenges else None
    for one in times.tokens:
        if one.stamp is None or one.signer is None:
            continue
        proven = utc_text(one.token.gen_time_ns)
        if one.subject is Subject.STATEMENT and one.latest_ns < ended_ns:
            raise Rejection(
                "time.statement-early",
                "The statement was stamped before the run that it reports had ended.",
                where=one.token.where,
                expected=f"not before {utc_text(ended_ns)}, as the signer says",
                got=proven,
            )
        # Whoever adds an attachment later promises nothing; the recorder's own token does.
        is_claimed_first = one.subject is Subject.PRECOMMIT and one.is_in_tree
        if is_claimed_first and started_ns is not None and started_ns < one.earliest_ns:
            raise Rejection(
                "time.precommit-late",
                "The precommit was stamped when the run had already begun.",
                where=one.token.where,
                expected=f"not after {utc_text(started_ns)}, the start of challenge 1",
                got=proven,
            )


def _require_current(times: ProvenTimes) -> None:
    for subject, moment in times.lapsed:
        raise Indeterminate(
            "time.token-expired",
            f"That {subject.value} existed at {utc_text(moment.at_ns)} was provable until "
            f"{utc_text(moment.until_ns)}, when the certificates of {moment.by} expired; no token "
            "over that token was made before.",
            needs=f"a renewal that was made in time ({_RENEW}), or --at a time before that",
        )


def _require_demanded(policy: Policy, times: ProvenTimes) -> None:
    proven = {ProvenTime.PRECOMMIT: times.precommit, ProvenTime.STATEMENT: times.statement}
    needs = {
        ProvenTime.PRECOMMIT: "a token from before the run (pot-audit timestamp RUN.precommit)",
        ProvenTime.STATEMENT: "a token over its signature (pot-audit timestamp BUNDLE)",
    }
    for one in sorted(policy.time.required):
        if proven[one] is None:
            notes = "".join(f"; {note}" for note in times.notes)
            raise Indeterminate(
                "time.required-missing",
                f"You require a proven time of the {one.value}, and none is proven{notes}.",
                needs=f"{needs[one]}, by an authority that you name",
            )


def _headline(times: ProvenTimes) -> str:
    if times.statement is None:
        return "The promise came first; when the run was sealed is only asserted."
    at = utc_text(times.statement.at_ns)
    return f"Valid at {at} ({at} proven by {times.statement.by}, named by you)."


def _proven(times: ProvenTimes) -> list[str]:
    """What is proven, until when, and what is not known since."""
    sentences: list[str] = []
    if times.statement is not None:
        at = utc_text(times.statement.at_ns)
        sentences.append(
            f"What is known after {at}: nothing. Keys lost and certificates revoked since "
            "then would not show here."
        )
    if times.precommit is not None:
        sentences.append(
            f"The precommit existed at {utc_text(times.precommit.at_ns)} (proven by "
            f"{times.precommit.by}, named by you), before challenge 1 as the signer dates it."
        )
    return sentences + [
        _until(what, moment)
        for what, moment in (("statement", times.statement), ("precommit", times.precommit))
        if moment is not None
    ]


def _until(what: str, moment: ProvenMoment) -> str:
    return f"The time of the {what} can be proven until {utc_text(moment.until_ns)}: renew before."


def _out_of_order(after: str, before: str) -> Rejection:
    return Rejection(
        "time.out-of-order",
        "The times in the bundle contradict each other.",
        where=after,
        expected=f"not before {before}",
    )
