"""From the spec and the rules of the namespace to the wanted overlay, in one pure step.

This is the seam to the loop: it gathers the rules, hands them in, and writes the overlay that comes out, or removes
what is there. No overlay is wanted at strength 0, in mode Observe, or when nothing is selected; evidence gets the
watched alerts all the same, to judge them by their own expressions.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypercare.domain.alert_copies import CopyStyle, added_rule, conflicting_labels, copy_rule
from hypercare.domain.alert_protection import AddedAlert, AlertProtection, Deliver
from hypercare.domain.alert_selection import SelectedAlert, select
from hypercare.domain.alert_syntax import AlertSyntax, inputs_expr, read_alert
from hypercare.domain.conditions import Problem
from hypercare.domain.overlay import (
    OverlayAlert,
    OverlayGroup,
    OverlayIdentity,
    OverlayTooLarge,
    build_overlay,
    present_copies,
)
from hypercare.domain.promql import PromQLError
from hypercare.domain.source_rules import Body, SourceGroup, identity
from hypercare.domain.tenancy import Tenancy, confine
from hypercare.domain.tightening import (
    FiringCopy,
    ForRule,
    Outcome,
    Tightened,
    Untouched,
    UntouchedReason,
    relax_firing,
    shorten_for,
)
from hypercare.domain.watched import Making, WatchedAlert

ADDED_GROUP = "added"
"""Name of the group of added alerts. Groups of copies are named `<object>/<group>`, so they never collide."""


@dataclass(frozen=True)
class OverlayContext:
    """Everything but spec and rules that the overlay depends on.

    Attributes:
        identity: Whose overlay it is.
        subject: What is under hypercare, for people: workloads and release.
        strength: 0 to 100.
        enforce: False in mode Observe.
        default_interval_seconds: Evaluation interval of groups that name none.
        tenancy: Where the namespace's series are: added alerts are kept in it, tenant matchers stay in input queries.
        firing: By rule id, the copies that fire now.
        present: The overlay as it is now; empty if there is none.
    """

    identity: OverlayIdentity
    subject: str
    strength: int
    enforce: bool
    default_interval_seconds: int
    tenancy: Tenancy
    firing: Mapping[str, FiringCopy] = field(default_factory=dict)
    present: Body = field(default_factory=dict)

    @property
    def tenant_labels(self) -> frozenset[str]:
        """All labels that may name the namespace of a series."""
        return frozenset({self.tenancy.label, *(each.label for each in self.tenancy.exceptions)})


@dataclass(frozen=True)
class AlertOutcome:
    """What became of one selected alert, for status and report."""

    rule_id: str
    group_id: str
    alertname: str
    deliver: Deliver
    result: Outcome


@dataclass(frozen=True)
class AlertPlan:
    """What is wanted. `overlay` is None when there should be no object."""

    overlay: dict[str, Any] | None
    watched: tuple[WatchedAlert, ...]
    outcomes: tuple[AlertOutcome, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Judged:
    selected: SelectedAlert
    outcome: Outcome
    syntax: AlertSyntax | None

    @property
    def watched(self) -> bool:
        return self.syntax is None or not self.syntax.always_same


@dataclass(frozen=True)
class _Added:
    alert: AddedAlert
    syntax: AlertSyntax

    @property
    def rule_id(self) -> str:
        return identity("", ADDED_GROUP, self.alert.alert)


def plan_alerts(protection: AlertProtection, rules: Sequence[Body], context: OverlayContext) -> AlertPlan:
    """Decide about every alert that the period selects or adds, and build the overlay.

    Args:
        protection: `spec.protection.alerts`, parsed.
        rules: The bodies of all PrometheusRules of the period's namespace, overlays included.
        context: Whose overlay it is, how strong, and what fires now.
    """
    selection = select(protection, rules, context.default_interval_seconds)
    present = present_copies(context.present)
    judged = [_judge(alert, protection, context, present) for alert in selection.alerts]
    added, problems = _read_added(protection, context)
    style = CopyStyle(context.identity, protection.labels, context.subject)
    groups = [*_source_groups(judged, style), *_added_group(added, style)]
    overlay = None
    if groups and context.enforce and context.strength > 0:
        match build_overlay(context.identity, groups):
            case OverlayTooLarge() as refused:
                problems.append(Problem(f"{protection.path}.from", "OverlayTooLarge", str(refused), stalls=True))
            case body:
                overlay = body
    return AlertPlan(
        overlay=overlay,
        watched=tuple(_watch(each) for each in judged if each.watched)
        + tuple(_watch_added(each, context.default_interval_seconds) for each in added),
        outcomes=tuple(_outcome(each) for each in judged),
        problems=selection.problems + tuple(problems),
    )


def _judge(
    selected: SelectedAlert, protection: AlertProtection, context: OverlayContext, present: Mapping[str, int]
) -> _Judged:
    try:
        syntax = read_alert(selected.source.expr, context.tenant_labels)
    except PromQLError as error:
        return _Judged(selected, Untouched(UntouchedReason.UNSUPPORTED_PROMQL, str(error)), None)
    refused = _refusal(selected, syntax, protection.labels)
    if refused is not None:
        return _Judged(selected, refused, syntax)
    source = selected.source
    rule = ForRule(protection.tighten, selected.override_seconds)
    outcome = shorten_for(source.for_seconds, source.group.interval_seconds, rule, context.strength)
    firing = context.firing.get(source.rule_id)
    if firing is not None and source.rule_id in present:
        outcome = relax_firing(source.for_seconds, outcome, present[source.rule_id], firing)
    return _Judged(selected, outcome, syntax)


def _refusal(selected: SelectedAlert, syntax: AlertSyntax, labels: Mapping[str, str]) -> Untouched | None:
    if selected.refused:
        return Untouched(UntouchedReason.OVERRIDE_LOOSENS, selected.refused)
    if syntax.always_same:
        return Untouched(UntouchedReason.ALWAYS_FIRES, "it reads no series: it always fires, or never does")
    if syntax.reads_alerts:
        return Untouched(UntouchedReason.READS_ALERTS, "it reads the state of other alerts, copies among them")
    conflicts = conflicting_labels(selected, syntax, labels)
    if conflicts:
        names = ", ".join(sorted(conflicts))
        message = f"its results carry the label {names}; a copy that sets it could make several results one, and fail"
        return Untouched(UntouchedReason.LABEL_OVERRIDDEN, message)
    return None


def _read_added(protection: AlertProtection, context: OverlayContext) -> tuple[list[_Added], list[Problem]]:
    added: list[_Added] = []
    problems: list[Problem] = []
    for alert in protection.add:
        try:
            confined = replace(alert, expr=confine(alert.expr, context.tenancy))
            syntax = read_alert(confined.expr, context.tenant_labels)
        except PromQLError as error:
            problems.append(Problem(f"{alert.path}.expr", "InvalidPromQL", str(error), stalls=True))
            continue
        conflicts = syntax.carried_labels & {*protection.labels, *alert.labels, "severity"}
        if syntax.always_same:
            message = "reads no series: it would always fire, or never"
            problems.append(Problem(f"{alert.path}.expr", "AlwaysFires", message, stalls=True))
        elif conflicts:
            message = f"its results carry {', '.join(sorted(conflicts))}, which its labels would override"
            problems.append(Problem(f"{alert.path}.expr", "LabelOverridden", message, stalls=True))
        else:
            added.append(_Added(confined, syntax))
    return added, problems


def _source_groups(judged: Sequence[_Judged], style: CopyStyle) -> Iterator[OverlayGroup]:
    alerts: defaultdict[str, list[OverlayAlert]] = defaultdict(list)
    groups: dict[str, SourceGroup] = {}
    for each in judged:
        group = each.selected.source.group
        if each.syntax is not None and each.watched:
            groups[group.group_id] = group
            alerts[group.group_id].append(_overlay_alert(each, each.syntax, style))
    for group_id, group in groups.items():
        yield OverlayGroup(group_id, _frame(group), tuple(alerts[group_id]))


def _frame(group: SourceGroup) -> dict[str, Any]:
    kept = {
        "interval": group.interval,
        "query_offset": group.query_offset,
        "labels": dict(group.labels),
        "partial_response_strategy": group.partial_response_strategy,
    }
    return {key: value for key, value in kept.items() if value}


def _overlay_alert(judged: _Judged, syntax: AlertSyntax, style: CopyStyle) -> OverlayAlert:
    source = judged.selected.source
    inputs = _inputs(syntax)
    match judged.outcome:
        case Tightened() as change:
            copy = copy_rule(judged.selected, syntax, change, style)
            return OverlayAlert(source.rule_id, source.expr, inputs, copy)
        case Untouched():
            return OverlayAlert(source.rule_id, source.expr, inputs, None)


def _added_group(added: Sequence[_Added], style: CopyStyle) -> Iterator[OverlayGroup]:
    if added:
        yield OverlayGroup(ADDED_GROUP, {}, tuple(_overlay_added(each, style) for each in added))


def _overlay_added(added: _Added, style: CopyStyle) -> OverlayAlert:
    rule = added_rule(added.alert, added.rule_id, added.syntax, style)
    return OverlayAlert(added.rule_id, "", _inputs(added.syntax), rule)


def _inputs(syntax: AlertSyntax) -> str:
    return inputs_expr(syntax.inputs) if syntax.inputs and not syntax.reads_alerts else ""


def _watch(judged: _Judged) -> WatchedAlert:
    source = judged.selected.source
    inputs = _inputs(judged.syntax) if judged.syntax is not None else ""
    match judged.outcome:
        case Tightened(_, copy_seconds, _):
            making, unprovable = Making.TIGHTENED, ""
        case Untouched(_, message):
            making, copy_seconds = Making.UNTOUCHED, source.for_seconds
            unprovable = message if judged.syntax is None else ""
    return WatchedAlert(
        rule_id=source.rule_id,
        group_id=source.group.group_id,
        alertname=source.alertname,
        severity=source.severity,
        making=making,
        original_for_seconds=source.for_seconds,
        copy_for_seconds=copy_seconds,
        interval_seconds=source.group.interval_seconds,
        depends_on_input=bool(inputs),
        expr=source.expr,
        inputs_expr=inputs,
        unprovable=unprovable,
    )


def _watch_added(added: _Added, interval_seconds: int) -> WatchedAlert:
    alert, inputs = added.alert, _inputs(added.syntax)
    return WatchedAlert(
        rule_id=added.rule_id,
        group_id=ADDED_GROUP,
        alertname=alert.alert,
        severity=alert.severity,
        making=Making.ADDED,
        original_for_seconds=alert.for_seconds,
        copy_for_seconds=alert.for_seconds,
        interval_seconds=interval_seconds,
        depends_on_input=bool(inputs),
        expr=alert.expr,
        inputs_expr=inputs,
    )


def _outcome(judged: _Judged) -> AlertOutcome:
    source = judged.selected.source
    return AlertOutcome(
        source.rule_id, source.group.group_id, source.alertname, judged.selected.deliver, judged.outcome
    )
