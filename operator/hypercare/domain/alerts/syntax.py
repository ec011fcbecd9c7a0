"""What the syntax tree of an alert's expression says about tightening it and about proving it quiet.

Can it be copied at all (an alert that always fires or that reads `ALERTS` is not); which series is it made of, so that
quiet without input counts as no proof; which labels can its results carry (`result_labels`).

One expression that prometheus-operator refuses takes the whole overlay down. So what depends on feature flags of the
server (experimental functions, `fill`) counts as unsupported here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import promql_parser as pp

from hypercare.domain.alerts.result_labels import pinned_labels, result_labels
from hypercare.domain.promql.syntax import (
    ABSENCE_FUNCTIONS,
    UnsupportedPromQL,
    has_value,
    metric_name,
    nodes,
    parse,
    selectors,
)
from hypercare.domain.promql.text import matcher
from hypercare.domain.promql.value_kinds import is_scalar

_ALERT_METRICS = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
_CLOCK = frozenset(
    {"time", "minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"}
)
_EXPERIMENTAL_AGGREGATIONS = frozenset({"limitk", "limit_ratio"})
_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})

Input = frozenset[str]
"""Selectors of which at least one must have series."""


@dataclass(frozen=True)
class AlertSyntax:
    """What is known about one expression.

    Attributes:
        always_same: It reads neither series nor the clock, or is a scalar: it always fires, or never does.
        reads_alerts: It looks at the state of alerts.
        inputs: One per deciding comparison: the selectors of its left side, reduced to name and tenant matchers.
            A comparison that holds on missing data (`absent`) has none.
        carried_labels: Labels that its results evidently carry with values that may differ between results.
        pinned_labels: Labels that every selector fixes to one value.
    """

    always_same: bool
    reads_alerts: bool
    inputs: tuple[Input, ...]
    carried_labels: frozenset[str]
    pinned_labels: frozenset[str]


@lru_cache(maxsize=16384)
def read_alert(expr: str, tenant_labels: frozenset[str]) -> AlertSyntax:
    """Parse an alert's expression; matchers on `tenant_labels` stay in the input selectors.

    Raises:
        PromQLError: it cannot be parsed, or not every server would accept it; the message says why.
    """
    tree = _parse(expr)
    found = selectors(tree)
    timed = any(isinstance(node, pp.Call) and node.func.name in _CLOCK for node in nodes(tree))
    leaves = (frozenset(_input(selector, tenant_labels) for selector in _needed(leaf)) for leaf in _deciding(tree))
    return AlertSyntax(
        always_same=is_scalar(tree) or not (found or timed),
        reads_alerts=any(metric_name(selector) in _ALERT_METRICS for selector in found),
        inputs=tuple(dict.fromkeys(leaf for leaf in leaves if leaf)),
        carried_labels=result_labels(tree),
        pinned_labels=pinned_labels(tree),
    )


def inputs_expr(inputs: tuple[Input, ...]) -> str:
    """PromQL for the number of series behind an alert: of the least supplied comparison, 0 if one has none."""
    counts = [" + ".join(f"(count({one}) or vector(0))" for one in sorted(each)) for each in inputs]
    if len(counts) == 1:
        return counts[0]
    numbered = (f'label_replace({count}, "input", "{index}", "", "")' for index, count in enumerate(counts))
    return f"min({' or '.join(numbered)})"


def _parse(expr: str) -> pp.Expr:
    tree = parse(expr)
    for node in nodes(tree):
        match node:
            case pp.Call() if node.func.experimental:
                raise UnsupportedPromQL(f"the function {node.func.name} is experimental")
            case pp.AggregateExpr() if str(node.op) in _EXPERIMENTAL_AGGREGATIONS:
                raise UnsupportedPromQL(f"the aggregation {node.op} is experimental")
            case pp.BinaryExpr() if _fills(node):
                raise UnsupportedPromQL("fill modifiers are experimental")
    if not has_value(tree):
        raise UnsupportedPromQL("a string or a range of samples is not an alert condition")
    return tree


def _fills(node: pp.BinaryExpr) -> bool:
    fills = node.modifier.fill_values if node.modifier else None
    return fills is not None and (fills.lhs is not None or fills.rhs is not None)


def _deciding(node: pp.Expr) -> Iterator[pp.Expr]:
    """The parts whose presence decides: both sides of `or`, the left of `and` and `unless`.

    A burn-rate pair (both sides of `and` alike but for the range) has the same metrics on both sides: its left is
    enough. Where the left of `and` only reads the clock (`hour() > 6 and …`), the right decides.
    """
    match node:
        case pp.ParenExpr():
            yield from _deciding(node.expr)
        case pp.BinaryExpr() if str(node.op) == "or":
            yield from _deciding(node.lhs)
            yield from _deciding(node.rhs)
        case pp.BinaryExpr() if str(node.op) == "and" and not selectors(node.lhs):
            yield from _deciding(node.rhs)
        case pp.BinaryExpr() if str(node.op) in ("and", "unless"):
            yield from _deciding(node.lhs)
        case pp.BinaryExpr() if str(node.op) in _COMPARISONS:
            yield node.rhs if is_scalar(node.lhs) else node.lhs
        case _:
            yield node


def _needed(node: pp.Expr) -> Iterator[pp.VectorSelector]:
    match node:
        case pp.VectorSelector():
            yield node
        case pp.MatrixSelector():
            yield node.vector_selector
        case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr() | pp.AggregateExpr():
            yield from _needed(node.expr)
        case pp.Call() if node.func.name not in ABSENCE_FUNCTIONS:
            for argument in node.args:
                yield from _needed(argument)
        case pp.BinaryExpr():
            yield from _needed(node.lhs)
            if str(node.op) not in ("and", "unless"):
                yield from _needed(node.rhs)


_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OPERATORS = ((pp.MatchOp.Equal, "="), (pp.MatchOp.NotEqual, "!="), (pp.MatchOp.Re, "=~"), (pp.MatchOp.NotRe, "!~"))


def _input(selector: pp.VectorSelector, tenant_labels: frozenset[str]) -> str:
    name = metric_name(selector)
    matchers = selector.matchers.matchers
    # Without a fixed name there is nothing else that says which data is meant.
    kept = [m for m in matchers if m.name in tenant_labels and m.name != "__name__"] if name else matchers
    texts = [_matcher(each) for each in kept]
    if _PLAIN_NAME.fullmatch(name):
        return name + ("{" + ",".join(texts) + "}" if texts else "")
    return "{" + ",".join([matcher("__name__", "=", name)] * bool(name) + texts) + "}"


def _matcher(found: pp.Matcher) -> str:
    operator = next(text for value, text in _OPERATORS if value == found.op)
    return matcher(found.name, operator, found.value)
