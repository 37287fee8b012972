"""Teacher-forced scoring: both models read the same probes, and their distributions are kept.

Both models are in memory and challenges go through one by one, so that the decision can stop the
run after any of them. `one_model_at_a_time` serves machines that hold only one.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from pot_recorder.models.loaded_model import LoadedModel, softmax_float64
from pot_recorder.run.batches import BatchLayout, batches, choose_layout
from pot_recorder.run.coarsen import coarsen
from pot_recorder.run.positions import scored_rows
from pot_recorder.run.tokenizers import verify_same_ids
from pot_reverify.score.affinity import ProbeDistributions


@dataclass(frozen=True, slots=True)
class ProbeMeasurement:
    """One probe, as both models read it.

    Attributes:
        text: the probe.
        token_ids: what both models were given.
        distributions: both models' predictions at the scored positions.
    """

    text: str
    token_ids: tuple[int, ...]
    distributions: ProbeDistributions


@dataclass(frozen=True, slots=True)
class ChallengeMeasurement:
    """One challenge, as both models answered it.

    Attributes:
        index: number of the challenge.
        probes: its probes, in their order.
        start_ns: when its scoring began, nanoseconds since 1970 (UTC).
        duration_ns: how long it took, nanoseconds of a monotonic clock.
        cold: whether it belongs to the first block, when caches are still cold.
    """

    index: int
    probes: tuple[ProbeMeasurement, ...]
    start_ns: int
    duration_ns: int
    cold: bool


@dataclass(frozen=True, slots=True)
class EncodedChallenge:
    """A challenge as token ids, with the rows that are scored.

    Attributes:
        index: number of the challenge.
        texts: its probes.
        token_ids: of each probe.
        rows: scored rows of each probe.
    """

    index: int
    texts: tuple[str, ...]
    token_ids: tuple[tuple[int, ...], ...]
    rows: tuple[range, ...]

    def label(self, probe: int) -> str:
        """What an error calls a probe."""
        return f"challenge {self.index}, probe {probe}"


def encode_challenge(model: LoadedModel, index: int, texts: Sequence[str]) -> EncodedChallenge:
    """Token ids and scored rows of the probes of a challenge.

    Raises:
        Rejection: ``challenge.too-few-positions``.
    """
    token_ids = tuple(tuple(model.encode(text)) for text in texts)
    rows = tuple(
        scored_rows(len(ids), f"challenge {index}, probe {number}")
        for number, ids in enumerate(token_ids)
    )
    return EncodedChallenge(index, tuple(texts), token_ids, rows)


def challenge_logits(
    model: LoadedModel, challenge: EncodedChallenge, layout: BatchLayout
) -> list[torch.Tensor]:
    """One model's logits at the scored rows of each probe, float32, (positions, vocabulary).

    Raises:
        Rejection: ``model.*``, see `LoadedModel.logits`.
    """
    results: list[torch.Tensor] = []
    for numbers in batches(layout, len(challenge.texts)):
        results += model.logits(
            [challenge.token_ids[number] for number in numbers],
            [challenge.rows[number] for number in numbers],
            [f"{model.identity.name}: {challenge.label(number)}" for number in numbers],
        )
    return results


def measure_probes(
    challenge: EncodedChallenge,
    reference: Iterable[torch.Tensor],
    candidate: Iterable[torch.Tensor],
) -> tuple[ProbeMeasurement, ...]:
    """Reduce both models' logits, probe by probe, to what a record keeps."""
    return tuple(
        ProbeMeasurement(text, ids, coarsen(softmax_float64(mine), softmax_float64(other)))
        for text, ids, mine, other in zip(
            challenge.texts, challenge.token_ids, reference, candidate, strict=True
        )
    )


def score_challenges(
    reference: LoadedModel,
    candidate: LoadedModel,
    challenges: Iterable[tuple[int, Sequence[str]]],
    *,
    layout: BatchLayout | None = None,
    cold_below: int = 1,
) -> Iterator[ChallengeMeasurement]:
    """Run both models over challenges, one measurement for each, as they are asked for.

    Args:
        reference: model whose tokenizer makes the ids.
        candidate: model that must read the same ids.
        challenges: (index, probe texts); read lazily.
        layout: the recorded batch layout; by default the faster one that both models can take.
        cold_below: challenges with a smaller index count as cold: the length of the first block.

    Raises:
        Rejection: ``challenge.too-few-positions``, ``tokenizer.differs`` or ``model.*``. The
            challenge is neither skipped nor drawn again.
    """
    chosen = choose_layout(reference, candidate) if layout is None else layout
    for index, texts in challenges:
        start_ns, begin_ns = time.time_ns(), time.perf_counter_ns()
        challenge = encode_challenge(reference, index, texts)
        for number, (text, ids) in enumerate(zip(texts, challenge.token_ids, strict=True)):
            verify_same_ids(candidate, text, ids, challenge.label(number))
        probes = measure_probes(
            challenge,
            challenge_logits(reference, challenge, chosen),
            challenge_logits(candidate, challenge, chosen),
        )
        duration_ns = time.perf_counter_ns() - begin_ns
        yield ChallengeMeasurement(index, probes, start_ns, duration_ns, index < cold_below)
