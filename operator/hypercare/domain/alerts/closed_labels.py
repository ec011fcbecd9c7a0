"""The labels that the results of an expression can have at most, where the expression alone settles that.

A series carries whatever its exporter and the scraping gave it, so only what is grouped by named labels is settled:
`sum by (pod) (…)`, and what keeps or names labels around it. `result_labels` asks the opposite question: which labels
the results have at least.
"""

import promql_parser as pp

from hypercare.domain.promql.syntax import ABSENCE_FUNCTIONS, KEEPING_AGGREGATIONS, RELABELLING_FUNCTIONS
from hypercare.domain.promql.value_kinds import is_scalar

Labels = frozenset[str]
_NONE: Labels = frozenset()


def closed_labels(node: pp.Expr) -> Labels | None:
    """Every label that a result may have, the metric name excluded; None where the expression does not settle it."""
    match node:
        case _ if is_scalar(node):
            return _NONE
        case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
            return closed_labels(node.expr)
        case pp.AggregateExpr():
            return _of_aggregation(node)
        case pp.Call():
            return _of_call(node)
        case pp.BinaryExpr():
            return _of_binary(node)
        case _:
            return None


def _of_aggregation(node: pp.AggregateExpr) -> Labels | None:
    inner = closed_labels(node.expr)
    if str(node.op) in KEEPING_AGGREGATIONS:
        return inner
    # `count_values("label", …)` makes the label that its parameter names.
    made = frozenset({node.param.val}) if isinstance(node.param, pp.StringLiteral) else _NONE
    if node.modifier is None:
        return made
    named = frozenset(node.modifier.labels)
    if node.modifier.type == pp.AggModifierType.By:
        return made | (named - {"__name__"})
    return None if inner is None else made | (inner - named)


def _of_call(node: pp.Call) -> Labels | None:
    if node.func.name in ABSENCE_FUNCTIONS:
        return None
    found = _union(*(closed_labels(each) for each in node.args if not isinstance(each, pp.StringLiteral)))
    if found is None:
        return None
    if node.func.name in RELABELLING_FUNCTIONS:
        return found | {node.args[1].val}
    return found - {"le"} if node.func.name == "histogram_quantile" else found


def _of_binary(node: pp.BinaryExpr) -> Labels | None:
    left, right = closed_labels(node.lhs), closed_labels(node.rhs)
    match str(node.op):
        case "and" | "unless":
            return left
        case "or":
            return _union(left, right)
    if is_scalar(node.lhs) or is_scalar(node.rhs):
        return right if is_scalar(node.lhs) else left
    return _of_vectors(node, left, right)


def _of_vectors(node: pp.BinaryExpr, left: Labels | None, right: Labels | None) -> Labels | None:
    """What matching two vectors leaves: of one to one the labels that are compared, else those of the many."""
    modifier = node.modifier
    if modifier is None:
        return left if left is not None else right
    extra = frozenset(modifier.group_labels or ())
    match modifier.card:
        case pp.VectorMatchCardinality.ManyToOne:
            return None if left is None else left | extra
        case pp.VectorMatchCardinality.OneToMany:
            return None if right is None else right | extra
    # Matched one to one, both sides have the same labels, but for those that are ignored.
    either = left if left is not None else right
    if modifier.matching is None:
        return either
    named = frozenset(modifier.matching.labels) - {"__name__"}
    if modifier.matching.type == pp.LabelModifierType.Include:
        return named
    return None if either is None else either - named


def _union(*sides: Labels | None) -> Labels | None:
    known = [side for side in sides if side is not None]
    return _NONE.union(*known) if len(known) == len(sides) else None
