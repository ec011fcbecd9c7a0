"""The write proxy, against the real API server and a real client."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.api import Api
from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.layout import kubeconfig, write_private
from tests.cluster.write_proxy import Lane, Write, WriteProxy

pytestmark = pytest.mark.cluster


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[WriteProxy]:
    with WriteProxy(cluster) as running:
        yield running


@pytest.fixture
def lane(proxy: WriteProxy) -> Lane:
    return proxy.lane()


def through(cluster: Cluster, lane: Lane) -> Api:
    return Api(lane.url, cluster.token, cluster.certificate_authority)


def config_map(name: str) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).encode()


def test_kubectl_works_through_it_and_only_what_changed_something_is_counted(
    cluster: Cluster, lane: Lane, namespace: str, tmp_path: Path
) -> None:
    access = tmp_path / "kubeconfig"
    write_private(access, kubeconfig(lane.url, cluster.certificate_authority, "admin", cluster.token))

    def kubectl(*arguments: str) -> str:
        return cluster.kubectl(f"--kubeconfig={access}", "-n", namespace, *arguments)

    kubectl("create", "configmap", "one")
    kubectl("create", "configmap", "two", "--dry-run=server")
    with pytest.raises(ClusterError, match="already exists"):
        kubectl("create", "configmap", "one")
    kubectl("get", "configmaps")
    kubectl("auth", "can-i", "get", "pods")
    kubectl("delete", "configmap", "one")
    assert [(write.number, write.method) for write in lane.writes] == [(1, "POST"), (2, "DELETE")]


def test_events_and_leases_are_not_counted(cluster: Cluster, lane: Lane, namespace: str) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader"}}
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    through(cluster, lane).request("POST", path, json.dumps(lease).encode())
    assert lane.writes == ()


def test_after_the_chosen_write_the_server_has_it_and_the_client_does_not_know_yet(
    cluster: Cluster, lane: Lane, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    seen: list[tuple[Write, bool, bool]] = []
    answered = threading.Event()

    def look(write: Write) -> None:
        seen.append((write, cluster.api.answers(f"{path}/b"), answered.is_set()))

    lane.after(2, look)
    client = through(cluster, lane)
    client.request("POST", path, config_map("a"))
    client.request("POST", path, config_map("b"))
    answered.set()
    client.request("POST", path, config_map("c"))
    ((write, committed, known),) = seen
    assert (write.number, committed, known) == (2, True, False)
    assert len(lane.writes) == 3


def test_a_write_is_chosen_by_what_it_writes_and_only_the_first_such(
    cluster: Cluster, proxy: WriteProxy, namespace: str, tmp_path: Path
) -> None:
    lane, seen = proxy.lane(), list[Write]()
    access = tmp_path / "kubeconfig"
    write_private(access, kubeconfig(lane.url, cluster.certificate_authority, "admin", cluster.token))
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    lane.after(lambda write: write.method == "PATCH", seen.append)
    lane.hold(lambda write: write.method == "DELETE")
    client = through(cluster, lane)
    client.request("POST", path, config_map("chosen"))
    for text in (b'{"data": {"a": "b"}}', b'{"data": {"a": "c"}}'):
        client.request("PATCH", f"{path}/chosen", text, "application/merge-patch+json")
    command = [str(cluster.kubectl_path), f"--kubeconfig={access}", "-n", namespace, "delete", "configmap", "chosen"]
    with subprocess.Popen(command, env=cluster.environment) as sender:
        assert lane.wait_held(20)
        sender.kill()
    assert [(write.number, write.method) for write in seen] == [(2, "PATCH")]
    assert cluster.api.answers(f"{path}/chosen")
    assert proxy.deliver(lane) == 200
    assert not cluster.api.answers(f"{path}/chosen")


def test_a_client_killed_at_a_write_leaves_the_write_behind(
    cluster: Cluster, lane: Lane, namespace: str, tmp_path: Path
) -> None:
    access = tmp_path / "kubeconfig"
    write_private(access, kubeconfig(lane.url, cluster.certificate_authority, "admin", cluster.token))
    command = [str(cluster.kubectl_path), f"--kubeconfig={access}", "-n", namespace, "create", "configmap", "late"]
    victim: list[subprocess.Popen[bytes]] = []
    started = threading.Event()

    def kill(write: Write) -> None:
        started.wait()
        victim[0].kill()
        victim[0].wait()

    lane.after(1, kill)
    victim.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=cluster.environment))
    started.set()
    said, _ = victim[0].communicate(timeout=20)
    assert (victim[0].returncode, said) == (-9, b"")
    assert cluster.api.answers(f"/api/v1/namespaces/{namespace}/configmaps/late")


def test_a_write_that_is_held_back_arrives_after_its_sender_is_gone(
    cluster: Cluster, proxy: WriteProxy, namespace: str, tmp_path: Path
) -> None:
    lane = proxy.lane()
    access = tmp_path / "kubeconfig"
    write_private(access, kubeconfig(lane.url, cluster.certificate_authority, "admin", cluster.token))
    path = f"/api/v1/namespaces/{namespace}/configmaps/held"
    lane.hold(1)
    command = [str(cluster.kubectl_path), f"--kubeconfig={access}", "-n", namespace, "create", "configmap", "held"]
    with subprocess.Popen(command, env=cluster.environment) as sender:
        assert lane.wait_held(20)
        sender.kill()
    assert not cluster.api.answers(path)
    assert proxy.deliver(lane) == 201
    assert cluster.api.answers(path)
    assert len(lane.writes) == 1


def test_two_lanes_count_apart_and_a_watch_streams_each_change_at_once(
    cluster: Cluster, proxy: WriteProxy, namespace: str, tmp_path: Path
) -> None:
    watching, writing = proxy.lane(), proxy.lane()
    access = tmp_path / "kubeconfig"
    write_private(access, kubeconfig(watching.url, cluster.certificate_authority, "admin", cluster.token))
    watch = ["get", "configmaps", "--watch", "-n", namespace, "-o", "name", "--field-selector=metadata.name=seen"]
    command = [str(cluster.kubectl_path), f"--kubeconfig={access}", *watch]
    client = through(cluster, writing)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    client.request("POST", path, config_map("seen"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=cluster.environment) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline().strip() == "configmap/seen"  # listed
        client.request("PATCH", f"{path}/seen", b'{"data": {"a": "b"}}', "application/merge-patch+json")
        assert watcher.stdout.readline().strip() == "configmap/seen"  # told
        watcher.kill()
    assert (len(watching.writes), len(writing.writes)) == (0, 2)
