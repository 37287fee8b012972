"""C10 and C11 for bundles that carry nothing of the kind, or something not yet checkable."""

from pot_reverify.checks.result import CheckId, CheckResult, absent, skipped
from pot_reverify.documents.blob import PROOF_PREFIX, QUOTE_PREFIX
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import Rejection

_NEEDS_NEWER = "a version of pot-audit that checks it"


def check_quotes(bundle: Bundle) -> CheckResult:
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
            needs=_NEEDS_NEWER,
        )
    if statement is not None and statement.binding_grade not in ("W", "unbound"):
        raise Rejection(
            "quote.grade-without-evidence",
            "A binding grade is claimed, and nothing in the bundle supports it.",
            where="predicate.binding_grade",
            got=statement.binding_grade,
        )
    return absent(CheckId.QUOTES, "quote.absent", "No quote and no vendor commitment.")


def check_proof(bundle: Bundle) -> CheckResult:
    """Report proofs as not checked."""
    statement = bundle.statement
    carried = any(blob.name.startswith(PROOF_PREFIX) for blob in bundle.blobs)
    if carried or (statement is not None and statement.score_commitment is not None):
        return skipped(
            CheckId.PROOF,
            "proof.not-supported",
            "The bundle carries a proof, which this version does not check.",
            needs=_NEEDS_NEWER,
        )
    return absent(CheckId.PROOF, "proof.absent", "No proof.")
