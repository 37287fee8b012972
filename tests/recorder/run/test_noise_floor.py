from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.models.load import open_model
from pot_recorder.models.source import parse_model_source
from pot_recorder.run.noise_floor import measure_noise_floor
from pot_reverify.errors import Rejection


@pytest.mark.models
def test_of_one_configuration_it_is_zero_and_of_another_it_is_not(
    small_folder: Path, challenges
) -> None:
    source = parse_model_source(str(small_folder))
    reference = open_model(source)
    floor = measure_noise_floor(reference, open_model(source), challenges(1))
    assert (floor.probes, floor.score_sum, floor.score_max) == (4, 0, 0)
    rounded = open_model(source, dtype="bfloat16")
    floor = measure_noise_floor(reference, rounded, challenges(1))
    assert floor.probes == 4
    assert 0 < floor.score_max < floor.score_sum <= 4 * floor.score_max


def test_other_weights_have_no_noise_floor(tiny_folder: Path) -> None:
    reference = open_model(parse_model_source(str(tiny_folder)))
    (tiny_folder / "chat_template.jinja").write_text("{{ messages }}")
    other = open_model(parse_model_source(str(tiny_folder)))
    with pytest.raises(Rejection) as caught:
        measure_noise_floor(reference, other, [(1, ["A probe of twenty bytes or more."])])
    assert caught.value.code == "noise-floor.other-weights"
