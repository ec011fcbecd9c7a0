"""An alert that is written for a whole cluster, narrowed to one namespace and, where it says so, to the targets.

The narrowed expression has exactly the results of the original that belong to the tenant (and to the targets): that is
what `separable` decides. An alert for which it cannot be shown has no copy, and is not watched.

That results carry the tenant's label must be seen: in the expression (`by`, `on`, a matcher), in the texts of the alert
(`$labels.namespace`), or because the profile's tenancy says so of the metric. Most alerts about nodes and the control
plane name no namespace anywhere.

Targets are told by the first of these labels that the results evidently carry and that can be narrowed: `pod` (the
names that controllers give), `workload`, `deployment`, `statefulset`, `daemonset` (the name), `service`, `job` (the
name, or the name and a suffix after a dash). A Service that is called otherwise than its workload is not seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import promql_parser as pp

from hypercare.domain.alerts.result_labels import result_labels
from hypercare.domain.alerts.source_rules import Reach, SourceAlert
from hypercare.domain.alerts.syntax import inputs_expr, read_alert
from hypercare.domain.alerts.tightening import Untouched, UntouchedReason
from hypercare.domain.life.pods import pod_pattern
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.added_matchers import with_matchers
from hypercare.domain.promql.separable import Obstacle, ObstacleKind, Separable, separable
from hypercare.domain.promql.syntax import PromQLError, metric_name, nodes, parse, selectors
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.promql.text import matcher, one_of

_OF_ONE_KIND = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}
_TARGET_LABELS = ("pod", "workload", *_OF_ONE_KIND, "service", "job")
_BY_OBSTACLE = {
    ObstacleKind.DROPPED: UntouchedReason.NO_TENANT_LABEL,
    ObstacleKind.WITHOUT_SERIES: UntouchedReason.RESULT_WITHOUT_SERIES,
    ObstacleKind.RELABELLED: UntouchedReason.TENANT_REWRITTEN,
    ObstacleKind.SHADOWED: UntouchedReason.READS_OTHER_TENANTS,
}


@dataclass(frozen=True)
class Narrowed:
    """The expression of a tenant.

    Attributes:
        expr: PromQL.
        scope: Matchers that tell which results of the original are meant, as `ALERTS` shows them.
        inputs: PromQL: 1 while the cluster has the data that the original needs, else 0.
        reach: How far it was narrowed.
    """

    expr: str
    scope: str
    inputs: str
    reach: Reach


def narrow(alert: SourceAlert, tenancy: Tenancy, targets: tuple[Target, ...]) -> Narrowed | Untouched:
    """Narrow an alert to a namespace and, where possible, to these targets; `Untouched` says why it is not for them."""
    shape = _Shape(alert.expr, alert.labels_in_texts, frozenset(alert.own_labels))
    return _narrow(shape, tenancy, targets)


@dataclass(frozen=True)
class _Shape:
    """What of an alert decides: its expression, the labels its texts use, and those that its rule sets."""

    expr: str
    labels_in_texts: frozenset[str]
    own_labels: frozenset[str]


@lru_cache(maxsize=16384)
def _narrow(alert: _Shape, tenancy: Tenancy, targets: tuple[Target, ...]) -> Narrowed | Untouched:
    try:
        syntax = read_alert(alert.expr, frozenset())
        if syntax.always_same:
            return Untouched(UntouchedReason.ALWAYS_FIRES, "it reads no series: it always fires, or never does")
        if syntax.reads_alerts:
            return Untouched(UntouchedReason.READS_ALERTS, "it reads the state of other alerts")
        tenant = _to_namespace(alert, tenancy)
        if isinstance(tenant, Untouched):
            return tenant
        inputs = f"clamp_max({inputs_expr(syntax.inputs)}, 1)" if syntax.inputs else ""
        return _to_targets(alert, tenant, inputs, targets)
    except PromQLError as error:
        return Untouched(UntouchedReason.UNSUPPORTED_PROMQL, str(error))


@dataclass(frozen=True)
class _OfTenant:
    label: str
    expr: str
    scope: str


def _to_namespace(alert: _Shape, tenancy: Tenancy) -> _OfTenant | Untouched:
    tree = parse(alert.expr)
    refusal = next(_refusals(alert, tree, tenancy), None)
    if refusal is not None:
        return refusal
    (label,) = _tenant_labels(tree, tenancy)
    found = separable(tree, label)
    if isinstance(found, Obstacle):
        return Untouched(_BY_OBSTACLE[found.kind], found.message)
    if label == tenancy.label and label not in _evident_labels(alert, tree):
        told = f"neither its expression nor its texts name the label {label}: nothing shows that results carry it"
        return Untouched(UntouchedReason.NO_TENANT_LABEL, told)
    ours = matcher(label, "=", tenancy.namespace)
    wanted = {index for index, each in enumerate(selectors(tree)) if tenancy.label_of(metric_name(each))}
    if wanted - found.narrow:
        return Untouched(UntouchedReason.READS_OTHER_TENANTS, found.left[0].message)
    if found.narrow - wanted:
        names = ", ".join(sorted(metric_name(selectors(tree)[index]) for index in found.narrow - wanted))
        return Untouched(UntouchedReason.NO_TENANT_LABEL, f"the profile says that {names} carries no namespace")
    return _OfTenant(label, with_matchers(alert.expr, dict.fromkeys(wanted, ours)), ours)


def _refusals(alert: _Shape, tree: pp.Expr, tenancy: Tenancy) -> Iterator[Untouched]:
    names = [metric_name(each) for each in selectors(tree)]
    if not all(names):
        told = "it reads metrics that it does not name, so whose they are cannot be told"
        yield Untouched(UntouchedReason.NO_TENANT_LABEL, told)
    labels = _tenant_labels(tree, tenancy)
    if len(labels) != 1:
        told = f"its metrics carry the namespace in different labels: {', '.join(sorted(labels))}" if labels else ""
        yield Untouched(UntouchedReason.NO_TENANT_LABEL, told or "the profile says that its metrics carry no namespace")
        return
    (label,) = labels
    for each in selectors(tree):
        for found in each.matchers.matchers:
            if found.name == label and not _admits(found, tenancy.namespace):
                told = f"it is about other namespaces: {metric_name(each)} with {_written(found)}"
                yield Untouched(UntouchedReason.OTHER_NAMESPACE, told)
    if label in alert.own_labels:
        told = f"its rule sets the label {label} itself, so whose alert it is cannot be told"
        yield Untouched(UntouchedReason.TENANT_REWRITTEN, told)


def _tenant_labels(tree: pp.Expr, tenancy: Tenancy) -> frozenset[str]:
    return frozenset(tenancy.label_of(metric_name(each)) for each in selectors(tree)) - {""}


def _evident_labels(alert: _Shape, tree: pp.Expr) -> frozenset[str]:
    """The labels that the expression names as its results' own, or that the texts use."""
    joined = (_joined_on(each) for each in nodes(tree))
    pinned = {found.name for each in selectors(tree) for found in each.matchers.matchers}
    return result_labels(tree) | alert.labels_in_texts | frozenset(pinned).union(*joined)


def _joined_on(node: pp.Expr) -> frozenset[str]:
    if not isinstance(node, pp.BinaryExpr) or node.modifier is None or node.modifier.matching is None:
        return frozenset()
    matching = node.modifier.matching
    return frozenset(matching.labels if matching.type == pp.LabelModifierType.Include else ())


def _to_targets(alert: _Shape, tenant: _OfTenant, inputs: str, targets: tuple[Target, ...]) -> Narrowed | Untouched:
    tree = parse(tenant.expr)
    carried = result_labels(tree) | alert.labels_in_texts
    fixed = {found.name for each in selectors(tree) for found in each.matchers.matchers if found.op == pp.MatchOp.Equal}
    for label in _TARGET_LABELS:
        if label not in carried or label in fixed or label in alert.own_labels:
            continue
        found = separable(tree, label)
        if isinstance(found, Separable):
            return _narrowed(tenant, inputs, found, _named(label, targets))
    return Narrowed(tenant.expr, tenant.scope, inputs, Reach.NAMESPACE)


def _narrowed(tenant: _OfTenant, inputs: str, found: Separable, ours: "_Named") -> Narrowed | Untouched:
    if not ours.pattern:
        told = f"it tells workloads by the label {ours.label}, and no target is one"
        return Untouched(UntouchedReason.OTHER_WORKLOADS, told)
    wanted = matcher(ours.label, "=~", ours.pattern)
    expr = with_matchers(tenant.expr, dict.fromkeys(found.narrow, wanted))
    return Narrowed(expr, f"{tenant.scope},{wanted}", inputs, Reach.TARGETS)


@dataclass(frozen=True)
class _Named:
    label: str
    pattern: str


def _named(label: str, targets: tuple[Target, ...]) -> _Named:
    """What the label says of the targets; the pattern is empty where none of them can have it."""
    if label == "pod":
        return _Named(label, "|".join(pod_pattern(each) for each in targets))
    kind = _OF_ONE_KIND.get(label, "")
    names = one_of(each.name for each in targets if not kind or each.kind == kind)
    return _Named(label, f"({names})(-.*)?" if label in ("service", "job") else names)


def _admits(found: pp.Matcher, value: str) -> bool:
    """Whether a matcher lets this value through; one that cannot be read might."""
    if found.op in (pp.MatchOp.Equal, pp.MatchOp.NotEqual):
        return (found.value == value) is (found.op == pp.MatchOp.Equal)
    try:
        matches = re.fullmatch(found.value, value) is not None
    except re.error:
        return True
    return matches is (found.op == pp.MatchOp.Re)


_OPERATORS = ((pp.MatchOp.Equal, "="), (pp.MatchOp.NotEqual, "!="), (pp.MatchOp.Re, "=~"), (pp.MatchOp.NotRe, "!~"))


def _written(found: pp.Matcher) -> str:
    return matcher(found.name, next(text for value, text in _OPERATORS if value == found.op), found.value)
