"""Which comparisons of an expression decide whether it has results, so that moving their bounds loses none of them.

A comparison with a looser bound lets through what it did, unchanged, and more (`comparisons`). What may stand around it
is what passes more results on without losing any, and without failing:

- `and`, and the left of `unless`; both sides of a plain `or`, but only the right of one with `on` or `ignoring`, since
  there a new result of the left hides others of the right;
- an aggregation makes one result per group, so with more inside there are as many groups or more. Its values change:
  they may only be compared again when it is `count`, which can only grow;
- another comparison of the same values with a constant (a chain, a band).

The right of `and` is a guard that says when the alert makes sense, not how bad things are: it stays, unless it asks the
same as the left over another range. Source: docs/semantics.md, 2.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import promql_parser as pp

from hypercare.domain.alerts.comparisons import (
    FLIPPED,
    GREATER,
    Comparison,
    Finding,
    Side,
    Values,
    has_bool,
    judge_constant,
    judge_vectors,
    unwrapped,
    with_constant,
)
from hypercare.domain.alerts.result_labels import groups_by_name
from hypercare.domain.alerts.tightening import Untouched, UntouchedReason
from hypercare.domain.promql.number_literals import Placed
from hypercare.domain.promql.shape import same_but_range
from hypercare.domain.promql.syntax import ABSENCE_FUNCTIONS, nodes, selectors

_ONE_RESULT_PER_GROUP = frozenset({"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile"})


class Around(Enum):
    """What lies between a part and the root: nothing that counts, an aggregation, or `count(…) > k`."""

    NOTHING = "nothing"
    AGGREGATION = "aggregation"
    COUNT = "count"


def deciding(tree: pp.Expr, values: Values) -> tuple[Finding, ...]:
    """The comparisons that decide, or why their bounds must stay as they are; at least one finding."""
    return tuple(_Walk(values).walk(Placed(tree), Around.NOTHING))


@dataclass(frozen=True)
class _Walk:
    values: Values

    def walk(self, part: Placed, around: Around) -> Iterator[Finding]:
        match part.node:
            case pp.ParenExpr():
                yield from self.walk(unwrapped(part), around)
            case pp.BinaryExpr():
                yield from self._operation(part, part.node, around)
            case pp.AggregateExpr():
                yield from self._aggregation(part, part.node, around)
            case pp.Call() if part.node.func.name in ABSENCE_FUNCTIONS:
                message = "it fires on what is missing, where a looser bound is a stricter one"
                yield Untouched(UntouchedReason.ABSENCE, message)
            case node:
                yield _no_comparison(node)

    def _operation(self, part: Placed, node: pp.BinaryExpr, around: Around) -> Iterator[Finding]:
        left, right = part.parts()
        match str(node.op):
            case "and" if not selectors(left.node):
                # `hour() > 8 and …`: the clock only says when.
                yield from self.walk(right, around)
            case "and":
                firsts = list(self.walk(left, around))
                yield from firsts
                yield from _twins(firsts, self.walk(right, around))
            case "unless":
                yield from self.walk(left, around)
            case "or":
                yield from self._either(part, node, around)
            case operator if operator in FLIPPED:
                yield from self._comparison(part, node, around)
            case _:
                yield _no_comparison(node)

    def _either(self, part: Placed, node: pp.BinaryExpr, around: Around) -> Iterator[Finding]:
        left, right = part.parts()
        if around is Around.COUNT:
            # One new result on the left may take the place of several on the right.
            yield _inside("count")
        elif node.modifier is not None and node.modifier.matching is not None:
            message = "more results on the left of or with on or ignoring could hide others on its right"
            moved: list[Finding] = [each for each in self.walk(right, around) if isinstance(each, Comparison)]
            yield from moved or [Untouched(UntouchedReason.LEFT_OF_MATCHED_OR, message)]
        else:
            yield from self.walk(left, around)
            yield from self.walk(right, around)

    def _aggregation(self, part: Placed, node: pp.AggregateExpr, around: Around) -> Iterator[Finding]:
        if not _compares(node):
            yield _no_comparison(node)
        elif around is Around.COUNT or str(node.op) not in _ONE_RESULT_PER_GROUP or groups_by_name(node):
            yield _inside(str(node.op))
        else:
            yield from self.walk(_last(part), Around.AGGREGATION)

    def _comparison(self, part: Placed, node: pp.BinaryExpr, around: Around) -> Iterator[Finding]:
        if has_bool(node):
            yield Untouched(UntouchedReason.BOOL_MODIFIER, "with bool it has a result whatever the bound is")
            return
        side = with_constant(part, self.values)
        if side is None:
            yield judge_vectors(part, node, self.values)
            return
        counted = unwrapped(side.value)
        if isinstance(counted.node, pp.AggregateExpr) and str(counted.node.op) == "count" and _compares(counted.node):
            if side.operator in GREATER and around is not Around.COUNT:
                yield from self.walk(_last(counted), Around.COUNT)
            else:
                yield _inside("count")
        else:
            yield from self._filters(side, around)

    def _filters(self, side: Side, around: Around) -> Iterator[Finding]:
        """A comparison with a constant, and those that have filtered the same values before.

        Of a chain the first comparison decides, and the next keeps clear of a neighbouring alert. In `3 <= x < 20` it
        may be either of them.
        """
        inner = with_constant(unwrapped(side.value), self.values)
        earlier = list(self._filters(inner, around)) if inner is not None else []
        usable = [each for each in earlier if _is_usable(each)]
        yield from usable
        if inner is None or inner.constant_first or not usable:
            own = judge_constant(side, self.values, keeps_names=around is Around.NOTHING)
            if _is_usable(own) or not usable:
                yield own


def _is_usable(finding: Finding) -> bool:
    return isinstance(finding, Comparison) and not finding.unwanted


def _twins(firsts: list[Finding], seconds: Iterator[Finding]) -> Iterator[Finding]:
    """The comparisons that ask the same over another range: the other window of a burn rate."""
    for second in seconds:
        if isinstance(second, Comparison) and any(_alike(first, second) for first in firsts):
            yield second


def _alike(first: Finding, second: Comparison) -> bool:
    return (
        isinstance(first, Comparison)
        and (first.operator, first.exact, first.scales) == (second.operator, second.exact, second.scales)
        and same_but_range(first.value, second.value)
    )


def _last(part: Placed) -> Placed:
    return list(part.parts())[-1]


def _compares(tree: pp.Expr) -> bool:
    return any(isinstance(node, pp.BinaryExpr) and str(node.op) in FLIPPED for node in nodes(tree))


def _no_comparison(node: pp.Expr) -> Untouched:
    if _compares(node):
        return _inside("a calculation")
    return Untouched(UntouchedReason.NO_THRESHOLD, "it compares nothing with a bound")


def _inside(what: str) -> Untouched:
    message = f"its comparison is inside {what}, where more results may mean fewer or other ones in the end"
    return Untouched(UntouchedReason.INSIDE_AGGREGATION, message)
