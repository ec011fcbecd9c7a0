"""Whether narrowing selectors by a label narrows the results by it and changes nothing else.

An expression is separable by a label when, for any set of values, evaluating it with that restriction on some of its
selectors gives exactly those of its results whose label has one of these values. It is decided by the syntax tree, so
it holds for all data; a label that is absent counts as empty, in series as in results.

Why the rules hold: a selector and a function of each series keep labels; an aggregation that keeps the label never
mixes its values; a join that matches on the label pairs equal values only, so one narrowed side is enough; of `and`,
`unless` and `group_left` the results are those of one side, and the other only has to stay as it is. Results that come
from no series (`absent`, `vector(0)`) are there for every value, or for none.

Limit: an expression that fails as a whole, as many-to-many matching does, may work when it is narrowed; `topk` may
choose differently among equal values.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import promql_parser as pp

from hypercare.domain.promql.syntax import RELABELLING_FUNCTIONS, children, selectors
from hypercare.domain.promql.value_kinds import is_scalar

_EACH_SERIES = re.compile(
    r"abs|acos|acosh|asin|asinh|atan|atanh|avg_over_time|ceil|changes|clamp|clamp_max|clamp_min|cos|cosh"
    r"|count_over_time|day_of_month|day_of_week|day_of_year|days_in_month|deg|delta|deriv"
    r"|double_exponential_smoothing|exp|floor|histogram_avg|histogram_count|histogram_fraction"
    r"|histogram_quantile|histogram_stddev|histogram_stdvar|histogram_sum|holt_winters|hour|idelta|increase"
    r"|irate|label_join|label_replace|last_over_time|ln|log10|log2|max_over_time|min_over_time|minute|month"
    r"|predict_linear|present_over_time|quantile_over_time|rad|rate|resets|round|sgn|sin|sinh|sort|sort_desc"
    r"|sqrt|stddev_over_time|stdvar_over_time|sum_over_time|tan|tanh|timestamp|year"
)
_SET_OPERATORS = frozenset({"and", "unless"})


class ObstacleKind(StrEnum):
    """Why narrowing would change more than which results there are."""

    DROPPED = "dropped"
    WITHOUT_SERIES = "without series"
    RELABELLED = "relabelled"
    SHADOWED = "shadowed"


@dataclass(frozen=True)
class Obstacle:
    """What stands in the way, in words."""

    kind: ObstacleKind
    message: str


@dataclass(frozen=True)
class Separable:
    """Which selectors are to be narrowed, by their index in `selectors(tree)`.

    `left` says why others are not: they are read as they are, and only decide about results of the narrowed ones.
    """

    narrow: frozenset[int]
    left: tuple[Obstacle, ...] = ()


@dataclass(frozen=True)
class _Part:
    """A part of an expression, and the index of its first selector."""

    node: pp.Expr
    first: int = 0

    def parts(self) -> Iterator["_Part"]:
        first = self.first
        for child in children(self.node):
            yield _Part(child, first)
            first += len(selectors(child))


def separable(tree: pp.Expr, label: str) -> Separable | Obstacle:
    """Find the selectors that must be narrowed so that the results are, or say why that cannot be done."""
    return _separable(_Part(tree), label)


def _separable(part: _Part, label: str) -> Separable | Obstacle:
    match part.node:
        case pp.VectorSelector():
            return Separable(frozenset({part.first}))
        case pp.MatrixSelector() | pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
            return _separable(next(part.parts()), label)
        case pp.Call():
            return _of_call(part, part.node, label)
        case pp.AggregateExpr():
            return _of_aggregation(part, part.node, label)
        case pp.BinaryExpr():
            return _of_binary(part, part.node, label)
    return Obstacle(ObstacleKind.WITHOUT_SERIES, f"{part.node.prettify()} is a result that comes from no series")


def _of_call(part: _Part, node: pp.Call, label: str) -> Separable | Obstacle:
    name = node.func.name
    if name in RELABELLING_FUNCTIONS and node.args[1].val == label:
        return Obstacle(ObstacleKind.RELABELLED, f"{name} writes the label {label} anew")
    if name == "histogram_quantile" and label == "le":
        return Obstacle(ObstacleKind.DROPPED, f"{name} drops the label {label}")
    values = [each for each in part.parts() if not isinstance(each.node, pp.StringLiteral)]
    vectors = [each for each in values if not is_scalar(each.node)]
    if not _EACH_SERIES.fullmatch(name) or len(vectors) != 1:
        return Obstacle(ObstacleKind.WITHOUT_SERIES, f"{name}() has results of its own, which belong to no series")
    return _with_scalars(_separable(vectors[0], label), values)


def _of_aggregation(part: _Part, node: pp.AggregateExpr, label: str) -> Separable | Obstacle:
    named = frozenset(node.modifier.labels) if node.modifier else frozenset()
    by = node.modifier is None or node.modifier.type == pp.AggModifierType.By
    if (label in named) is not by:
        return Obstacle(ObstacleKind.DROPPED, f"{node.op} drops the label {label}")
    if isinstance(node.param, pp.StringLiteral) and node.param.val == label:
        return Obstacle(ObstacleKind.RELABELLED, f"{node.op} writes the label {label} anew")
    *parameters, inner = part.parts()
    return _with_scalars(_separable(inner, label), parameters)


def _of_binary(part: _Part, node: pp.BinaryExpr, label: str) -> Separable | Obstacle:
    left, right = part.parts()
    if is_scalar(node.lhs) or is_scalar(node.rhs):
        return _with_scalars(_separable(right if is_scalar(node.lhs) else left, label), (left, right))
    operator, matched = str(node.op), _matches_on(node.modifier, label)
    if operator == "or":
        return _of_or(left, right, label, matched)
    if operator in _SET_OPERATORS:
        return _beside(left, right, label, matched)
    match node.modifier.card if node.modifier else None:
        case pp.VectorMatchCardinality.ManyToOne:
            return _of_groups(left, right, node, label)
        case pp.VectorMatchCardinality.OneToMany:
            return _of_groups(right, left, node, label)
    if not matched:
        return Obstacle(ObstacleKind.DROPPED, f"matching drops the label {label} at {operator}")
    return _either(left, right, label)


def _matches_on(modifier: pp.BinModifier | None, label: str) -> bool:
    if modifier is None or modifier.matching is None:
        return True
    named = label in modifier.matching.labels
    return named is (modifier.matching.type == pp.LabelModifierType.Include)


def _of_or(left: _Part, right: _Part, label: str, matched: bool) -> Separable | Obstacle:
    if not matched:
        told = f"without the label {label} in its matching, `or` lets results of others shadow these"
        return Obstacle(ObstacleKind.SHADOWED, told)
    one, other = _separable(left, label), _separable(right, label)
    match one, other:
        case Obstacle(), _:
            return one
        case _, Obstacle():
            return other
        case Separable(), Separable():
            return _both(one, other)
    return one


def _of_groups(many: _Part, one: _Part, node: pp.BinaryExpr, label: str) -> Separable | Obstacle:
    if node.modifier is not None and label in (node.modifier.group_labels or ()):
        return Obstacle(ObstacleKind.RELABELLED, f"the label {label} is taken over from the other side of {node.op}")
    if _matches_on(node.modifier, label):
        return _either(many, one, label)
    return _beside(many, one, label, matched=False)


def _beside(deciding: _Part, other: _Part, label: str, matched: bool) -> Separable | Obstacle:
    """The results are those of one side. The other may be narrowed too only where it matches equal values."""
    found = _separable(deciding, label)
    if isinstance(found, Obstacle):
        return found
    if not matched:
        told = f"{other.node.prettify()} is matched without the label {label}"
        return _with_left(found, other, Obstacle(ObstacleKind.SHADOWED, told))
    beside = _separable(other, label)
    return _both(found, beside) if isinstance(beside, Separable) else _with_left(found, other, beside)


def _either(left: _Part, right: _Part, label: str) -> Separable | Obstacle:
    """Both sides are paired by the label, so it is enough to narrow one; both where possible."""
    one = _separable(left, label)
    if isinstance(one, Separable):
        return _beside(left, right, label, matched=True)
    other = _separable(right, label)
    return _with_left(other, left, one) if isinstance(other, Separable) else one


def _with_scalars(found: Separable | Obstacle, parts: Iterable[_Part]) -> Separable | Obstacle:
    """A scalar is one value for all results, so it stays as it is."""
    for part in parts:
        if isinstance(found, Separable) and is_scalar(part.node):
            told = f"{part.node.prettify()} is one value for all"
            found = _with_left(found, part, Obstacle(ObstacleKind.SHADOWED, told))
    return found


def _with_left(found: Separable, other: _Part, obstacle: Obstacle) -> Separable:
    return Separable(found.narrow, (*found.left, obstacle)) if selectors(other.node) else found


def _both(one: Separable, other: Separable) -> Separable:
    return Separable(one.narrow | other.narrow, one.left + other.left)
