"""Which times are proven: the moments that the checks of signatures and quotes go by.

A token proves that something existed by the time in it, give or take the accuracy that it states.
So the moment that counts is the latest that the token allows, everywhere: a key's end, a quote's
collateral, the first challenge. The earliest only serves to find what contradicts the token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pot_reverify.checks.time_tokens import BundleToken, Subject, provable_until_ns, read_tokens
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import PotAuditError
from pot_reverify.policy import Policy

CLOCK_TOLERANCE_NS: Final = 300 * 10**9
"""How far the reader's clock may be behind that of an authority."""


@dataclass(frozen=True, slots=True)
class ProvenMoment:
    """Something existed by the latest of these times.

    Args:
        at_ns: Unix time in the token.
        by: who proves it, for people.
        until_ns: how long that can be proven without a further renewal.
        accuracy_ns: how far `at_ns` may be off, either way.
    """

    at_ns: int
    by: str
    until_ns: int = 2**63 - 1
    accuracy_ns: int = 0

    @property
    def earliest_ns(self) -> int:
        """The token was made no earlier."""
        return self.at_ns - self.accuracy_ns

    @property
    def latest_ns(self) -> int:
        """What was stamped existed by then: this is what is proven."""
        return self.at_ns + self.accuracy_ns


@dataclass(frozen=True, slots=True)
class ProvenTimes:
    """What is proven, and the reader's now.

    Args:
        now_ns: the time at which the reader evaluates the bundle.
        precommit: when the precommit existed at the latest, where that is before challenge 1 as
            the signer dates it.
        statement: when the statement, all that it commits to, and every signature by a named key
            that it announces existed at the latest.
        notes: for people.
        tokens: every token of the bundle.
        lapsed: what was proven once, and is no longer.
        problem: why the tokens could not be read; then nothing is proven.
    """

    now_ns: int
    precommit: ProvenMoment | None
    statement: ProvenMoment | None
    notes: tuple[str, ...] = ()
    tokens: tuple[BundleToken, ...] = ()
    lapsed: tuple[tuple[Subject, ProvenMoment], ...] = ()
    problem: PotAuditError | None = None

    @property
    def evaluation_ns(self) -> int:
        """When evidence in the bundle is judged: the proven time, else the reader's now.

        The latest that the token allows: what has ended by then may have ended before the seal.
        That something had not begun is said only where it had not begun by then either.
        """
        return self.now_ns if self.statement is None else self.statement.latest_ns


def find_proven_times(bundle: Bundle, policy: Policy, now_ns: int) -> ProvenTimes:
    """The times that tokens in the bundle prove, by authorities that the policy names.

    An error is kept for the check of time, which is the one that fails by it.
    """
    try:
        tokens = read_tokens(bundle, policy)
    except PotAuditError as error:
        return ProvenTimes(now_ns, precommit=None, statement=None, problem=error)
    first_ns = bundle.challenges[0].started_ns if bundle.challenges else None
    moments = _moments(tokens, now_ns, first_ns)
    announced = _announced(bundle, policy)
    # Each signature of its own: else a key that was stolen later could add the one that is missing.
    sealed = [moments.get((Subject.STATEMENT, key_id), []) for key_id in announced]
    promised = [
        moment
        for (subject, _), some in moments.items()
        if subject is Subject.PRECOMMIT
        for moment in some
    ]
    statement, lapsed_statement = _settle(sealed, now_ns)
    promise, lapsed_promise = _settle([promised], now_ns)
    lapsed = ((Subject.STATEMENT, lapsed_statement), (Subject.PRECOMMIT, lapsed_promise))
    notes = _notes(tokens, announced, now_ns, first_ns)
    if any(sealed):
        notes += [
            f"the signature by {key_id} is not stamped, so that the seal is not dated"
            for key_id, some in zip(announced, sealed, strict=True)
            if not some
        ]
    return ProvenTimes(
        now_ns,
        precommit=promise,
        statement=statement,
        notes=tuple(notes),
        tokens=tokens,
        lapsed=tuple((subject, moment) for subject, moment in lapsed if moment is not None),
    )


def _announced(bundle: Bundle, policy: Policy) -> list[str]:
    """The named keys among those with which the statement says that it is sealed."""
    named = {signer.key.key_id for signer in policy.signers}
    declared = () if bundle.statement is None else bundle.statement.signers
    return [one.key_id for one in declared if one.key_id in named]


def _moments(
    tokens: Sequence[BundleToken], now_ns: int, first_ns: int | None
) -> dict[tuple[Subject, str], list[ProvenMoment]]:
    """What is proven, or once was, of each signature by a named key."""
    moments: dict[tuple[Subject, str], list[ProvenMoment]] = {}
    for number, one in enumerate(tokens):
        if one.stamp is None or one.signer is None:
            continue
        if one.is_too_imprecise or _is_late(one, first_ns) or _is_later(one, now_ns):
            continue
        until_ns = provable_until_ns(number, tokens)
        token = one.token
        moment = ProvenMoment(token.gen_time_ns, one.stamp.authority, until_ns, token.accuracy_ns)
        moments.setdefault((one.subject, one.signer), []).append(moment)
    return moments


def _settle(
    parts: Sequence[Sequence[ProvenMoment]], now_ns: int
) -> tuple[ProvenMoment | None, ProvenMoment | None]:
    """When all parts existed, each by its earliest token that still counts.

    Returns:
        The moment that is proven, and else the one that was.
    """
    if not parts or not all(parts):
        return None, None
    chosen: list[ProvenMoment] = []
    for moments in parts:
        current = [one for one in moments if one.until_ns >= now_ns]
        if not current:
            return None, max(moments, key=lambda one: one.until_ns)
        chosen.append(min(current, key=lambda one: one.latest_ns))
    latest = max(chosen, key=lambda one: one.latest_ns)
    return replace(latest, until_ns=min(one.until_ns for one in chosen)), None


def _notes(
    tokens: Sequence[BundleToken], announced: Sequence[str], now_ns: int, first_ns: int | None
) -> list[str]:
    """One sentence for each token that proves nothing."""
    notes: list[str] = []
    for one in tokens:
        where, what = one.token.where, one.subject.value
        if one.stamp is None:
            notes.append(f"{where}: {one.authority}; it proves nothing to you")
        elif one.is_too_imprecise:
            accuracy_s = one.token.accuracy_ns // 10**9
            notes.append(f"{where}: may be off by {accuracy_s} s, so that it proves no time")
        elif one.subject is not Subject.TOKEN and one.signer is None:
            notes.append(f"{where}: over a signature of {what} by nobody whom you have named")
        elif one.subject is Subject.STATEMENT and one.signer not in announced:
            notes.append(f"{where}: over a later signature, which does not date the seal")
        elif _is_later(one, now_ns):
            notes.append(f"{where}: from after the time at which you judge")
        elif _is_late(one, first_ns):
            certainly = first_ns is not None and first_ns < one.earliest_ns
            when = "from after" if certainly else "not certainly from before"
            notes.append(f"{where}: {when} challenge 1, so the promise may be from then")
    return notes


def _is_later(token: BundleToken, now_ns: int) -> bool:
    """Whether the reader judges at a time at which there was no such token."""
    return token.earliest_ns > now_ns + CLOCK_TOLERANCE_NS


def _is_late(token: BundleToken, first_ns: int | None) -> bool:
    """Whether a token over the precommit says nothing about what was before the run."""
    is_promise = token.subject is Subject.PRECOMMIT
    return is_promise and first_ns is not None and first_ns < token.latest_ns
