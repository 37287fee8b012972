"""Scoring on a machine that holds one model: the reference over a block, then the candidate.

Between the two, the reference's logits at the scored rows wait in an unnamed temporary file. A
block is cut where that file would grow past a limit. The numbers are those of `score_challenges`:
the batch layout is the same, and float32 logits are kept whole.
"""

import gc
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

import torch

from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.run.batches import BatchLayout
from pot_recorder.run.scorer import (
    ChallengeMeasurement,
    EncodedChallenge,
    challenge_logits,
    encode_challenge,
    measure_probes,
)
from pot_recorder.run.tokenizers import (
    TokenizerFacts,
    tokenizer_facts,
    verify_same_ids,
    verify_same_tokenizer,
)
from pot_reverify.encoding.digest import format_digest
from pot_reverify.errors import Rejection

SPILL_BYTES_MAX = 8 << 30
_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True)
class _Kept:
    challenge: EncodedChallenge
    start_ns: int
    duration_ns: int


class AlternatingScorer:
    """Opens each model in turn, a block of challenges at a time.

    Args:
        open_reference: opens the reference; called once a block.
        open_candidate: opens the candidate; called once a block.
        layout: the recorded batch layout. Both models must be able to take it.
        spill_bytes_max: the most that the reference's logits may take on disk.
    """

    def __init__(
        self,
        open_reference: Callable[[], LoadedModel],
        open_candidate: Callable[[], LoadedModel],
        *,
        layout: BatchLayout,
        spill_bytes_max: int = SPILL_BYTES_MAX,
    ) -> None:
        self._open = {"reference": open_reference, "candidate": open_candidate}
        self._layout = layout
        self._spill_bytes_max = spill_bytes_max
        self._roots: dict[str, bytes] = {}

    def score_blocks(
        self, blocks: Iterable[range], probes_of: Callable[[int], Sequence[str]]
    ) -> Iterator[ChallengeMeasurement]:
        """Score block after block; one measurement for each challenge, in order.

        Args:
            blocks: challenge indices, see `plan_blocks`; the first block counts as cold.
            probes_of: the probe texts of a challenge.

        Raises:
            Rejection: like `score_challenges`, and ``model.file-changed`` if a model's files are
                not those of the block before.
        """
        for number, block in enumerate(blocks):
            waiting = deque(block)
            while waiting:
                with TemporaryFile(prefix="pot-audit-logits-") as spill:
                    kept, facts = self._run_reference(waiting, probes_of, spill)
                    spill.seek(0)
                    yield from self._run_candidate(kept, facts, spill, cold=number == 0)

    def _run_reference(
        self,
        waiting: deque[int],
        probes_of: Callable[[int], Sequence[str]],
        spill: IO[bytes],
    ) -> tuple[list[_Kept], TokenizerFacts]:
        """Take challenges off `waiting` until the limit is reached."""
        kept: list[_Kept] = []
        model = self._open_alone("reference")
        while waiting:
            start_ns, begin_ns = time.time_ns(), time.perf_counter_ns()
            challenge = encode_challenge(model, waiting[0], probes_of(waiting[0]))
            positions = sum(map(len, challenge.rows))
            size = positions * model.identity.vocabulary * _FLOAT32_BYTES
            if kept and spill.tell() + size > self._spill_bytes_max:
                break
            for logits in challenge_logits(model, challenge, self._layout):
                spill.write(logits.numpy().tobytes())
            waiting.popleft()
            kept.append(_Kept(challenge, start_ns, time.perf_counter_ns() - begin_ns))
        return kept, tokenizer_facts(model)

    def _run_candidate(
        self, kept: Sequence[_Kept], facts: TokenizerFacts, spill: IO[bytes], *, cold: bool
    ) -> Iterator[ChallengeMeasurement]:
        model = self._open_alone("candidate")
        verify_same_tokenizer(facts, tokenizer_facts(model))
        for entry in kept:
            begin_ns = time.perf_counter_ns()
            challenge = entry.challenge
            for number, text in enumerate(challenge.texts):
                ids = challenge.token_ids[number]
                verify_same_ids(model, text, ids, challenge.label(number))
            probes = measure_probes(
                challenge,
                (_read_logits(spill, len(rows), facts.vocabulary) for rows in challenge.rows),
                challenge_logits(model, challenge, self._layout),
            )
            duration_ns = entry.duration_ns + time.perf_counter_ns() - begin_ns
            yield ChallengeMeasurement(challenge.index, probes, entry.start_ns, duration_ns, cold)

    def _open_alone(self, role: str) -> LoadedModel:
        gc.collect()  # the other model is out of use by now, but a network refers to itself
        model = self._open[role]()
        root = model.identity.manifest.root_digest
        first_root = self._roots.setdefault(role, root)
        if root != first_root:
            raise Rejection(
                "model.file-changed",
                f"the {role}'s files are not those that the first block ran on",
                where=model.identity.name,
                expected=format_digest(first_root),
                got=format_digest(root),
            )
        return model


def _read_logits(spill: IO[bytes], positions: int, vocabulary: int) -> torch.Tensor:
    content = bytearray(spill.read(positions * vocabulary * _FLOAT32_BYTES))
    return torch.frombuffer(content, dtype=torch.float32).reshape(positions, vocabulary)
