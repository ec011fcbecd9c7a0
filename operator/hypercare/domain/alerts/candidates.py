"""What a source of a period can choose from: the alerts of its namespace, those that mention a target, shared ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.alerts.mentions import mentions
from hypercare.domain.alerts.narrowing import Narrowed, narrow
from hypercare.domain.alerts.protection import Chosen, RuleSource
from hypercare.domain.alerts.scope import Scope
from hypercare.domain.alerts.source_rules import (
    Body,
    SourceAlert,
    UnreadableRule,
    made_by_hypercare,
    object_labels,
    object_name,
    object_namespace,
    source_alerts,
)
from hypercare.domain.alerts.tightening import Untouched
from hypercare.domain.label_selectors import LabelSelector


@dataclass(frozen=True)
class UnfitAlert:
    """A shared alert that is not for this namespace, or not for these targets, and why."""

    source: SourceAlert
    why: Untouched


@dataclass(frozen=True)
class RuleObject:
    """One PrometheusRule with the alerts that may be chosen; of its others, `passed_over` mention no target."""

    name: str
    labels: dict[str, str]
    alerts: tuple[SourceAlert, ...]
    unreadable: tuple[UnreadableRule, ...]
    unfit: tuple[UnfitAlert, ...] = ()
    passed_over: int = 0


@dataclass(frozen=True)
class Candidates:
    """All PrometheusRules that a period may take alerts from."""

    scope: Scope
    own: tuple[RuleObject, ...]
    shared: tuple[RuleObject, ...]

    def of(self, source: RuleSource) -> list[RuleObject]:
        """Those that a source means."""
        match source.rules:
            case Chosen.SHARED:
                return list(self.shared)
            case Chosen.MENTIONING_TARGETS:
                return [_mentioning(each, self.scope) for each in self.own]
            case LabelSelector() as selector:
                return [each for each in self.own if not selector.unmet(each.labels)]
            case name:
                return [each for each in self.own if each.name == name]


def read_candidates(
    scope: Scope, rules: Iterable[Body], default_interval_seconds: int, sources: Sequence[RuleSource]
) -> Candidates:
    """Read PrometheusRules; shared ones only where a source asks for them, for narrowing takes its time."""
    usable = sorted((body for body in rules if not made_by_hypercare(body)), key=object_name)
    asked = any(source.rules is Chosen.SHARED for source in sources)
    return Candidates(
        scope,
        own=tuple(_read(body, default_interval_seconds) for body in scope.own(usable)),
        shared=tuple(
            _narrowed(_read(body, default_interval_seconds, object_namespace(body)), scope)
            for body in (scope.shared_with(usable) if asked else ())
        ),
    )


def _read(body: Body, default_interval: int, shared_from: str = "") -> RuleObject:
    found = list(source_alerts(body, default_interval))
    alerts = (each for each in found if isinstance(each, SourceAlert))
    if shared_from:
        alerts = (replace(each, group=replace(each.group, shared_from=shared_from)) for each in alerts)
    return RuleObject(
        name=object_name(body),
        labels=object_labels(body),
        alerts=tuple(alerts),
        unreadable=tuple(each for each in found if isinstance(each, UnreadableRule)),
    )


def _mentioning(rules: RuleObject, scope: Scope) -> RuleObject:
    alerts = tuple(each for each in rules.alerts if mentions(each, rules.labels, scope.targets))
    return replace(rules, alerts=alerts, passed_over=len(rules.alerts) - len(alerts))


def _narrowed(rules: RuleObject, scope: Scope) -> RuleObject:
    fit: list[SourceAlert] = []
    unfit: list[UnfitAlert] = []
    for alert in rules.alerts:
        match narrow(alert, scope.tenancy, scope.targets):
            case Narrowed() as found:
                fit.append(replace(alert, expr=found.expr, scope=found.scope, inputs=found.inputs, reach=found.reach))
            case why:
                unfit.append(UnfitAlert(alert, why))
    return replace(rules, alerts=tuple(fit), unfit=tuple(unfit))
