"""One cluster: start it, find it again by its folder, ask it, stop it.

A cluster is a folder: configuration, data, logs, `cluster.json` (where it listens) and `processes.json` (what was
started, by pid and start time). Starting makes the folder anew; nothing of an earlier cluster in it is kept. Reached
only over loopback, meant for tests and demos: its tokens lie in that folder and etcd does not sync to disk.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import layout, processes
from tests.cluster.api import Api, HttpError
from tests.cluster.crds import holds, install_crds, manifests
from tests.cluster.guard import Owner, own
from tests.cluster.layout import Layout, Options
from tests.cluster.processes import Program, Started
from tests.cluster.programs import find_programs
from tests.cluster.shop import Shop

READY_SECONDS = 90.0
POLL_SECONDS = 0.05
RECORDS = "processes.json"
DESCRIPTION = "cluster.json"
OBJECTS = Path(__file__).parent / "objects.yaml"
_RULES = f"/api/v1/namespaces/{layout.RULES_NAMESPACE}/configmaps/prometheus-{layout.PROMETHEUS_OBJECT}-rulefiles-0"
_DEFAULT_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"


class ClusterError(Exception):
    """The cluster did not start, is not there, or refused a command; the message is for people."""


@dataclass(frozen=True)
class Cluster:
    """Where a running cluster is reached, and what it can be asked.

    `proxy_url` is the API server without TLS and with the admin's rights (`kubectl proxy`).
    """

    directory: Path
    kubeconfig: Path
    certificate_authority: Path
    api_url: str
    proxy_url: str
    prometheus_url: str
    shop_url: str
    token: str
    kubectl_path: Path
    promtool_path: Path
    helm_path: Path

    @property
    def shop(self) -> Shop:
        """The service whose behaviour decides what Prometheus sees."""
        return Shop(self.shop_url)

    @property
    def api(self) -> Api:
        """The API server with the admin's token."""
        return Api(self.api_url, self.token, self.certificate_authority)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables under which kubectl and helm use this cluster and nobody's caches."""
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.directory / "home" / "kube")}

    @property
    def logs(self) -> Path:
        """The folder of one log per process."""
        return self.directory / "logs"

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as the admin; raises `ClusterError` with its standard error."""
        return self._run(self.kubectl_path, arguments, stdin)

    def promtool(self, *arguments: str, stdin: str = "") -> str:
        """Run promtool; raises `ClusterError` with its standard error."""
        return self._run(self.promtool_path, arguments, stdin)

    def apply(self, manifest: str | Path) -> None:
        """Server-side apply of YAML text, or of a file or folder."""
        if isinstance(manifest, Path):
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(manifest))
        else:
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        """One object as the API server has it; raises `ClusterError` when it does not exist."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        return found

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query: the vector's elements, each with `metric` and `value`."""
        answer = Api(self.prometheus_url).get("/api/v1/query", query=expression)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def process(self, name: str) -> Started:
        """The newest record of a process, by the name of its log."""
        found = [started for started in processes.read(self.directory / RECORDS) if started.program.name == name]
        if not found:
            raise ClusterError(f"no process {name} in {self.directory}")
        return found[-1]

    def kill_process(self, name: str) -> None:
        """End a process at once, as a crash would; `start_process` brings it back."""
        self.process(name).send(signal.SIGKILL)
        processes.terminate([self.process(name)])

    def start_process(self, name: str) -> None:
        """Start a process that was stopped again, with the same command line, ports and data."""
        if self.process(name).alive:
            raise ClusterError(f"{name} is running")
        _spawn(self, self.process(name).program)

    def pause_process(self, name: str) -> None:
        """Freeze a process: it holds its connections and answers nothing."""
        self.process(name).send(signal.SIGSTOP)

    def resume_process(self, name: str) -> None:
        """Let a frozen process go on."""
        self.process(name).send(signal.SIGCONT)

    def wait_until(self, what: str, condition: Callable[[], bool], timeout: float = 30.0) -> None:
        """Ask `condition` until it holds; raises `ClusterError` with `what` after `timeout` seconds.

        A `ClusterError` or `HttpError` of the condition counts as "not yet" and is named at the end.
        """
        deadline, reason = time.monotonic() + timeout, "it does not hold"
        while True:
            try:
                if condition():
                    return
                reason = "it does not hold"
            except (ClusterError, HttpError) as error:
                reason = str(error)
            if time.monotonic() > deadline:
                raise ClusterError(f"not within {timeout:g} s: {what} ({reason})")
            time.sleep(POLL_SECONDS)

    def _run(self, program: Path, arguments: tuple[str, ...], stdin: str) -> str:
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            [program, *arguments], input=stdin, capture_output=True, text=True, env=environment, check=False
        )
        if done.returncode != 0:
            raise ClusterError(f"{program.name} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


def start(directory: Path, options: Options | None = None) -> Cluster:
    """Start a cluster that outlives this process; raises `ClusterError`, and then leaves nothing running."""
    cluster, owner = start_owned(directory, options or Options())
    owner.keep()
    return cluster


def start_owned(directory: Path, options: Options) -> tuple[Cluster, Owner]:
    """Start a cluster that is stopped when this process ends, however it ends."""
    directory = directory.resolve()
    if any(process.alive for process in processes.read(directory / RECORDS)):
        raise ClusterError(f"a cluster is running in {directory}; stop it first")
    _empty(directory)
    planned = layout.plan(directory, find_programs())
    layout.write_files(planned, options)
    (directory / DESCRIPTION).write_text(layout.describe(planned))
    owner = own(directory / RECORDS)
    try:
        _start_all(planned, options)
    except BaseException:
        owner.release()
        raise
    return load(directory), owner


def load(directory: Path) -> Cluster:
    """The cluster of a folder, running or not; raises `ClusterError` if there is none."""
    directory = directory.resolve()
    try:
        written: Mapping[str, str] = json.loads((directory / DESCRIPTION).read_text())
    except FileNotFoundError as error:
        raise ClusterError(f"no cluster in {directory}") from error
    return Cluster(
        directory=directory,
        kubeconfig=Path(written["kubeconfig"]),
        certificate_authority=Path(written["certificate_authority"]),
        api_url=written["api_url"],
        proxy_url=written["proxy_url"],
        prometheus_url=written["prometheus_url"],
        shop_url=written["shop_url"],
        token=written["token"],
        kubectl_path=Path(written["kubectl"]),
        promtool_path=Path(written["promtool"]),
        helm_path=Path(written["helm"]),
    )


def stop(cluster: Cluster) -> None:
    """Stop every process of the cluster by its record; the folder with its logs stays."""
    processes.terminate(processes.read(cluster.directory / RECORDS))


def running(cluster: Cluster) -> tuple[Started, ...]:
    """Its processes, the stopped ones too, in the order of their start."""
    return processes.read(cluster.directory / RECORDS)


def _empty(directory: Path) -> None:
    """Make the folder, or empty one that an earlier cluster left; anything else in the way is not touched."""
    if directory.exists() and any(directory.iterdir()):
        if not (directory / DESCRIPTION).exists():
            raise ClusterError(f"{directory} is not empty and holds no cluster")
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)


def _start_all(planned: Layout, options: Options) -> None:
    cluster = load(planned.directory)
    _spawn(cluster, *layout.api_server(planned, options), *layout.metrics(planned, options))
    _wait(cluster, "the API server is ready", lambda: _api_ready(cluster))
    _spawn(cluster, *layout.nodes(planned))
    folders = (planned.programs.share / "crds", *options.crds)
    install_crds(cluster.api, [path for folder in folders for path in manifests(folder)])
    _create_objects(cluster)
    _spawn(cluster, *layout.controllers(planned))
    _wait(cluster, "the node is ready", lambda: _node_ready(cluster))
    _wait(cluster, "the controllers run", lambda: cluster.api.answers(_DEFAULT_ACCOUNT))
    _wait(cluster, "prometheus-operator has written its rules", lambda: cluster.api.answers(_RULES))
    _wait(cluster, "Prometheus scrapes the shop", lambda: bool(cluster.query('up{job="shop"} == 1')))


def _spawn(cluster: Cluster, *programs: Program) -> None:
    def record(started: Started) -> None:
        others = [known for known in running(cluster) if known.program.name != started.program.name]
        processes.save([*others, started], cluster.directory / RECORDS)

    for program in programs:
        processes.spawn(program, cluster.logs, record)


def _wait(cluster: Cluster, what: str, condition: Callable[[], bool]) -> None:
    """Like `Cluster.wait_until`, but a process that has died ends the wait, with the end of its log."""

    def checked() -> bool:
        for process in running(cluster):
            if not process.alive:
                raise Died(process)
        return condition()

    try:
        cluster.wait_until(what, checked, READY_SECONDS)
    except Died as died:
        raise ClusterError(str(died)) from died


class Died(Exception):
    """A process of the control plane ended while it was needed."""

    def __init__(self, process: Started) -> None:
        super().__init__(f"{process.program.name} ended, see {process.log}:\n{process.last_words}")


def _api_ready(cluster: Cluster) -> bool:
    # The certificate is written by the server itself, before it listens.
    return cluster.certificate_authority.exists() and cluster.api.answers("/readyz")


def _node_ready(cluster: Cluster) -> bool:
    return holds(cluster.api.get("/api/v1/nodes/node-0"), "Ready")


def _create_objects(cluster: Cluster) -> None:
    node, namespace, prometheus = yaml.safe_load_all(OBJECTS.read_text())
    cluster.api.apply(f"/api/v1/nodes/{node['metadata']['name']}", json.dumps(node))
    cluster.api.apply(f"/api/v1/namespaces/{namespace['metadata']['name']}", json.dumps(namespace))
    path = "/apis/monitoring.coreos.com/v1/namespaces/{namespace}/prometheuses/{name}"
    cluster.api.apply(path.format(**prometheus["metadata"]), json.dumps(prometheus))
