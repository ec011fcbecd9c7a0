"""The operator as the install manifests let it run, but as a process: their account and permissions, not their pod."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.cluster.access import operator_kubeconfig
from tests.cluster.cluster import Cluster
from tests.cluster.operator_process import OperatorProcess

PROJECT = Path(__file__).parents[3]
_NOT_AS_A_PROCESS = frozenset({"Deployment", "Service", "Kustomization"})


def install(cluster: Cluster) -> None:
    """Apply the CRDs and, of manifests/install, all that is not about running a pod."""
    cluster.apply(PROJECT / "crds")
    manifests = sorted((PROJECT / "manifests" / "install").glob("*.yaml"))
    bodies = [body for path in manifests for body in yaml.safe_load_all(path.read_text()) if body]
    cluster.apply(yaml.safe_dump_all([body for body in bodies if body["kind"] not in _NOT_AS_A_PROCESS]))


def operator_of(cluster: Cluster, log: Path, arguments: Sequence[str] = ()) -> OperatorProcess:
    """An operator that acts with the ServiceAccount of the install manifests, not started yet."""
    return OperatorProcess(operator_kubeconfig(cluster), log, arguments)
