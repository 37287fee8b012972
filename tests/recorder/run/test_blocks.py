import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from hypothesis import given
from hypothesis import strategies as st

from pot_recorder.run.blocks import plan_blocks
from pot_reverify.decision.presets import PRESETS


def test_audit() -> None:
    ends = [block.stop - 1 for block in plan_blocks(30, 400)]
    assert ends == [30, 45, 67, 100, 150, 225, 337, 400]


@given(st.integers(1, 100), st.integers(0, 2000))
def test_every_challenge_once_in_order(n_min: int, more: int) -> None:
    blocks = plan_blocks(n_min, n_min + more)
    assert [index for block in blocks for index in block] == list(range(1, n_min + more + 1))
    assert len(blocks[0]) == n_min
    assert all(blocks)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_less_than_a_third_is_run_in_vain(preset) -> None:
    for block in plan_blocks(preset.n_min, preset.n_max)[1:]:
        ran, could_have_stopped_at = block.stop - 1, block.start
        assert 3 * (ran - could_have_stopped_at) < ran


@pytest.mark.parametrize(("n_min", "n_max"), [(0, 5), (6, 5)])
def test_bounds(n_min: int, n_max: int) -> None:
    with pytest.raises(ValueError, match="n_min"):
        plan_blocks(n_min, n_max)
