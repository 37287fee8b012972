"""Which times are proven: the moments that the checks of signatures and quotes go by."""

from dataclasses import dataclass

from pot_reverify.documents.bundle import Bundle
from pot_reverify.policy import Policy


@dataclass(frozen=True, slots=True)
class ProvenMoment:
    """Something existed by this time.

    Args:
        at_ns: Unix time.
        by: who proves it, for people.
    """

    at_ns: int
    by: str


@dataclass(frozen=True, slots=True)
class ProvenTimes:
    """What is proven, and the reader's now.

    Args:
        now_ns: the time at which the reader evaluates the bundle.
        precommit: when the precommit existed at the latest.
        statement: when the signed statement, and all that it commits to, existed at the latest.
        notes: for people.
    """

    now_ns: int
    precommit: ProvenMoment | None
    statement: ProvenMoment | None
    notes: tuple[str, ...] = ()

    @property
    def evaluation_ns(self) -> int:
        """When evidence in the bundle is judged: the proven time, else the reader's now."""
        return self.now_ns if self.statement is None else self.statement.at_ns


def find_proven_times(_bundle: Bundle, _policy: Policy, now_ns: int) -> ProvenTimes:
    """The times that tokens in the bundle prove; none without a token that is checked."""
    return ProvenTimes(now_ns, precommit=None, statement=None)
