"""In which order the models answer: challenge by challenge, or one model at a time over blocks."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.run.batches import BatchLayout, choose_layout
from pot_recorder.run.blocks import plan_blocks
from pot_recorder.run.one_model_at_a_time import AlternatingScorer
from pot_recorder.run.scorer import ChallengeMeasurement, score_challenges
from pot_reverify.decision.presets import Preset

Texts = Callable[[int], Sequence[str]]
"""From a challenge index, counted from 1, to its probe texts."""


class Scorer(Protocol):
    """Runs both models.

    Attributes:
        layout: the recorded batch layout; every scorer gives the same numbers for it.
        answered: the highest challenge that a model has answered, also after the stop.
    """

    layout: BatchLayout
    answered: int

    def score(self, start: int, preset: Preset, texts: Texts) -> Iterator[ChallengeMeasurement]:
        """Measure challenges from `start` on, lazily, in order.

        Raises:
            Rejection: ``model.*``, ``tokenizer.*``, ``challenge.*``.
        """
        ...


class ResidentScorer:
    """Both models in memory: the decision can stop the run after any challenge."""

    def __init__(self, reference: LoadedModel, candidate: LoadedModel) -> None:
        self.layout = choose_layout(reference, candidate)
        self.answered = 0
        self._models = (reference, candidate)

    def score(self, start: int, preset: Preset, texts: Texts) -> Iterator[ChallengeMeasurement]:
        """Challenge by challenge; the first has cold caches."""
        challenges = ((index, texts(index)) for index in range(start, preset.n_max + 1))
        for measurement in score_challenges(
            *self._models, challenges, layout=self.layout, cold_below=start + 1
        ):
            self.answered = measurement.index
            yield measurement


class BlockScorer:
    """One model in memory: the reference over a block, then the candidate over it."""

    def __init__(
        self,
        open_reference: Callable[[], LoadedModel],
        open_candidate: Callable[[], LoadedModel],
        layout: BatchLayout,
    ) -> None:
        self.layout = layout
        self.answered = 0
        self._alternating = AlternatingScorer(open_reference, open_candidate, layout=layout)

    def score(self, start: int, preset: Preset, texts: Texts) -> Iterator[ChallengeMeasurement]:
        """Block by block; challenges of a block after the stop count as answered."""
        blocks = [
            range(max(start, block.start), block.stop)
            for block in plan_blocks(preset.n_min, preset.n_max)
            if block.stop > start
        ]
        ends = [block.stop - 1 for block in blocks]
        for measurement in self._alternating.score_blocks(blocks, texts):
            self.answered = next(end for end in ends if end >= measurement.index)
            yield measurement
