"""C05: what is proven of the time of the run, and what is only asserted."""

from dataclasses import replace
from typing import Final

from pot_reverify.checks.asserted_times import (
    AssertedTimes,
    asserted_times,
    require_consistent,
    require_past,
    utc_text,
)
from pot_reverify.checks.proven_times import ProvenMoment, ProvenTimes
from pot_reverify.checks.result import CheckId, CheckResult, Status, passed, skipped
from pot_reverify.checks.time_tokens import MAX_ACCURACY_NS, Subject
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.dsse_envelope import MEDIA_TYPE as ENVELOPE
from pot_reverify.errors import Indeterminate
from pot_reverify.policy import Policy, ProvenTime
from pot_reverify.timestamps.token import MEDIA_TYPE

_NS_PER_S: Final = 1_000_000_000
_SUBJECTS: Final = {
    ProvenTime.PRECOMMIT: Subject.PRECOMMIT,
    ProvenTime.STATEMENT: Subject.STATEMENT,
}
_RENEW: Final = "pot-audit timestamp --renew, before the certificates expire"


def check_time(bundle: Bundle, policy: Policy, times: ProvenTimes) -> CheckResult:
    """The asserted times agree with each other, with what tokens prove, and with the reader's now.

    Raises:
        Rejection: ``time.out-of-order``, ``time.precommit-early``, ``time.precommit-late``,
            ``time.statement-early``, ``time.tree-token-late``, and what reading the tokens raised.
        Indeterminate: ``time.not-yet``, ``time.token-expired``, ``time.accuracy``,
            ``time.required-missing``, and what reading the tokens raised.
    """
    said = asserted_times(bundle)
    if times.problem is not None:
        raise times.problem
    require_consistent(said, times)
    if any(one.media_type not in {MEDIA_TYPE, ENVELOPE} for one in bundle.attachments):
        return skipped(
            CheckId.TIME,
            "time.token-not-supported",
            "The bundle carries attachments, which this version does not check.",
            needs="a version of pot-audit that knows their media types",
        )
    require_past(said, times.now_ns)
    _require_current(times)
    _require_demanded(policy, times)
    asserted = f"The signer says {utc_text(said.made.at_ns)} to {utc_text(said.last.at_ns)}"
    if times.statement is None and times.precommit is None:
        return CheckResult(
            CheckId.TIME,
            Status.ABSENT,
            "time.asserted-only",
            f"{asserted}; no time is proven.",
            notes=times.notes,
        )
    sentences = _proven(times, said)
    result = passed(CheckId.TIME, _headline(times), *sentences, f"{asserted}.", *times.notes)
    proven = ((ProvenTime.PRECOMMIT, times.precommit), (ProvenTime.STATEMENT, times.statement))
    return replace(
        result, proven_times=tuple(which for which, moment in proven if moment is not None)
    )


def _require_current(times: ProvenTimes) -> None:
    for subject, moment in times.lapsed:
        raise Indeterminate(
            "time.token-expired",
            f"That {subject.value} existed by {_text(moment)} was provable until "
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
            _refuse_imprecise(times, _SUBJECTS[one])
            notes = "".join(f"; {note}" for note in times.notes)
            raise Indeterminate(
                "time.required-missing",
                f"You require a proven time of the {one.value}, and none is proven{notes}.",
                needs=f"{needs[one]}, by an authority that you name",
            )


def _refuse_imprecise(times: ProvenTimes, subject: Subject) -> None:
    """Say it where the only thing that is wrong with a token is how little its clock knows."""
    for one in times.tokens:
        if one.subject is subject and one.signer and one.stamp and one.is_too_imprecise:
            raise Indeterminate(
                "time.accuracy",
                f"You require a proven time of {subject.value}, and its token may be off by "
                f"{one.token.accuracy_ns // _NS_PER_S} s.",
                needs=f"a token that is exact to {MAX_ACCURACY_NS // _NS_PER_S} s or better",
                where=one.token.where,
            )


def _headline(times: ProvenTimes) -> str:
    if times.statement is None:
        return "The promise came first; when the run was sealed is only asserted."
    at = _text(times.statement)
    return f"Valid at {at} ({at} proven by {times.statement.by}, named by you)."


def _text(moment: ProvenMoment) -> str:
    """By when something existed, never rounded down."""
    return utc_text(-(-moment.latest_ns // _NS_PER_S) * _NS_PER_S)


def _proven(times: ProvenTimes, said: AssertedTimes) -> list[str]:
    """What is proven, until when, and what is not known since."""
    sentences: list[str] = []
    if times.statement is not None:
        at = _text(times.statement)
        sentences.append(
            f"What is known after {at}: nothing. Keys lost and certificates revoked since "
            "then would not show here."
        )
    if times.precommit is not None:
        sentences.append(
            f"The precommit existed by {_text(times.precommit)} (proven by "
            f"{times.precommit.by}, named by you), before challenge 1 as the signer dates it"
            + ("." if said.started is None else f": {utc_text(said.started.at_ns)}.")
        )
    return sentences + [
        _until(what, moment)
        for what, moment in (("statement", times.statement), ("precommit", times.precommit))
        if moment is not None
    ]


def _until(what: str, moment: ProvenMoment) -> str:
    return f"The time of the {what} can be proven until {utc_text(moment.until_ns)}: renew before."
