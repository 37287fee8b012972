"""Which times are proven: the moments that the checks of signatures and quotes go by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pot_reverify.checks.time_tokens import BundleToken, Subject, provable_until_ns, read_tokens
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import PotAuditError
from pot_reverify.policy import Policy

CLOCK_TOLERANCE_NS: Final = 300 * 10**9
"""How far the reader's clock may be behind that of an authority."""


@dataclass(frozen=True, slots=True)
class ProvenMoment:
    """Something existed by this time.

    Args:
        at_ns: Unix time.
        by: who proves it, for people.
        until_ns: how long that can be proven without a further renewal.
    """

    at_ns: int
    by: str
    until_ns: int = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ProvenTimes:
    """What is proven, and the reader's now.

    Args:
        now_ns: the time at which the reader evaluates the bundle.
        precommit: when the precommit existed at the latest.
        statement: when the signed statement, and all that it commits to, existed at the latest.
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
        """When evidence in the bundle is judged: the proven time, else the reader's now."""
        return self.now_ns if self.statement is None else self.statement.at_ns


def find_proven_times(bundle: Bundle, policy: Policy, now_ns: int) -> ProvenTimes:
    """The times that tokens in the bundle prove, by authorities that the policy names.

    An error is kept for the check of time, which is the one that fails by it.
    """
    try:
        tokens = read_tokens(bundle, policy)
    except PotAuditError as error:
        return ProvenTimes(now_ns, precommit=None, statement=None, problem=error)
    first_ns = bundle.challenges[0].started_ns if bundle.challenges else None
    lapsed: list[tuple[Subject, ProvenMoment]] = []
    moments: dict[Subject, ProvenMoment] = {}
    for number, one in enumerate(tokens):
        if one.stamp is None or not one.is_by_named_signer or one.subject is Subject.TOKEN:
            continue
        if _is_late(one, first_ns):
            continue
        until_ns = provable_until_ns(number, tokens)
        moment = ProvenMoment(one.token.gen_time_ns, one.stamp.authority, until_ns)
        if moment.at_ns > now_ns + CLOCK_TOLERANCE_NS:
            continue
        if moment.until_ns < now_ns:
            lapsed.append((one.subject, moment))
        elif one.subject not in moments or moment.at_ns < moments[one.subject].at_ns:
            moments[one.subject] = moment
    return ProvenTimes(
        now_ns,
        precommit=moments.get(Subject.PRECOMMIT),
        statement=moments.get(Subject.STATEMENT),
        notes=tuple(_notes(tokens, now_ns, first_ns)),
        tokens=tokens,
        lapsed=tuple(one for one in lapsed if one[0] not in moments),
    )


def _notes(tokens: Sequence[BundleToken], now_ns: int, first_ns: int | None) -> list[str]:
    """One sentence for each token that proves nothing."""
    notes: list[str] = []
    for one in tokens:
        where, what = one.token.where, one.subject.value
        if one.stamp is None:
            notes.append(f"{where}: {one.authority}; it proves nothing to you")
        elif not one.is_by_named_signer:
            notes.append(f"{where}: over a signature of {what} by nobody whom you have named")
        elif one.token.gen_time_ns > now_ns + CLOCK_TOLERANCE_NS:
            notes.append(f"{where}: from after the time at which you judge")
        elif _is_late(one, first_ns):
            notes.append(f"{where}: from after challenge 1, so the promise may be from then")
    return notes


def _is_late(token: BundleToken, first_ns: int | None) -> bool:
    """Whether a token over the precommit says nothing about what was before the run."""
    is_promise = token.subject is Subject.PRECOMMIT
    return is_promise and first_ns is not None and first_ns < token.earliest_ns
