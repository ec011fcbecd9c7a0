"""The overlay: the PrometheusRule `hypercare-<period>` with the copies, and beside them the series that prove quiet.

Built as a pure function of what is wanted, so that two builds of the same are equal byte by byte and a write is needed
only when something changed. Labels of the copies are constant for the run: `expr` and `for` may change in place while
an alert is active, a changed label restarts it.

Everything in one group carries one revision, a hash over the content without the revision, and the heartbeat is the
last rule of its group: where the heartbeat of a revision is seen, all before it was evaluated.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypercare.domain.alerts.rule_templates import sound_annotations
from hypercare.domain.alerts.source_rules import MANAGED_BY, MANAGER
from hypercare.domain.objects import GROUP, PERIODS, PROMETHEUS_RULES

Body = Mapping[str, Any]
OVERLAY_PREFIX = "hypercare-"
PERIOD_LABEL = f"{GROUP}/period"
REVISION_ANNOTATION = f"{GROUP}/revision"
RUN_ANNOTATION = f"{GROUP}/run"
VERDICTS_ANNOTATION = f"{GROUP}/verdicts"
RULE_LABEL = "hypercare_rule"
GROUP_LABEL = "hypercare_group"
REVISION_LABEL = "hypercare_revision"
HEARTBEAT = "hypercare:overlay:live"
COPY_ACTIVE = "hypercare:alert:active"
ORIGINAL_ACTIVE = "hypercare:original:active"
ALERT_INPUTS = "hypercare:alert:inputs"
SIZE_LIMIT_BYTES = 16 * 1024 * 1024
"""Of the rules of one period together. `overlay_parts` divides them into objects that prometheus-operator accepts; this
bounds what one period may ask of the API server, and is enough for ten thousand alerts."""


@dataclass(frozen=True)
class OverlayIdentity:
    """Whose overlay it is. `rule_labels` are what the profile says the `ruleSelector` of Prometheus asks for."""

    namespace: str
    period: str
    period_uid: str
    run_id: str
    rule_labels: Mapping[str, str]

    @property
    def object_name(self) -> str:
        """Name of the PrometheusRule."""
        return OVERLAY_PREFIX + self.period

    @property
    def owner_text(self) -> str:
        """Value of the label `hypercare`: unique in the cluster, unlike the period's name."""
        return f"{self.namespace}/{self.period}"


@dataclass(frozen=True)
class AlertRule:
    """An alerting rule of the overlay: the copy of an alert, or an added one."""

    alertname: str
    expr: str
    for_text: str
    keep_firing_for: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class OverlayAlert:
    """One watched alert: what proves it quiet, and its copy if it has one. Expressions are empty where not recorded."""

    rule_id: str
    original_expr: str
    inputs_expr: str
    copy: AlertRule | None


@dataclass(frozen=True)
class OverlayGroup:
    """A group of the overlay; `frame` holds what is kept of the source group (interval, query_offset, labels, …)."""

    group_id: str
    frame: Mapping[str, Any]
    alerts: tuple[OverlayAlert, ...]


@dataclass(frozen=True)
class OverlayTooLarge:
    """The overlay would be refused for its size, so it isn't written."""

    size_bytes: int

    def __str__(self) -> str:
        """What is wrong and what to do."""
        size, limit = self.size_bytes // 1024, SIZE_LIMIT_BYTES // 1024
        return f"the overlay would have {size} KiB, at most {limit} KiB are written: select fewer alerts"


def build_overlay(identity: OverlayIdentity, groups: Sequence[OverlayGroup]) -> dict[str, Any] | OverlayTooLarge:
    """Build the rules as if one PrometheusRule could hold them all, or say that they are too many."""
    rendered = [_group(identity, group) for group in groups]
    body = {
        "apiVersion": PROMETHEUS_RULES.api_version,
        "kind": PROMETHEUS_RULES.kind,
        "metadata": {
            "name": identity.object_name,
            "namespace": identity.namespace,
            "labels": {**identity.rule_labels, MANAGED_BY: MANAGER, PERIOD_LABEL: identity.period},
            "annotations": {REVISION_ANNOTATION: "", RUN_ANNOTATION: identity.run_id},
            "ownerReferences": [owner_reference(identity)],
        },
        "spec": {"groups": rendered},
    }
    size = len(_canonical(body))
    return OverlayTooLarge(size) if size > SIZE_LIMIT_BYTES else with_groups(body, rendered)


def with_groups(overlay: Body, groups: Sequence[Body]) -> dict[str, Any]:
    """The same overlay with other groups, under the revision that belongs to them."""
    revision = _digest([_at_revision(group, "") for group in groups])
    metadata = overlay["metadata"]
    annotations = {**metadata["annotations"], REVISION_ANNOTATION: revision}
    return {
        **overlay,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {"groups": [_at_revision(group, revision) for group in groups]},
    }


def rule_id_of(rule: Body) -> str:
    """Which watched alert a rule of the overlay belongs to; empty for a heartbeat."""
    return str(rule.get("labels", {}).get(RULE_LABEL, ""))


def revision_of(body: Body) -> str:
    """The revision that an overlay says it has; empty for a body without one."""
    return str(body.get("metadata", {}).get("annotations", {}).get(REVISION_ANNOTATION, ""))


def owned_by(body: Body, period_uid: str) -> bool:
    """Whether an existing object of the overlay's name belongs to this very period. If not, it is left alone."""
    owners = body.get("metadata", {}).get("ownerReferences", ())
    return any((owner.get("kind"), owner.get("uid")) == (PERIODS.kind, period_uid) for owner in owners)


def same_overlay(desired: Body, existing: Body) -> bool:
    """Whether an existing object already says what is wanted; fields that the server or others add do not count.

    Nor does what it remembers: prometheus-operator looks at an object again only when its rules change, and what it
    says of them counts for this very version of the object. So memory is written together with rules.
    """
    wanted, found = without_memory(desired)["metadata"], existing.get("metadata", {})
    labels, annotations = found.get("labels", {}), found.get("annotations", {})
    return bool(
        existing.get("spec") == desired["spec"]
        and wanted["labels"].items() <= labels.items()
        and wanted["annotations"].items() <= annotations.items()
    )


def without_memory(body: Body) -> dict[str, Any]:
    """An object without what it remembers of history."""
    metadata = body["metadata"]
    kept = {key: value for key, value in metadata.get("annotations", {}).items() if key != VERDICTS_ANNOTATION}
    return {**body, "metadata": {**metadata, "annotations": kept}}


def owner_reference(identity: OverlayIdentity) -> dict[str, Any]:
    """What makes an object one of this very period, collected with it."""
    return {
        "apiVersion": PERIODS.api_version,
        "kind": PERIODS.kind,
        "name": identity.period,
        "uid": identity.period_uid,
        "controller": True,
    }


def _at_revision(group: Body, revision: str) -> dict[str, Any]:
    rules = [
        {**rule, "labels": {**rule["labels"], REVISION_LABEL: revision}} if REVISION_LABEL in rule["labels"] else rule
        for rule in group["rules"]
    ]
    return {**group, "rules": rules}


def _group(identity: OverlayIdentity, group: OverlayGroup) -> dict[str, Any]:
    proof = {
        "namespace": identity.namespace,
        "hypercare": identity.owner_text,
        "hypercare_run": identity.run_id,
        GROUP_LABEL: group.group_id,
        REVISION_LABEL: "",
    }
    rules = [_alert_rule(alert.copy) for alert in group.alerts if alert.copy is not None]
    for alert in group.alerts:
        rules.extend(_companions(alert, proof | {RULE_LABEL: alert.rule_id}))
    rules.append({"record": HEARTBEAT, "expr": "vector(time())", "labels": proof})
    return {"name": group.group_id, **group.frame, "rules": rules}


def _alert_rule(rule: AlertRule) -> dict[str, Any]:
    keep = {"keep_firing_for": rule.keep_firing_for} if rule.keep_firing_for else {}
    return {
        "alert": rule.alertname,
        "expr": rule.expr,
        "for": rule.for_text,
        **keep,
        "labels": dict(rule.labels),
        "annotations": sound_annotations(rule.annotations),
    }


def _companions(alert: OverlayAlert, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    recorded = (
        (COPY_ACTIVE, _active(alert.copy.expr) if alert.copy else ""),
        (ORIGINAL_ACTIVE, _active(alert.original_expr) if alert.original_expr else ""),
        (ALERT_INPUTS, alert.inputs_expr),
    )
    return [{"record": record, "expr": expr, "labels": dict(labels)} for record, expr in recorded if expr]


def _active(expr: str) -> str:
    # The line breaks keep a comment at the end of the expression from swallowing the parenthesis.
    return f"count(\n{expr.strip()}\n) or vector(0)"


def _digest(content: object) -> str:
    return hashlib.sha256(_canonical(content)).hexdigest()[:10]


def _canonical(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
