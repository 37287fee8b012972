"""C07: every score is the one that its recorded distributions give."""

from pot_reverify.checks.result import CheckId, CheckResult, Status, absent, passed, skipped
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import Rejection
from pot_reverify.policy import Policy

WITHHELD_BEHIND_PROOF = "score.withheld-behind-proof"
"""The one way in which a bundle may be VERIFIED without a pass of this check."""


def check_scores(bundle: Bundle, policy: Policy, proof: CheckResult) -> CheckResult:
    """Compare the stated scores with the recomputed ones.

    Args:
        proof: the result of C11.

    Raises:
        Rejection: ``score.mismatch``.
    """
    recomputed = 0
    for challenge in bundle.challenges:
        for number, probe in enumerate(challenge.probes, 1):
            if probe.recomputed_score is None:
                continue
            recomputed += 1
            if probe.claimed_score != probe.recomputed_score:
                raise Rejection(
                    "score.mismatch",
                    "A score is not the one that the recorded distributions give.",
                    where=f"challenge {challenge.index}, probe {number}",
                    expected=probe.recomputed_score,
                    got=probe.claimed_score,
                )
    withheld = bundle.withheld_count
    if not withheld:
        return passed(CheckId.SCORES, f"{recomputed} scores recomputed")
    rest = f"{recomputed} scores recomputed; {withheld} probes are withheld"
    if bundle.withheld_score_count:
        return _behind_proof(rest, policy, proof)
    if policy.withheld.allows_contents:
        return passed(
            CheckId.SCORES, rest, f"{withheld} scores rest on the signature alone, as you allow"
        )
    return skipped(
        CheckId.SCORES,
        "score.contents-withheld",
        f"{rest}, so their scores cannot be recomputed.",
        needs="the full bundle, or your word that scores may rest on the signature "
        "(--allow-withheld)",
    )


def _behind_proof(rest: str, policy: Policy, proof: CheckResult) -> CheckResult:
    if proof.status is not Status.PASS:
        return skipped(
            CheckId.SCORES,
            "score.withheld-without-proof",
            f"{rest} with their scores, and no proof stands in for them.",
            needs="the full bundle, or one with a proof (pot-audit record --prove)",
        )
    if not policy.withheld.allows_scores:
        return skipped(
            CheckId.SCORES,
            "score.withheld-not-allowed",
            f"{rest} with their scores, behind a proof.",
            needs="the full bundle, or your word that scores may be withheld behind a proof "
            "(--allow-withheld)",
        )
    return absent(
        CheckId.SCORES,
        WITHHELD_BEHIND_PROOF,
        f"{rest} with their scores, behind the proof (C11), as you allow",
    )
