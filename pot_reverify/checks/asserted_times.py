"""The times that a signer states, and what contradicts them.

Four things order them without any clock: a precommit is made before it is stamped, challenge 1
starts after the precommit was made, a statement is made after all that it commits to, tokens in the
tree among it, and nobody reads a bundle before its run has ended.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from pot_reverify.checks.proven_times import CLOCK_TOLERANCE_NS, ProvenTimes
from pot_reverify.checks.time_tokens import BundleToken, Subject
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.precommit import parse_precommit
from pot_reverify.errors import Indeterminate, Rejection

_NS_PER_S: Final = 1_000_000_000
_LAST_NS: Final = 253_402_300_799 * _NS_PER_S


@dataclass(frozen=True, slots=True)
class Asserted:
    """A moment that the signer states, and where."""

    where: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class AssertedTimes:
    """What the signer says of the time of the run, in order.

    Args:
        made: when the precommit was made.
        started: when challenge 1 started; None where there is none.
        ended: when the run was sealed; None in a file that was not.
        last: the last moment of all.
    """

    made: Asserted
    started: Asserted | None
    ended: Asserted | None
    last: Asserted


def asserted_times(bundle: Bundle) -> AssertedTimes:
    """The times in a bundle, if they do not contradict each other.

    Raises:
        Rejection: ``time.out-of-order``; what parsing the precommit raises.
    """
    made_ns = parse_precommit(bundle.head.precommit.payload).created_ns
    made = Asserted("precommit.created_ns", made_ns)
    starts = [Asserted(f"challenge {one.index}", one.started_ns) for one in bundle.challenges]
    started, statement = (starts[0] if starts else None), bundle.statement
    ended = None if statement is None else Asserted("predicate.ended_ns", statement.ended_ns)
    if statement is not None and started is not None and statement.started_ns != started.at_ns:
        raise _out_of_order("predicate.started_ns", "the start of challenge 1")
    moments = [made, *starts, *([] if ended is None else [ended])]
    for before, after in pairwise(moments):
        if after.at_ns < before.at_ns:
            raise _out_of_order(after.where, before.where)
    for number, event in enumerate(() if bundle.reveal is None else bundle.reveal.events, 1):
        # Loading may have failed before there was a promise, so that events have no beginning.
        if ended is not None and ended.at_ns < event.at_ns:
            raise _out_of_order(ended.where, f"REVEAL.events[{number}]")
    for one in bundle.challenges:
        # A duration is of a clock that nobody sets, which may differ from the one of the times.
        done_ns = one.started_ns + one.duration_ns - CLOCK_TOLERANCE_NS
        if ended is not None and ended.at_ns < done_ns:
            raise _out_of_order(ended.where, f"the end of challenge {one.index}")
    return AssertedTimes(made, started, ended, moments[-1])


def require_consistent(said: AssertedTimes, times: ProvenTimes) -> None:
    """What the signer states may not contradict what an authority of the reader says.

    Each way it is the certain end of the token that counts, so that an accuracy never makes a
    contradiction. A token of later than it need be contradicts nothing: it proves that something
    existed *by* then. The one exception is the recorder's own token over the precommit, which was
    taken into the bundle as the proof that the promise came first. Attached, the same token is
    anybody's, and nobody may turn a verdict by adding what is true.

    Raises:
        Rejection: ``time.precommit-early``, ``time.precommit-late``, ``time.statement-early``,
            ``time.tree-token-late``.
    """
    stamped = [one for one in times.tokens if one.stamp is not None]
    seals = [one for one in stamped if one.subject is Subject.STATEMENT and one.signer is not None]
    for one in seals:
        if one.latest_ns < said.last.at_ns:
            raise _contradiction(
                "time.statement-early",
                "The statement was stamped before the run that it reports had ended.",
                one,
                f"not before {utc_text(said.last.at_ns)}, as the signer says",
            )
    for one in stamped:
        if one.subject is Subject.PRECOMMIT and one.signer is not None:
            _require_promise(said, one)
        if one.is_in_tree:
            _require_before_seal(said, one, seals)


def require_past(said: AssertedTimes, now_ns: int) -> None:
    """Nobody can judge at a time what had not happened by then.

    Whose clock is wrong is not known, and a reader may ask about any time: so nothing is
    contradicted, and nothing can be said yet.

    Raises:
        Indeterminate: ``time.not-yet``.
    """
    if said.last.at_ns > now_ns + CLOCK_TOLERANCE_NS:
        raise Indeterminate(
            "time.not-yet",
            f"You judge at {utc_text(now_ns)}, before the run had ended: the signer says "
            f"{utc_text(said.last.at_ns)}.",
            needs="a time of judgement after the run, by a clock that is right",
            where=said.last.where,
        )


def utc_text(unix_ns: int) -> str:
    """A UNIX time in nanoseconds as a date that people read."""
    moment = datetime.fromtimestamp(min(unix_ns, _LAST_NS) // _NS_PER_S, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _require_promise(said: AssertedTimes, one: BundleToken) -> None:
    if one.latest_ns < said.made.at_ns:
        raise _contradiction(
            "time.precommit-early",
            "The precommit was stamped before it says that it was made.",
            one,
            f"not before {utc_text(said.made.at_ns)}, {said.made.where}",
        )
    if one.is_in_tree and said.started is not None and said.started.at_ns < one.earliest_ns:
        raise _contradiction(
            "time.precommit-late",
            "The precommit was stamped when the run had already begun.",
            one,
            f"not after {utc_text(said.started.at_ns)}, the start of challenge 1",
        )


def _require_before_seal(said: AssertedTimes, one: BundleToken, seals: list[BundleToken]) -> None:
    """A token in the tree is older than the statement that commits to it."""
    limits = [Asserted(f"the token over the statement, {seal.token.where}", seal.latest_ns)
              for seal in seals]  # fmt: skip
    if said.ended is not None:
        limits.append(said.ended)
    for limit in limits:
        if limit.at_ns < one.earliest_ns:
            raise _contradiction(
                "time.tree-token-late",
                "A token that the statement commits to is from after the statement.",
                one,
                f"not after {utc_text(limit.at_ns)}, {limit.where}",
            )


def _contradiction(code: str, message: str, token: BundleToken, expected: str) -> Rejection:
    got = utc_text(token.token.gen_time_ns)
    return Rejection(code, message, where=token.token.where, expected=expected, got=got)


def _out_of_order(after: str, before: str) -> Rejection:
    return Rejection(
        "time.out-of-order",
        "The times in the bundle contradict each other.",
        where=after,
        expected=f"not before {before}",
    )
