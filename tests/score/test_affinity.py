from itertools import accumulate, chain, pairwise
from struct import pack

import mpmath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pot_reverify.errors import Rejection
from pot_reverify.score.affinity import (
    SCORE_MAX,
    WHOLE,
    affinity,
    affinity_score,
    parse_distributions,
)


def packed(numbers):
    return pack(f"<{len(numbers)}I", *numbers)


def distributions(p, q):
    """From the cells of each position of p and of q."""
    ids = [cell for cells in p for cell in range(len(cells))]
    flat = [list(chain.from_iterable(law)) for law in (p, q)]
    return parse_distributions(bytes(map(len, p)), packed(ids), *map(packed, flat))


def score(p, q):
    return affinity_score(distributions(p, q))


@st.composite
def cells(draw, size):
    """Cells of one position; cuts of [0, 2^32] at drawn places, the last piece being the rest."""
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE - 1), min_size=size, max_size=size)))
    return [b - a for a, b in pairwise([0, *cuts])]


@st.composite
def pairs(draw):
    """Cells of p and q at 16 to 20 positions, often near each other, sometimes equal."""
    sizes = draw(st.lists(st.integers(1, 16), min_size=16, max_size=20))
    p = [draw(cells(size)) for size in sizes]
    closeness = draw(st.sampled_from([0, 1, 7, 1000, 10**6]))
    if closeness:
        q = [[x - x // (closeness + 2 * i) for i, x in enumerate(position, 1)] for position in p]
    else:
        q = [draw(cells(size)) for size in sizes]
    return p, q


def exact_score(p, q):
    """2^15 * squared Hellinger distance of the recorded laws, in real numbers."""
    with mpmath.workdps(60):
        product = mpmath.mpf(1)
        for p_cells, q_cells in zip(p, q, strict=True):
            full = zip(
                [*p_cells, WHOLE - sum(p_cells)], [*q_cells, WHOLE - sum(q_cells)], strict=True
            )
            product *= sum(mpmath.sqrt(a * b) for a, b in full) / WHOLE
        return 2 * (1 - product) * 2**15


@given(pairs())
def test_score_is_the_squared_hellinger_distance_rounded_to_a_unit(pair):
    x, exact = score(*pair), exact_score(*pair)
    assert 0 <= x <= SCORE_MAX
    assert mpmath.floor(exact) <= x + (exact >= SCORE_MAX)
    assert x <= mpmath.floor(exact) + 1


@given(pairs())
def test_score_is_symmetric(pair):
    p, q = pair
    assert score(p, q) == score(q, p)


@given(pairs())
def test_affinity_is_one_exactly_if_all_integers_are_equal(pair):
    p, q = pair
    assert score(p, p) == 0
    assert affinity(distributions(p, p)) == WHOLE
    assert (affinity(distributions(p, q)) == WHOLE) == (p == q)


@given(pairs(), st.data())
def test_merging_two_cells_never_raises_the_score(pair, data):
    p, q = pair
    k = data.draw(st.integers(0, len(p) - 1))
    assume(len(p[k]) > 1)
    i = data.draw(st.integers(0, len(p[k]) - 2))

    def merged(law):
        position = law[k]
        coarse = [*position[:i], position[i] + position[i + 1], *position[i + 2 :]]
        return [*law[:k], coarse, *law[k + 1 :]]

    assume(max(map(sum, (p[k], q[k]))) < WHOLE)
    assert affinity(distributions(merged(p), merged(q))) >= affinity(distributions(p, q))
    assert score(merged(p), merged(q)) <= score(p, q)


@given(pairs(), st.data())
def test_moving_a_token_into_the_rest_never_raises_the_score(pair, data):
    p, q = pair
    k = data.draw(st.integers(0, len(p) - 1))
    assume(len(p[k]) > 1)
    i = data.draw(st.integers(0, len(p[k]) - 1))

    def without(law):
        return [*law[:k], [*law[k][:i], *law[k][i + 1 :]], *law[k + 1 :]]

    assert score(without(p), without(q)) <= score(p, q)


def test_laws_without_overlap_have_the_largest_score():
    assert score([[WHOLE - 1]] * 16, [[0]] * 16) == SCORE_MAX


def test_score_turns_to_one_where_the_distance_reaches_a_unit():
    """One position differs, by isqrt rounding known by hand: BC = isqrt((2^32 - 1) * x)."""
    rest = [[WHOLE - 1]] * 15

    def with_last(x):
        return distributions([[WHOLE - 1], *rest], [[x], *rest])

    below = next(x for x in range(WHOLE - 150_000, WHOLE) if affinity(with_last(x)) > WHOLE - 2**16)
    assert affinity_score(with_last(below)) == 0
    assert affinity_score(with_last(below - 1)) == 1


SIZES = bytes([2] * 16)
IDS, CELLS = packed([3, 9] * 16), packed([WHOLE // 2] * 32)


def with_cell(index, value):
    return CELLS[: 4 * index] + packed([value]) + CELLS[4 * index + 4 :]


@pytest.mark.parametrize(
    ("arguments", "code", "where"),
    [
        ((b"", b"", b"", b""), "score.position-count", None),
        ((SIZES[:15], IDS[:-8], CELLS[:-8], CELLS[:-8]), "score.position-count", None),
        ((bytes([1] * 33), *[packed([1] * 33)] * 3), "score.position-count", None),
        ((SIZES[:15] + b"\0", IDS[:-8], CELLS[:-8], CELLS[:-8]), "score.position-size", None),
        ((bytes([17] * 16), *[packed([1] * 272)] * 3), "score.position-size", None),
        ((SIZES, IDS[:-1], CELLS, CELLS), "score.array-length", "token_ids"),
        ((SIZES, IDS, CELLS + b"\0\0\0\0", CELLS), "score.array-length", "p"),
        ((SIZES, IDS, CELLS, b""), "score.array-length", "q"),
        ((SIZES, packed([3, 9] * 15 + [9, 3]), CELLS, CELLS), "score.token-order", "position 15"),
        ((SIZES, packed([4, 4] + [3, 9] * 15), CELLS, CELLS), "score.token-order", "position 0"),
        ((SIZES, IDS, with_cell(4, WHOLE // 2 + 1), CELLS), "score.mass-above-one", "position 2"),
        ((SIZES, IDS, CELLS, with_cell(31, WHOLE - 1)), "score.mass-above-one", "position 15"),
    ],
)
def test_refusals(arguments, code, where):
    with pytest.raises(Rejection) as caught:
        parse_distributions(*arguments)
    assert (caught.value.code, caught.value.where) == (code, where)


def test_mass_of_exactly_one_and_equal_ids_at_different_positions_are_allowed():
    assert affinity_score(parse_distributions(SIZES, IDS, CELLS, CELLS)) == 0


@given(st.lists(st.integers(1, 16), min_size=16, max_size=32))
def test_arrays_are_little_endian_and_positions_follow_each_other(sizes):
    """A probe in which one position differs scores like that position alone."""
    p = [[k + 1] * size for k, size in enumerate(sizes)]
    q = [*p[:-1], [WHOLE // (2 * sizes[-1])] * sizes[-1]]
    flat_p = b"".join(x.to_bytes(4, "little") for cells in p for x in cells)
    flat_q = b"".join(x.to_bytes(4, "little") for cells in q for x in cells)
    ids = b"".join(x.to_bytes(4, "little") for size in sizes for x in range(7, 7 + size))
    recorded = parse_distributions(bytes(sizes), ids, flat_p, flat_q)
    assert [recorded.p, recorded.q, recorded.token_ids] == [flat_p, flat_q, ids]
    assert list(accumulate(recorded.position_sizes))[-1] * 4 == len(ids)
    alone = exact_score(p[-1:], q[-1:])
    assert abs(affinity_score(recorded) - alone) <= 1
