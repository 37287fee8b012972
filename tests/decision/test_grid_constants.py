import decimal
from fractions import Fraction

import fraction_oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pot_reverify.decision import constants
from pot_reverify.decision.constants import GRID, derive_constants
from pot_reverify.decision.presets import PRESETS
from pot_reverify.errors import Indeterminate

P = [10724472792, 2732863472, 829560824, 161843269]
A = {
    "quick": [21797705558, 24774750030, 27751794502, 27751794502],
    "audit": [25733144285, 28710188757, 31687233229, 31687233229],
    "extended": [35622671956, 38599716428, 41576760900, 41576760900],
}


@pytest.mark.parametrize("name", A)
def test_constants_of_the_named_presets_are_those_of_the_table(name):
    lines = derive_constants(PRESETS[name].alpha)
    assert [line.A for line in lines] == A[name]
    assert [line.P for line in lines] == P


def test_the_grid_spends_alpha_once():
    assert sum(weight for _, weight in GRID) == 1


@given(st.integers(1, 10**6 - 1), st.integers(0, 63))
def test_constants_agree_with_interval_arithmetic(numerator, halvings):
    alpha = Fraction(numerator, 10**6) / 2**halvings
    derived = [(line.lam, line.A, line.P) for line in derive_constants(alpha)]
    assert derived == fraction_oracle.constants(alpha)


def test_a_smaller_level_gives_larger_constants():
    levels = [PRESETS["audit"].effective_alpha(attempt) for attempt in range(1, 65)]
    first_lines = [derive_constants(alpha)[0].A for alpha in levels]
    assert first_lines == sorted(set(first_lines))


def test_too_little_precision_is_refused_rather_than_guessed(monkeypatch):
    monkeypatch.setattr(constants, "_SIGNIFICANT_DIGITS", 9)
    with pytest.raises(Indeterminate) as caught:
        derive_constants(Fraction(1, 100))
    assert caught.value.code == "decision.constants-not-certain"


def test_the_callers_decimal_context_does_not_matter():
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_UP
        assert [line.A for line in derive_constants(Fraction(1, 100))] == A["audit"]
