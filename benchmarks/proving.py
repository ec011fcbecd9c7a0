"""From writing an overlay to the proof that it is evaluated, beside what no operator can do better."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.control_plane import on_its_own
from benchmarks.measure import Finding
from hypercare.domain.alerts.liveness import heartbeat_query
from tests.cluster.cluster import Cluster
from tests.cluster.layout import Options
from tests.unit.alert_rules import CONTEXT, alert, plan, rule_object

_SELECTED = {"release": "kube-prometheus-stack"}
_RUNS = 5
_SECONDS = 60.0


def prove_overlay() -> tuple[Finding, ...]:
    """Proving an overlay, on a control plane of its own: prometheus-operator, group interval 1 s, reload at once."""
    return on_its_own(Options(), _measured)


def _measured(cluster: Cluster) -> tuple[Finding, ...]:
    floor = min(_loaded_after(cluster, number) for number in range(_RUNS))
    proven = min(_proven_after(cluster, number) for number in range(_RUNS))
    return (
        Finding(floor, "s", "from writing one rule to its first result, the floor"),
        Finding(proven, "s", "from writing an overlay to its heartbeat"),
    )


def _loaded_after(cluster: Cluster, number: int) -> float:
    rule = {"record": f"benchmark:floor{number}", "expr": "vector(1)"}
    groups = [{"name": "floor", "interval": "1s", "rules": [rule]}]
    return _seconds(cluster, _object(f"floor-{number}", groups), rule["record"])


def _proven_after(cluster: Cluster, number: int) -> float:
    rules = [rule_object(f"source-{number}", *(alert(f"A{each}", for_="20m") for each in range(100)), interval="1s")]
    overlay = plan(rules, {"subject": f"checkout {number}", "identity": CONTEXT.identity}).overlay or {}
    return _seconds(cluster, _object(f"overlay-{number}", overlay["spec"]["groups"]), heartbeat_query(overlay))


def _object(name: str, groups: list[Mapping[str, Any]] | list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "labels": _SELECTED}
    spec = {"groups": groups}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": spec}


def _seconds(cluster: Cluster, body: Mapping[str, Any], query: str) -> float:
    path = "/apis/monitoring.coreos.com/v1/namespaces/default/prometheusrules"
    began = time.monotonic()
    cluster.api.request("POST", path, json.dumps(body).encode())
    return _until(lambda: bool(cluster.query(query))) - began


def _until(holds: Callable[[], bool]) -> float:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing was evaluated within {_SECONDS:g} s")
        time.sleep(0.05)
    return time.monotonic()
