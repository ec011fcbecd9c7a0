"""Which alerts an `alerts` criterion is about, and what Prometheus is asked about them.

Everything is read as `max_over_time(…[W])` with W = max(step, interval of the alert's group): an alert that fires
between two points of the grid would be missed by instant selectors. There is one request per series name and W.

Originals carry no label of ours. They are found in `ALERTS` by name and severity, in the tenant's namespace, or without
a namespace where their series carry none.

In mode Observe there is no overlay: conditions and inputs are then asked for directly, and there is no heartbeat.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.alerts.overlay import ALERT_INPUTS, COPY_ACTIVE, HEARTBEAT, ORIGINAL_ACTIVE
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.evidence.criteria import AlertsKind, Include
from hypercare.domain.promql.syntax import PromQLError
from hypercare.domain.promql.tenancy import Tenancy, confine
from hypercare.domain.promql.text import label_name, matcher, quoted

_NAMES_LENGTH = 2000
"""Requests carry the query in the URL, so long lists of names are split."""


class Role(StrEnum):
    """Which of the two alerts of a pair is judged."""

    ORIGINAL = "original"
    COPY = "copy"


@dataclass(frozen=True)
class Subject:
    """One alert that must be quiet. Only the firing of one of `severities` counts against it; empty: of any."""

    alert: WatchedAlert
    role: Role
    severities: frozenset[str] = frozenset()

    @property
    def for_seconds(self) -> int:
        """Its own `for`."""
        return self.alert.copy_for_seconds if self.role is Role.COPY else self.alert.original_for_seconds


@dataclass(frozen=True)
class OverlayLive:
    """The overlay has been seen live since `since` (Unix seconds), once per run."""

    since: int


@dataclass(frozen=True)
class OverlayNotLive:
    """The overlay has not been seen live in this run: quiet does not count yet."""


@dataclass(frozen=True)
class NoOverlay:
    """Mode Observe: nothing is recorded."""


Recording = OverlayLive | OverlayNotLive | NoOverlay


@dataclass(frozen=True)
class Watch:
    """The alerts of a period, and how their quiet can be proven.

    Attributes:
        alerts: All that `protection.alerts` selects or adds.
        recording: Whether the overlay records the proof.
        unique_names: Names of alerts that only one loaded rule has.
    """

    alerts: tuple[WatchedAlert, ...]
    recording: Recording
    unique_names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Whose:
    """Labels of the overlay's series: `namespace/name` of the period, and the id of its run."""

    namespace: str
    period: str
    run: str


def subjects(kind: AlertsKind, watch: Watch) -> tuple[Subject, ...]:
    """The alerts that a criterion is about. An alert without a copy stands for its own copy.

    A severity or a label that is a template may turn out to be what is asked for, so such an alert is selected. Which
    severity it fired with is seen then; a label is taken for what is asked for.
    """
    severities = frozenset(kind.severities)
    return tuple(
        Subject(alert, role, severities if is_template(alert.severity) else frozenset())
        for alert in watch.alerts
        if _is_about(kind, alert)
        for role in _roles(alert, kind.include, watch.recording)
    )


def is_template(value: str) -> bool:
    """Whether the value of a label is made when the alert fires, so that it can be any."""
    return "{{" in value


def _is_about(kind: AlertsKind, alert: WatchedAlert) -> bool:
    labels = dict(alert.labels)
    return (
        (not kind.severities or _may_be(alert.severity, kind.severities))
        and (not kind.names or any(re.fullmatch(name, alert.alertname) for name in kind.names))
        and all(_may_be(labels.get(name, ""), (value,)) for name, value in kind.labels)
    )


def _may_be(value: str, wanted: tuple[str, ...]) -> bool:
    return value in wanted or is_template(value)


def _roles(alert: WatchedAlert, include: Include, recording: Recording) -> Iterator[Role]:
    if alert.making is Making.ADDED:
        if include is not Include.ORIGINALS:
            yield Role.COPY
        return
    copied = alert.making is Making.TIGHTENED and not isinstance(recording, NoOverlay)
    if include is not Include.COPIES or not copied:
        yield Role.ORIGINAL
    if include is not Include.ORIGINALS and copied:
        yield Role.COPY


def look_back(chosen: Iterable[Subject]) -> int:
    """How many seconds before a point must be read to tell whether a rule fails."""
    return max((each.for_seconds + 2 * each.alert.interval_seconds for each in chosen), default=0)


def longest_for(chosen: Iterable[Subject]) -> int:
    """Quiet counts from this many seconds after the overlay is live: before, nothing could have fired yet."""
    return max((each.for_seconds for each in chosen), default=0)


@dataclass(frozen=True)
class Questions:
    """The expressions behind one criterion.

    Attributes:
        recorded: Series of the overlay, by name and W.
        copies: States of copies, by W.
        originals: States of originals, by W, split by names.
        observed: In Observe, condition and inputs of an alert, by its rule id.
        refused: In Observe, why an alert cannot be asked about, by its rule id.
        tenant_label: The label of originals that holds the namespace; empty if `ALERTS` belong to everybody.
    """

    recorded: Mapping[tuple[str, int], str]
    copies: Mapping[int, str]
    originals: Mapping[int, tuple[str, ...]]
    observed: Mapping[str, str]
    refused: Mapping[str, str]
    tenant_label: str

    def expressions(self) -> tuple[str, ...]:
        """All of them, each once."""
        many = [one for some in self.originals.values() for one in some]
        found = [*self.recorded.values(), *self.copies.values(), *many, *self.observed.values()]
        return tuple(dict.fromkeys(found))


def ask(chosen: tuple[Subject, ...], watch: Watch, whose: Whose, tenancy: Tenancy, step: int) -> Questions:
    """Build the PromQL for a criterion's alerts."""
    windows = {each: window(each, step) for each in chosen}
    copies = sorted({width for each, width in windows.items() if each.role is Role.COPY})
    originals: dict[int, dict[str, list[str]]] = {}
    for each, width in windows.items():
        if each.role is Role.ORIGINAL:
            originals.setdefault(width, {}).setdefault(each.alert.scope, []).append(each.alert.alertname)
    observing = isinstance(watch.recording, NoOverlay)
    observed, refused = _observe(chosen, tenancy) if observing else ({}, {})
    return Questions(
        recorded={} if observing else _recorded(windows, whose),
        copies={} if observing else {width: _copies(whose, width) for width in copies},
        originals={
            width: tuple(one for scope, names in scopes.items() for one in _originals(names, tenancy, width, scope))
            for width, scopes in originals.items()
        },
        observed=observed,
        refused=refused,
        tenant_label=tenancy.label_of("ALERTS"),
    )


def window(subject: Subject, step: int) -> int:
    """W, in seconds."""
    return max(step, subject.alert.interval_seconds)


def condition_series(role: Role) -> str:
    """The companion that records the condition of an original or a copy."""
    return COPY_ACTIVE if role is Role.COPY else ORIGINAL_ACTIVE


def _recorded(windows: Mapping[Subject, int], whose: Whose) -> dict[tuple[str, int], str]:
    wanted = {(condition_series(each.role), width) for each, width in windows.items()}
    wanted |= {(name, width) for width in windows.values() for name in (HEARTBEAT, ALERT_INPUTS)}
    period = f"{whose.namespace}/{whose.period}"
    owner = f'namespace="{whose.namespace}",hypercare="{period}",hypercare_run="{whose.run}"'
    by = {HEARTBEAT: "hypercare_group"}
    return {
        (name, width): f"max by ({by.get(name, 'hypercare_rule')}) (max_over_time({name}{{{owner}}}[{width}s]))"
        for name, width in sorted(wanted)
    }


def _copies(whose: Whose, width: int) -> str:
    # Without the namespace: a copy whose results carry that label themselves keeps theirs.
    owner = f'hypercare="{whose.namespace}/{whose.period}"'
    return f"max by (hypercare_rule, alertstate) (max_over_time(ALERTS{{{owner}}}[{width}s]))"


def _originals(names: list[str], tenancy: Tenancy, width: int, scope: str) -> tuple[str, ...]:
    label = tenancy.label_of("ALERTS")
    if scope:
        return tuple(_scoped(pattern, label, tenancy.namespace, width, scope) for pattern in _patterns(names))
    tenant = "," + matcher(label, "=~", f"|{tenancy.namespace}") if label else ""
    by = "alertname, severity, alertstate" + (f", {label_name(label)}" if label else "")
    return tuple(
        f'max by ({by}) (max_over_time(ALERTS{{alertname=~"{pattern}",hypercare=""{tenant}}}[{width}s]))'
        for pattern in _patterns(names)
    )


def _scoped(pattern: str, label: str, namespace: str, width: int, scope: str) -> str:
    """Shared alerts: what is the tenant's of their results says the scope, in whichever label."""
    states = f'max_over_time(ALERTS{{alertname=~"{pattern}",hypercare="",{scope}}}[{width}s])'
    found = f"max by (alertname, severity, alertstate) ({states})"
    return f'label_replace({found}, {_quoted(label)}, {_quoted(namespace)}, "", "")' if label else found


def _quoted(text: str) -> str:
    return f'"{quoted(text)}"'


def _patterns(names: list[str]) -> Iterator[str]:
    pattern = ""
    for name in sorted(set(names)):
        escaped = re.escape(name).replace("\\", "\\\\").replace('"', '\\"')
        if pattern and len(pattern) + len(escaped) > _NAMES_LENGTH:
            yield pattern
            pattern = ""
        pattern += ("|" if pattern else "") + escaped
    yield pattern


def _observe(chosen: Iterable[Subject], tenancy: Tenancy) -> tuple[dict[str, str], dict[str, str]]:
    asked: dict[str, str] = {}
    refused: dict[str, str] = {}
    for each in chosen:
        try:
            active = _named("active", f"count({confine(each.alert.expr, tenancy)}) or vector(0)")
            inputs = _inputs(each.alert, tenancy)
            asked[each.alert.rule_id] = f"{active} or {_named('inputs', inputs)}"
        except PromQLError as error:
            refused[each.alert.rule_id] = str(error)
    return asked, refused


def _inputs(alert: WatchedAlert, tenancy: Tenancy) -> str:
    if not alert.inputs_expr:
        return "vector(1)"
    # Whether the cluster has the data of a shared alert: a namespace may well have none of it.
    return alert.inputs_expr if alert.scope else confine(alert.inputs_expr, tenancy)


def _named(part: str, expr: str) -> str:
    return f'label_replace({expr}, "hypercare_part", "{part}", "", "")'
