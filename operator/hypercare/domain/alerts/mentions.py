"""Which alerts name a target: by a selector of their expression, by a label of rule or group, or by their object.

An object names a target by its name (`checkout`, or `checkout-` and more) or by a label (`app.kubernetes.io/name`).

Of expressions counts a matcher that asks for the target's name in a label that holds names of workloads or services, or
for its pods in `pod` and labels like it, by equality or by a regular expression. One that matches another workload's
names as well (`.+`) says nothing. Of a label that is for one kind of workload (`deployment`) only targets of that kind
are named. Names may have a namespace in front (`shop/checkout`) or a domain behind (`checkout.shop.svc`). A matcher
that excludes names nobody, and neither does a name in the alert's own name or in its texts.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import promql_parser as pp

from hypercare.domain.alerts.name_patterns import parse_name_pattern
from hypercare.domain.alerts.source_rules import SourceAlert
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.pods import pod_pattern
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import DAEMONSETS, DEPLOYMENTS, STATEFULSETS
from hypercare.domain.promql.syntax import PromQLError, parse, selectors

POD_LABELS = frozenset({"pod", "pod_name", "kubernetes_pod_name", "exported_pod"})
KIND_LABELS = {"deployment": DEPLOYMENTS.kind, "statefulset": STATEFULSETS.kind, "daemonset": DAEMONSETS.kind}
NAME_LABELS = re.compile(
    r"(?:exported_)?(?:workload|service|job)|service_name|destination_(?:workload|service|service_name)"
    r"|app|application|app_kubernetes_io_(?:name|instance)|k8s_app|component|container|container_name|name"
    r"|horizontalpodautoscaler|scaledobject"
)
OBJECT_LABELS = frozenset({"app.kubernetes.io/name", "app.kubernetes.io/instance", "app", "k8s-app"})
_HASH, _SUFFIX = "5d4b7c9f6d", "x7k2p"
_ANOTHER = "nothing-hypercare-knows"


def mentions(alert: SourceAlert, object_labels: Mapping[str, str], targets: Iterable[Target]) -> bool:
    """Whether an alert, in a PrometheusRule with these labels, names one of the targets."""
    return any(
        f"{alert.group.object_name}-".startswith(f"{target.name}-")
        or any(object_labels.get(label) == target.name for label in OBJECT_LABELS)
        or any(_is_value(target, label, value) for label, value in alert.own_labels.items())
        or any(_asks_for(target, *each) for each in _matchers(alert.expr))
        for target in targets
    )


@lru_cache(maxsize=16384)
def _matchers(expr: str) -> frozenset[tuple[str, bool, str]]:
    """Label, whether it is a regular expression, and value of all matchers that ask for something."""
    try:
        found = [each for selector in selectors(parse(expr)) for each in selector.matchers.matchers]
    except PromQLError:
        # Whether it can be read at all is told where it is selected by something else.
        return frozenset()
    asking = (each for each in found if each.op in (pp.MatchOp.Equal, pp.MatchOp.Re))
    return frozenset((each.name, bool(each.op == pp.MatchOp.Re), each.value) for each in asking)


def _asks_for(target: Target, label: str, pattern: bool, value: str) -> bool:
    if not pattern:
        return _is_value(target, label, value)
    names = _names(target, label)
    if not names:
        return False
    another = _names(Target(target.kind, _ANOTHER), label)
    return any(_matches(value, name) for name in names) and not any(_matches(value, name) for name in another)


def _is_value(target: Target, label: str, value: str) -> bool:
    """Whether a value is the target's name, or that of one of its pods."""
    if label in POD_LABELS:
        return re.fullmatch(pod_pattern(target), value) is not None
    last = value.rpartition("/")[2]
    return bool(_names(target, label)) and target.name in (value, last, last.partition(".")[0])


def _names(target: Target, label: str) -> tuple[str, ...]:
    """What a label could say of a target: its name as it is written there, or a pod of it."""
    if label in POD_LABELS:
        return (_pod(target),)
    if label in KIND_LABELS:
        return (target.name,) if KIND_LABELS[label] == target.kind else ()
    return (target.name, f"namespace/{target.name}") if NAME_LABELS.fullmatch(label) else ()


def _pod(target: Target) -> str:
    match target.kind:
        case STATEFULSETS.kind:
            return f"{target.name}-0"
        case DAEMONSETS.kind:
            return f"{target.name}-{_SUFFIX}"
    return f"{target.name}-{_HASH}-{_SUFFIX}"


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return parse_name_pattern(Field("matcher", text))
    except InvalidField:
        # What could take exponential time, or is written for another engine, names nobody.
        return None


def _matches(pattern: str, name: str) -> bool:
    found = _pattern(pattern)
    return found is not None and found.fullmatch(name) is not None
