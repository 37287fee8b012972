"""How probes are put into forward passes.

A layout is fixed by the challenge alone: neither the number of challenges, nor their order, nor
where a block ends can change a number. It is recorded, because other layouts give other numbers
(bfloat16 log-probabilities move by 2e-3 on average).
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from pot_recorder.models.loaded_model import LoadedModel


class BatchLayout(StrEnum):
    """A recorded way to put the probes of one challenge into forward passes."""

    CHALLENGE_LEFT_PADDED = "challenge-left-padded/1"
    """One pass for the probes of a challenge, padded on the left to the longest."""
    PROBE_BY_PROBE = "probe-by-probe/1"
    """One pass for each probe, nothing padded."""


def choose_layout(*models: LoadedModel) -> BatchLayout:
    """The faster layout that all models can take; both models always run in the same one."""
    if all(model.can_pad_left for model in models):
        return BatchLayout.CHALLENGE_LEFT_PADDED
    return BatchLayout.PROBE_BY_PROBE


def batches(layout: BatchLayout, probe_count: int) -> Iterator[Sequence[int]]:
    """The numbers of the probes of a challenge that go through the model together."""
    if layout is BatchLayout.CHALLENGE_LEFT_PADDED:
        yield range(probe_count)
    else:
        for number in range(probe_count):
            yield (number,)
