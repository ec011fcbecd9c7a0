"""Which alerts of the namespace a period watches, and what its overrides mean for each.

Everything that does not work becomes a problem with the path of the field; what works is selected all the same.
Overlays, of this period or another, are never selected.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hypercare.domain.alerts.label_selectors import LabelSelector
from hypercare.domain.alerts.protection import INHERITED, AlertProtection, Deliver, Inherited, Override, RuleSource
from hypercare.domain.alerts.source_rules import (
    Body,
    SourceAlert,
    UnreadableRule,
    made_by_hypercare,
    object_labels,
    object_name,
    source_alerts,
)
from hypercare.domain.alerts.thresholds import ThresholdRule, move_threshold
from hypercare.domain.alerts.tightening import FULL_STRENGTH, Untouched, UntouchedReason
from hypercare.domain.conditions import Problem
from hypercare.domain.durations import format_duration
from hypercare.domain.promql.syntax import PromQLError

# The wish is sound, and there is nothing to do for it; or the alert has no copy, which is told for itself.
_NO_MISTAKE = frozenset({UntouchedReason.BOUND_NOT_MOVED, UntouchedReason.UNSUPPORTED_PROMQL})


@dataclass(frozen=True)
class SelectedAlert:
    """A watched alert. `refused` is set when its override would loosen it: it is then not tightened at all.

    `override_seconds` and `bound` are its `for` and its threshold at full strength, where an override names them.
    """

    source: SourceAlert
    deliver: Deliver
    override_seconds: int | Inherited = INHERITED
    bound: Fraction | Inherited = INHERITED
    refused: str = ""


@dataclass(frozen=True)
class Selection:
    """The watched alerts, by object, group and position, and what could not be selected."""

    alerts: tuple[SelectedAlert, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _RuleObject:
    name: str
    labels: dict[str, str]
    alerts: tuple[SourceAlert, ...]
    unreadable: tuple[UnreadableRule, ...]


def select(protection: AlertProtection, rules: Sequence[Body], default_interval_seconds: int) -> Selection:
    """Find the alerts that `protection` names.

    Args:
        protection: The part of the spec.
        rules: The bodies of all PrometheusRules of the period's namespace.
        default_interval_seconds: What a group without an interval is evaluated at.
    """
    usable = sorted((body for body in rules if not made_by_hypercare(body)), key=object_name)
    objects = [_read(body, default_interval_seconds) for body in usable]
    problems: list[Problem] = []
    chosen: dict[str, SourceAlert] = {}
    for source in protection.sources:
        matching = [each for each in objects if _matches(each, source)]
        wanted = [alert for each in matching for alert in each.alerts if _wants(source, alert)]
        chosen.update((alert.rule_id, alert) for alert in wanted)
        problems.extend(_problems_of(source, matching))
    alerts = sorted(chosen.values(), key=lambda alert: (alert.group.group_id, alert.position))
    selected = tuple(_with_override(alert, protection) for alert in alerts)
    problems.extend(_override_problems(protection, selected))
    return Selection(selected, tuple(dict.fromkeys(problems)))


def _read(body: Body, default_interval: int) -> _RuleObject:
    found = list(source_alerts(body, default_interval))
    return _RuleObject(
        name=object_name(body),
        labels=object_labels(body),
        alerts=tuple(each for each in found if isinstance(each, SourceAlert)),
        unreadable=tuple(each for each in found if isinstance(each, UnreadableRule)),
    )


def _matches(rules: _RuleObject, source: RuleSource) -> bool:
    match source.rules:
        case LabelSelector() as selector:
            return not selector.unmet(rules.labels)
        case name:
            return rules.name == name


def _wants(source: RuleSource, alert: SourceAlert) -> bool:
    named = not source.alerts or any(pattern.fullmatch(alert.alertname) for pattern in source.alerts)
    return named and (not source.severities or alert.severity in source.severities)


def _problem(path: str, reason: str, message: str) -> Problem:
    return Problem(path, reason, message, stalls=True)


def _problems_of(source: RuleSource, matching: Sequence[_RuleObject]) -> Iterator[Problem]:
    if source.takes_all and not any(rules.unreadable for rules in matching):
        return
    if not matching:
        yield _nothing_matches(source)
        return
    for unreadable in (each for rules in matching for each in rules.unreadable):
        yield _problem(source.path, "InvalidRule", f"{unreadable.path}: {unreadable.message}")
    names = [alert.alertname for rules in matching for alert in rules.alerts]
    for index, pattern in enumerate(source.alerts):
        if not any(pattern.fullmatch(name) for name in names):
            message = f"{pattern.pattern!r} matches none of the {len(names)} alerts of {_names(matching)}"
            yield _problem(f"{source.path}.alerts[{index}]", "AlertNotFound", message)
    wanted = any(_wants(source, alert) for rules in matching for alert in rules.alerts)
    if not wanted and not source.takes_all:
        message = f"selects no alert of {_names(matching)}"
        yield _problem(source.path, "NoAlertSelected", message)


def _nothing_matches(source: RuleSource) -> Problem:
    match source.rules:
        case LabelSelector() as selector:
            message = f"no PrometheusRule in this namespace has the labels {selector}"
            return _problem(f"{source.path}.selector", "RuleNotFound", message)
        case name:
            message = f"no PrometheusRule {name} in this namespace (rules made by hypercare do not count)"
            return _problem(f"{source.path}.rule", "RuleNotFound", message)


def _names(matching: Sequence[_RuleObject]) -> str:
    names = [rules.name for rules in matching]
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"PrometheusRule {', '.join(names[:3])}{rest}"


def _with_override(alert: SourceAlert, protection: AlertProtection) -> SelectedAlert:
    override = next((each for each in protection.overrides if each.alert == alert.alertname), None)
    if override is None:
        return SelectedAlert(alert, protection.tighten.deliver)
    deliver = protection.tighten.deliver if isinstance(override.deliver, Inherited) else override.deliver
    loosening = (each.message for each in _mistakes(alert, override) if each.reason == UntouchedReason.OVERRIDE_LOOSENS)
    return SelectedAlert(alert, deliver, override.for_seconds, override.bound, next(loosening, ""))


def _override_problems(protection: AlertProtection, selected: Sequence[SelectedAlert]) -> Iterator[Problem]:
    for override in protection.overrides:
        meant = [alert for alert in selected if alert.source.alertname == override.alert]
        if not meant:
            message = f"no selected alert is named {override.alert}"
            yield _problem(f"{override.path}.alert", "AlertNotFound", message)
        for alert in meant:
            yield from _mistakes(alert.source, override)


def _mistakes(alert: SourceAlert, override: Override) -> Iterator[Problem]:
    """What of an override cannot be done, or would loosen the alert."""
    whose, has = f"{alert.alertname} of {alert.group.group_id}", format_duration(alert.for_seconds)
    if not isinstance(override.for_seconds, Inherited) and override.for_seconds > alert.for_seconds:
        message = f"{format_duration(override.for_seconds)} would loosen {whose}, which fires after {has}"
        yield _problem(f"{override.path}.for", UntouchedReason.OVERRIDE_LOOSENS, message)
    refusal = _refused_bound(alert, override)
    if refusal is not None and refusal.reason not in _NO_MISTAKE:
        yield _problem(f"{override.path}.bound", refusal.reason, f"{whose}: {refusal.message}")


def _refused_bound(alert: SourceAlert, override: Override) -> Untouched | None:
    if isinstance(override.bound, Inherited):
        return None
    try:
        moved = move_threshold(alert.expr, ThresholdRule(override=override.bound), FULL_STRENGTH)
    except PromQLError as error:
        return Untouched(UntouchedReason.UNSUPPORTED_PROMQL, str(error))
    return moved if isinstance(moved, Untouched) else None
