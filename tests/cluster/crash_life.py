"""One short hypercare life in a namespace of its own, whose operator can be killed at any of its writes.

Each life has its own operator, restricted to its namespace and running under the account of manifests/install, and its
own lane of the write proxy, so lives can be lived side by side. What the operator touches is compared with what it was
before, field by field.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from tests.cluster.access import operator_kubeconfig
from tests.cluster.api import Api, HttpError
from tests.cluster.cluster import Cluster
from tests.cluster.operator_process import OperatorProcess
from tests.cluster.write_proxy import Lane, Which, Write, WriteProxy

FOLDER = Path(__file__).parent
INSTALL = FOLDER.parents[1] / "manifests" / "install"
NAME = "checkout"
FORMS = ("spelled-out", "bare")
PATIENCE_SECONDS = 150.0
"""Longer than a hold waits for a write that may still arrive (90 s); a life takes a tenth of it otherwise."""
QUIET_SECONDS = 1.0
POLL_SECONDS = 0.2
PERIODS = "/apis/hypercare.dev/v1alpha1/namespaces/{}/hypercareperiods"
HOLDS = "/apis/hypercare.dev/v1alpha1/namespaces/{}/hypercareholds"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
RULES = "/apis/monitoring.coreos.com/v1/namespaces/{}/prometheusrules"
REPORTS = "/api/v1/namespaces/{}/configmaps"
COLLECTIONS = {"Deployment": DEPLOYMENTS, "HorizontalPodAutoscaler": AUTOSCALERS, "PrometheusRule": RULES}
Body = Mapping[str, Any]


class LifeFailed(Exception):
    """A life did not come to its end; the message holds the end of the operator's log."""


@dataclass(frozen=True)
class Originals:
    """What everything that may be touched looked like before: what its authors wrote, without what controllers do."""

    autoscaler: Body
    deployment: Body
    rules: Mapping[str, Body]


def install(cluster: Cluster) -> None:
    """The operator's account with its permissions, and the profile; the operators run as processes, not as a pod."""
    for manifest in sorted(INSTALL.glob("*.yaml")):
        bodies = [body for body in yaml.safe_load_all(manifest.read_text()) if body]
        if wanted := [body for body in bodies if body["kind"] not in {"Deployment", "Service"}]:
            cluster.apply(yaml.safe_dump_all(wanted))
    profile = yaml.safe_load((FOLDER / "crash_profile.yaml").read_text())
    profile["spec"]["prometheus"]["url"] = cluster.prometheus_url
    cluster.apply(yaml.safe_dump(profile))


class Life:
    """A namespace with everything a period needs; a context manager that takes it down again.

    Attributes:
        lane: What the operator writes through.
        operator: Its process; `start` and `kill` it through the life.
        originals: How everything was before the period.
        scope: The arguments that bind an operator, or a drain, to the namespace.
    """

    def __init__(self, cluster: Cluster, proxy: WriteProxy, namespace: str, form: str, logs: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.lane: Lane = proxy.lane()
        access = operator_kubeconfig(cluster, url=self.lane.url)
        # What is told to all operators of a cluster is told to this one alone.
        self.scope = ["--namespace", namespace, "--own-namespace", namespace]
        self.operator = OperatorProcess(access, logs / f"{namespace}.log", self.scope)
        # Without TLS: conditions are asked often, and handshakes would take the time that the operators need.
        self._reads = Api(cluster.proxy_url)
        self._form = form
        self._up = False
        self._stack = contextlib.ExitStack()
        self._stack.push(self.operator)

    def __enter__(self) -> "Life":
        self.cluster.api.apply(f"/api/v1/namespaces/{self.namespace}", _manifest("v1", "Namespace", self.namespace))
        for body in yaml.safe_load_all((FOLDER / "crash_objects.yaml").read_text()):
            if body["metadata"].get("labels", {}).get("form", self._form) == self._form:
                path = COLLECTIONS[body["kind"]].format(self.namespace)
                self.cluster.api.apply(f"{path}/{body['metadata']['name']}", json.dumps(body))
        self.cluster.shop.add(self.namespace)
        least = self.autoscaler["spec"]["minReplicas"]
        self.wait("the workload is ready", lambda: self._deployment.get("status", {}).get("readyReplicas") == least)
        # From then on nobody but the operator writes it: a controller that cannot read metrics repeats itself.
        self.wait("the autoscaler was looked at", lambda: len(self.autoscaler["status"].get("conditions") or ()) > 1)
        self.originals = self.look()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
        self.cluster.shop.remove(self.namespace)
        if not self.gone:
            self.delete_namespace()

    @property
    def autoscaler(self) -> Body:
        """The autoscaler as it is."""
        return self._get(AUTOSCALERS, NAME)

    @property
    def period(self) -> Body:
        """The period as it is; empty when there is none."""
        return self._get(PERIODS, NAME)

    @property
    def holds(self) -> list[Body]:
        """All holds of the namespace."""
        return self._list(HOLDS)

    @property
    def reports(self) -> list[str]:
        """Names of the reports."""
        return [name for name in map(_name, self._list(REPORTS)) if name.startswith("hypercare-report-")]

    @property
    def over(self) -> bool:
        """Whether the period says that it has succeeded and where its report is."""
        status = self.period.get("status", {})
        return status.get("phase") == "Completed" and bool(status.get("report"))

    @property
    def gone(self) -> bool:
        """Whether the namespace does not exist any more."""
        return not self._reads.answers(f"/api/v1/namespaces/{self.namespace}")

    @property
    def _deployment(self) -> Body:
        return self._get(DEPLOYMENTS, NAME)

    def begin(self) -> None:
        """Apply the period, and start the operator for the first time."""
        manifest = (FOLDER / "crash_period.yaml").read_text()
        self.cluster.api.apply(f"{PERIODS.format(self.namespace)}/{NAME}", manifest)
        self.start()

    def start(self) -> None:
        """Start the operator, and return at once."""
        self._up = True
        self.operator.start()

    def kill(self) -> None:
        """Kill the operator."""
        self._up = False
        self.operator.kill()

    def kill_after(self, which: Which) -> threading.Event:
        """Kill the operator when the server has committed this write and before it hears of it; set when done."""
        killed = threading.Event()

        def kill(_: Write) -> None:
            self.kill()
            killed.set()

        self.lane.after(which, kill)
        return killed

    def delete_period(self, *, orphan: bool = False) -> None:
        """Delete the period, and return when the server has taken that on; `orphan` leaves what it owns behind."""
        query = "?propagationPolicy=Orphan" if orphan else ""
        self.cluster.api.request("DELETE", f"{PERIODS.format(self.namespace)}/{NAME}{query}")

    def delete_namespace(self) -> None:
        """Ask for the deletion of the namespace, and return at once."""
        self.cluster.api.request("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def wait(self, what: str, condition: Callable[[], bool], timeout: float = PATIENCE_SECONDS) -> None:
        """Wait until a condition holds; raises `LifeFailed`, at once when the operator ends by itself."""
        deadline = time.monotonic() + timeout
        while not condition():
            if self._up and not self.operator.running and self._up:  # again: it may just be being killed
                raise LifeFailed(self.told("the operator has ended"))
            if time.monotonic() > deadline:
                raise LifeFailed(self.told(f"not within {timeout:g} s: {what}"))
            time.sleep(POLL_SECONDS)

    def wait_quiet(self) -> None:
        """Wait until nothing has been written for a while."""
        seen, since = len(self.lane.writes), time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            time.sleep(POLL_SECONDS)
            if len(self.lane.writes) != seen:
                seen, since = len(self.lane.writes), time.monotonic()

    def look(self) -> Originals:
        """Everything that may be touched, as it is now."""
        deployment, autoscaler = self._deployment, self.autoscaler
        # The replicas are the autoscaler's.
        spec = {key: value for key, value in deployment["spec"].items() if key != "replicas"}
        return Originals(
            autoscaler=_authored(autoscaler),
            deployment={**_authored(deployment), "spec": spec},
            rules={_name(body): _authored(body) for body in self._list(RULES)},
        )

    def told(self, problem: str) -> str:
        """A problem with what there is to know about this life."""
        writes = "\n".join(table(self.lane.writes, self.namespace))
        log = self.operator.tail(60) if self.operator.log.exists() else ""
        status = json.dumps(self.period.get("status", {}), indent=1)
        holds = json.dumps([hold["spec"] for hold in self.holds], indent=1)
        return f"{self.namespace}: {problem}\n{writes}\nholds: {holds}\nstatus: {status}\n{log}"

    def _get(self, collection: str, name: str) -> Body:
        try:
            found: Body = self._reads.get(f"{collection.format(self.namespace)}/{name}")
        except HttpError as error:
            if error.status == 404:
                return {}
            raise
        return found

    def _list(self, collection: str) -> list[Body]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                found: list[Body] = self._reads.get(collection.format(self.namespace))["items"]
            except HttpError as error:
                # A kind that has just been installed: its storage is being initialised.
                if error.status != HTTPStatus.TOO_MANY_REQUESTS or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                return found


def table(writes: tuple[Write, ...], namespace: str) -> list[str]:
    """The writes for people: number, verb, object."""
    return [f"{write.number:3d}  {write.method:<6}  {written(write, namespace)}" for write in writes]


def written(write: Write, namespace: str) -> str:
    """What a write was about: the path from the resource on, or from its collection on where it was created."""
    return write.path.partition("?")[0].partition(f"/namespaces/{namespace}/")[2]


def _authored(body: Body) -> Body:
    kept = ("labels", "annotations", "finalizers", "ownerReferences", "uid")
    metadata = {key: body["metadata"].get(key) for key in kept}
    annotations = {
        key: value
        for key, value in (metadata["annotations"] or {}).items()
        if not key.startswith("deployment.kubernetes.io/")
    }
    return {"metadata": {**metadata, "annotations": annotations}, "spec": body["spec"]}


def _manifest(version: str, kind: str, name: str) -> str:
    return json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": name}})


def _name(body: Body) -> str:
    return str(body["metadata"]["name"])
