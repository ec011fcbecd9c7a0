"""The overlay: from the rules of a namespace to the tightened copies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Finding, cpu_seconds
from hypercare.domain.alerts.judgement import OverlayContext
from hypercare.domain.alerts.overlay import OverlayIdentity
from hypercare.domain.alerts.overlay_plan import Basis
from hypercare.domain.alerts.overlay_plan import plan_overlay as plan_divided
from hypercare.domain.alerts.plan import plan_alerts
from hypercare.domain.alerts.protection import parse_alert_protection
from hypercare.domain.alerts.tightening import Tightened
from hypercare.domain.fields import Field
from hypercare.domain.promql.tenancy import Tenancy

MANY = 2000
RULES = Path(__file__).parents[1] / "tests" / "corpus" / "kube-prometheus.yaml"
PROTECTION = parse_alert_protection(
    Field(
        "spec.protection.alerts",
        {"from": [{"selector": {}}], "tighten": {"shortenFor": "50%", "minFor": "30s", "deliver": "Notify"}},
    )
)


def _renamed(body: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "name": f"all-{number}", "uid": f"u{number}"}}


def plan_overlay() -> tuple[Finding, ...]:
    """Planning an overlay: every alert of kube-prometheus in one namespace."""
    text = RULES.read_text(encoding="utf-8")
    spec = yaml.safe_load(text)
    rules = [{"metadata": {"name": "all", "namespace": "monitoring", "uid": "u", "labels": {}}, "spec": spec}]
    context = OverlayContext(
        identity=OverlayIdentity("monitoring", "benchmark", "uid", "r1-00000000", {"release": "stack"}),
        subject="Deployment benchmark 1.0.0",
        strength=100,
        enforce=True,
        default_interval_seconds=30,
        tenancy=Tenancy(label="namespace", namespace="monitoring"),
    )
    plan = plan_alerts(PROTECTION, rules, context)
    seconds = cpu_seconds(lambda: plan_alerts(PROTECTION, rules, context))
    reading = cpu_seconds(lambda: yaml.safe_load(text))
    copies = sum(isinstance(outcome.result, Tightened) for outcome in plan.outcomes)
    size = len(json.dumps(plan.overlay)) / len(json.dumps(spec))
    many = [_renamed(rules[0], number) for number in range(-(-MANY // len(plan.outcomes)))]
    basis = Basis(PROTECTION, context, many, {})
    written = plan_divided(basis)
    rendering = cpu_seconds(lambda: json.dumps(plan_divided(basis).objects), runs=2)
    planned = len(written.plan.outcomes)
    return (
        Finding(rendering * MANY / planned, "s of 2 s", f"{MANY} alerts rewritten and rendered"),
        Finding(len(written.objects), "objects", f"hold the overlay of {planned} alerts"),
        Finding(copies / len(plan.outcomes), "of the alerts", f"copied, {copies} of {len(plan.outcomes)}"),
        Finding(seconds / len(plan.outcomes) * 1e6, "us per alert", "planned"),
        Finding(seconds / reading, "times reading their YAML", "planning all of them"),
        Finding(size, "times their size", "the overlay, with its companions"),
    )
