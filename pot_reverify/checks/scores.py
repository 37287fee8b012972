"""C07: every score is the one that its recorded distributions give."""

from pot_reverify.checks.result import CheckId, CheckResult, passed, skipped
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import Rejection
from pot_reverify.policy import Policy


def check_scores(bundle: Bundle, policy: Policy) -> CheckResult:
    """Compare the stated scores with the recomputed ones.

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
    if policy.withheld.allows_contents and not bundle.head.scores_hidden:
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
