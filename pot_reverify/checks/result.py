"""What a check returns. The ids are permanent: one check, one id, in every version."""

from dataclasses import dataclass
from enum import StrEnum

from pot_reverify.errors import Indeterminate, PotAuditError
from pot_reverify.policy import HeldGrade, ModelRole, ProvenTime


class CheckId(StrEnum):
    """The checks, in the order in which they are shown."""

    CONTAINER = "C01"
    SCHEMAS = "C02"
    TREE = "C03"
    SIGNATURES = "C04"
    TIME = "C05"
    CHALLENGES = "C06"
    SCORES = "C07"
    DECISION = "C08"
    WEIGHTS = "C09"
    QUOTES = "C10"
    PROOF = "C11"
    REPORTING = "C12"

    @property
    def subject(self) -> str:
        """What the check is about, in a word."""
        return self.name.lower()


class Status(StrEnum):
    """How a check ended; only PASS counts towards a verdict."""

    PASS = "pass"  # noqa: S105  a status, not a secret
    FAIL = "FAIL"
    SKIP = "skip"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check.

    Args:
        code: stable reason code; ``ok`` for a pass.
        message: one sentence for people.
        needs: for a skip, what would let the check run.
        notes: more sentences that belong to the result.
        grades: the binding grades that this check supports, each of one model.
        proven_times: which times an authority of the reader proves, by this check.
        is_under_test_root: whether they rest on a root that is published for tests.
        is_under_test_chain: whether it rests on a beacon whose key is published for tests.
    """

    check: CheckId
    status: Status
    code: str
    message: str
    where: str | None = None
    expected: str | None = None
    got: str | None = None
    needs: str | None = None
    notes: tuple[str, ...] = ()
    grades: tuple[HeldGrade, ...] = ()
    proven_times: tuple[ProvenTime, ...] = ()
    is_under_test_root: bool = False
    is_under_test_chain: bool = False

    def to_document(self) -> dict[str, object]:
        """The result as JSON values."""
        return {
            "id": self.check.value,
            "check": self.check.subject,
            "status": self.status.value,
            "code": self.code,
            "message": self.message,
            "where": self.where,
            "expected": self.expected,
            "got": self.got,
            "needs": self.needs,
            "notes": list(self.notes),
            "grades": {
                model.value: [one.grade.value for one in self.grades if one.model is model]
                for model in ModelRole
            },
            "proven_times": [which.value for which in self.proven_times],
        }


def passed(check: CheckId, message: str, *notes: str) -> CheckResult:
    """The check ran and found what the format, the statement and the policy ask for."""
    return CheckResult(check, Status.PASS, "ok", message, notes=notes)


def absent(check: CheckId, code: str, message: str) -> CheckResult:
    """The bundle carries nothing for this check."""
    return CheckResult(check, Status.ABSENT, code, message)


def skipped(check: CheckId, code: str, message: str, *, needs: str) -> CheckResult:
    """The check could not be performed; it never counts as passed."""
    return CheckResult(check, Status.SKIP, code, message, needs=needs)


def from_error(check: CheckId, error: PotAuditError) -> CheckResult:
    """The result of a check that ended with an error: "wrong" fails, "could not tell" skips."""
    could_not_tell = isinstance(error, Indeterminate)
    return CheckResult(
        check,
        Status.SKIP if could_not_tell else Status.FAIL,
        error.code,
        error.message,
        where=error.where,
        expected=error.expected,
        got=error.got,
        needs=error.needs if isinstance(error, Indeterminate) else None,
    )
