"""C08: the rule, rerun over the scores at every step, stops where the statement says it did."""

from pot_reverify.checks.result import CheckId, CheckResult, passed, skipped
from pot_reverify.decision.empirical_bernstein import SequentialTest, Step
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import PotAuditError, Rejection


def check_decision(bundle: Bundle) -> CheckResult:
    """Compare decision, reason, n, S, V, H and margin with the signed ones.

    Raises:
        Rejection: ``decision.*``.
        Indeterminate: ``decision.constants-not-certain``.
    """
    statement = bundle.statement
    if any(probe.claimed_score is None for one in bundle.challenges for probe in one.probes):
        return skipped(
            CheckId.DECISION,
            "decision.scores-withheld",
            "The scores are withheld, so the decision cannot be recomputed.",
            needs="the full bundle, or a proof",
        )
    test, step = _rerun(bundle)
    if statement is None:
        return skipped(
            CheckId.DECISION,
            "container.unsealed",
            "The file was never sealed: there is no signed decision to compare with.",
            needs="a sealed bundle (pot-audit record --resume)",
        )
    outcome = test.outcome()
    assert step is not None
    claims = {
        "decision": (outcome.decision.value, statement.decision),
        "stop_reason": (outcome.reason.value, statement.stop_reason),
        "challenges": (outcome.n, statement.challenges),
        "probes": (step.t, statement.probes),
        "score_sum": (outcome.S, statement.score_sum),
        "square_sum": (outcome.V, statement.square_sum),
        "half_width_sum": (outcome.H, statement.half_width_sum),
        "margin": (outcome.margin, statement.margin),
    }
    for name, (recomputed, claimed) in claims.items():
        if recomputed != claimed:
            raise Rejection(
                "decision.mismatch",
                "The signed decision is not the one that the scores give.",
                where=f"predicate.{name}",
                expected=recomputed,
                got=claimed,
            )
    return passed(
        CheckId.DECISION,
        f"{outcome.decision} at challenge {outcome.n}, the first at which the rule stops",
    )


def last_step(bundle: Bundle) -> Step | None:
    """Where the scores lead, for display beside any verdict; None if that cannot be told."""
    try:
        return _rerun(bundle)[1]
    except PotAuditError:
        return None


def _rerun(bundle: Bundle) -> tuple[SequentialTest, Step | None]:
    test, step = SequentialTest(bundle.head.preset, bundle.head.attempt), None
    for challenge in bundle.challenges:
        scores = [probe.claimed_score for probe in challenge.probes]
        step = test.observe([score for score in scores if score is not None])
    return test, step
