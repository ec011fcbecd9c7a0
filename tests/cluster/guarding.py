"""Whether the policy about holds is in force; it takes the API server a moment to take one up, or to let it go."""

import json
from pathlib import Path

import yaml

from tests.cluster.cluster import Cluster, ClusterError

BINDING = "hypercare-operator-holds"
SMALLEST = Path(__file__).parent / "crds" / "smallest.yaml"


def enforced(cluster: Cluster, namespace: str) -> None:
    """Wait until the policy, which was just applied, is in force."""
    cluster.wait_until("the policy about holds is enforced", lambda: not _admitted(cluster, namespace))


def unguarded(cluster: Cluster, namespace: str = "default") -> None:
    """Take the policy out of force, for tests that write holds themselves, and wait until that is so."""
    cluster.kubectl("delete", "validatingadmissionpolicybinding", BINDING, "--ignore-not-found")
    cluster.wait_until("the policy about holds is gone", lambda: _admitted(cluster, namespace))


def _admitted(cluster: Cluster, namespace: str) -> bool:
    body = next(each for each in yaml.safe_load_all(SMALLEST.read_text()) if each["kind"] == "HypercareHold")
    named = {**body, "metadata": {"name": "probe", "namespace": namespace}}
    try:
        cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(named))
    except ClusterError as error:
        if "may not write HypercareHolds" in str(error):
            return False
        raise
    return True
