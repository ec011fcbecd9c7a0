"""From the spec and the rules that a period may take to the wanted overlay, in one pure step.

This is the seam to the loop: it gathers the rules, hands them in, and writes the overlay that comes out, or removes
what is there. No overlay is wanted in mode Observe, at strength 0 or when nothing is selected; evidence gets the
watched alerts all the same, to judge them by their own expressions. Copies that fire may have to stay (`held_copies`).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypercare.domain.alerts.candidates import UnfitAlert
from hypercare.domain.alerts.copies import CopyStyle, added_rule, copy_rule
from hypercare.domain.alerts.judgement import (
    ADDED_GROUP,
    AcceptedAlert,
    JudgedAlert,
    OverlayContext,
    inputs_of,
    judge,
    read_added,
)
from hypercare.domain.alerts.overlay import OverlayAlert, OverlayGroup, OverlayTooLarge, build_overlay
from hypercare.domain.alerts.preflight import NOT_ASKED, Candidate, Preflight
from hypercare.domain.alerts.protection import AlertProtection, Deliver
from hypercare.domain.alerts.rewriting import Unread
from hypercare.domain.alerts.selection import select
from hypercare.domain.alerts.source_rules import Body, SourceGroup
from hypercare.domain.alerts.syntax import AlertSyntax
from hypercare.domain.alerts.tightening import Outcome, Tightened, Untouched
from hypercare.domain.alerts.watched import WatchedAlert
from hypercare.domain.conditions import Problem


@dataclass(frozen=True)
class AlertOutcome:
    """What became of one selected alert, for status and report, and what history said about it."""

    rule_id: str
    group_id: str
    alertname: str
    deliver: Deliver
    result: Outcome
    preflight: Preflight = NOT_ASKED


@dataclass(frozen=True)
class AlertPlan:
    """What is wanted. `overlay` is None when there should be no object; `candidates` are the questions to history."""

    overlay: dict[str, Any] | None
    watched: tuple[WatchedAlert, ...]
    outcomes: tuple[AlertOutcome, ...]
    problems: tuple[Problem, ...]
    candidates: tuple[Candidate, ...] = ()


def plan_alerts(protection: AlertProtection, rules: Sequence[Body], context: OverlayContext) -> AlertPlan:
    """Decide about every alert that the period selects or adds, and build the overlay.

    Args:
        protection: `spec.protection.alerts`, parsed.
        rules: The bodies of all PrometheusRules of the period's namespace, overlays included, and of shared ones.
        context: Whose overlay it is, how strong, and what fires now.
    """
    selection = select(protection, rules, context.default_interval_seconds)
    judged = judge(selection.alerts, protection, context)
    added: list[AcceptedAlert] = []
    problems = list(selection.problems)
    for each in read_added(protection, context):
        match each:
            case AcceptedAlert():
                added.append(each)
            case Problem():
                problems.append(each)
    overlay = _overlay(judged, added, protection, context)
    if isinstance(overlay, OverlayTooLarge):
        problems.append(Problem(f"{protection.path}.from", "OverlayTooLarge", str(overlay), stalls=True))
    watched = [each.watched() for each in judged if not each.silent_on_purpose]
    watched.extend(each.watched(context.default_interval_seconds) for each in added)
    return AlertPlan(
        overlay=None if isinstance(overlay, OverlayTooLarge) else overlay,
        watched=tuple(watched),
        outcomes=(*(_outcome(each) for each in judged), *(_unfit(each, protection) for each in selection.unfit)),
        problems=tuple(problems),
        candidates=tuple(each.candidate for each in judged if each.candidate is not None),
    )


def _overlay(
    judged: Sequence[JudgedAlert],
    added: Sequence[AcceptedAlert],
    protection: AlertProtection,
    context: OverlayContext,
) -> dict[str, Any] | OverlayTooLarge | None:
    if not context.enforce or context.strength == 0:
        return None
    style = CopyStyle(context.identity, protection.labels, context.subject)
    groups = [*_source_groups(judged, style), *_added_group(added, style)]
    return build_overlay(context.identity, groups) if groups else None


def _source_groups(judged: Sequence[JudgedAlert], style: CopyStyle) -> Iterator[OverlayGroup]:
    groups: dict[str, SourceGroup] = {}
    alerts: defaultdict[str, list[OverlayAlert]] = defaultdict(list)
    for each in judged:
        if not isinstance(each.syntax, Unread) and not each.silent_on_purpose:
            group = each.selected.source.group
            groups[group.group_id] = group
            alerts[group.group_id].append(_overlay_alert(each, each.syntax, style))
    for group_id, group in groups.items():
        yield OverlayGroup(group_id, _frame(group), tuple(alerts[group_id]))


def _frame(group: SourceGroup) -> dict[str, Any]:
    # Without `limit`: a copy that exceeds it would clear all alerts of its rule.
    kept = {
        "interval": group.interval,
        "query_offset": group.query_offset,
        "labels": dict(group.labels),
        "partial_response_strategy": group.partial_response_strategy,
    }
    return {key: value for key, value in kept.items() if value}


def _overlay_alert(judged: JudgedAlert, syntax: AlertSyntax, style: CopyStyle) -> OverlayAlert:
    source = judged.selected.source
    inputs = inputs_of(syntax, source.inputs)
    match judged.outcome:
        case Tightened() as change:
            copy = copy_rule(judged.selected, syntax, change, style)
            return OverlayAlert(source.rule_id, source.expr, inputs, copy)
        case Untouched():
            return OverlayAlert(source.rule_id, source.expr, inputs, None)


def _added_group(added: Sequence[AcceptedAlert], style: CopyStyle) -> Iterator[OverlayGroup]:
    if added:
        yield OverlayGroup(ADDED_GROUP, {}, tuple(_overlay_added(each, style) for each in added))


def _overlay_added(added: AcceptedAlert, style: CopyStyle) -> OverlayAlert:
    rule = added_rule(added.alert, added.rule_id, added.syntax, style)
    return OverlayAlert(added.rule_id, "", added.inputs, rule)


def _unfit(alert: UnfitAlert, protection: AlertProtection) -> AlertOutcome:
    source, deliver = alert.source, protection.tighten.deliver
    return AlertOutcome(source.rule_id, source.group.group_id, source.alertname, deliver, alert.why)


def _outcome(judged: JudgedAlert) -> AlertOutcome:
    source = judged.selected.source
    return AlertOutcome(
        rule_id=source.rule_id,
        group_id=source.group.group_id,
        alertname=source.alertname,
        deliver=judged.selected.deliver,
        result=judged.outcome,
        preflight=judged.preflight,
    )
