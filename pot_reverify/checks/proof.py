"""C11: the proof that the committed scores give the signed decision."""

from pot_reverify.checks.result import CheckId, CheckResult, absent, skipped
from pot_reverify.documents.blob import PROOF_PREFIX
from pot_reverify.documents.bundle import Bundle


def check_proof(bundle: Bundle) -> CheckResult:
    """Report proofs as not checked."""
    statement = bundle.statement
    carried = any(blob.name.startswith(PROOF_PREFIX) for blob in bundle.blobs)
    if carried or (statement is not None and statement.score_commitment is not None):
        return skipped(
            CheckId.PROOF,
            "proof.not-supported",
            "The bundle carries a proof, which this version does not check.",
            needs="a version of pot-audit that checks it",
        )
    return absent(CheckId.PROOF, "proof.absent", "No proof.")
