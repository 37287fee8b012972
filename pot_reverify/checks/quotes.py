"""C10: what binds the transcript to models, enclaves and vendors."""

from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.checks.result import CheckId, CheckResult, absent, skipped
from pot_reverify.documents.blob import QUOTE_PREFIX
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import Rejection
from pot_reverify.policy import Policy


def check_quotes(bundle: Bundle, _policy: Policy, _times: ProvenTimes) -> CheckResult:
    """Report quotes as not checked, and refuse a grade that nothing in the bundle supports.

    Raises:
        Rejection: ``quote.grade-without-evidence``.
    """
    statement = bundle.statement
    carried = any(blob.name.startswith(QUOTE_PREFIX) for blob in bundle.blobs)
    if carried or (statement is not None and statement.quote_digests):
        return skipped(
            CheckId.QUOTES,
            "quote.not-supported",
            "The bundle carries quotes or vendor commitments, which this version does not check.",
            needs="a version of pot-audit that checks it",
        )
    if statement is not None and statement.binding_grade not in ("W", "unbound"):
        raise Rejection(
            "quote.grade-without-evidence",
            "A binding grade is claimed, and nothing in the bundle supports it.",
            where="predicate.binding_grade",
            got=statement.binding_grade,
        )
    return absent(CheckId.QUOTES, "quote.absent", "No quote and no vendor commitment.")
