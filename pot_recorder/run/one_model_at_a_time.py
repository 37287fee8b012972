"""Scoring on a machine that holds one model: the reference over a block, then the candidate.

Between the two, the reference's logits at the scored rows wait in an unnamed temporary file. A
block is cut where that file would grow past a limit. The numbers are those of `score_challenges`:
the batch layout is the same, and float32 logits are kept whole.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
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
from pot_reverify.score.affinity import POSITIONS_MAX

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
            indices = iter(block)
            while part := list(islice(indices, self._part_length())):
                with TemporaryFile(prefix="pot-audit-logits-") as spill:
                    kept, facts = self._run_reference(part, probes_of, spill)
                    spill.seek(0)
                    yield from self._run_candidate(kept, facts, spill, cold=number == 0)

    def _part_length(self) -> int | None:
        """Challenges that fit the limit; one alone tells how large they are."""
        return 1 if self._challenge_bytes is None else max(
            1, self._spill_bytes_max // self._challenge_bytes
        )
