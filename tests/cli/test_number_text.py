"""Numbers on the screen never say more than what was certified."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pot_audit.number_text import (
    estimate_text,
    interval_text,
    lower_equation,
    lower_text,
    percent_text,
    upper_equation,
    upper_text,
)
from pot_audit.screen import decision_lines
from pot_reverify.checks.decision import last_step
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT, StopReason
from pot_reverify.decision.presets import ATTEMPTS_MAX, CUSTOM, PRESETS
from pot_reverify.documents.bundle_reader import read_bundle_of

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
VALUES = st.one_of(
    st.fractions(0, 3),
    st.fractions(0, 3, max_denominator=10**6),
    st.builds(Fraction, st.integers(0, 3 * 10**7), st.just(10**7)),
)
PROBABILITIES = st.one_of(
    st.fractions(min_value=Fraction(1, 10**18), max_value=Fraction(1, 2)),
    st.builds(Fraction, st.integers(1, 10**7), st.sampled_from([10**8, 10**9, 2**40])),
)


def number(text):
    return Fraction(text.removeprefix("≈ ").removesuffix(" %"))


@given(VALUES)
def test_bounds_are_rounded_outwards_by_less_than_a_unit_of_the_last_place(value):
    assert value <= number(upper_text(value)) < value + Fraction(1, 10_000)
    assert value - Fraction(1, 10_000) < number(lower_text(value)) <= value


@given(VALUES)
def test_what_six_decimals_can_say_is_exact(value):
    exact = value * 10**6 % 1 == 0
    assert (number(upper_text(value)) == value == number(lower_text(value))) == exact
    assert estimate_text(value).startswith("≈ ") != exact
    assert abs(number(estimate_text(value)) - value) <= Fraction(1, 20_000)


@given(VALUES, VALUES)
def test_an_interval_holds_what_it_is_the_text_of(one, other):
    low, high = min(one, other), max(one, other)
    shown = [Fraction(text) for text in interval_text(low, high)[1:-1].split(", ")]
    assert shown[0] <= low <= high <= shown[1]


@given(PROBABILITIES)
def test_a_probability_is_never_understated(probability):
    shown = number(percent_text(probability)) / 100
    assert probability <= shown <= probability * Fraction(1001, 1000)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_no_level_of_any_attempt_is_understated(preset):
    for attempt in range(1, ATTEMPTS_MAX + 1):
        half = preset.effective_alpha(attempt) / 2
        text = percent_text(half)
        assert re.fullmatch(r"\d+(\.\d+)? %", text)
        assert half <= number(text) / 100 <= half * Fraction(1001, 1000)


@pytest.mark.parametrize(
    ("call", "value", "text"),
    [
        (upper_text, Fraction(40_004, 10**6), "0.040004"),
        (upper_text, Fraction(3, 20), "0.15"),
        (upper_text, Fraction(2), "2.00"),
        (upper_text, Fraction(0), "0.00"),
        (upper_text, Fraction(1, 3), "0.3334"),
        (upper_text, Fraction(1, 10**9), "0.0001"),
        (lower_text, Fraction(2, 3), "0.6666"),
        (lower_text, Fraction(1, 10**9), "0.00"),
        (estimate_text, Fraction(0), "0.00"),
        (estimate_text, Fraction(1, 3), "≈ 0.3333"),
        (estimate_text, Fraction(1, 10**9), "≈ 0.00"),
        (percent_text, Fraction(1, 80), "1.25 %"),
        (percent_text, Fraction(1, 200), "0.5 %"),
        (percent_text, Fraction(1, 4), "25 %"),
        (percent_text, Fraction(1, 3), "33.34 %"),
        (percent_text, Fraction(123_457, 10**8), "0.123457 %"),
        (percent_text, Fraction(1_234_567, 10**9), "0.1235 %"),
        (percent_text, Fraction(99_999_999, 10**8), "100 %"),
        (percent_text, Fraction(1, 200) / 2**31, "0.0000000002329 %"),
        (percent_text, Fraction(1, 10**4), "0.01 %"),
    ],
)
def test_texts(call, value, text):
    assert call(value) == text


def test_an_equation_says_whether_it_is_one():
    assert upper_equation("γ", Fraction(3, 20)) == "γ = 0.15"
    assert upper_equation("γ", Fraction(1, 3)) == "γ ≤ 0.3334"
    assert lower_equation("δ*", Fraction(2, 3)) == "δ* ≥ 0.6666"


@pytest.fixture(scope="module")
def bundle():
    return read_bundle_of(BUNDLES / "bf16.potb")


def shown(bundle, preset, step):
    return "\n".join(
        decision_lines(replace(bundle, head=replace(bundle.head, preset=preset)), step)
    )


def test_every_bound_of_a_decision_is_shown_outwards(bundle):
    step = last_step(bundle)
    text = shown(bundle, bundle.head.preset, step)
    scale = SCORE_UNIT * step.t
    mean, low, high = re.search(r"divergence (≈ [\d.]+), in \[([\d.]+), ([\d.]+)\]", text).groups()
    assert Fraction(low) <= Fraction(step.L, scale) <= number(mean)
    assert number(mean) <= Fraction(step.U, scale) <= Fraction(high)
    assert f"certified margin: a mean divergence of at most {high}" in text
    assert Fraction(high) != Fraction(step.U, scale), "this bundle's margin is not a short number"
    assert text.startswith("SAME  ")


def test_a_margin_is_not_rounded_away(bundle):
    step = last_step(bundle)
    preset = replace(PRESETS["quick"], name=CUSTOM, gamma=Fraction(40_004, 10**6))
    text = shown(bundle, preset, step)
    assert text.startswith("custom rule: SAME  ")
    assert "is at most γ = 0.040004;" in text
    assert "made by the signer: α = 0.025, γ = 0.040004, η = 0.50, δ* = 0.80, ε = 0.15" in text
    thirds = replace(preset, gamma=Fraction(1, 3), epsilon=Fraction(1, 7))
    assert "is at most γ ≤ 0.3334;" in shown(bundle, thirds, step)
    different = replace(step, reason=StopReason.DIFFERENT)
    assert "is at least (1−ε)·δ* ≥ 0.6857;" in shown(bundle, thirds, different)
    undecided = replace(step, reason=StopReason.BETWEEN)
    assert shown(bundle, thirds, undecided).startswith("custom rule: UNDECIDED (between)  ")
    assert shown(bundle, PRESETS["quick"], undecided).startswith("UNDECIDED (between)  ")
