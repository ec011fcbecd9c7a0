"""Which labels the results of an expression evidently carry, and which of them are fixed to one value.

A copy sets labels of its own. Where the results already carry such a label with different values, setting it makes
several results one, and Prometheus fails the whole rule. Labels count as carried where the expression names them: a
series may always carry more than anybody wrote down, and the companion series show a rule that fails for that.
"""

import promql_parser as pp

from hypercare.domain.promql.syntax import (
    ABSENCE_FUNCTIONS,
    KEEPING_AGGREGATIONS,
    RELABELLING_FUNCTIONS,
    metric_name,
    selectors,
)

_NONE: frozenset[str] = frozenset()


def result_labels(node: pp.Expr) -> frozenset[str]:
    """The labels that the results may carry with different values, as far as the expression names them."""
    match node:
        case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
            return result_labels(node.expr)
        case pp.MatrixSelector():
            return result_labels(node.vector_selector)
        case pp.VectorSelector():
            return frozenset(matcher.name for matcher in node.matchers.matchers) - pinned_labels(node) - {"__name__"}
        case pp.AggregateExpr():
            return _of_aggregation(node)
        case pp.Call():
            return _of_call(node)
        case pp.BinaryExpr():
            return _of_binary(node)
        case _:
            return _NONE


def pinned_labels(node: pp.Expr) -> frozenset[str]:
    """The labels that every selector below `node` fixes by equality, each to one value."""
    pins = [_pins(selector) for selector in selectors(node)]
    common = frozenset.intersection(*pins) if pins else frozenset()
    return frozenset(name for name, _ in common)


def pinned_values(node: pp.Expr, label: str) -> frozenset[str]:
    """The values that selectors fix a label to by equality; none where a selector below `node` does not."""
    values = [frozenset(value for name, value in _pins(selector) if name == label) for selector in selectors(node)]
    return frozenset().union(*values) if all(values) else _NONE


def distinct_without_name(node: pp.Expr) -> bool:
    """Whether no two results can differ in their metric name alone.

    An alert's results lose their name, and two that become one by that fail the rule. Names that functions drop count
    as well: servers with delayed name removal look for such results only at the very end.
    """
    match node:
        case pp.VectorSelector():
            return bool(metric_name(node))
        case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
            return distinct_without_name(node.expr)
        case pp.MatrixSelector():
            return distinct_without_name(node.vector_selector)
        case pp.AggregateExpr():
            grouped = str(node.op) not in KEEPING_AGGREGATIONS and not groups_by_name(node)
            return grouped or distinct_without_name(node.expr)
        case pp.Call():
            renames = node.func.name in RELABELLING_FUNCTIONS and node.args[1].val == "__name__"
            return not renames and all(distinct_without_name(each) for each in node.args)
        case pp.BinaryExpr():
            return all(distinct_without_name(each) for each in _sides_with_names(node))
    return True


def labels_of_groups(node: pp.Expr) -> frozenset[str] | None:
    """The only labels that results can have, where an outer `by (…)` says so; None where it does not."""
    match node:
        case pp.ParenExpr() | pp.UnaryExpr():
            return labels_of_groups(node.expr)
        case pp.AggregateExpr() if str(node.op) not in KEEPING_AGGREGATIONS and node.param is None:
            if node.modifier is None:
                return _NONE
            by = node.modifier.type == pp.AggModifierType.By
            return frozenset(node.modifier.labels) if by else None
    return None


def groups_by_name(node: pp.AggregateExpr) -> bool:
    """Whether an aggregation keeps the metric name as one of its groups' labels."""
    if node.modifier is None or node.modifier.type != pp.AggModifierType.By:
        return False
    return "__name__" in node.modifier.labels


def _sides_with_names(node: pp.BinaryExpr) -> tuple[pp.Expr, ...]:
    match str(node.op):
        case "and" | "unless":
            return (node.lhs,)
        case "or":
            return node.lhs, node.rhs
    match node.modifier.card if node.modifier else None:
        case pp.VectorMatchCardinality.ManyToOne:
            return (node.lhs,)
        case pp.VectorMatchCardinality.OneToMany:
            return (node.rhs,)
    # One to one, each result has labels of its own; with a scalar, the names of the other side are still there.
    return node.lhs, node.rhs


def _pins(selector: pp.VectorSelector) -> frozenset[tuple[str, str]]:
    equal = (matcher for matcher in selector.matchers.matchers if matcher.op == pp.MatchOp.Equal)
    return frozenset((matcher.name, matcher.value) for matcher in equal)


def _of_aggregation(node: pp.AggregateExpr) -> frozenset[str]:
    inner = result_labels(node.expr)
    # `count_values("label", …)` makes the label that its parameter names.
    made = frozenset({node.param.val}) if isinstance(node.param, pp.StringLiteral) else _NONE
    if node.modifier is None:
        return made | (inner if str(node.op) in KEEPING_AGGREGATIONS else _NONE)
    named = frozenset(node.modifier.labels)
    if node.modifier.type == pp.AggModifierType.By:
        return made | (named - pinned_labels(node.expr))
    return made | (inner - named)


def _of_call(node: pp.Call) -> frozenset[str]:
    if node.func.name in ABSENCE_FUNCTIONS:
        return _NONE
    carried = _NONE.union(*(result_labels(argument) for argument in node.args))
    return carried | {node.args[1].val} if node.func.name in RELABELLING_FUNCTIONS else carried


def _of_binary(node: pp.BinaryExpr) -> frozenset[str]:
    left, right = result_labels(node.lhs), result_labels(node.rhs)
    match str(node.op):
        case "and" | "unless":
            return left
        case "or":
            return left | right
    if node.modifier is None:
        return left | right
    extra = frozenset(node.modifier.group_labels or ())
    match node.modifier.card:
        case pp.VectorMatchCardinality.ManyToOne:
            return left | extra
        case pp.VectorMatchCardinality.OneToMany:
            return right | extra
    return _of_one_to_one(node.modifier, left | right) - (pinned_labels(node.lhs) & pinned_labels(node.rhs))


def _of_one_to_one(modifier: pp.BinModifier, carried: frozenset[str]) -> frozenset[str]:
    if modifier.matching is None:
        return carried
    named = frozenset(modifier.matching.labels)
    if modifier.matching.type == pp.LabelModifierType.Include:
        return named
    return carried - named
