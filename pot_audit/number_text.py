"""Numbers on the screen. What is a bound is rounded outwards; what is short is shown as it is."""

from fractions import Fraction
from typing import Final

_SHORT_DECIMALS: Final = 6
_DECIMALS: Final = 4
_SHORT_DIGITS: Final = 6
_DIGITS: Final = 4


def upper_text(value: Fraction) -> str:
    """An upper bound: exact to six decimals, else four decimals that are not below it."""
    return _decimal(value, up=True)


def lower_text(value: Fraction) -> str:
    """A lower bound: exact to six decimals, else four decimals that are not above it."""
    return _decimal(value, up=False)


def interval_text(low: Fraction, high: Fraction) -> str:
    """An interval, which may only grow."""
    return f"[{lower_text(low)}, {upper_text(high)}]"


def estimate_text(value: Fraction) -> str:
    """What bounds nothing: exact to six decimals, else the nearest four, and ≈ says so."""
    if _is_whole(value * 10**_SHORT_DECIMALS):
        return _decimal(value, up=True)
    return f"≈ {_text(round(value * 10**_DECIMALS), _DECIMALS)}"


def upper_equation(name: str, value: Fraction) -> str:
    """An upper bound and what it is called: ``γ = 0.15``, or ``γ ≤ 0.3334`` for 1/3."""
    return f"{name} {_sign(value, '≤')} {upper_text(value)}"


def lower_equation(name: str, value: Fraction) -> str:
    """A lower bound and what it is called: ``δ* = 0.8``, or ``δ* ≥ 0.6666`` for 2/3."""
    return f"{name} {_sign(value, '≥')} {lower_text(value)}"


def percent_text(probability: Fraction) -> str:
    """An upper bound of a probability, in per cent, above 0.

    Exact to six significant digits, else four that are not below it.
    """
    value = probability * 100
    for digits in (_SHORT_DIGITS, _DIGITS):
        decimals = max(0, digits - _magnitude(value))
        scaled = value * 10**decimals
        if _is_whole(scaled):
            break
    whole, _, rest = _fixed(-(-scaled // 1), decimals).partition(".")
    rest = rest.rstrip("0")
    return f"{whole}.{rest} %" if rest else f"{whole} %"


def _magnitude(value: Fraction) -> int:
    """How many digits stand before the point; less than 1 for what begins after it."""
    magnitude = len(str(value.numerator)) - len(str(value.denominator)) + 1
    return magnitude if value >= Fraction(10) ** (magnitude - 1) else magnitude - 1


def _decimal(value: Fraction, *, up: bool) -> str:
    scaled = value * 10**_SHORT_DECIMALS
    if _is_whole(scaled):
        return _text(scaled.numerator, _SHORT_DECIMALS)
    scaled = value * 10**_DECIMALS
    return _text(-(-scaled // 1) if up else scaled // 1, _DECIMALS)


def _sign(value: Fraction, otherwise: str) -> str:
    return "=" if _is_whole(value * 10**_SHORT_DECIMALS) else otherwise


def _is_whole(value: Fraction) -> bool:
    return value.denominator == 1


def _text(scaled: int, decimals: int) -> str:
    """Without trailing zeros beyond two digits."""
    whole, _, rest = _fixed(scaled, decimals).partition(".")
    return f"{whole}.{rest.rstrip('0'):0<2}"


def _fixed(scaled: int, decimals: int) -> str:
    sign, digits = ("-", -scaled) if scaled < 0 else ("", scaled)
    whole, rest = divmod(digits, 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}" if decimals else f"{sign}{whole}"
