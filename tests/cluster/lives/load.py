"""Load that an autoscaler sees: an external metric whose value a test sets.

The autoscaler of the real controller-manager asks `external.metrics.k8s.io` for objects named as the metric. Here these
are custom resources of that name, so a value is an object like any other, and no adapter has to run.
"""

import json
from datetime import UTC, datetime

import yaml

from tests.cluster.api import Api
from tests.cluster.cluster import Cluster

GROUP = "external.metrics.k8s.io"
METRIC = "s0-prometheus"
"""What KEDA calls the metric of the first trigger of a ScaledObject, when that is a query to Prometheus."""
PER_POD = 10
"""How much of it one pod can bear."""


def serve_load(cluster: Cluster) -> None:
    """Let the API server serve the metric."""
    cluster.apply(yaml.safe_dump(_definition()))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{METRIC}.{GROUP}", "--timeout=30s")


def set_load(cluster: Cluster, namespace: str, workload: str, pods: int) -> None:
    """Have as much load on a workload as so many pods can bear."""
    body = {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "ExternalMetricValue",
        "metadata": {"name": workload, "labels": {"scaledobject.keda.sh/name": workload}},
        "metricName": METRIC,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "value": str(pods * PER_POD),
    }
    path = f"/apis/{GROUP}/v1beta1/namespaces/{namespace}/{METRIC}/{workload}"
    Api(cluster.proxy_url).apply(path, json.dumps(body))


def _definition() -> dict[str, object]:
    kind = "ExternalMetricValue"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{METRIC}.{GROUP}",
            "annotations": {"api-approved.kubernetes.io": "unapproved: stands in for an adapter"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": METRIC, "singular": METRIC, "kind": kind, "listKind": f"{kind}List"},
            "versions": [version],
        },
    }
