"""Constant parts of an expression: their exact value, and the literal that is changed to change it.

Prometheus folds constants in binary fractions. Exact fractions decide where a bound is and where it may go; that it
really went there as Prometheus computes it is checked with floats (`thresholds`).
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TypeVar

import promql_parser as pp

from hypercare.domain.promql.number_literals import Placed

Number = TypeVar("Number", Fraction, float)
_MAX_POWER = 64
# Factors that say which unit is meant, not how much of it: `21 * 24 * 3600` is three weeks because of the 21.
_UNITS = frozenset(Fraction(each) for each in (24, 60, 100, 1000, 1024, 3600, 86400, 10**6, 10**9, 1024**2, 1024**3))


def fold(part: Placed, values: Sequence[Number | None]) -> Number | None:
    """The value of a constant; None for anything that is not made of finite numbers alone.

    Args:
        part: The part of the expression.
        values: What its literals are, for all literals of the expression in order: all exact or all floats.
    """
    match part.node:
        case pp.NumberLiteral():
            return values[part.first]
        case pp.ParenExpr():
            return fold(next(part.parts()), values)
        case pp.UnaryExpr():
            inner = fold(next(part.parts()), values)
            return None if inner is None else -inner
        case pp.BinaryExpr():
            left, right = (fold(each, values) for each in part.parts())
            return None if left is None or right is None else _combine(str(part.node.op), left, right)
    return None


def changeable_factor(part: Placed, values: Sequence[Fraction | None]) -> int | None:
    """Which literal is to be scaled so that the whole constant scales alike; None if there is none."""
    factors = list(_factors(part))
    telling = (index for index in factors if values[index] not in _UNITS)
    return next(telling, factors[0] if factors else None)


def _combine(operator: str, left: Number, right: Number) -> Number | None:
    try:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "^" if right == int(right) and abs(right) <= _MAX_POWER:
                return left ** int(right)
    except (ZeroDivisionError, OverflowError):
        return None
    return None


def _factors(part: Placed) -> Iterator[int]:
    match part.node:
        case pp.NumberLiteral():
            yield part.first
        case pp.ParenExpr() | pp.UnaryExpr():
            yield from _factors(next(part.parts()))
        case pp.BinaryExpr() if str(part.node.op) == "*":
            for each in part.parts():
                yield from _factors(each)
        case pp.BinaryExpr() if str(part.node.op) == "/":
            yield from _factors(next(part.parts()))
