"""The chart as a release in a real cluster: its life under helm, and whole lives of periods with its permissions alone.

The operator runs as a process with the release's ServiceAccount and the arguments of its Deployment; pods are kwok's.
What it asked the API server for is read from the audit log and compared, verb by verb, with docs/permissions.md.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.access import operator_kubeconfig
from tests.cluster.audit import Asked, Request, requests
from tests.cluster.cluster import Cluster, ClusterError, start_owned, stop
from tests.cluster.helm import CHART, NAME, NAMESPACE, HelmFailed, Values, helm, rendered
from tests.cluster.layout import Options
from tests.cluster.lives.expectations import LASTING, await_protection, over, restored
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import OVERLAY, PERIOD, QUEUE_STUCK, RULES, SELECTED, Place, new_place
from tests.cluster.operator_process import OperatorProcess
from tests.cluster.permissions import CLUSTER, OWN, SERVED, told

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
KINDS = "serviceaccount,clusterrole,clusterrolebinding,role,rolebinding,service,deployment,validatingadmissionpolicy"
REPORTS_KEPT = 10


class Release:
    """One release of the chart in a cluster."""

    def __init__(self, cluster: Cluster, name: str, namespace: str) -> None:
        self.cluster = cluster
        self.name = name
        self.namespace = namespace

    def helm(self, *arguments: str, values: Values | None = None) -> str:
        given = ("--values", "-") if values is not None else ()
        command = (*arguments, "--namespace", self.namespace, *given)
        return helm(*command, environment=self.cluster.environment, stdin=json.dumps(values or {}))

    def install(self, values: Values) -> str:
        command = ("install", self.name, str(CHART), "--create-namespace", "--wait", "--timeout", "2m")
        return self.helm(*command, values=values)

    def upgrade(self, values: Values) -> str:
        return self.helm("upgrade", self.name, str(CHART), "--wait", "--timeout", "2m", values=values)

    def uninstall(self) -> str:
        return self.helm("uninstall", self.name, "--wait", "--timeout", "2m")

    @property
    def arguments(self) -> list[str]:
        """What the Deployment of the release tells the operator."""
        deployment = self.cluster.get("deployment", self.name, self.namespace)
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        return list(container["args"])

    def objects(self) -> list[str]:
        """What of the release there is, in all namespaces."""
        label = f"app.kubernetes.io/instance={self.name}"
        return self.cluster.kubectl("get", KINDS, "-A", "-l", label, "-o", "name").split()

    def operator(self, log: Path) -> OperatorProcess:
        """The operator as the pod would be: account, arguments and namespace; it listens where a test can ask it."""
        command, listen, *arguments = self.arguments
        assert (command, listen) == ("run", "--listen=0.0.0.0:8080")
        return OperatorProcess(self.kubeconfig(), log, [*arguments, "--own-namespace", self.namespace])

    def kubeconfig(self) -> Path:
        return operator_kubeconfig(self.cluster, self.name, self.namespace)

    def drain(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run what the pre-delete Job runs, with the same account."""
        text = self.helm("get", "hooks", self.name)
        (line,) = (line for line in text.splitlines() if "--timeout=" in line)
        assert line.strip() == "- --timeout=2m"
        command = [sys.executable, "-m", "hypercare", "drain", "--timeout=2m", "--still-for=1m", *arguments]
        access = ("--kubeconfig", str(self.kubeconfig()), "--own-namespace", self.namespace)
        return subprocess.run([*command, *access], capture_output=True, text=True, check=False)


def profile(url: str) -> Values:
    return {"create": True, "name": "from-the-chart", "spec": {"prometheus": {"url": url}}}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own, in which nothing of hypercare is, and whose API server keeps an audit log."""
    started, owner = start_owned(tmp_path_factory.mktemp("release") / "cluster", Options(audited=True))
    try:
        yield started
    finally:
        stop(started)
        owner.release()


def count(values: Values) -> int:
    """How many objects the release shall have of the kinds that are looked for."""
    return sum(body["kind"].lower() in KINDS.split(",") for body in rendered(values))


def found(cluster: Cluster, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
    """An object; empty where there is none."""
    with contextlib.suppress(ClusterError):
        return cluster.get(kind, name, namespace)
    return {}


def test_a_release_is_installed_upgraded_rolled_back_uninstalled_and_installed_again(fresh: Cluster) -> None:
    release = Release(fresh, NAME, NAMESPACE)
    values: Values = {
        "defaultProfile": profile("http://first:9090"),
        **{name: {"create": True} for name in ("podDisruptionBudget", "networkPolicy", "serviceMonitor")},
        **{name: {"create": True} for name in ("prometheusRule", "dashboards")},
    }
    assert "STATUS: deployed" in release.install(values)
    assert len(release.objects()) == count(values)
    first = fresh.get("hypercareprofile", "from-the-chart")
    assert first["spec"]["prometheus"]["url"] == "http://first:9090"
    budget = fresh.get("pdb", NAME, NAMESPACE)
    assert budget["spec"]["maxUnavailable"] == 1

    release.upgrade({**values, "defaultProfile": profile("http://second:9090"), "log": {"level": "debug"}})
    second = fresh.get("hypercareprofile", "from-the-chart")
    assert second["spec"]["prometheus"]["url"] == "http://second:9090"
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert "--log-level=debug" in release.arguments

    release.helm("rollback", NAME, "1", "--wait", "--timeout", "2m")
    assert "--log-level=info" in release.arguments
    assert found(fresh, "hypercareprofile", "from-the-chart")["metadata"]["uid"] == first["metadata"]["uid"]
    release.upgrade({**values, "defaultProfile": profile("http://third:9090")})
    assert fresh.get("hypercareprofile", "from-the-chart")["spec"]["prometheus"]["url"] == "http://third:9090"

    fresh.kubectl("apply", "-f", "-", stdin=json.dumps(smallest("kept")))
    release.uninstall()
    assert release.objects() == []
    events = fresh.kubectl("get", "events", "-n", NAMESPACE, "-o", "jsonpath={.items[*].message}")
    assert f"Created pod: {NAME}-drain-" in events
    assert found(fresh, "job", f"{NAME}-drain", NAMESPACE) == {}
    assert fresh.get("hypercareperiod", "kept")["metadata"]["name"] == "kept"
    assert fresh.get("hypercareprofile", "from-the-chart")["metadata"]["uid"] == first["metadata"]["uid"]

    release.install(values)
    assert fresh.get("hypercareprofile", "from-the-chart")["metadata"]["uid"] == first["metadata"]["uid"]
    assert fresh.get("hypercareperiod", "kept")["metadata"]["name"] == "kept"
    fresh.kubectl("delete", "hypercareperiod", "kept")
    release.uninstall()


def smallest(name: str) -> Values:
    return {
        "apiVersion": "hypercare.dev/v1alpha1",
        "kind": "HypercarePeriod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"release": {"version": "1.0.0"}, "targets": [{"kind": "Deployment", "name": "web"}]},
    }


def test_a_release_without_its_crds_leaves_those_that_are_there(fresh: Cluster) -> None:
    release = Release(fresh, "other", "other-system")
    before = fresh.get("crd", "hypercareperiods.hypercare.dev")["metadata"]["resourceVersion"]
    values: Values = {"crds": {"install": False}}
    release.install(values)
    assert len(release.objects()) == count(values)
    with pytest.raises(HelmFailed, match="cannot be imported into the current release"):
        release.upgrade({"crds": {"install": True}})
    release.uninstall()
    assert fresh.get("crd", "hypercareperiods.hypercare.dev")["metadata"]["resourceVersion"] == before


# --- lives with the permissions of a release --------------------------------------------------------------------------


def test_a_life_passes_with_each_permission_used_and_no_other_needed(fresh: Cluster, tmp_path: Path) -> None:
    """In some namespaces only, where each list names its namespace: so it is seen which role it needs."""
    release = Release(fresh, "care", "care-system")
    with new_place(fresh, "served") as place:
        release.install({"watchNamespaces": [place.namespace], "fullnameOverride": "care", "log": {"format": "json"}})
        release.name = "care"
        _name_credentials(release, place)
        with release.operator(tmp_path / "operator.log") as operator:
            _is_not_selected_at_first(place)
            _lives(place)
            _is_orphaned(place, operator)
            _leaves_old_reports(place)
            _is_drained(release, place)
        asked = list(requests(fresh, release.namespace, "care"))
        release.uninstall()
    refused = sorted({(each.asked, each.namespace, each.name) for each in asked if each.code == 403})
    assert refused == []
    used = used_by_section(asked, release.namespace)
    assert {section: sorted(told(section) - used[section]) for section in used} == {CLUSTER: [], SERVED: [], OWN: []}
    assert {section: sorted(used[section] - told(section)) for section in used} == {CLUSTER: [], SERVED: [], OWN: []}


def used_by_section(asked: list[Request], own: str) -> dict[str, set[Asked]]:
    used: dict[str, set[Asked]] = {CLUSTER: set(), SERVED: set(), OWN: set()}
    for request in asked:
        section = OWN if request.namespace == own else SERVED if request.namespace else CLUSTER
        # RBAC sees the name of a namespace in the place of its namespace.
        used[CLUSTER if request.asked.resource == "namespaces" else section].add(request.asked)
    return used


def _name_credentials(release: Release, place: Place) -> None:
    literal = ("--from-literal=username=hypercare", "--from-literal=password=secret")
    release.cluster.kubectl("create", "secret", "generic", "prometheus", "-n", release.namespace, *literal)
    url, evaluation = place.cluster.prometheus_url, {"step": "1s", "interval": "1s", "delay": "1s", "freshness": "4s"}
    prometheus = {"url": url, "timeout": "3s", "secretRef": {"name": "prometheus"}}
    place.profile({"prometheus": prometheus, "evaluation": evaluation, "rules": {"labels": {"release": "nobody"}}})


def _is_not_selected_at_first(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("nobody selects the copies", lambda each: "OverlayNotSelected" in json.dumps(each.status))
    prometheus = {"url": place.cluster.prometheus_url, "timeout": "3s", "secretRef": {"name": "prometheus"}}
    place.profile({"prometheus": prometheus, "rules": {"labels": SELECTED}})


def _lives(place: Place) -> None:
    with place.watch("period") as period:
        await_protection(period)
        place.rules(RULES, QUEUE_STUCK)
        place.edit("rules", OVERLAY, {"spec": {"groups": []}})
        await_protection(period)
        place.period()
        period.until("it is over", over)
    place.cluster.wait_until("everything is restored", lambda: restored(place))


def _is_orphaned(place: Place, operator: OperatorProcess) -> None:
    with place.watch("period") as period:
        place.period(**LASTING, release={"version": "2.4.0", "name": "again"})
        await_protection(period)
    operator.stop()
    place.cluster.kubectl("delete", "hypercareperiod", PERIOD, "-n", place.namespace, "--cascade=orphan")
    operator.start()
    operator.wait_ready()
    place.cluster.wait_until("what was orphaned is gone", lambda: restored(place))


def _leaves_old_reports(place: Place) -> None:
    reports = 0
    with place.watch("period") as period:
        for number in range(REPORTS_KEPT + 2):
            name = f"r{number}-"
            place.period(**LASTING, mode="Observe", release={"version": "2.4.0", "name": name})
            period.until("the run is seen", partial(_is_of_run, name))
        reports = len(place.all("configmap"))
    assert reports > 0


def _is_of_run(name: str, version: Version) -> bool:
    return name in json.dumps(version.status.get("run"))


def _is_drained(release: Release, place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING, release={"version": "2.4.0", "name": "drained"})
        await_protection(period)
    for more in ((), ("--timeout=4m",)):
        done = release.drain("--namespace", place.namespace, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        assert restored(place)


def test_a_life_passes_with_the_default_values(fresh: Cluster, tmp_path: Path) -> None:
    release = Release(fresh, NAME, NAMESPACE)
    release.install({})
    with new_place(fresh, "any") as place, release.operator(tmp_path / "operator.log"):
        with place.watch("period") as period:
            place.period()
            await_protection(period)
            period.until("it is over", over)
        place.cluster.wait_until("everything is restored", lambda: restored(place))
    asked = list(requests(fresh, release.namespace, NAME))
    assert sorted({each.asked for each in asked if each.code == 403}) == []
    assert {each.asked for each in asked} <= told(CLUSTER, SERVED, OWN)
    release.uninstall()
