import tempfile
import weakref
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.models.load import open_model
from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.models.source import parse_model_source
from pot_recorder.run import one_model_at_a_time
from pot_recorder.run.batches import BatchLayout
from pot_recorder.run.blocks import plan_blocks
from pot_recorder.run.one_model_at_a_time import AlternatingScorer
from pot_recorder.run.scorer import score_challenges
from pot_reverify.errors import Rejection

TEXTS = [f"Probe {number} of twenty bytes, or of a few more." for number in range(4)]
# 4 probes of 32 positions of 256 float32 logits
CHALLENGE_BYTES = 4 * 32 * 256 * 4
IN_MEMORY: weakref.WeakSet[LoadedModel] = weakref.WeakSet()


class Opener:
    """Opens a model, and refuses while an earlier one is still in memory."""

    def __init__(self, folder: Path, dtype: str) -> None:
        self.source, self.dtype, self.count = parse_model_source(str(folder)), dtype, 0

    def __call__(self) -> LoadedModel:
        assert not IN_MEMORY, "two models in memory"
        self.count += 1
        model = open_model(self.source, dtype=self.dtype)
        IN_MEMORY.add(model)
        return model


def probes_of(index: int) -> list[str]:
    return [f"{text} {index}" for text in TEXTS]


@pytest.mark.parametrize(
    ("spill_bytes_max", "openings"), [(1 << 30, 3), (2 * CHALLENGE_BYTES, 4), (1, 6)]
)
def test_same_numbers_as_with_both_in_memory(
    tiny_folder: Path, spill_bytes_max: int, openings: int
) -> None:
    blocks = plan_blocks(3, 6)
    reference, candidate = Opener(tiny_folder, "float32"), Opener(tiny_folder, "bfloat16")
    layout = BatchLayout.CHALLENGE_LEFT_PADDED
    scorer = AlternatingScorer(reference, candidate, layout=layout, spill_bytes_max=spill_bytes_max)
    alternating = list(scorer.score_blocks(blocks, probes_of))
    source = parse_model_source(str(tiny_folder))
    together = list(
        score_challenges(
            open_model(source),
            open_model(source, dtype="bfloat16"),
            [(index, probes_of(index)) for index in range(1, 7)],
            layout=layout,
        )
    )
    assert [m.probes for m in alternating] == [m.probes for m in together]
    assert [m.index for m in alternating] == [1, 2, 3, 4, 5, 6]
    assert [m.cold for m in alternating] == [True] * 3 + [False] * 3
    assert all(m.duration_ns > 0 for m in alternating)
    assert reference.count == candidate.count == openings


def test_later_blocks_are_not_run_after_a_stop(tiny_folder: Path) -> None:
    reference, candidate = Opener(tiny_folder, "float32"), Opener(tiny_folder, "float32")
    scorer = AlternatingScorer(reference, candidate, layout=BatchLayout.PROBE_BY_PROBE)
    measurements = scorer.score_blocks(plan_blocks(2, 100), probes_of)
    assert [next(measurements).index for _ in range(2)] == [1, 2]
    measurements.close()
    assert (reference.count, candidate.count) == (1, 1)


def test_reference_logits_leave_no_file(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spill))
    seen: list[int] = []

    def spying(challenge, reference, candidate):
        seen.append(len(list(spill.iterdir())))
        return measure(challenge, reference, candidate)

    measure = one_model_at_a_time.measure_probes
    monkeypatch.setattr(one_model_at_a_time, "measure_probes", spying)
    opener = Opener(tiny_folder, "float32")
    scorer = AlternatingScorer(opener, opener, layout=BatchLayout.PROBE_BY_PROBE)
    list(scorer.score_blocks(plan_blocks(1, 2), probes_of))
    assert seen == [0, 0]


def test_model_that_changes_between_blocks(tiny_folder: Path) -> None:
    opener = Opener(tiny_folder, "float32")
    scorer = AlternatingScorer(opener, opener, layout=BatchLayout.PROBE_BY_PROBE)
    measurements = scorer.score_blocks(plan_blocks(1, 2), probes_of)
    next(measurements)
    (tiny_folder / "chat_template.jinja").write_text("{{ messages }}")
    opener.source = parse_model_source(str(tiny_folder))
    with pytest.raises(Rejection) as caught:
        next(measurements)
    assert caught.value.code == "model.file-changed"
