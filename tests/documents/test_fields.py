"""Typed reading of maps: every way in which a field can be wrong, with its place."""

from fractions import Fraction

import pytest

from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection


def refusal(take, value) -> Rejection:
    with pytest.raises(Rejection) as refused:
        take(Fields({"a": value}, "HEAD"))
    return refused.value


@pytest.mark.parametrize("value", [None, [], "x", 1, b"x"])
def test_only_maps_have_fields(value):
    with pytest.raises(Rejection) as refused:
        Fields(value, "HEAD")
    assert (refused.value.code, refused.value.where) == ("schema.wrong-type", "HEAD")
    for take in (lambda fields: fields.take_fields("a"), lambda fields: fields.take_map("a")):
        error = refusal(take, value)
        assert (error.code, error.where) == ("schema.wrong-type", "HEAD.a")


@pytest.mark.parametrize(
    ("take", "values"),
    [
        (lambda fields: fields.take_int("a"), [None, True, "1", b"1", [1]]),
        (lambda fields: fields.take_bool("a"), [None, 0, 1, "true"]),
        (lambda fields: fields.take_str("a"), [None, 1, b"x", ["x"]]),
        (lambda fields: fields.take_bytes("a", 1), [None, 1, "x", [1]]),
        (lambda fields: fields.take_list("a", 0, 9), [None, "x", {}, b""]),
        (lambda fields: fields.take_ratio("a"), [None, [True, 1], [1, True], ["1", 1]]),
        (lambda fields: fields.take_digest("a"), [None, 1, bytes(32)]),
    ],
)
def test_types(take, values):
    for value in values:
        error = refusal(take, value)
        assert (error.code, error.where) == ("schema.wrong-type", "HEAD.a")


@pytest.mark.parametrize(
    ("take", "good", "bad"),
    [
        (lambda fields: fields.take_int("a"), [0, 2**63 - 1], [-1, 2**63]),
        (lambda fields: fields.take_int("a", 2, 3), [2, 3], [1, 4]),
        (lambda fields: fields.take_str("a", 2), ["x", "\U0001f600" * 2], ["", "xyz"]),
        (lambda fields: fields.take_str("a", 2, empty=True), ["", "xy"], ["xyz"]),
        (lambda fields: fields.take_bytes("a", 2), [b"xy"], [b"x", b"xyz"]),
        (lambda fields: fields.take_bytes("a", 1, 2), [b"x", b"xy"], [b"", b"xyz"]),
        (lambda fields: fields.take_list("a", 1, 2), [[0], [0, 0]], [[], [0, 0, 0]]),
    ],
)
def test_ranges(take, good, bad):
    for value in good:
        assert take(Fields({"a": value}, "HEAD")) == value
    for value in bad:
        error = refusal(take, value)
        assert (error.code, error.where) == ("schema.out-of-range", "HEAD.a")


def test_literals():
    assert Fields({"a": "x"}, "HEAD").take_literal("a", "x", "y") == "x"
    error = refusal(lambda fields: fields.take_literal("a", "x", "y"), "z")
    assert (error.code, error.expected, error.got) == ("schema.unknown-value", "x or y", "z")


@pytest.mark.parametrize("pair", [[2, 4], [1, 0], [1, -1], [0, 2], [-2, 4]])
def test_ratios_stand_in_lowest_terms(pair):
    assert refusal(lambda fields: fields.take_ratio("a"), pair).code == "schema.ratio-not-reduced"


@pytest.mark.parametrize("pair", [[0, 1], [-1, 2], [3, 1]])
def test_ratios(pair):
    assert Fields({"a": pair}, "HEAD").take_ratio("a") == Fraction(*pair)


def test_a_bad_digest_is_placed():
    error = refusal(lambda fields: fields.take_digest("a"), "md5:0")
    assert (error.code, error.where) == ("digest.malformed", "HEAD.a")
    assert Fields({"a": "sha256:" + "0f" * 32}, "HEAD").take_digest("a") == b"\x0f" * 32


def test_every_field_is_taken_once():
    fields = Fields({"a": 1, "c": 2, "b": 3}, "HEAD")
    assert fields.take_int("a") == 1
    with pytest.raises(Rejection) as missing:
        fields.take_int("a")
    assert (missing.value.code, missing.value.where) == ("schema.missing-field", "HEAD.a")
    with pytest.raises(Rejection) as unknown:
        fields.finish()
    assert (unknown.value.code, unknown.value.where) == ("schema.unknown-field", "HEAD.b")


def test_null_is_taken_only_if_it_is_there():
    fields = Fields({"a": None, "b": 0}, "HEAD")
    assert fields.drop_null("a")
    assert not fields.drop_null("a")
    assert not fields.drop_null("b")


def test_extensions_are_forgotten():
    fields = Fields({"extensions": {"a": 1}}, "HEAD")
    fields.drop_extensions()
    fields.finish()
    with pytest.raises(Rejection) as refused:
        Fields({"extensions": 1}, "HEAD").drop_extensions()
    assert (refused.value.code, refused.value.where) == ("schema.wrong-type", "HEAD.extensions")
