"""What the demo sees: one look at the period, its autoscaler, its alerts and its overlay, from outside the operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.api import HttpError
from tests.cluster.cluster import Cluster

NAMESPACE = "shop"
PERIOD = "checkout"
Body = Mapping[str, Any]


@dataclass(frozen=True)
class FiringAlert:
    """An alert as Prometheus has it now. `copy` tells the tightened copy from the original."""

    name: str
    state: str
    copy: bool


@dataclass(frozen=True)
class Scene:
    """One look. `elapsed` in seconds since the period was applied."""

    elapsed: float
    period: Body
    autoscaler: Body
    deployment: Body
    alerts: tuple[FiringAlert, ...]
    error_share: float

    @property
    def status(self) -> Body:
        """Status of the period; empty before the operator's first visit."""
        found: Body = self.period.get("status", {})
        return found

    @property
    def phase(self) -> str:
        """Phase of the period, `-` before the first visit."""
        return str(self.status.get("phase", "-"))

    def condition(self, kind: str) -> str:
        """Status of one condition."""
        found = (entry["status"] for entry in self.status.get("conditions", ()) if entry["type"] == kind)
        return next(found, "Unknown")

    def criterion(self, name: str) -> Body:
        """One criterion's status; empty before it is judged."""
        found = (entry for entry in self.status.get("criteria", ()) if entry["name"] == name)
        return next(found, {})

    def fires(self, name: str, *, copy: bool) -> bool:
        """Whether an alert, or its copy, fires."""
        return any(alert == FiringAlert(name, "firing", copy) for alert in self.alerts)


def look(cluster: Cluster, elapsed: float) -> Scene:
    """Read everything once."""
    group = f"/apis/hypercare.dev/v1alpha1/namespaces/{NAMESPACE}/hypercareperiods/{PERIOD}"
    return Scene(
        elapsed=elapsed,
        period=_get(cluster, group),
        autoscaler=_get(cluster, f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/checkout"),
        deployment=_get(cluster, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/checkout"),
        alerts=_alerts(cluster),
        error_share=_error_share(cluster),
    )


def _get(cluster: Cluster, path: str) -> Body:
    try:
        found: Body = cluster.api.get(path)
    except HttpError:
        return {}
    return found


def _alerts(cluster: Cluster) -> tuple[FiringAlert, ...]:
    found = (entry["metric"] for entry in cluster.query(f'ALERTS{{namespace="{NAMESPACE}"}}'))
    alerts = {FiringAlert(m["alertname"], m["alertstate"], "hypercare" in m) for m in found}
    return tuple(sorted(alerts, key=lambda alert: (alert.name, alert.copy)))


def _error_share(cluster: Cluster) -> float:
    errors = f'sum(rate(http_requests_total{{namespace="{NAMESPACE}",code=~"5.."}}[5s]))'
    total = f'sum(rate(http_requests_total{{namespace="{NAMESPACE}"}}[5s]))'
    found = cluster.query(f"({errors} or vector(0)) / {total}")
    return float(found[0]["value"][1]) if found else 0.0
