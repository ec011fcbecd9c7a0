"""The operator as a process on a real control plane: how it starts, watches, survives outages, and stops."""

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.access import operator_kubeconfig
from tests.cluster.api import Api
from tests.cluster.cluster import Cluster, start_owned, stop
from tests.cluster.layout import Options
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
PROJECT = Path(__file__).parents[2]
INSTALL = PROJECT / "manifests" / "install"
RULES_CRD = "customresourcedefinition/prometheusrules.monitoring.coreos.com"
_numbers = itertools.count(1)
OBJECTS = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 6}
---
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata: {name: web}
spec:
  mode: Observe
  release: {version: "2.4.0"}
  targets: [{kind: Deployment, name: web}]
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own, for these tests stop the API server and delete CRDs."""
    started, owner = start_owned(tmp_path_factory.mktemp("own") / "cluster", Options(crds=(PROJECT / "crds",)))
    try:
        started.kubectl("apply", "--server-side", "-k", str(INSTALL))
        yield started
    finally:
        stop(started)
        owner.release()


@pytest.fixture
def shop(own: Cluster) -> Iterator[str]:
    name = f"shop-{next(_numbers)}"
    own.kubectl("create", "namespace", name)
    yield name
    own.kubectl("delete", "hypercareperiods,hpa", "--all", "-n", name)
    own.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def operator(own: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    with OperatorProcess(operator_kubeconfig(own), tmp_path / "operator.log") as process:
        yield process


def metric(operator: OperatorProcess, name: str) -> float:
    """The sum of a metric over its labels."""
    lines = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", operator.get("/metrics"), re.MULTILINE)
    return sum(float(value) for value in lines)


def create(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=OBJECTS)


def metadata(cluster: Cluster, kind: str, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get(kind, "web", namespace)["metadata"]
    return {key: found.get(key) for key in ("finalizers", "annotations", "labels", "ownerReferences")}


def test_it_sees_objects_come_and_go_and_marks_none_of_them(own: Cluster, shop: str, operator: OperatorProcess) -> None:
    before = metric(operator, "hypercare_periods")
    create(own, shop)
    kinds = ("hypercareperiod", "horizontalpodautoscaler")
    marks = [metadata(own, kind, shop) for kind in kinds]
    own.wait_until("the period is seen", lambda: metric(operator, "hypercare_periods") == before + 1)
    own.kubectl("annotate", "hpa", "web", "-n", shop, "seen=yes")
    own.wait_until("visits are over", lambda: metric(operator, "hypercare_queue_running") == 0)
    own.kubectl("annotate", "hpa", "web", "-n", shop, "seen-")
    assert [metadata(own, kind, shop) for kind in kinds] == marks
    assert marks[0]["finalizers"] is None
    own.kubectl("delete", "hypercareperiod", "web", "-n", shop, "--timeout=5s")
    own.wait_until("its deletion is seen", lambda: metric(operator, "hypercare_periods") == before)


def test_it_stops_at_once_when_told_to(own: Cluster, shop: str, operator: OperatorProcess) -> None:
    create(own, shop)
    own.wait_until("the period is seen", lambda: metric(operator, "hypercare_periods") == 1)
    started = time.monotonic()
    assert operator.stop() == 0
    assert time.monotonic() - started < 5
    assert "Traceback" not in operator.tail(200)


def test_an_api_server_that_restarts_is_waited_for(own: Cluster, shop: str, operator: OperatorProcess) -> None:
    probes = Api(operator.url)
    own.kill_process("kube-apiserver")
    own.wait_until("it is not ready", lambda: not probes.answers("/readyz"), timeout=15)
    assert probes.answers("/healthz")
    own.start_process("kube-apiserver")
    own.wait_until("it is ready again", lambda: probes.answers("/readyz"), timeout=30)
    create(own, shop)
    own.wait_until("it watches again", lambda: metric(operator, "hypercare_periods") == 1)
    assert operator.running


def test_it_starts_without_an_api_server_and_gets_ready_with_it(own: Cluster, tmp_path: Path) -> None:
    kubeconfig = operator_kubeconfig(own)
    own.kill_process("kube-apiserver")
    with OperatorProcess(kubeconfig, tmp_path / "operator.log", wait=False) as operator:
        own.wait_until("it is alive", lambda: Api(operator.url).answers("/healthz"), timeout=15)
        assert not Api(operator.url).answers("/readyz")
        own.start_process("kube-apiserver")
        operator.wait_ready()
        assert operator.stop() == 0


def test_it_stops_while_it_waits_for_an_api_server(own: Cluster, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(own.kubeconfig.read_text().replace(own.api_url, "https://127.0.0.1:1"))
    with OperatorProcess(kubeconfig, tmp_path / "operator.log", wait=False) as operator:
        own.wait_until("it is alive", lambda: Api(operator.url).answers("/healthz"), timeout=15)
        started = time.monotonic()
        assert operator.stop() == 0
        assert time.monotonic() - started < 5
        assert "Traceback" not in operator.tail(200)


def test_a_frozen_api_server_makes_it_unready_and_not_dead(own: Cluster, tmp_path: Path) -> None:
    kubeconfig = operator_kubeconfig(own)
    with OperatorProcess(kubeconfig, tmp_path / "operator.log", ["--api-timeout", "1"]) as operator:
        own.pause_process("kube-apiserver")
        try:
            own.wait_until("it is not ready", lambda: not Api(operator.url).answers("/readyz"), timeout=15)
            assert Api(operator.url).answers("/healthz")
        finally:
            own.resume_process("kube-apiserver")
        own.wait_until("it is ready again", lambda: Api(operator.url).answers("/readyz"))


def test_a_kind_that_comes_later_is_served_then(own: Cluster, tmp_path: Path) -> None:
    definition = own.kubectl("get", RULES_CRD, "-o", "yaml", "--show-managed-fields=false")
    own.kubectl("delete", RULES_CRD)
    try:
        with OperatorProcess(operator_kubeconfig(own), tmp_path / "operator.log") as operator:
            own.kubectl("create", "-f", "-", stdin=_without_identity(definition))
            own.wait_until("it is found", lambda: "prometheusrules are served now" in operator.tail(200), timeout=15)
            assert operator.running
    finally:
        own.kubectl("apply", "--server-side", "-f", "-", stdin=_without_identity(definition))


def test_a_taken_port_is_an_error_with_its_number(own: Cluster, operator: OperatorProcess, tmp_path: Path) -> None:
    port = operator.url.rpartition(":")[2]
    second = OperatorProcess(operator_kubeconfig(own), tmp_path / "second.log", ["--listen", f"127.0.0.1:{port}"])
    second.start()
    own.wait_until("it has ended", lambda: not second.running, timeout=15)
    assert second.stop() == 1
    assert port in second.tail()


def test_it_serves_only_the_namespaces_it_was_given(own: Cluster, shop: str, tmp_path: Path) -> None:
    create(own, shop)
    with OperatorProcess(operator_kubeconfig(own), tmp_path / "one.log", ["--namespace", "default"]) as operator:
        assert metric(operator, "hypercare_periods") == 0
        create(own, "default")
        own.wait_until("its own is seen", lambda: metric(operator, "hypercare_periods") == 1)
        own.kubectl("delete", "hypercareperiod,hpa", "web", "-n", "default")
        own.wait_until("it is gone", lambda: metric(operator, "hypercare_periods") == 0)


def _without_identity(definition: str) -> str:
    lines = (
        line for line in definition.splitlines() if not re.match(r"  (uid|resourceVersion|creationTimestamp):", line)
    )
    text = "\n".join(lines)
    return text[: text.index("\nstatus:")]
