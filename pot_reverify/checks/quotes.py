"""C10: what binds the transcript to models, enclaves and vendors."""

from dataclasses import replace

from pot_reverify.checks.commitments import vendor_commitments
from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.checks.result import CheckId, CheckResult, Status, absent, skipped
from pot_reverify.documents.blob import QUOTE_PREFIX
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import Rejection
from pot_reverify.policy import Grade, Policy


def check_quotes(bundle: Bundle, policy: Policy, times: ProvenTimes) -> CheckResult:
    """Report quotes as not checked, refuse a grade that nothing supports, hear the vendors.

    Raises:
        Rejection: ``quote.grade-without-evidence``, ``commitment.*``, ``countersignature.*``,
            ``signature.*``.
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
    vendors = vendor_commitments(bundle, policy, times)
    if vendors.roles:
        return CheckResult(
            CheckId.QUOTES,
            Status.PASS,
            "ok",
            f"a vendor that you named vouches for the {' and the '.join(sorted(vendors.roles))}",
            notes=vendors.notes,
            grades=(Grade.VENDOR,),
        )
    nothing = absent(CheckId.QUOTES, "quote.absent", "No quote and no vendor commitment.")
    return replace(nothing, notes=vendors.notes)
