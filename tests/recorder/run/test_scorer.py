# ruff: noqa: E402 - the module is skipped before it imports what needs torch
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.models.load import open_model
from pot_recorder.models.loaded_model import LoadedModel
from pot_recorder.models.source import parse_model_source
from pot_recorder.run.batches import BatchLayout, choose_layout
from pot_recorder.run.scorer import score_challenges
from pot_reverify.errors import Rejection
from pot_reverify.score.affinity import affinity_score


@pytest.fixture(scope="module")
def small(small_folder: Path) -> LoadedModel:
    return open_model(parse_model_source(str(small_folder)))


@pytest.fixture(scope="module")
def small_bf16(small_folder: Path) -> LoadedModel:
    return open_model(parse_model_source(str(small_folder)), dtype="bfloat16")


def scores(measurements) -> list[int]:
    return [affinity_score(p.distributions) for m in measurements for p in m.probes]


def kept(measurements) -> dict[int, object]:
    return {measurement.index: measurement.probes for measurement in measurements}


@pytest.mark.models
@pytest.mark.parametrize("layout", list(BatchLayout))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_same_weights_score_exactly_zero(
    small_folder: Path, challenges, layout: BatchLayout, dtype: str
) -> None:
    source = parse_model_source(str(small_folder))
    one, other = open_model(source, dtype=dtype), open_model(source, dtype=dtype)
    measured = list(score_challenges(one, other, challenges(2), layout=layout))
    assert scores(measured) == [0] * 8


@pytest.mark.models
def test_order_and_company_of_challenges_change_nothing(
    small: LoadedModel, small_bf16: LoadedModel, challenges
) -> None:
    together = kept(score_challenges(small, small_bf16, challenges(3)))
    backwards = kept(score_challenges(small, small_bf16, reversed(challenges(3))))
    alone = kept(score_challenges(small, small_bf16, challenges(3)[1:2]))
    assert together == backwards
    assert together[2] == alone[2]
    assert any(score > 0 for score in scores(score_challenges(small, small_bf16, challenges(1))))


@pytest.mark.models
def test_a_number_of_threads_gives_one_answer_and_another_number_hardly_another(
    small: LoadedModel, small_bf16: LoadedModel, challenges
) -> None:
    # Where the processor multiplies bfloat16 in tiles of its own (AMX), oneDNN cuts the work by the
    # number of threads, and the last bits of a sum follow; that is why the number is recorded.
    threads = torch.get_num_threads()
    measured: dict[int, list] = {}
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            measured[number] = list(score_challenges(small, small_bf16, challenges(1)))
            again = score_challenges(small, small_bf16, challenges(1))
            assert kept(again) == kept(measured[number])
    finally:
        torch.set_num_threads(threads)
    unit = 1 << 15
    for one, other in zip(scores(measured[1]), scores(measured[2]), strict=True):
        assert abs(one - other) < unit // 100


@pytest.mark.models
def test_number_of_threads_changes_nothing_in_float32(small: LoadedModel, challenges) -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = kept(score_challenges(small, small, challenges(1)))
        torch.set_num_threads(2)
        two = kept(score_challenges(small, small, challenges(1)))
    finally:
        torch.set_num_threads(threads)
    assert one == two


@pytest.mark.models
def test_another_layout_gives_other_numbers_but_no_other_answer(
    small: LoadedModel, small_bf16: LoadedModel, challenges
) -> None:
    runs = [
        list(score_challenges(small, small_bf16, challenges(2), layout=layout))
        for layout in BatchLayout
    ]
    assert kept(runs[0]) != kept(runs[1])
    sums = [sum(scores(run)) for run in runs]
    assert abs(sums[0] - sums[1]) < 0.5 * max(sums)


@pytest.mark.models
def test_measurement(small: LoadedModel, challenges) -> None:
    before_ns = time.time_ns()
    first, second = score_challenges(small, small, challenges(2), cold_below=2)
    assert (first.index, second.index) == (1, 2)
    assert (first.cold, second.cold) == (True, False)
    assert before_ns <= first.start_ns < second.start_ns <= time.time_ns()
    assert 0 < first.duration_ns <= second.start_ns - first.start_ns
    for (_, texts), measurement in zip(challenges(2), (first, second), strict=True):
        assert [probe.text for probe in measurement.probes] == texts
        for probe in measurement.probes:
            assert list(probe.token_ids) == small.encode(probe.text)
            assert len(probe.distributions.position_sizes) == min(32, len(probe.token_ids) - 1)


def test_challenges_are_read_one_by_one(tiny_folder: Path) -> None:
    model = open_model(parse_model_source(str(tiny_folder)))
    asked: list[int] = []

    def endless() -> Iterator[tuple[int, list[str]]]:
        while True:
            asked.append(len(asked) + 1)
            yield asked[-1], ["A probe of twenty bytes or more."] * 4

    measurements = score_challenges(model, model, endless())
    assert [next(measurements).index for _ in range(3)] == [1, 2, 3]
    assert asked == [1, 2, 3]


def test_short_probe_is_an_error_of_its_challenge(tiny_folder: Path) -> None:
    model = open_model(parse_model_source(str(tiny_folder)))
    texts = ["A probe of twenty bytes or more.", "Too short."]
    with pytest.raises(Rejection) as caught:
        list(score_challenges(model, model, [(7, texts)]))
    assert caught.value.code == "challenge.too-few-positions"
    assert caught.value.where == "challenge 7, probe 1"


def test_candidate_must_read_the_same_ids(tiny_folder: Path) -> None:
    source = parse_model_source(str(tiny_folder))
    candidate = open_model(source)
    candidate.tokenizer.add_tokens(["twenty"])
    with pytest.raises(Rejection) as caught:
        list(score_challenges(open_model(source), candidate, [(1, ["Of twenty bytes or more."])]))
    assert caught.value.code == "tokenizer.differs"


def test_layout_that_both_models_can_take(tiny_folder: Path) -> None:
    source = parse_model_source(str(tiny_folder))
    one, other = open_model(source), open_model(source)
    assert choose_layout(one, other) is BatchLayout.CHALLENGE_LEFT_PADDED
    other._takes_position_ids = False
    assert choose_layout(one, other) is BatchLayout.PROBE_BY_PROBE
    measured = score_challenges(
        one, other, [(1, ["A probe of twenty bytes.", "Another, longer one."])]
    )
    assert scores(measured) == [0, 0]
