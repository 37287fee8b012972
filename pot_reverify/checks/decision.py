"""C08: the rule, rerun over the scores at every step, stops where the statement says it did.

Where scores are withheld, the proof (C11) shows that in place of a rerun, and since version 2 the
signed sums too. In any case these must give the signed decision, be sums that a run can have, and
fit the scores that are visible; where they do not, the file contradicts itself, whether or not
there is a proof.
"""

from pot_reverify.checks.proof import shows_sums
from pot_reverify.checks.result import CheckId, CheckResult, Status, passed, skipped
from pot_reverify.decision.empirical_bernstein import SequentialTest, Step
from pot_reverify.decision.possible_sums import require_possible_sums
from pot_reverify.decision.visible_scores import require_fitting_scores
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.statement import Statement
from pot_reverify.errors import PotAuditError, Rejection


def check_decision(bundle: Bundle, proof: CheckResult) -> CheckResult:
    """Compare decision, reason, n, S, V, H and margin with the signed ones.

    Args:
        proof: the result of C11.

    Raises:
        Rejection: ``decision.*``.
        Indeterminate: ``decision.constants-not-certain``.
    """
    statement = bundle.statement
    if bundle.withheld_score_count:
        return _decision_by_proof(bundle, proof)
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
    _require_stated(step, statement)
    return passed(
        CheckId.DECISION,
        f"{outcome.decision} at challenge {outcome.n}, the first at which the rule stops",
    )


def displayed_step(bundle: Bundle, decision: CheckResult) -> Step | None:
    """Where the scores lead, or what the signed sums say where a proof carries the decision.

    Args:
        decision: the result of C08.
    """
    if bundle.withheld_score_count and bundle.statement and decision.status is Status.PASS:
        return _stated_step(bundle, bundle.statement)
    return last_step(bundle)


def last_step(bundle: Bundle) -> Step | None:
    """Where the scores lead, for display beside any verdict; None if that cannot be told."""
    try:
        return _rerun(bundle)[1]
    except PotAuditError:
        return None


def _decision_by_proof(bundle: Bundle, proof: CheckResult) -> CheckResult:
    statement = bundle.statement
    if statement is not None:
        _require_coherent(bundle, statement)
    if proof.status is not Status.PASS or statement is None:
        return skipped(
            CheckId.DECISION,
            "decision.scores-withheld",
            "The scores are withheld, so the decision cannot be recomputed.",
            needs="the full bundle, or a proof",
        )
    visible = bundle.leaves.contents - bundle.withheld_score_count
    return passed(
        CheckId.DECISION,
        f"{statement.decision} at challenge {statement.challenges}, carried by the proof (C11), "
        "not by recomputation",
        "the sums are proven; the interval and the margin follow from them"
        if shows_sums(bundle)
        else "the sums, the interval and the margin rest on the signature; they give the same "
        "decision",
        *([f"the {visible} visible scores fit them"] if visible else []),
    )


def _require_coherent(bundle: Bundle, statement: Statement) -> None:
    """What is signed without being recomputed agrees with itself and with what is visible."""
    _require_stated(_stated_step(bundle, statement), statement)
    require_possible_sums(len(bundle.challenges), statement.score_sum, statement.square_sum)
    require_fitting_scores(
        bundle.head.preset,
        bundle.head.attempt,
        [[probe.claimed_score for probe in one.probes] for one in bundle.challenges],
        statement.score_sum,
        statement.square_sum,
    )


def _stated_step(bundle: Bundle, statement: Statement) -> Step:
    test = SequentialTest(bundle.head.preset, bundle.head.attempt)
    return test.step_at(len(bundle.challenges), statement.score_sum, statement.square_sum)


def _require_stated(step: Step, statement: Statement) -> None:
    claims = {
        "decision": (step.decision, statement.decision),
        "stop_reason": (step.reason, statement.stop_reason),
        "challenges": (step.n, statement.challenges),
        "probes": (step.t, statement.probes),
        "score_sum": (step.S, statement.score_sum),
        "square_sum": (step.V, statement.square_sum),
        "half_width_sum": (step.H, statement.half_width_sum),
        "margin": (step.margin, statement.margin),
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


def _rerun(bundle: Bundle) -> tuple[SequentialTest, Step | None]:
    test, step = SequentialTest(bundle.head.preset, bundle.head.attempt), None
    for challenge in bundle.challenges:
        scores = [probe.claimed_score for probe in challenge.probes]
        step = test.observe([score for score in scores if score is not None])
    return test, step
