"""KEDA's real operator as a process, for the tests that need it: started for one namespace, stopped by its pid.

It makes and keeps the HorizontalPodAutoscaler of a ScaledObject. What its metrics server would serve to that autoscaler
is served by `tests.cluster.lives.load`.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import processes
from tests.cluster.api import Api
from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.crds import install_crds, manifests
from tests.cluster.guard import own
from tests.cluster.layout import free_ports
from tests.cluster.processes import Program
from tests.cluster.programs import KEDA, find_programs

READY_SECONDS = 60.0
_OWN_NAMESPACE = "keda"


def install_keda(cluster: Cluster) -> None:
    """Install KEDA's CRDs, and return when they are served."""
    install_crds(cluster.api, manifests(find_programs(KEDA).share / "crds"))


@contextmanager
def keda_operator(cluster: Cluster, folder: Path, namespace: str) -> Iterator[None]:
    """Run KEDA for the ScaledObjects of one namespace until the block ends, however it ends.

    ScaledObjects get a finalizer from it, so they are to be deleted within the block. Its files are in `folder`.
    """
    install_keda(cluster)
    metrics, health, adapter = free_ports(3)
    records = folder / "processes.json"
    program = _program(cluster, _certificates(cluster, folder / "certificates"), namespace, (metrics, health, adapter))
    owner = own(records)
    try:
        processes.spawn(program, folder, lambda started: processes.save([started], records))
        (started,) = processes.read(records)
        deadline = time.monotonic() + READY_SECONDS
        while not Api(f"http://127.0.0.1:{health}").answers("/readyz"):
            if not started.alive or time.monotonic() > deadline:
                raise ClusterError(f"KEDA did not become ready, see {started.log}:\n{started.last_words}")
            time.sleep(0.1)
        yield
    finally:
        processes.terminate(processes.read(records))
        owner.release()


def _certificates(cluster: Cluster, folder: Path) -> Path:
    """A certificate for the server of KEDA's metrics, which nobody asks here: the self-signed one of the API server."""
    folder.mkdir(parents=True)
    own_pair = cluster.certificate_authority
    for source, name in ((own_pair, "ca.crt"), (own_pair, "tls.crt"), (own_pair.with_suffix(".key"), "tls.key")):
        shutil.copyfile(source, folder / name)
    return folder


def _program(cluster: Cluster, certificates: Path, namespace: str, ports: tuple[int, int, int]) -> Program:
    metrics, health, adapter = ports
    flags = {
        "kubeconfig": cluster.kubeconfig,
        "cert-dir": certificates,
        "leader-elect": "false",
        "enable-cert-rotation": "false",
        "enable-webhook-patching": "false",
        "enable-apiservice-patching": "false",
        "metrics-bind-address": f"127.0.0.1:{metrics}",
        "health-probe-bind-address": f"127.0.0.1:{health}",
        "metrics-service-bind-address": f"127.0.0.1:{adapter}",
    }
    environment = {
        "POD_NAMESPACE": _OWN_NAMESPACE,
        "KEDA_CLUSTER_OBJECT_NAMESPACE": _OWN_NAMESPACE,
        "WATCH_NAMESPACE": namespace,
    }
    argv = [str(find_programs(KEDA)["keda-operator"]), *(f"--{name}={value}" for name, value in flags.items())]
    return Program("keda-operator", argv, environment)
