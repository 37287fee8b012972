# ruff: noqa: E402 - the module is skipped before it imports what needs torch
import math
import struct
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from pot_recorder.models.loaded_model import softmax_float64
from pot_recorder.run.coarsen import coarsen, top_tokens
from pot_reverify.score.affinity import WHOLE, ProbeDistributions, affinity_score

POSITIONS = 16
# Few distinct values make ties; large ones make probabilities of exactly 0 and 1.
LOGITS = np_st.arrays(
    np.float32,
    st.tuples(st.just(POSITIONS), st.integers(2, 40)),
    elements=st.one_of(
        st.integers(-3, 3).map(float), st.floats(-80, 80, width=32), st.sampled_from([0.0, 1000.0])
    ),
)


def softmax(logits: np.ndarray) -> np.ndarray:
    return softmax_float64(torch.from_numpy(logits))


def unpacked(packed: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(packed) // 4}I", packed))


def rows(kept: ProbeDistributions) -> list[list[tuple[int, int, int]]]:
    cells = iter(zip(unpacked(kept.token_ids), unpacked(kept.p), unpacked(kept.q), strict=True))
    return [[next(cells) for _ in range(size)] for size in kept.position_sizes]


@given(LOGITS, st.data())
def test_every_cell_is_the_floor_and_no_sum_exceeds_one(
    logits: np.ndarray, data: st.DataObject
) -> None:
    shift = data.draw(np_st.arrays(np.float32, logits.shape, elements=st.floats(-9, 9, width=32)))
    p, q = softmax(logits), softmax(logits + shift)
    for position, cells in enumerate(rows(coarsen(p, q))):
        ids = [token for token, _, _ in cells]
        assert ids == sorted(set(naive_top(p[position])) | set(naive_top(q[position])))
        for token, mine, other in cells:
            for integer, real in ((mine, p[position, token]), (other, q[position, token])):
                assert integer == min(WHOLE - 1, int(Fraction(float(real)) * WHOLE))
        assert sum(mine for _, mine, _ in cells) <= WHOLE
        assert sum(other for _, _, other in cells) <= WHOLE


@given(LOGITS)
def test_identical_distributions_score_exactly_zero(logits: np.ndarray) -> None:
    p = softmax(logits)
    assert affinity_score(coarsen(p, p.copy())) == 0


@given(LOGITS)
def test_top_tokens(logits: np.ndarray) -> None:
    p = softmax(logits)
    for row, tokens in zip(p, top_tokens(p), strict=True):
        assert tokens.tolist() == sorted(naive_top(row))


def naive_top(row: np.ndarray) -> list[int]:
    return sorted(range(len(row)), key=lambda token: (-row[token], token))[:8]


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 8.0, 100.0])
def test_softmax_of_many_tokens_stays_within_the_proven_bound(scale: float) -> None:
    logits = torch.randn(8, 50_000, generator=torch.Generator().manual_seed(1)) * scale
    for row in softmax_float64(logits):
        assert abs(math.fsum(row) - 1) < 2**-40


def test_a_certain_token_is_written_as_the_largest_u32() -> None:
    logits = np.full((POSITIONS, 12), -1000, dtype=np.float32)
    logits[:, 5] = 0
    for cells in rows(coarsen(softmax(logits), softmax(logits))):
        kept = {token: mine for token, mine, _ in cells}
        assert kept == {token: WHOLE - 1 if token == 5 else 0 for token in range(8)}


def test_disjoint_tops_give_sixteen_cells() -> None:
    p, q = np.zeros((POSITIONS, 20), dtype=np.float32), np.zeros((POSITIONS, 20), dtype=np.float32)
    p[:, :8], q[:, 12:] = 9, 9
    kept = coarsen(softmax(p), softmax(q))
    assert kept.position_sizes == bytes([16] * POSITIONS)
    assert unpacked(kept.token_ids)[:16] == [*range(8), *range(12, 20)]
