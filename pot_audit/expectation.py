"""What ``--expect`` demands of a bundle that is VERIFIED: a decision, by a rule that is known."""

from pot_reverify.decision.presets import CUSTOM, PRESETS
from pot_reverify.policy import Policy
from pot_reverify.verdict import Verdict, VerdictWord

EXIT_NOT_EXPECTED = 4


def why_not_as_expected(verdict: Verdict, expected: str | None) -> str | None:
    """Why a VERIFIED bundle is not what was expected; None if it is, or if it is not VERIFIED.

    A word such as SAME means what its rule means, so a rule with the signer's own parameters is
    expected only by a policy that names it.

    Args:
        expected: the decision in lower case; None if none is.
    """
    if expected is None or verdict.word is not VerdictWord.VERIFIED:
        return None
    decision = verdict.decision or "none"
    if decision.lower() != expected:
        return f"the decision is {decision}, not {expected}"
    if verdict.is_custom_rule and not accepts_custom_by_name(verdict.policy):
        return (
            f"the decision is {decision} under a custom rule, and --expect asks for a preset that "
            f"has a name ({', '.join(PRESETS)}); to expect it of the signer's own rule, say "
            '--preset custom, or presets = ["custom"] in the policy'
        )
    return None


def accepts_custom_by_name(policy: Policy) -> bool:
    """Whether a policy names custom presets, rather than any preset."""
    return policy.presets is not None and CUSTOM in policy.presets
