"""Exact bounds as the floats of other formats, which may round one only outwards."""

import math
from fractions import Fraction


def float_not_below(bound: Fraction) -> float:
    """The least float that is not below an upper bound."""
    nearest = float(bound)
    return nearest if Fraction(nearest) >= bound else math.nextafter(nearest, math.inf)
