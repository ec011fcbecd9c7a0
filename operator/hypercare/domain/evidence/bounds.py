"""Bounds on a value, and how far from satisfying one a value is.

`above` and `below` are strict, as `>` and `<` in PromQL; `between` includes both ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isinf, isnan, nextafter
from sys import float_info


@dataclass(frozen=True)
class Above:
    """Values must be greater than `limit`."""

    limit: float


@dataclass(frozen=True)
class Below:
    """Values must be less than `limit`."""

    limit: float


@dataclass(frozen=True)
class AtLeast:
    """Values must not be less than `limit`: what a regression `below` leaves as not regressed."""

    limit: float


@dataclass(frozen=True)
class AtMost:
    """Values must not be greater than `limit`: what a regression `above` leaves as not regressed."""

    limit: float


@dataclass(frozen=True)
class Between:
    """Values must lie in the closed range."""

    low: float
    high: float


@dataclass(frozen=True)
class Equals:
    """Values must be exactly `value`."""

    value: float


Bound = Above | Below | AtLeast | AtMost | Between | Equals


def excess(bound: Bound, value: float) -> float:
    """How much worse than the bound a value is, in the value's unit: the larger, the worse; negative is better."""
    return excess_over(bound)(value)


def excess_over(bound: Bound) -> Callable[[float], float]:
    """`excess` of this bound, for many values."""
    match bound:
        case Above(limit) | AtLeast(limit):
            return lambda value: limit - value
        case Below(limit) | AtMost(limit):
            return lambda value: value - limit
        case Between(low, high):
            return lambda value: max(low - value, value - high)
        case Equals(wanted):
            return lambda value: abs(value - wanted)


def satisfied(bound: Bound, value: float) -> bool:
    """Whether a number satisfies the bound; NaN satisfies none."""
    distance = excess(bound, value)
    return distance < 0 or (distance == 0 and not isinstance(bound, Above | Below))


def proves_nothing(bound: Bound, value: float) -> bool:
    """Whether the value is no evidence: NaN, or an infinity that would satisfy it (x/0 must not pass `above`)."""
    return isnan(value) or (isinf(value) and satisfied(bound, value))


def good_range(bound: Bound) -> tuple[float, float]:
    """The smallest and the largest finite number that satisfy the bound: all between them do, and nothing else does.

    Many values are compared faster so than one by one with `satisfied`; NaN is in no range.
    """
    match bound:
        case Above(limit):
            return nextafter(limit, inf), float_info.max
        case Below(limit):
            return -float_info.max, nextafter(limit, -inf)
        case AtLeast(limit):
            return limit, float_info.max
        case AtMost(limit):
            return -float_info.max, limit
        case Between(low, high):
            return low, high
        case Equals(wanted):
            return wanted, wanted


def describe(bound: Bound) -> str:
    """The bound in words, for messages."""
    match bound:
        case Above(limit):
            return f"above {limit:g}"
        case Below(limit):
            return f"below {limit:g}"
        case AtLeast(limit):
            return f"at least {limit:g}"
        case AtMost(limit):
            return f"at most {limit:g}"
        case Between(low, high):
            return f"between {low:g} and {high:g}"
        case Equals(wanted):
            return f"equal to {wanted:g}"
