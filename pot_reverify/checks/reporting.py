"""C12: what a report of the run must contain is there."""

from pot_reverify.checks.result import CheckId, CheckResult, passed, skipped
from pot_reverify.documents.blob import ENVIRONMENT
from pot_reverify.documents.bundle import Bundle
from pot_reverify.errors import Rejection


def check_reporting(bundle: Bundle) -> CheckResult:
    """The measured environment, the planned and the run challenges, errors and retries.

    The schemas make single fields compulsory (C02); this check makes the documents compulsory.

    Raises:
        Rejection: ``reporting.environment-missing``.
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
