"""Fields, points, sums of multiples, generators, Poseidon: against definitions and against Rust."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proof_vectors import read_json, scalar, small_circuit

from pot_reverify.errors import Rejection
from pot_reverify.proof import params
from pot_reverify.proof.multiopen import add_multiple
from pot_reverify.proof.params import derive_generators, encode_generators, generators
from pot_reverify.proof.pasta_fields import (
    DELTA,
    P,
    Q,
    domain_generator,
    invert,
    invert_all,
    parse_scalar,
    square_root,
)
from pot_reverify.proof.poseidon import poseidon_digest
from pot_reverify.proof.vesta import add_pairs, decompress, sum_of_multiples

GENERATORS = generators(5).g
elements = st.integers(0, Q - 1)
scalars = st.one_of(st.integers(0, P - 1), st.integers(0, 20), st.integers(P - 20, P))


def negative(point):
    return (point[0], Q - point[1])


def double_and_add(scalar_, point):
    """The textbook definition, one addition at a time, with an inversion each."""
    total = None
    for bit in f"{scalar_:b}":
        total = textbook_sum(total, total)
        if bit == "1":
            total = textbook_sum(total, point)
    return total


def textbook_sum(a, b):
    if a is None or b is None:
        return a or b
    if a == negative(b):
        return None
    if a == b:
        slope = 3 * a[0] ** 2 * pow(2 * a[1], -1, Q)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, Q)
    x = (slope**2 - a[0] - b[0]) % Q
    return x, (slope * (a[0] - x) - a[1]) % Q


@given(elements)
def test_square_roots(value):
    root = square_root(value)
    assert (root is not None) == (pow(value, (Q - 1) // 2, Q) in (0, 1))
    assert root is None or root * root % Q == value
    assert square_root(value * value % Q) in (value, Q - value, 0)


@given(st.lists(st.integers(1, Q - 1)))
def test_inverses_taken_together(values):
    assert [a * b % Q for a, b in zip(values, invert_all(values, Q), strict=True)] == [1] * len(
        values
    )


def test_zero_has_no_inverse():
    assert invert(3) * 3 % P == 1
    for zero in (0, P):
        with pytest.raises(Rejection) as rejection:
            invert(zero)
        assert rejection.value.code == "proof.challenge-degenerate"


def test_constants_of_the_fields():
    for k in (1, 5, 32):
        assert pow(domain_generator(k), 1 << k - 1, P) == P - 1
    assert pow(DELTA, (P - 1) >> 32, P) == 1
    assert DELTA != 1


def test_scalars_are_canonical():
    assert parse_scalar((P - 1).to_bytes(32, "little")) == P - 1
    for value in (P, P + 1, (1 << 256) - 1):
        with pytest.raises(Rejection) as rejection:
            parse_scalar(value.to_bytes(32, "little"))
        assert rejection.value.code == "proof.scalar-not-canonical"


@given(st.sampled_from(GENERATORS), st.booleans())
def test_points_decompress_to_what_was_compressed(point, negate):
    x, y = negative(point) if negate else point
    encoding = (x | (y & 1) << 255).to_bytes(32, "little")
    assert decompress(encoding) == (x, y)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "proof.point-is-identity"),
        (1 << 255, "proof.point-not-on-curve"),  # x = 0: 5 is not a square
        (Q, "proof.point-not-canonical"),
        (GENERATORS[0][0] + Q, "proof.point-not-canonical"),
        ((1 << 256) - 1, "proof.point-not-canonical"),
        (2, "proof.point-not-on-curve"),
    ],
)
def test_bad_points(value, code):
    with pytest.raises(Rejection) as rejection:
        decompress(value.to_bytes(32, "little"))
    assert rejection.value.code == code


def test_pairs_are_added_as_in_the_textbook():
    a, b, c = GENERATORS[:3]
    pairs = [(a, b), (a, a), (a, negative(a)), (c, a), (negative(b), negative(b))]
    assert add_pairs(pairs) == [textbook_sum(*pair) for pair in pairs]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(GENERATORS), scalars, max_size=len(GENERATORS)))
def test_sums_of_multiples(terms):
    expected = None
    for point, scalar_ in terms.items():
        expected = textbook_sum(expected, double_and_add(scalar_, point))
    assert sum_of_multiples(terms) == expected


def test_sums_that_cancel():
    point = GENERATORS[7]
    assert sum_of_multiples({point: P}) is None
    assert sum_of_multiples({point: 12, negative(point): 12}) is None
    assert sum_of_multiples({point: 12, negative(point): 11}) == point
    assert sum_of_multiples({}) is None


def test_equal_points_meet_in_one_bucket():
    # Different keys whose multiples coincide: buckets add a point to itself and to its negative.
    point = GENERATORS[3]
    double = textbook_sum(point, point)
    assert sum_of_multiples({point: 6, double: 3}) == double_and_add(12, point)
    assert sum_of_multiples({point: 6, negative(double): 3}) is None


@pytest.mark.parametrize("expected", read_json("generators")[:8], ids=lambda row: f"k={row['k']}")
def test_generators_are_those_of_halo2_proofs(expected):
    derived = derive_generators(expected["k"])
    points = [decompress(bytes.fromhex(text)) for text in expected["g_0"] + expected["w_u"]]
    assert [derived.g[0], derived.w, derived.u] == points
    digest = hashlib.sha256(encode_generators(derived)).hexdigest()
    assert f"sha256:{digest}" == expected["digest"]


def test_pinned_digests_are_those_of_halo2_proofs():
    expected = {row["k"]: row["digest"] for row in read_json("generators")}
    for k, digest in params.PINNED_DIGESTS.items():
        assert expected[k] == f"sha256:{digest}"


@pytest.fixture
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    generators.cache_clear()
    yield tmp_path / "pot-audit" / "halo2"
    generators.cache_clear()


def test_generators_are_cached_and_the_cache_is_not_believed(cache_folder):
    first = generators(10)
    [path] = cache_folder.iterdir()
    good = path.read_bytes()
    assert hashlib.sha256(good).hexdigest() == params.PINNED_DIGESTS[10]
    generators.cache_clear()
    assert generators(10) == first
    for damaged in (good[:-1], bytes([good[0] ^ 1]) + good[1:], b""):
        path.write_bytes(damaged)
        generators.cache_clear()
        assert generators(10) == first
        assert path.read_bytes() == good
    assert [path] == list(cache_folder.iterdir())


def test_generators_need_no_cache_folder(cache_folder):
    cache_folder.parent.write_text("not a folder")
    assert len(generators(10).g) == 1 << 10


@pytest.mark.usefixtures("cache_folder")
def test_cached_generators_are_read(monkeypatch):
    cached = generators(10)
    generators.cache_clear()
    monkeypatch.setattr(params, "derive_generators", lambda k: pytest.fail(f"derived {k}"))
    assert generators(10) == cached


@pytest.mark.parametrize("name", ["chain", "gate"])
def test_instance_bases_commit_to_unit_vectors(name):
    assert_instance_bases(small_circuit(name).circuit)


def assert_instance_bases(circuit):
    """One random combination of all rows: as values at rows, and as coefficients."""
    key = circuit.key
    rows, inverse = 1 << key.k, pow(1 << key.k, -1, P)
    seed = hashlib.sha512(repr(circuit.instance_bases).encode()).digest()
    weights = [
        int.from_bytes(hashlib.sha512(seed + bytes([row])).digest(), "little") % P
        for row in range(len(circuit.instance_bases))
    ]
    difference = {}
    for base, weight in zip(circuit.instance_bases, weights, strict=True):
        add_multiple(difference, base, weight)
    back = pow(key.omega, -1, P)
    for power, point in enumerate(generators(key.k).g):
        step = pow(back, power, P)
        coefficient = 0
        for weight in reversed(weights):
            coefficient = (coefficient * step + weight) % P
        assert rows * inverse % P == 1
        add_multiple(difference, point, -coefficient * inverse)
    assert sum_of_multiples(difference) is None


@pytest.mark.parametrize("case", read_json("poseidon"), ids=lambda case: str(len(case["message"])))
def test_poseidon_is_that_of_halo2(case):
    assert poseidon_digest([scalar(text) for text in case["message"]]) == scalar(case["digest"])
