"""Building blocks for tests about alerts: PrometheusRule bodies, protections and the context of an overlay."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypercare.domain.alerts.judgement import OverlayContext
from hypercare.domain.alerts.overlay import OverlayIdentity
from hypercare.domain.alerts.plan import AlertPlan, plan_alerts
from hypercare.domain.alerts.protection import AlertProtection, parse_alert_protection
from hypercare.domain.fields import Field
from hypercare.domain.promql.tenancy import Tenancy

IDENTITY = OverlayIdentity("shop", "checkout", "uid-1", "r1-0a1b2c3d", {"release": "kps"})
CONTEXT = OverlayContext(
    identity=IDENTITY,
    subject="checkout 2.4.0",
    strength=100,
    enforce=True,
    default_interval_seconds=30,
    tenancy=Tenancy("namespace", "shop"),
)
EVERYTHING: Mapping[str, Any] = {"from": [{"selector": {}}]}


def alert(name: str, **fields: Any) -> dict[str, Any]:
    """An alerting rule; `for_` stands for `for`."""
    rule = {"alert": name, "expr": "errors > 5", "for": "10m", "labels": {"severity": "critical"}}
    return rule | {key.rstrip("_"): value for key, value in fields.items()}


def rule_object(name: str, *rules: Mapping[str, Any], **group: Any) -> dict[str, Any]:
    """A PrometheusRule with one group."""
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "labels": {"team": "shop"}},
        "spec": {"groups": [{"name": "checkout.rules", "rules": list(rules), **group}]},
    }


def protection(**fields: Any) -> AlertProtection:
    """A protection that takes every alert, but for what `fields` say otherwise."""
    return parse_alert_protection(Field("spec.protection.alerts", {**EVERYTHING, **fields}))


def plan(rules: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None = None, **fields: Any) -> AlertPlan:
    """Plan with every alert of `rules`; `context` replaces fields of the context, `fields` those of the protection."""
    return plan_alerts(protection(**fields), rules, replace(CONTEXT, **(context or {})))


def rules_of(overlay: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """All rules of an overlay, in order."""
    assert overlay is not None
    return [rule for group in overlay["spec"]["groups"] for rule in group["rules"]]


def copies_of(overlay: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The alerting rules of an overlay by name."""
    return {rule["alert"]: rule for rule in rules_of(overlay) if "alert" in rule}
