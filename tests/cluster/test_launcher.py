"""The control plane itself: what every other cluster test takes for granted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import processes
from tests.cluster.access import operator_kubeconfig
from tests.cluster.api import HttpError
from tests.cluster.cluster import Cluster, ClusterError, running
from tests.cluster.layout import signing_key
from tests.cluster.mirror import project
from tests.cluster.processes import Program, Started
from tests.cluster.shop import Behaviour, Service

PROJECT = Path(__file__).parents[2]
DEMO = PROJECT / "manifests" / "demo" / "shop.yaml"
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 6
"""
RULE = """
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: heartbeat, labels: {release: kube-prometheus-stack}}
spec:
  groups:
    - name: heartbeat
      rules:
        - {record: 'test:heartbeat', expr: vector(time())}
        - {record: 'test:requests:rate', expr: 'sum by (namespace) (rate(http_requests_total[5s]))'}
"""
OWNED_KIND = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: owners.test.example}
spec:
  group: test.example
  scope: Namespaced
  names: {kind: Owner, plural: owners}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""


def ready_replicas(cluster: Cluster, namespace: str, name: str = "web") -> int:
    found: int = cluster.get("deployment", name, namespace)["status"].get("readyReplicas", 0)
    return found


@pytest.mark.cluster
class TestWorkloads:
    def test_replicas_follow_the_floor_of_the_autoscaler_and_pods_go_when_scaled_down(
        self, cluster: Cluster, namespace: str
    ) -> None:
        cluster.kubectl("create", "deployment", "web", "--image=web:1", "--replicas=2", "-n", namespace)
        cluster.wait_until("2 pods are ready", lambda: ready_replicas(cluster, namespace) == 2)
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=AUTOSCALER)
        cluster.kubectl("patch", "hpa", "web", "-n", namespace, "-p", '{"spec": {"minReplicas": 5}}')
        cluster.wait_until("5 pods are ready", lambda: ready_replicas(cluster, namespace) == 5)
        cluster.kubectl("delete", "hpa", "web", "-n", namespace)
        cluster.kubectl("scale", "deployment", "web", "--replicas=1", "-n", namespace)
        cluster.wait_until(
            "1 pod is left",
            lambda: len(cluster.kubectl("get", "pods", "-n", namespace, "-o", "name").split()) == 1,
        )

    def test_the_demo_runs_and_its_alerts_are_evaluated(self, cluster: Cluster) -> None:
        cluster.apply(DEMO)
        try:
            cluster.wait_until("the shop is ready", lambda: ready_replicas(cluster, "shop", "checkout") == 2)
            cluster.shop.misbehave("shop", queue=90)
            pending = 'ALERTS{alertname="CheckoutQueueStuck",namespace="shop",severity="critical"}'
            cluster.wait_until("the queue alert is pending", lambda: bool(cluster.query(pending)))
        finally:
            cluster.shop.behave("shop")
            cluster.kubectl("delete", "-f", str(DEMO), "--wait=false")


@pytest.mark.cluster
class TestRules:
    def test_a_rule_is_evaluated_with_its_namespace_enforced_and_goes_again(
        self, cluster: Cluster, namespace: str
    ) -> None:
        cluster.shop.add(namespace, "checkout", rate=20)
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=RULE)
        heartbeat = f'test:heartbeat{{namespace="{namespace}"}}'
        cluster.wait_until("the rule is evaluated", lambda: bool(cluster.query(heartbeat)))

        def steady_rate() -> bool:
            found = cluster.query(f'test:requests:rate{{namespace="{namespace}"}}')
            return bool(found) and float(found[0]["value"][1]) == pytest.approx(20, rel=0.02)

        cluster.wait_until("the rate of this namespace alone is recorded", steady_rate)
        cluster.kubectl("delete", "prometheusrule", "heartbeat", "-n", namespace)
        cluster.wait_until("the rule is gone", lambda: not cluster.query(heartbeat))

    def test_rules_are_loaded_again_after_prometheus_crashed(self, cluster: Cluster, namespace: str) -> None:
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=RULE)
        heartbeat = f'test:heartbeat{{namespace="{namespace}"}}'
        cluster.wait_until("the rule is evaluated", lambda: bool(cluster.query(heartbeat)))
        cluster.kill_process("prometheus")
        try:
            with pytest.raises(HttpError, match="refused"):
                cluster.query(heartbeat)
            crashed = time.time()
        finally:
            cluster.start_process("prometheus")
        newest = f"{heartbeat} > {crashed}"
        cluster.wait_until("the rule is evaluated again", lambda: bool(cluster.query(newest)))


@pytest.mark.cluster
class TestApiServer:
    def test_what_a_custom_resource_owns_goes_with_it(self, cluster: Cluster, namespace: str) -> None:
        cluster.apply(OWNED_KIND)
        cluster.kubectl("wait", "--for=condition=Established", "crd/owners.test.example")
        owner = {"apiVersion": "test.example/v1", "kind": "Owner", "metadata": {"name": "owner"}}
        cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(owner))
        uid = cluster.get("owners.test.example", "owner", namespace)["metadata"]["uid"]
        reference = {"apiVersion": "test.example/v1", "kind": "Owner", "name": "owner", "uid": uid}
        owned = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "owned", "ownerReferences": [reference]},
        }
        cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(owned))
        cluster.kubectl("delete", "owners.test.example", "owner", "-n", namespace)

        def collected() -> bool:
            return "owned" not in cluster.kubectl("get", "configmaps", "-n", namespace, "-o", "name")

        # The garbage collector looks for kinds that are new since its start every 30 s.
        cluster.wait_until("the owned object is collected", collected, timeout=60)

    def test_a_service_account_has_its_own_rights_and_no_more(self, cluster: Cluster, namespace: str) -> None:
        cluster.kubectl("create", "serviceaccount", "robot", "-n", namespace)
        cluster.kubectl("create", "role", "reader", "--verb=get", "--resource=configmaps", "-n", namespace)
        binding = ("rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:robot")
        cluster.kubectl("create", *binding, "-n", namespace)
        access = operator_kubeconfig(cluster, "robot", namespace)

        def may(verb: str) -> str:
            return cluster.kubectl(f"--kubeconfig={access}", "get", "--raw", f"/api/v1/namespaces/{namespace}/{verb}")

        cluster.wait_until("the namespace has its certificate", lambda: "BEGIN" in may("configmaps/kube-root-ca.crt"))
        with pytest.raises(ClusterError, match=f"system:serviceaccount:{namespace}:robot"):
            may("secrets")


@pytest.mark.cluster
class TestLife:
    def test_down_leaves_no_process_and_a_second_cluster_runs_beside_the_first(
        self, cluster: Cluster, tmp_path: Path
    ) -> None:
        self.launch("up", tmp_path / "second")
        try:
            self.launch("status", tmp_path / "second")
            second = processes.read(tmp_path / "second" / "processes.json")
            assert len(second) == 10
            assert "already running" in self.launch("up", tmp_path / "second").lower()
        finally:
            self.launch("down", tmp_path / "second")
        assert not [process for process in second if process.alive]
        assert all(process.alive for process in running(cluster))

    def test_a_start_that_is_killed_halfway_leaves_no_process(self, tmp_path: Path) -> None:
        folder = tmp_path / "halfway"
        starting = subprocess.Popen(self.command("up", folder), cwd=PROJECT, start_new_session=True)
        records = folder / "processes.json"
        while "kube-scheduler" not in {process.program.name for process in processes.read(records)}:
            assert starting.poll() is None, "the start ended before it could be killed"
            time.sleep(0.02)
        starting.send_signal(signal.SIGKILL)
        starting.wait()
        deadline = time.monotonic() + 20
        while any(process.alive for process in processes.read(records)):
            assert time.monotonic() < deadline, "the guard stopped nothing"
            time.sleep(0.05)

    def test_a_process_that_cannot_start_is_named_with_its_log(self, tmp_path: Path) -> None:
        folder = tmp_path / "broken"
        command = [*self.command("up", folder), "--scrape-interval=soon"]
        failed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert failed.returncode == 1
        assert f"prometheus ended, see {folder}/logs/prometheus.log" in failed.stderr
        assert "soon" in failed.stderr
        assert not [process for process in processes.read(folder / "processes.json") if process.alive]

    @staticmethod
    def command(verb: str, folder: Path) -> list[str]:
        return [sys.executable, "-m", "tests.cluster", verb, "--dir", str(folder)]

    def launch(self, verb: str, folder: Path) -> str:
        return subprocess.run(
            self.command(verb, folder), cwd=PROJECT, capture_output=True, text=True, check=True
        ).stdout


class TestRecords:
    def test_a_pid_that_belongs_to_another_process_is_left_alone(self) -> None:
        ours = Started(Program("test", ["python"]), os.getpid(), "1", "")
        assert not ours.alive
        processes.terminate([ours])

    def test_a_process_is_known_again_from_its_record_and_can_be_stopped(self, tmp_path: Path) -> None:
        records = tmp_path / "records.json"
        processes.spawn(Program("sleeper", ["sleep", "600"]), tmp_path, lambda new: processes.save([new], records))
        (found,) = processes.read(records)
        assert found.alive
        processes.terminate([found])
        assert not found.alive

    def test_a_process_that_ignores_the_request_is_killed(self, tmp_path: Path) -> None:
        stubborn = (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
        )
        recorded: list[Started] = []
        processes.spawn(Program("stubborn", [sys.executable, "-c", stubborn]), tmp_path, recorded.append)
        (started,) = recorded
        while not started.last_words:
            time.sleep(0.01)
        processes.terminate([started], grace=0.2)
        assert not started.alive

    def test_a_process_whose_starter_dies_before_recording_it_never_begins(self, tmp_path: Path) -> None:
        starter = (
            "import os, sys; from pathlib import Path; from tests.cluster.processes import Program, spawn;"
            "spawn(Program('orphan', ['touch', sys.argv[1]]), Path(sys.argv[2]),"
            " lambda new: (print(new.pid, new.started, flush=True), os._exit(1)))"
        )
        command = [sys.executable, "-c", starter, str(tmp_path / "begun"), str(tmp_path)]
        died = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        pid, started = died.stdout.split()
        orphan = Started(Program("orphan", []), int(pid), started, "")
        deadline = time.monotonic() + 5
        while orphan.alive:
            assert time.monotonic() < deadline, "it waits for ever"
            time.sleep(0.01)
        assert not (tmp_path / "begun").exists()

    def test_a_foreign_folder_is_never_emptied(self, tmp_path: Path) -> None:
        (tmp_path / "precious").touch()
        failed = subprocess.run(TestLife.command("up", tmp_path), cwd=PROJECT, capture_output=True, check=False)
        assert failed.returncode == 1
        assert (tmp_path / "precious").exists()


class TestMirror:
    def test_files_appear_change_and_go_with_their_config_map(self, tmp_path: Path) -> None:
        assert project({"rules-0": {"a.yaml": "1", "b.yaml": "2"}}, tmp_path)
        assert not project({"rules-0": {"a.yaml": "1", "b.yaml": "2"}}, tmp_path)
        assert project({"rules-0": {"a.yaml": "3"}}, tmp_path)
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"rules-0.a.yaml": "3"}


class TestShop:
    def test_counters_are_the_integral_of_the_rate_however_often_they_are_read(self) -> None:
        often, rarely = (Service(Behaviour(rate=50, errors=0.2), updated=0) for _ in range(2))
        for second in range(1, 101):
            often.advance(second)
        rarely.advance(100)
        assert often.bad == pytest.approx(rarely.bad) == pytest.approx(1000)
        assert often.good == pytest.approx(rarely.good) == pytest.approx(4000)

    def test_misbehaviour_ends_when_it_was_said_to_even_if_nobody_looked(self) -> None:
        service = Service(Behaviour(rate=10), updated=0)
        service.behave(Behaviour(rate=10, errors=1), now=10, lasting=5)
        service.advance(100)
        assert service.bad == pytest.approx(50)
        assert service.good == pytest.approx(950)

    def test_a_slow_request_counts_only_in_the_buckets_that_hold_it(self) -> None:
        service = Service(Behaviour(rate=1, latency=0.3), updated=0)
        service.advance(10)
        assert service.buckets == [0, 0, 0, 10, 10, 10, 10]


def test_the_signing_key_is_a_key_that_openssl_reads(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(signing_key())
    try:
        done = subprocess.run(
            ["openssl", "ec", "-in", str(key), "-noout", "-text"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("no openssl on this machine; the API server reads the key in the cluster tests")
    assert "P-256" in done.stdout
