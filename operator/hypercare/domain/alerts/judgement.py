"""What becomes of each alert of a period at a given strength: its copy, or the reason why it has none.

`rewriting` decides about an alert by itself; what fires now and what the period adds joins here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hypercare.domain.alerts.added_alerts import AddedAlert
from hypercare.domain.alerts.overlay import OverlayIdentity
from hypercare.domain.alerts.preflight import NOT_ASKED, Candidate, Preflight
from hypercare.domain.alerts.protection import AlertProtection
from hypercare.domain.alerts.rewriting import CopyLabels, Unread
from hypercare.domain.alerts.selection import SelectedAlert
from hypercare.domain.alerts.source_rules import Reach, identity
from hypercare.domain.alerts.syntax import AlertSyntax, inputs_expr, read_alert
from hypercare.domain.alerts.tightening import (
    Outcome,
    Tightened,
    Untouched,
    UntouchedReason,
)
from hypercare.domain.alerts.trials import Verdicts, candidate_of, digest, outcome_of, wish_for
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.conditions import Problem
from hypercare.domain.promql.syntax import PromQLError
from hypercare.domain.promql.tenancy import Tenancy, confine

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
        verdicts: What history said about copies, in this run.
    """

    identity: OverlayIdentity
    subject: str
    strength: int
    enforce: bool
    default_interval_seconds: int
    tenancy: Tenancy
    verdicts: Verdicts = field(default_factory=dict)

    @property
    def tenant_labels(self) -> frozenset[str]:
        """All labels that may name the namespace of a series."""
        return frozenset({self.tenancy.label, *(each.label for each in self.tenancy.exceptions)})


@dataclass(frozen=True)
class JudgedAlert:
    """A selected alert with its outcome, the question about it to history, and what history said to that."""

    selected: SelectedAlert
    outcome: Outcome
    syntax: AlertSyntax | Unread
    candidate: Candidate | None = None
    preflight: Preflight = NOT_ASKED

    @property
    def silent_on_purpose(self) -> bool:
        """Whether it says nothing about health (`Watchdog`), so that it is not watched."""
        return isinstance(self.syntax, AlertSyntax) and self.syntax.always_same

    def watched(self) -> WatchedAlert:
        """The record for evidence."""
        source = self.selected.source
        copy_seconds, making = source.for_seconds, Making.UNTOUCHED
        if isinstance(self.outcome, Tightened):
            copy_seconds, making = self.outcome.copy_for_seconds, Making.TIGHTENED
        inputs = "" if isinstance(self.syntax, Unread) else inputs_of(self.syntax, source.inputs)
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
            unprovable=self.syntax.message if isinstance(self.syntax, Unread) else "",
            labels=frozenset(source.own_labels.items()),
            scope=source.scope,
        )


@dataclass(frozen=True)
class AcceptedAlert:
    """An added alert whose expression can be used, confined to the namespace."""

    alert: AddedAlert
    syntax: AlertSyntax

    @property
    def inputs(self) -> str:
        """PromQL for how many series are behind it, 0 without any; empty if it may fire without."""
        return f"(count(\n{self.alert.data}\n) or vector(0))" if self.alert.data else inputs_of(self.syntax)

    @property
    def rule_id(self) -> str:
        """Identity for the run: names are unique in the list, positions may change."""
        return identity("", ADDED_GROUP, self.alert.alert)

    def watched(self, interval_seconds: int) -> WatchedAlert:
        """The record for evidence."""
        inputs = self.inputs
        return WatchedAlert(
            rule_id=self.rule_id,
            group_id=ADDED_GROUP,
            alertname=self.alert.alert,
            severity=self.alert.severity,
            making=Making.ADDED,
            original_for_seconds=self.alert.for_seconds,
            copy_for_seconds=self.alert.for_seconds,
            interval_seconds=interval_seconds,
            depends_on_input=bool(inputs),
            expr=self.alert.expr,
            inputs_expr=inputs,
            labels=frozenset({**self.alert.labels, "severity": self.alert.severity}.items()),
        )


def judge(
    alerts: tuple[SelectedAlert, ...], protection: AlertProtection, context: OverlayContext
) -> tuple[JudgedAlert, ...]:
    """Decide about every selected alert."""
    return tuple(_noted(_judge(alert, protection, context)) for alert in alerts)


def read_added(protection: AlertProtection, context: OverlayContext) -> Iterator[AcceptedAlert | Problem]:
    """Read the alerts that the period adds; one that cannot be used is a problem and disturbs no other."""
    yield from protection.unusable
    for alert in protection.add:
        try:
            data = confine(alert.data, context.tenancy) if alert.data else ""
            confined = replace(alert, expr=confine(alert.expr, context.tenancy), data=data)
            syntax = read_alert(confined.expr, context.tenant_labels)
        except PromQLError as error:
            yield Problem(f"{alert.path}.expr", "InvalidPromQL", str(error), stalls=True)
            continue
        conflicts = syntax.carried_labels & {*protection.labels, *alert.labels, "severity"}
        if syntax.always_same:
            message = "reads no series: it would always fire, or never"
            yield Problem(f"{alert.path}.expr", "AlwaysFires", message, stalls=True)
        elif conflicts:
            message = f"its results carry the label {', '.join(sorted(conflicts))}, which the alert would override"
            yield Problem(f"{alert.path}.expr", "LabelOverridden", message, stalls=True)
        else:
            yield AcceptedAlert(confined, syntax)


def inputs_of(syntax: AlertSyntax, given: str = "") -> str:
    """PromQL for how many series are behind an alert, as `given` if it is; empty for one that may fire without any.

    `ALERTS` has no series while nothing fires, so an alert that reads it has no input that could be missed.
    """
    if given:
        return given
    return inputs_expr(syntax.inputs) if syntax.inputs and not syntax.reads_alerts else ""


def _judge(selected: SelectedAlert, protection: AlertProtection, context: OverlayContext) -> JudgedAlert:
    style = CopyLabels(protection.labels, context.tenant_labels)
    wish, syntax = wish_for(selected, protection.tighten, style)
    if isinstance(wish.full, Untouched) or isinstance(syntax, Unread):
        return JudgedAlert(selected, outcome_of(selected, wish, None, style, context.strength), syntax)
    candidate = candidate_of(selected, wish, inputs_of(syntax))
    verdict = context.verdicts.get(selected.source.rule_id)
    found = verdict.found if verdict is not None and verdict.asked == digest(candidate) else None
    outcome = outcome_of(selected, wish, found, style, context.strength)
    return JudgedAlert(selected, outcome, syntax, candidate, NOT_ASKED if found is None else found)


def _noted(judged: JudgedAlert) -> JudgedAlert:
    outcome = judged.outcome
    if judged.selected.source.reach is not Reach.NAMESPACE or not isinstance(outcome, Tightened):
        return judged
    message = "it cannot be told which of its results are about a target: it covers the whole namespace"
    wide = Untouched(UntouchedReason.NAMESPACE_WIDE, message)
    return replace(judged, outcome=replace(outcome, left=(*outcome.left, wide)))
