"""A namespace with a shop that is under hypercare: workload, autoscaler, alerts, profile and period, all its own.

Times are scaled down: evidence is read every second, a streak takes five. A life that nothing disturbs lasts about
twenty seconds.
"""

import contextlib
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.api import Api, HttpError
from tests.cluster.cluster import Cluster
from tests.cluster.lives.history import Body, History

PERIOD, RULES, OVERLAY = "checkout", "checkout-alerts", "hypercare-checkout"
HYPERCARE = "/apis/hypercare.dev/v1alpha1"
_COLLECTIONS = {
    "period": HYPERCARE + "/namespaces/{}/hypercareperiods",
    "hold": HYPERCARE + "/namespaces/{}/hypercareholds",
    "deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "autoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "rules": "/apis/monitoring.coreos.com/v1/namespaces/{}/prometheusrules",
    "configmap": "/api/v1/namespaces/{}/configmaps",
    "event": "/api/v1/namespaces/{}/events",
}
_PROFILES = HYPERCARE + "/hypercareprofiles"
_MERGE = "application/merge-patch+json"
_numbers = itertools.count(1)

SELECTED = {"release": "kube-prometheus-stack"}
ERRORS = 'sum by (service) (rate(http_requests_total{service="checkout", code=~"5.."}[5s]))'
TOTAL = 'sum by (service) (rate(http_requests_total{service="checkout"}[5s]))'
ERROR_RATE = {
    "alert": "CheckoutErrorRate",
    "expr": f"{ERRORS} / {TOTAL} > 0.05",
    "for": "12s",
    "labels": {"severity": "warning"},
    "annotations": {"summary": "Checkout fails {{ $value | humanizePercentage }} of its requests"},
}
QUEUE_STUCK = {
    "alert": "CheckoutQueueStuck",
    "expr": 'max by (service) (queue_oldest_age_seconds{service="checkout"}) > 60',
    "for": "8s",
    "labels": {"severity": "critical"},
    "annotations": {"summary": "The oldest order has been waiting for {{ $value | humanizeDuration }}"},
}
ERRORS_CRITERION = {
    "name": "errors",
    "ratio": {"errors": ERRORS, "total": TOTAL},
    "below": 0.02,
    "sustainedFor": "5s",
}
QUIET_CRITERION = {"name": "quiet", "alerts": {"severities": ["critical"]}, "sustainedFor": "5s"}
SPEC: Mapping[str, Any] = {
    "release": {"version": "2.4.0", "previous": "2.3.9"},
    "targets": [{"kind": "Deployment", "name": "checkout"}],
    "window": {
        "start": {"when": "RolloutComplete", "timeout": "1m"},
        "duration": "2m",
        "extension": {"by": "10s", "limit": 1},
        "atLimit": {"hold": "5s"},
    },
    "stages": [
        {"name": "intensive", "strength": 100, "minDuration": "2s"},
        {"name": "elevated", "strength": 50, "minDuration": "2s"},
    ],
    "relax": {"step": 25, "every": "1s"},
    "protection": {
        "alerts": {"from": [{"rule": RULES}], "tighten": {"shortenFor": "75%", "minFor": "1s"}},
        "scaling": [{"target": "checkout", "floor": "200%"}],
    },
    "exitCriteria": [ERRORS_CRITERION, QUIET_CRITERION],
}


@dataclass(frozen=True)
class Place:
    """One namespace, and the profile of the same name."""

    cluster: Cluster
    namespace: str

    @property
    def api(self) -> Api:
        """The API server with the admin's rights."""
        return Api(self.cluster.proxy_url)

    @property
    def owner(self) -> str:
        """Value of the label `hypercare` on what the period's overlay makes."""
        return f"{self.namespace}/{PERIOD}"

    def settle(self) -> None:
        """Create everything but the period, with the release rolled out."""
        self.api.request("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": self.namespace}}).encode())
        self.cluster.shop.add(self.namespace)
        self.profile({})
        self.deploy("2.4.0")
        self.apply("autoscaler", _autoscaler("checkout"))
        self.rules(RULES, ERROR_RATE, QUEUE_STUCK)
        self.cluster.wait_until("the release is rolled out", self._rolled_out)

    def leave(self) -> None:
        """Take everything away again, without waiting for it."""
        for path in (f"/api/v1/namespaces/{self.namespace}", f"{_PROFILES}/{self.namespace}"):
            with contextlib.suppress(HttpError):
                self.api.request("DELETE", path)
        self.cluster.shop.remove(self.namespace)

    def profile(self, spec: Mapping[str, Any], url: str = "") -> None:
        """Write the profile; `spec` is laid over what it usually is."""
        usual = {
            "prometheus": {"url": url or self.cluster.prometheus_url, "timeout": "3s"},
            "rules": {"labels": SELECTED},
            "evaluation": {"step": "1s", "interval": "1s", "delay": "1s", "freshness": "4s", "maxDelay": "5s"},
        }
        manifest = _manifest(HYPERCARE, "HypercareProfile", {**usual, **spec}, self.namespace)
        self.api.apply(f"{_PROFILES}/{self.namespace}", manifest)

    def deploy(self, version: str, name: str = "checkout") -> None:
        """Roll out a version of a workload."""
        labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/version": version}
        container = {"name": name, "image": f"registry.example/shop/{name}:{version}"}
        spec = {
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
        self.apply("deployment", _manifest("/apis/apps/v1", "Deployment", spec, name))

    def rules(self, name: str, *rules: Mapping[str, Any]) -> None:
        """Write a PrometheusRule of one group."""
        spec = {"groups": [{"name": name, "interval": "1s", "rules": list(rules)}]}
        path = "/apis/monitoring.coreos.com/v1"
        self.apply("rules", _manifest(path, "PrometheusRule", spec, name, {"labels": SELECTED}))

    def period(self, **spec: Any) -> None:
        """Apply the period; each keyword replaces one part of its usual spec, None removes it."""
        wanted = {"profile": self.namespace, **SPEC, **spec}
        kept = {key: value for key, value in wanted.items() if value is not None}
        self.apply("period", _manifest(HYPERCARE, "HypercarePeriod", kept, PERIOD))

    def apply(self, what: str, manifest: str) -> None:
        """Apply one object server-side."""
        name = json.loads(manifest)["metadata"]["name"]
        self.api.apply(self.path(what, name), manifest)

    def edit(self, what: str, name: str, change: Mapping[str, Any]) -> None:
        """Merge a change into an object."""
        self.api.request("PATCH", self.path(what, name), json.dumps(change).encode(), _MERGE)

    def delete(self, what: str, name: str) -> None:
        """Delete an object."""
        self.api.request("DELETE", self.path(what, name))

    def find(self, what: str, name: str) -> Body:
        """An object; empty where there is none."""
        try:
            found: Body = self.api.get(self.path(what, name))
        except HttpError as error:
            if error.status == 404:
                return {}
            raise
        return found

    def all(self, what: str) -> list[Body]:
        """All objects of a kind."""
        found: list[Body] = self.api.get(self.path(what))["items"]
        return found

    def watch(self, what: str, name: str = PERIOD) -> History:
        """Watch one object; use as a context manager."""
        return History(self.cluster.proxy_url, self.path(what), name)

    def path(self, what: str, name: str = "") -> str:
        """Path of a collection, or of an object in it."""
        return _COLLECTIONS[what].format(self.namespace) + (f"/{name}" if name else "")

    def _rolled_out(self) -> bool:
        status = self.find("deployment", "checkout").get("status", {})
        return bool(status.get("availableReplicas") == 2 and status.get("replicas") == 2)

    def floor(self) -> int:
        """What the autoscaler has as its minimum."""
        return int(self.find("autoscaler", "checkout")["spec"]["minReplicas"])

    def firing(self, alertname: str) -> list[str]:
        """Which of an alert and its copy fires, as `original` and `copy`."""
        found = self.cluster.query(
            f'ALERTS{{namespace="{self.namespace}",alertname="{alertname}",alertstate="firing"}}'
        )
        return sorted("copy" if "hypercare" in each["metric"] else "original" for each in found)


@contextlib.contextmanager
def new_place(cluster: Cluster, stem: str) -> Iterator[Place]:
    """A place of its own for one test."""
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower())[:40].strip("-")
    place = Place(cluster, f"{name}-{os.getpid()}-{next(_numbers)}")
    place.settle()
    try:
        yield place
    finally:
        place.leave()


def _autoscaler(target: str) -> str:
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "minReplicas": 2,
        "maxReplicas": 6,
    }
    return _manifest("/apis/autoscaling/v2", "HorizontalPodAutoscaler", spec, target)


def _manifest(
    path: str, kind: str, spec: Mapping[str, Any], name: str, metadata: Mapping[str, Any] | None = None
) -> str:
    body = {"apiVersion": path.removeprefix("/apis/"), "kind": kind, "spec": spec}
    return json.dumps({**body, "metadata": {"name": name, **(metadata or {})}})
