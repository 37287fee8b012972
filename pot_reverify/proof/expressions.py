"""Polynomial expressions over the columns of a circuit: gates, and inputs of lookups.

Halo2 book, "Concepts: PLONKish arithmetization". A query stands for a column at a rotation; its
value at the challenge point x comes with the proof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pot_reverify.proof.pasta_fields import P


@dataclass(frozen=True, slots=True)
class Constant:
    """A fixed element of Fp."""

    value: int


@dataclass(frozen=True, slots=True)
class Query:
    """A column at a rotation: ``index`` counts the queries of its kind in the verifying key."""

    kind: str
    index: int


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of two expressions."""

    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Product:
    """The product of two expressions."""

    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Scaled:
    """An expression times an element of Fp; -1 negates."""

    inner: "Expression"
    factor: int


Expression: TypeAlias = Constant | Query | Sum | Product | Scaled

Evaluations: TypeAlias = Mapping[str, Sequence[int]]
"""Values of the queries at x, under their kind: ``Advice``, ``Fixed``, ``Instance``."""


def evaluate(expression: Expression, evaluations: Evaluations) -> int:
    """Returns the value of an expression at x, given those of the queries."""
    match expression:
        case Query(kind, index):
            return evaluations[kind][index]
        case Product(left, right):
            return evaluate(left, evaluations) * evaluate(right, evaluations) % P
        case Sum(left, right):
            return evaluate(left, evaluations) + evaluate(right, evaluations)
        case Scaled(inner, factor):
            return evaluate(inner, evaluations) * factor % P
    return expression.value


def degree(expression: Expression) -> int:
    """Returns the degree of an expression, in columns."""
    match expression:
        case Query():
            return 1
        case Product(left, right):
            return degree(left) + degree(right)
        case Sum(left, right):
            return max(degree(left), degree(right))
        case Scaled(inner, _):
            return degree(inner)
    return 0
