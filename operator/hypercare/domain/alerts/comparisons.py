"""One comparison of an alert's expression: whether its bound may be moved, and whether that would be of any use.

A comparison filters values and keeps them, so with a looser bound it lets through what it did, unchanged, and more.
That holds for a constant bound whatever is compared. In `a > k * b` it holds where `b` cannot be negative and `k` keeps
its sign, since then a smaller `k` lowers what `a` is compared with. Source: docs/semantics.md, 2.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import promql_parser as pp

from hypercare.domain.alerts.result_labels import distinct_without_name, labels_of_groups
from hypercare.domain.alerts.tightening import Untouched, UntouchedReason
from hypercare.domain.promql.constants import changeable_factor, fold
from hypercare.domain.promql.number_literals import Placed
from hypercare.domain.promql.value_kinds import counts, is_code, is_scalar, is_size, never_negative, reads_calendar

FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
"""Each comparison operator, read from the other side."""
LESS = frozenset({"<", "<="})
GREATER = frozenset({">", ">="})
_UNIX_SECONDS = (10**9, 10**10)
_UNIX_MILLISECONDS = (10**12, 10**13)
_WHOLE_SHARES = (1, 100)

Values = Sequence[Fraction | None]
"""What the number literals of the expression are, in order."""


@dataclass(frozen=True)
class Side:
    """A comparison with a constant, read with the value on the left."""

    value: Placed
    operator: str
    bound: Placed
    exact: Fraction
    constant_first: bool


@dataclass(frozen=True)
class Comparison:
    """A comparison whose bound may be moved.

    Attributes:
        value: What is compared.
        operator: The operator as it is read with the value on the left.
        bound: The constant; with `scales`, the constant factor of what the value is compared with.
        literal: Index of the number literal that is to be changed.
        exact: The bound's value.
        scales: Whether it is a factor, so that zero or another sign would change what is compared.
        unwanted: Why moving it by a share is of no use, or only noise: one reason or none. An override may still ask.
    """

    value: pp.Expr
    operator: str
    bound: Placed
    literal: int
    exact: Fraction
    scales: bool = False
    unwanted: tuple[Untouched, ...] = ()


Finding = Comparison | Untouched


def with_constant(part: Placed, values: Values) -> Side | None:
    """Read a comparison with a constant; None where it has none, or is no comparison that filters."""
    node = part.node
    if not isinstance(node, pp.BinaryExpr) or str(node.op) not in FLIPPED or has_bool(node):
        return None
    left, right = part.parts()
    operator = str(node.op)
    if (exact := fold(right, values)) is not None:
        return Side(left, operator, right, exact, constant_first=False)
    if (exact := fold(left, values)) is not None:
        return Side(right, FLIPPED[operator], left, exact, constant_first=True)
    return None


def has_bool(node: pp.BinaryExpr) -> bool:
    """Whether the comparison answers 0 or 1 instead of filtering."""
    return node.modifier is not None and bool(node.modifier.return_bool)


def judge_constant(side: Side, values: Values, *, keeps_names: bool) -> Finding:
    """Judge a comparison with a constant; `keeps_names` when no aggregation drops the metric name later."""
    if side.operator in ("==", "!="):
        return Untouched(UntouchedReason.EQUALITY, f"{side.operator} has no side to move to")
    literal = changeable_factor(side.bound, values)
    if literal is None:
        return Untouched(UntouchedReason.BOUND_NOT_LITERAL, "no single number of its bound can be changed")
    if keeps_names and not distinct_without_name(side.value.node):
        return _names_vary()
    found = Comparison(side.value.node, side.operator, side.bound, literal, side.exact)
    return replace(found, unwanted=_unwanted(found))


def judge_vectors(part: Placed, node: pp.BinaryExpr, values: Values) -> Finding:
    """Judge a comparison of two vectors, of which one may be scaled by a constant."""
    operator = str(node.op)
    if operator in ("==", "!="):
        return Untouched(UntouchedReason.EQUALITY, f"{operator} has no side to move to")
    left, right = part.parts()
    if (scaled := _scaled(right, values)) is not None:
        found = Comparison(node.lhs, operator, scaled.factor, scaled.literal, scaled.exact, scales=True)
    elif (scaled := _scaled(left, values)) is not None:
        found = Comparison(node.rhs, FLIPPED[operator], scaled.factor, scaled.literal, scaled.exact, scales=True)
    else:
        return Untouched(UntouchedReason.BOUND_NOT_CONSTANT, "it is compared with series, not with a constant")
    if not never_negative(scaled.vector):
        message = "it is compared with a multiple of something that may be negative"
        return Untouched(UntouchedReason.SIGN_UNKNOWN, message)
    if not _matches_are_unique(node):
        message = "two series of its left side could match one of its right, and fail"
        return Untouched(UntouchedReason.RESULTS_COLLAPSE, message)
    if not (distinct_without_name(node.lhs) and distinct_without_name(node.rhs)):
        return _names_vary()
    return replace(found, unwanted=_of_no_share(found))


@dataclass(frozen=True)
class _Scaled:
    factor: Placed
    literal: int
    exact: Fraction
    vector: pp.Expr


def _scaled(part: Placed, values: Values) -> _Scaled | None:
    part = unwrapped(part)
    if isinstance(part.node, pp.AggregateExpr) and str(part.node.op) in ("min", "max"):
        # The least of multiples is the multiple of the least.
        return _scaled(next(part.parts()), values)
    if not isinstance(part.node, pp.BinaryExpr) or str(part.node.op) != "*":
        return None
    left, right = part.parts()
    for factor, vector in ((left, right), (right, left)):
        exact, literal = fold(factor, values), changeable_factor(factor, values)
        if exact is not None and literal is not None:
            return _Scaled(factor, literal, exact, vector.node)
    return None


def unwrapped(part: Placed) -> Placed:
    """The part without the parentheses around it."""
    while isinstance(part.node, pp.ParenExpr):
        part = next(part.parts())
    return part


def _matches_are_unique(node: pp.BinaryExpr) -> bool:
    """Whether each series of the many side is matched once, whichever of them pass the comparison."""
    modifier = node.modifier
    if modifier is None or is_scalar(node.lhs) or is_scalar(node.rhs):
        return True
    if modifier.group_labels:
        return False
    if modifier.card != pp.VectorMatchCardinality.OneToOne or modifier.matching is None:
        return True
    groups, matched = labels_of_groups(node.lhs), frozenset(modifier.matching.labels)
    if groups is None:
        return False
    include = modifier.matching.type == pp.LabelModifierType.Include
    return groups <= matched if include else not groups & matched


def _names_vary() -> Untouched:
    message = "its metric name is not fixed, so that two more results could become one, and fail"
    return Untouched(UntouchedReason.RESULTS_COLLAPSE, message)


def _unwanted(found: Comparison) -> tuple[Untouched, ...]:
    if found.exact == 0:
        return _of_no_share(found)
    if reads_calendar(found.value):
        return (Untouched(UntouchedReason.CLOCK, "it is about the clock or the calendar"),)
    if _is_unix_time(found.exact) and not is_size(found.value):
        return (Untouched(UntouchedReason.CLOCK, "its bound is a point in time"),)
    if shares := _of_no_share(found):
        return shares
    if is_code(found.value):
        return (Untouched(UntouchedReason.CODE, "its values are codes, not amounts"),)
    if counts(found.value):
        return (Untouched(UntouchedReason.WHOLE_NUMBERS, "its values are whole numbers"),)
    return ()


def _of_no_share(found: Comparison) -> tuple[Untouched, ...]:
    if found.exact == 0:
        return (Untouched(UntouchedReason.COMPARED_WITH_ZERO, "a share of 0 is 0"),)
    if found.operator in LESS and found.exact in _WHOLE_SHARES:
        message = f"{found.operator} {found.exact} is short of all there is, and more than all is nonsense"
        return (Untouched(UntouchedReason.WHOLE_SHARE, message),)
    return ()


def _is_unix_time(bound: Fraction) -> bool:
    return any(low < abs(bound) < high for low, high in (_UNIX_SECONDS, _UNIX_MILLISECONDS))
