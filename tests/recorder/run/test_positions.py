import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.run.positions import scored_rows
from pot_reverify.errors import Rejection


@pytest.mark.parametrize(
    ("tokens", "rows"),
    [(17, range(16)), (33, range(32)), (34, range(1, 33)), (80, range(47, 79))],
)
def test_rows_predict_the_last_tokens(tokens: int, rows: range) -> None:
    assert scored_rows(tokens, "probe") == rows


@pytest.mark.parametrize("tokens", [0, 1, 16])
def test_too_few(tokens: int) -> None:
    with pytest.raises(Rejection) as caught:
        scored_rows(tokens, "challenge 2, probe 3")
    assert caught.value.code == "challenge.too-few-positions"
    assert caught.value.where == "challenge 2, probe 3"
