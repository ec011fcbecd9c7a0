"""The rules of the overlay: the copy of an alert, and an added alert, with the labels and texts that people need first.

A copy that keeps the expression as it is written can be failed by a label that the original's own rule or group sets
only where the original fails as well. Labels that hypercare sets anew are another matter: `conflicting_labels` finds
those that the results carry already; only `namespace` is then left to them. For a copy with a moved threshold every
label counts that it sets: `overriding_labels`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hypercare.domain.alerts.added_alerts import AddedAlert
from hypercare.domain.alerts.overlay import AlertRule, OverlayIdentity
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.selection import SelectedAlert
from hypercare.domain.alerts.source_rules import SourceAlert
from hypercare.domain.alerts.syntax import AlertSyntax
from hypercare.domain.alerts.tightening import AsWritten, Tightened
from hypercare.domain.durations import format_duration

CHANGE_ANNOTATION = "hypercare_change"


@dataclass(frozen=True)
class CopyStyle:
    """What all rules of a period have in common. `subject` is what is under hypercare: workloads and release."""

    identity: OverlayIdentity
    labels: Mapping[str, str]
    subject: str


def conflicting_labels(alert: SelectedAlert, syntax: AlertSyntax, labels: Mapping[str, str]) -> frozenset[str]:
    """Labels that a copy would set newly although the results carry them: two results could become one."""
    newly_set = frozenset({*labels, *_severity(alert)} - alert.source.own_labels.keys())
    return newly_set & _carried(alert.source, syntax)


def overriding_labels(alert: SelectedAlert, syntax: AlertSyntax, labels: Mapping[str, str]) -> frozenset[str]:
    """All labels that a copy sets although the results carry them, those of the original's rule and group included.

    Where two results become one by them, the original fails as well, unless only one of the two passed its bound.
    """
    return frozenset({*labels, *alert.source.own_labels, "alertname"}) & _carried(alert.source, syntax)


def copy_rule(alert: SelectedAlert, syntax: AlertSyntax, change: Tightened, style: CopyStyle) -> AlertRule:
    """The copy of an alert."""
    source = alert.source
    carried = _carried(source, syntax)
    was, now = format_duration(change.original_for_seconds), format_duration(change.copy_for_seconds)
    summary = source.annotations.get("summary", source.alertname)
    earlier = f"after {now} instead of {was}" if isinstance(change.threshold, AsWritten) else str(change)
    lead = _constant(f"Early warning for {style.subject} ({earlier}): ")
    return AlertRule(
        alertname=source.alertname,
        expr=source.expr if isinstance(change.threshold, AsWritten) else change.threshold.expr,
        for_text=now,
        keep_firing_for=source.keep_firing_for,
        labels={**source.labels, **style.labels, **_severity(alert), **_identity(style, source.rule_id, carried)},
        annotations={**source.annotations, "summary": lead + summary, CHANGE_ANNOTATION: str(change)},
    )


def added_rule(alert: AddedAlert, rule_id: str, syntax: AlertSyntax, style: CopyStyle) -> AlertRule:
    """An added alert, as its author wrote it or as its indicator makes it."""
    labels = {**style.labels, **alert.labels, "severity": alert.severity}
    lead = _constant(f"Alert for the hypercare of {style.subject}: ")
    made_of = f" from {alert.origin}" if alert.origin else ","
    return AlertRule(
        alertname=alert.alert,
        expr=alert.expr,
        for_text=format_duration(alert.for_seconds),
        keep_firing_for="",
        labels={**labels, **_identity(style, rule_id, syntax.carried_labels)},
        annotations={
            "summary": lead + (alert.summary or alert.alert),
            "runbook_url": alert.runbook,
            "owner": alert.owner,
            CHANGE_ANNOTATION: f"added{made_of} for {format_duration(alert.for_seconds)}",
        },
    )


def _severity(alert: SelectedAlert) -> dict[str, str]:
    match alert.deliver:
        case Deliver.NOTIFY:
            return {"severity": "warning"}
        case Deliver.PAGE:
            return {}


def _identity(style: CopyStyle, rule_id: str, carried: frozenset[str]) -> dict[str, str]:
    namespace = {} if "namespace" in carried else {"namespace": style.identity.namespace}
    return {**namespace, "hypercare": style.identity.owner_text, "hypercare_rule": rule_id}


def _carried(source: SourceAlert, syntax: AlertSyntax) -> frozenset[str]:
    """What the expression shows, and what the templates use."""
    return syntax.carried_labels | (source.labels_in_texts - syntax.pinned_labels)


def _constant(text: str) -> str:
    # A template opened by a release name would not parse, and take the whole PrometheusRule down.
    return text.replace("{{", "{ {")
