"""C12: what a report of the run must contain is there."""

from pot_reverify.checks.result import CheckId, CheckResult, passed, skipped
from pot_reverify.documents.blob import ENVIRONMENT
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.challenge_record import PROBES
from pot_reverify.documents.statement_parts import NoiseFloor
from pot_reverify.errors import Rejection


def check_reporting(bundle: Bundle) -> CheckResult:
    """The measured environment, the planned and the run challenges, errors and retries.

    The schemas make single fields compulsory (C02); this check makes the documents compulsory.

    Raises:
        Rejection: ``reporting.environment-missing``, ``reporting.noise-floor``.
    """
    reveal = bundle.reveal
    if reveal is None:
        return skipped(
            CheckId.REPORTING,
            "container.unsealed",
            "The file was never sealed: the report of the run is not written yet.",
            needs="a sealed bundle (pot-audit record --resume)",
        )
    if bundle.blob(ENVIRONMENT) is None:
        raise Rejection(
            "reporting.environment-missing",
            "The metrics of the environment in which the models ran are missing.",
            where=ENVIRONMENT,
        )
    if bundle.statement is not None and bundle.statement.noise_floor is not None:
        _require_possible(bundle.statement.noise_floor)
    kinds = [event.kind for event in reveal.events]
    return passed(
        CheckId.REPORTING,
        f"planned {reveal.planned_challenges}, run {reveal.run_challenges}, "
        f"in the bundle {len(bundle.challenges)}; attempt {bundle.head.attempt}",
        *[
            f"{kinds.count(kind)} × {kind} during the run"
            for kind in ("error", "retry", "interrupt", "resume")
            if kind in kinds
        ],
    )


def _require_possible(floor: NoiseFloor) -> None:
    """The scores of whole challenges, of which the largest is known, have such a sum."""
    if floor.probes % PROBES:
        raise Rejection(
            "reporting.noise-floor",
            "The noise floor is not of whole challenges.",
            where="predicate.noise_floor.probes",
            expected=f"a multiple of {PROBES}",
            got=floor.probes,
        )
    highest = floor.probes * floor.score_max
    if not floor.score_max <= floor.score_sum <= highest:
        raise Rejection(
            "reporting.noise-floor",
            "No scores have the sum and the maximum that the noise floor states.",
            where="predicate.noise_floor.score_sum",
            expected=f"{floor.score_max} to {highest}",
            got=floor.score_sum,
        )
