from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pot_reverify.decision.presets import PRESETS, Preset, parse_preset
from pot_reverify.errors import Rejection

TABLE = {
    "quick": ((1, 40), (3, 20), (1, 2), (4, 5), (3, 20), 10, 120),
    "audit": ((1, 100), (1, 10), (1, 2), (1, 1), (1, 10), 30, 400),
    "extended": ((1, 1000), (2, 25), (2, 5), (11, 10), (2, 25), 50, 800),
}
FIELDS = ("alpha", "gamma", "eta", "delta", "epsilon", "n_min", "n_max")


def audit(**changes):
    return PRESETS["audit"].to_document() | changes


def custom(**changes):
    return audit(name="custom") | changes


def rationals(low, high):
    return st.fractions(low, high, max_denominator=1000)


@st.composite
def valid_presets(draw):
    epsilon = draw(rationals(Fraction(1, 100), Fraction(99, 100)))
    delta = draw(rationals(Fraction(1, 2), Fraction(199, 100)))
    gamma = (1 - epsilon) * delta * Fraction(draw(st.integers(1, 9)), 10)
    n_min = draw(st.integers(1, 20))
    return Preset(
        "custom",
        alpha=draw(rationals(Fraction(1, 1000), Fraction(1, 4))),
        gamma=Fraction(max(1, int(gamma * 1000)), 1000),
        eta=draw(rationals(Fraction(1, 20), 1)),
        delta=delta,
        epsilon=epsilon,
        n_min=n_min,
        n_max=n_min + draw(st.integers(0, 40)),
    )


@pytest.mark.parametrize("name", TABLE)
def test_named_presets_are_those_of_the_table(name):
    document = PRESETS[name].to_document()
    assert document == {"name": name} | {
        field: list(value) if isinstance(value, tuple) else value
        for field, value in zip(FIELDS, TABLE[name], strict=True)
    }
    assert parse_preset(document) == PRESETS[name]


def test_presets_are_the_three_named_ones():
    assert list(PRESETS) == list(TABLE)


@given(valid_presets())
def test_documents_of_custom_presets_read_back(preset):
    assert parse_preset(preset.to_document()) == preset


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({}, "preset.fields"),
        ({k: v for k, v in audit().items() if k != "eta"}, "preset.fields"),
        (audit(note="x"), "preset.fields"),
        (audit() | {1: 2}, "preset.fields"),
        (audit(name="AUDIT"), "preset.unknown-name"),
        (audit(name=["audit"]), "preset.unknown-name"),
        (audit(name=None), "preset.unknown-name"),
        (audit(alpha=[1, 101]), "preset.not-the-named-one"),
        (audit(n_max=401), "preset.not-the-named-one"),
        (audit(name="quick"), "preset.not-the-named-one"),
        (audit(alpha=0.01), "preset.not-a-rational"),
        (audit(alpha="1/100"), "preset.not-a-rational"),
        (audit(alpha=[1]), "preset.not-a-rational"),
        (audit(alpha=[1, 100, 1]), "preset.not-a-rational"),
        (audit(alpha=[1.0, 100]), "preset.not-a-rational"),
        (audit(alpha=[2, 200]), "preset.not-a-rational"),
        (audit(alpha=[-1, -100]), "preset.not-a-rational"),
        (audit(alpha=[1, 0]), "preset.not-a-rational"),
        (audit(delta=[True, True]), "preset.not-a-rational"),
        (audit(delta=[1, True]), "preset.not-a-rational"),
        (audit(eta=[0, 2]), "preset.not-a-rational"),
        (audit(n_min=30.0), "preset.not-an-integer"),
        (audit(n_min=True), "preset.not-an-integer"),
        (audit(n_max="400"), "preset.not-an-integer"),
        (custom(alpha=[0, 1]), "preset.out-of-range"),
        (custom(alpha=[-1, 100]), "preset.out-of-range"),
        (custom(alpha=[251, 1000]), "preset.out-of-range"),
        (custom(alpha=[1, 1000001]), "preset.out-of-range"),
        (custom(gamma=[0, 1]), "preset.out-of-range"),
        (custom(gamma=[9, 10]), "preset.out-of-range"),
        (custom(eta=[0, 1]), "preset.out-of-range"),
        (custom(eta=[101, 100]), "preset.out-of-range"),
        (custom(delta=[2, 1]), "preset.out-of-range"),
        (
            custom(gamma=[999_989, 500_000], delta=[999_999, 500_000], epsilon=[1, 10**6]),
            "preset.out-of-range",
        ),
        (custom(delta=[-1, 1]), "preset.out-of-range"),
        (custom(epsilon=[0, 1]), "preset.out-of-range"),
        (custom(epsilon=[1, 1]), "preset.out-of-range"),
        (custom(n_min=0), "preset.out-of-range"),
        (custom(n_min=401), "preset.out-of-range"),
        (custom(n_max=0), "preset.out-of-range"),
        (custom(n_max=10001), "preset.out-of-range"),
    ],
)
def test_refusals(document, code):
    with pytest.raises(Rejection) as caught:
        parse_preset(document)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": [1, 4]},
        {"alpha": [1, 10**6]},
        {"gamma": [899, 1000]},
        {"eta": [1, 1]},
        {"delta": [199, 100]},
        {"delta": [65535, 32768]},
        {"n_min": 1, "n_max": 1},
        {"n_max": 10_000},
    ],
)
def test_ends_of_the_ranges_are_allowed(changes):
    assert parse_preset(custom(**changes)).to_document() == custom(**changes)


def test_custom_may_repeat_a_named_preset_and_stays_custom():
    assert parse_preset(custom()).name == "custom"


def test_attempts_halve_the_level_and_spend_less_than_twice_alpha():
    preset = PRESETS["quick"]
    assert [preset.effective_alpha(attempt) for attempt in (1, 2, 3)] == [
        Fraction(1, 40),
        Fraction(1, 80),
        Fraction(1, 160),
    ]
    assert sum(preset.effective_alpha(attempt) for attempt in range(1, 65)) < 2 * preset.alpha


@pytest.mark.parametrize("attempt", [-1, 0, 65])
def test_attempts_outside_the_range_are_refused(attempt):
    with pytest.raises(Rejection) as caught:
        PRESETS["quick"].effective_alpha(attempt)
    assert caught.value.code == "decision.attempt-out-of-range"
