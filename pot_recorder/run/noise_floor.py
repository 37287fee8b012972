"""The noise floor: the reference against itself, run in the candidate's configuration.

It says how much of a score the candidate's dtype, device and kernels alone would explain. It is
reported beside a decision and never subtracted: the decision is about the models as they ran.
"""

from collections.abc import Iterable, Sequence

from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.run.batches import BatchLayout
from pot_recorder.run.scorer import score_challenges
from pot_reverify.documents.statement_parts import NoiseFloor
from pot_reverify.encoding.digest import format_digest
from pot_reverify.errors import Rejection
from pot_reverify.score.affinity import affinity_score


def measure_noise_floor(
    reference: LoadedModel,
    reference_as_candidate: LoadedModel,
    challenges: Iterable[tuple[int, Sequence[str]]],
    *,
    layout: BatchLayout | None = None,
) -> NoiseFloor:
    """Score the reference against a second opening of the same files.

    Args:
        reference: in its own configuration.
        reference_as_candidate: the same files, opened with the candidate's dtype, device and
            attention kernel.
        challenges: (index, probe texts), at least one. Not those of the run: nobody may see how a
            model answers a challenge before the run asks it.
        layout: the run's batch layout.

    Raises:
        Rejection: ``noise-floor.other-weights``, or like `score_challenges`.
    """
    mine, other = (
        model.identity.manifest.root_digest for model in (reference, reference_as_candidate)
    )
    if mine != other:
        raise Rejection(
            "noise-floor.other-weights",
            "the noise floor is of one model's files against themselves",
            expected=format_digest(mine),
            got=format_digest(other),
        )
    scores = [
        affinity_score(probe.distributions)
        for measurement in score_challenges(
            reference, reference_as_candidate, challenges, layout=layout
        )
        for probe in measurement.probes
    ]
    return NoiseFloor(probes=len(scores), score_sum=sum(scores), score_max=max(scores))
