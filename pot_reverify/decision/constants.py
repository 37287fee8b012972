"""The numbers of rule ``eb/1`` that follow from the level alpha alone.

They are derived here and never read from a file: a bundle that could bring its own constants could
bring its own error rate.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

from pot_reverify.errors import Indeterminate

FIXED_POINT_BITS = 32
GRID = (
    (Fraction(31, 32), Fraction(1, 2)),
    (Fraction(3, 4), Fraction(1, 4)),
    (Fraction(1, 2), Fraction(1, 8)),
    (Fraction(1, 4), Fraction(1, 8)),
)
"""(lambda, weight); the weights add up to 1, so that the union over the grid spends alpha once."""
_SIGNIFICANT_DIGITS = 50


@dataclass(frozen=True, slots=True)
class GridLine:
    """One line of the grid: an upper bound of the half-width that is linear in V.

    Attributes:
        lam: lambda, in (0, 1).
        A: ceil(2^32 * ln(2 / (alpha * weight))).
        P: ceil(2^32 * (-ln(1 - lambda) - lambda)).
    """

    lam: Fraction
    A: int
    P: int


def derive_constants(alpha: Fraction) -> tuple[GridLine, ...]:
    """Compute A_k and P_k of rule ``eb/1`` for one level, both rounded up.

    Args:
        alpha: two-sided error level of the run, in (0, 1).

    Raises:
        Indeterminate: ``decision.constants-not-certain`` if the working precision cannot tell
            which integer a logarithm rounds up to.
    """
    return tuple(
        GridLine(
            lam=lam,
            A=_ceil_fixed_log(2 / (alpha * weight)),
            P=_ceil_fixed_log(1 / (1 - lam)) - int(lam * (1 << FIXED_POINT_BITS)),
        )
        for lam, weight in GRID
    )


def _ceil_fixed_log(ratio: Fraction) -> int:
    """ceil(2^32 * ln(ratio)), certain or refused.

    `decimal` rounds a logarithm correctly (to nearest), so the neighbours of the result enclose the
    true value; with the ratio rounded down and up before, and the product after, the two ends
    enclose 2^32 * ln(ratio). Where both have the same ceiling, it is the ceiling.
    """
    ends = set()
    for rounding in (ROUND_FLOOR, ROUND_CEILING):
        context = Context(prec=_SIGNIFICANT_DIGITS, rounding=rounding)
        quotient = context.divide(Decimal(ratio.numerator), Decimal(ratio.denominator))
        outward = context.next_minus if rounding == ROUND_FLOOR else context.next_plus
        scaled = context.multiply(outward(context.ln(quotient)), Decimal(1 << FIXED_POINT_BITS))
        ends.add(int(scaled.to_integral_value(rounding=ROUND_CEILING)))
    if len(ends) > 1:
        raise Indeterminate(
            "decision.constants-not-certain",
            f"ln({ratio}) lies too close to a multiple of 2^-{FIXED_POINT_BITS} to be rounded",
            needs="a higher working precision of the re-verifier",
        )
    return ends.pop()
