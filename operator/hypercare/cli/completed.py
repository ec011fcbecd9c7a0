"""The names that shell completion offers, read from the cluster."""

from collections.abc import Mapping
from typing import Any

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.failures import ClusterFailed
from hypercare.cli.options import ClusterArguments
from hypercare.domain.objects import PERIODS


def period_names(given: Mapping[str, Any]) -> list[str]:
    """The names of the periods in the namespace that the line so far means; none if it cannot be asked."""
    namespace, context, kubeconfig = (str(given.get(name) or "") for name in ("namespace", "context", "kubeconfig"))
    try:
        asked = ClusterArguments(namespace=namespace, context=context, kubeconfig=kubeconfig)
        with Cluster.connect(asked) as cluster:
            bodies = cluster.list(PERIODS, cluster.namespace)
    except ClusterFailed:
        return []
    return [str(body["metadata"]["name"]) for body in bodies]
