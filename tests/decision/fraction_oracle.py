"""Rule eb/1 a second time, from the words of docs/statistics.md: Fractions, mpmath, no shortcuts.

Imports nothing of the product, so that agreement with it means something.
"""

from fractions import Fraction
from functools import cache

import mpmath

R, U1 = 65536, 32768
GRID = [
    (Fraction(31, 32), Fraction(1, 2)),
    (Fraction(3, 4), Fraction(1, 4)),
    (Fraction(1, 2), Fraction(1, 8)),
    (Fraction(1, 4), Fraction(1, 8)),
]


def ceil_scaled_log(ratio, minus=Fraction(0)):
    """ceil(2^32 (ln(ratio) - minus)) by rigorous interval arithmetic."""
    with mpmath.workprec(300):
        mpmath.iv.prec = 300
        enclosure = (
            mpmath.iv.log(mpmath.iv.mpf(ratio.numerator) / ratio.denominator)
            - mpmath.iv.mpf(minus.numerator) / minus.denominator
        ) * 2**32
        low, high = int(mpmath.ceil(enclosure.a)), int(mpmath.ceil(enclosure.b))
    assert low == high
    return low


def constants(alpha):
    return [
        (lam, ceil_scaled_log(2 / (alpha * w)), ceil_scaled_log(1 / (1 - lam), lam))
        for lam, w in GRID
    ]


def half_width(lines, squares):
    exact = [Fraction(a * R * R + p * squares, R * 2**32) / lam for lam, a, p in lines]
    return min(-(-x.numerator // x.denominator) for x in exact)


@cache
def real_lines(alpha):
    """Intercept and slope in V of each bound of the theorem, in real numbers to 60 digits."""
    lines = []
    with mpmath.workdps(60):
        for fraction, weight in GRID:
            lam = mpmath.mpf(fraction.numerator) / fraction.denominator
            level = 2 / (alpha * weight)
            log = mpmath.log(mpmath.mpf(level.numerator) / level.denominator)
            lines.append((R / lam * log, (-mpmath.log(1 - lam) - lam) / (lam * R)))
    return lines


def real_half_width(alpha, squares):
    """The half-width of the theorem, in real numbers to 60 digits."""
    with mpmath.workdps(60):
        return min(intercept + slope * squares for intercept, slope in real_lines(alpha))


def rules_that_hold(preset, look):
    """Every stopping rule that holds, in the order in which they are asked.

    A look is (n, t, S, L, U).
    """
    n, t, total, lower, upper = look
    mean, low, high = (Fraction(x, U1 * t) for x in (total, lower, upper))
    half = (high - low) / 2
    held = []
    if preset.n_min <= n:
        if high <= preset.gamma and half <= preset.eta * preset.gamma:
            held.append("same")
        if (
            mean >= preset.delta
            and half <= preset.epsilon * mean
            and low >= (1 - preset.epsilon) * preset.delta
        ):
            held.append("different")
        if low > preset.gamma and high < preset.delta:
            held.append("between")
        if n == preset.n_max:
            held.append("exhausted")
    return held


def run(preset, alpha, scores):
    """Yield (n, S, V, H, L, U, rules that hold) after each challenge."""
    lines = constants(alpha)
    seen, squares = [], 0
    for n, challenge in enumerate(scores, 1):
        centre = sum(seen) // len(seen) if seen else 0
        squares += sum((x - centre) ** 2 for x in challenge)
        seen += challenge
        total, t = sum(seen), len(seen)
        width = half_width(lines, squares)
        lower, upper = max(0, total - width), min(R * t, total + width)
        held = rules_that_hold(preset, (n, t, total, lower, upper))
        yield n, total, squares, width, lower, upper, held
