"""PromQL in files: what a refusal of the parser means for whoever wrote it, and queries that are not what they seem."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import promql_parser as pp

from hypercare.cli.lint.findings import Finding, Source
from hypercare.domain.alerts.comparisons import FLIPPED, has_bool
from hypercare.domain.promql.syntax import PromQLError, nodes, parse, selectors
from hypercare.domain.promql.value_kinds import is_scalar

_OF_COUNTERS = frozenset({"rate", "irate", "increase", "delta", "idelta", "deriv"})
_OVER_TIME = ("avg", "min", "max", "sum", "count", "quantile", "stddev", "stdvar", "last", "present", "absent")
_FUNCTIONS = frozenset(
    {
        *_OF_COUNTERS,
        *(f"{each}_over_time" for each in _OVER_TIME),
        *("abs", "absent", "ceil", "changes", "clamp", "clamp_max", "clamp_min", "day_of_month", "day_of_week"),
        *("days_in_month", "exp", "floor", "histogram_avg", "histogram_count", "histogram_fraction"),
        *("histogram_quantile", "histogram_sum", "hour", "label_join", "label_replace", "ln", "log10", "log2"),
        *("minute", "month", "predict_linear", "resets", "round", "scalar", "sgn", "sort", "sort_desc", "sqrt"),
        *("time", "timestamp", "vector", "year", "sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile"),
    }
)
_HINTS = (
    (r"expected type matrix in call to function '(\w+)'", r"give \1 a range, such as \1(requests_total[5m])"),
    (
        r"expected type (?:vector|scalar|instant vector).*got matrix",
        "a range is only for functions such as rate: leave [5m] out",
    ),
    (r"ranges only allowed for vector selectors", "put the range at the metric, or write a subquery: (…)[1h:1m]"),
    (r"unclosed|unexpected right|unexpected end of input", "count the brackets and quotes"),
    (r"in label matching, expected string", 'write matchers as {code="500"} or {code=~"5.."}'),
    (r"unexpected character inside brackets", "write a range such as [5m], or [1h:1m] of a subquery"),
    (r"wrong number of arguments", "see the function's arguments in the documentation of Prometheus"),
)
_OF_TEXTS = (
    (re.compile(r"[^=!<>~]=\s*[-0-9.]"), "compare with ==: a single = is for labels in {…}"),
    (re.compile(r"\b(by|without)\s+[a-zA-Z_]"), "put the labels into brackets: sum by (service) (…)"),
    (re.compile(r"(==|!=|[<>]=?|[-+*/])\s*$"), "something is missing at the end"),
)
_LABELS = re.compile(r"\{[^{}]*\}")
_PREFIX = re.compile(r"^\w*PromQL: ")


def promql_message(message: str) -> str:
    """A message without the name of its rule, which stands beside it."""
    return _PREFIX.sub("", message)


def promql_hint(message: str, expression: str) -> str:
    """What to write instead of an expression that the parser refuses; empty where that cannot be told."""
    if unknown := re.search(r"unknown function with name '(\w+)'", message):
        near = get_close_matches(unknown[1], _FUNCTIONS, 1)
        return f"did you mean {near[0]}?" if near else "it is no function of Prometheus"
    for pattern, told in _HINTS:
        if found := re.search(pattern, message):
            return found.expand(told)
    plain = _LABELS.sub("", expression)
    return next((told for pattern, told in _OF_TEXTS if pattern.search(plain)), "")


def criterion_doubts(source: Source, index: int, criterion: Mapping[str, Any]) -> Iterator[Finding]:
    """Queries that are read and would be judged otherwise than they look."""
    path = f"spec.exitCriteria[{index}]"
    ratio = criterion.get("ratio")
    parts = {f"ratio.{key}": value for key, value in ratio.items()} if isinstance(ratio, Mapping) else {}
    for field, text in {"query": criterion.get("query"), **parts}.items():
        tree = _tree(text)
        if tree is None:
            continue
        if _filters(tree):
            message = "is a comparison: where it is false there is no result, and no result is unknown, never good"
            fix = "leave the bound out here, and write it as below or above"
            yield source.warning(f"{path}.{field}", "FilteringQuery", message, fix)
        if "minSeries" not in criterion and (metrics := _apart(tree)):
            message = (
                f"has a result for each series of {metrics}: all must satisfy the bound, and none is missed that ends"
            )
            fix = "aggregate, such as sum by (service) (…); or set minSeries, if each is meant to be judged"
            yield source.warning(f"{path}.{field}", "NotAggregated", message, fix)


def _tree(text: object) -> pp.Expr | None:
    try:
        return parse(text) if isinstance(text, str) else None
    except PromQLError:
        return None


def _filters(tree: pp.Expr) -> bool:
    while isinstance(tree, pp.ParenExpr):
        tree = tree.expr
    if not isinstance(tree, pp.BinaryExpr) or str(tree.op) not in FLIPPED:
        return False
    return not has_bool(tree) and not (is_scalar(tree.lhs) and is_scalar(tree.rhs))


def _apart(tree: pp.Expr) -> str:
    """The metrics of which each series is judged by itself, where the query counts events; empty where none is."""
    found = list(nodes(tree))
    counts = any(isinstance(each, pp.Call) and each.func.name in _OF_COUNTERS for each in found)
    if not counts or any(isinstance(each, pp.AggregateExpr) for each in found):
        return ""
    return ", ".join(sorted({str(each.name) for each in selectors(tree) if each.name}))
