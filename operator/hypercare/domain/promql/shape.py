"""Whether two expressions ask the same over different ranges, as the two windows of a burn rate do.

Recording rules carry the range in their name (`errors:ratio_rate5m`, `errors:burnrate1h`), so durations in names count
as ranges too.
"""

import re

import promql_parser as pp

from hypercare.domain.promql.number_literals import node_entry
from hypercare.domain.promql.syntax import metric_name, nodes

_DURATION_IN_NAME = re.compile(r"(?<![0-9])[0-9]+(?:ms|[smhdwy])(?![a-z0-9])")


def same_but_range(one: pp.Expr, other: pp.Expr) -> bool:
    """Whether they differ in nothing but ranges, in brackets or in names."""
    return _shape(one) == _shape(other)


def _shape(node: pp.Expr) -> list[tuple[str, ...]]:
    return [_entry(each) for each in nodes(node) if not isinstance(each, pp.ParenExpr | pp.MatrixSelector)]


def _entry(node: pp.Expr) -> tuple[str, ...]:
    match node:
        case pp.SubqueryExpr():
            return ("subquery",)
        case pp.VectorSelector():
            matchers = sorted(
                (each.name, str(each.op), each.value) for each in node.matchers.matchers if each.name != "__name__"
            )
            name = _DURATION_IN_NAME.sub("", metric_name(node))
            return "selector", name, *(text for each in matchers for text in each)
    return node_entry(node)
