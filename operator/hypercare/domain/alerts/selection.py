"""Which alerts a period watches, of its namespace and of those that are shared, and what its overrides mean for each.

Everything that does not work becomes a problem with the path of the field; what works is selected all the same.
Overlays, of this period or another, are never selected.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hypercare.domain.alerts.candidates import RuleObject, UnfitAlert, read_candidates
from hypercare.domain.alerts.protection import (
    INHERITED,
    AlertProtection,
    Chosen,
    Deliver,
    Inherited,
    Override,
    RuleSource,
)
from hypercare.domain.alerts.scope import Scope
from hypercare.domain.alerts.source_rules import Body, SourceAlert
from hypercare.domain.alerts.thresholds import ThresholdRule, move_threshold
from hypercare.domain.alerts.tightening import FULL_STRENGTH, Untouched, UntouchedReason
from hypercare.domain.conditions import Problem
from hypercare.domain.durations import format_duration
from hypercare.domain.label_selectors import LabelSelector
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
    """The watched alerts, by object, group and position, and what could not be selected.

    `unfit` are shared alerts that are not for this namespace: they are told, and not watched.
    """

    alerts: tuple[SelectedAlert, ...]
    problems: tuple[Problem, ...]
    unfit: tuple[UnfitAlert, ...] = ()


def select(protection: AlertProtection, rules: Sequence[Body], default_interval_seconds: int) -> Selection:
    """Find the alerts that `protection` names.

    Args:
        protection: The part of the spec.
        rules: The bodies of all PrometheusRules of the period's namespace, and of those that are shared with it.
        default_interval_seconds: What a group without an interval is evaluated at.
    """
    candidates = read_candidates(protection.scope, rules, default_interval_seconds, protection.sources)
    problems: list[Problem] = []
    chosen: dict[str, SourceAlert] = {}
    unfit: dict[str, UnfitAlert] = {}
    for source in protection.sources:
        matching = candidates.of(source)
        wanted = [alert for each in matching for alert in each.alerts if _wants(source, alert)]
        chosen.update((alert.rule_id, alert) for alert in wanted)
        others = [one for each in matching for one in each.unfit if _wants(source, one.source)]
        unfit.update((one.source.rule_id, one) for one in others)
        problems.extend(_problems_of(source, matching, protection.scope))
    alerts = sorted(chosen.values(), key=lambda alert: (alert.group.group_id, alert.position))
    selected = tuple(_with_override(alert, protection) for alert in alerts)
    problems.extend(_override_problems(protection, selected))
    return Selection(selected, tuple(dict.fromkeys(problems)), tuple(unfit.values()))


def _wants(source: RuleSource, alert: SourceAlert) -> bool:
    named = not source.alerts or any(pattern.fullmatch(alert.alertname) for pattern in source.alerts)
    return named and (not source.severities or alert.severity in source.severities)


def _problem(path: str, reason: str, message: str) -> Problem:
    return Problem(path, reason, message, stalls=True)


def _problems_of(source: RuleSource, matching: Sequence[RuleObject], scope: Scope) -> Iterator[Problem]:
    if source.takes_all and not any(rules.unreadable or rules.passed_over for rules in matching):
        return
    if not matching:
        yield _nothing_matches(source, scope)
        return
    for unreadable in (each for rules in matching for each in rules.unreadable):
        yield _problem(source.path, "InvalidRule", f"{unreadable.path}: {unreadable.message}")
    found = [alert for rules in matching for alert in rules.alerts]
    for index, pattern in enumerate(source.alerts):
        if found and not any(pattern.fullmatch(alert.alertname) for alert in found):
            message = f"{pattern.pattern!r} matches none of the {len(found)} alerts of {_names(matching)}"
            yield _problem(f"{source.path}.alerts[{index}]", "AlertNotFound", message)
    passed_over = any(rules.passed_over for rules in matching)
    if not any(_wants(source, alert) for alert in found) and (passed_over or not source.takes_all):
        yield _nothing_wanted(source, matching, scope)


def _nothing_wanted(source: RuleSource, matching: Sequence[RuleObject], scope: Scope) -> Problem:
    passed_over = sum(rules.passed_over for rules in matching)
    if source.rules is Chosen.MENTIONING_TARGETS and passed_over:
        names = ", ".join(target.name for target in scope.targets)
        message = (
            f"none of the {passed_over} alerts of {_names(matching)} names a target ({names}) in a selector or label: "
            "name them with rule or selector ({} for all), or add the label to them"
        )
        return _problem(source.path, "NoTargetMentioned", message)
    unfit = sum(len(rules.unfit) for rules in matching)
    if source.rules is Chosen.SHARED and unfit:
        message = f"none of the {unfit} alerts of {_names(matching)} is about the targets or their namespace"
        return _problem(source.path, "NoAlertSelected", message)
    return _problem(source.path, "NoAlertSelected", f"selects no alert of {_names(matching)}")


def _nothing_matches(source: RuleSource, scope: Scope) -> Problem:
    match source.rules:
        case Chosen.SHARED if not scope.shared:
            message = "the HypercareProfile shares no rules: name some in its rules.shared, or leave this out"
            return _problem(f"{source.path}.shared", "NothingShared", message)
        case Chosen():
            places = ", ".join(str(each) for each in scope.shared)
            message = f"no PrometheusRule is found where the HypercareProfile shares them: namespace {places}"
            return _problem(f"{source.path}.shared", "RuleNotFound", message)
        case LabelSelector() as selector:
            message = f"no PrometheusRule in this namespace has the labels {selector}"
            return _problem(f"{source.path}.selector", "RuleNotFound", message)
        case name:
            message = f"no PrometheusRule {name} in this namespace (rules made by hypercare do not count)"
            return _problem(f"{source.path}.rule", "RuleNotFound", message)


def _names(matching: Sequence[RuleObject]) -> str:
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
