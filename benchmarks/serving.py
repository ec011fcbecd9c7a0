"""Many periods on a control plane of their own, with a real prometheus-operator and Prometheus: start, quiet, restart.

Twenty periods share a namespace with one workload, and each tightens its alerts. The operator runs as a process, with
the permissions of manifests/install and the client that it always has.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event
from typing import Any

from benchmarks.control_plane import on_its_own
from benchmarks.measure import Finding, sampled
from hypercare.adapters.kubernetes import collection_path
from hypercare.domain.objects import DEPLOYMENTS, PERIODS, PROFILES, PROMETHEUS_RULES, Resource
from tests.cluster.api import Api, HttpError
from tests.cluster.cluster import Cluster
from tests.cluster.layout import Options
from tests.cluster.lives.operating import PROJECT, install, operator_of
from tests.cluster.lives.place import ERRORS, SELECTED, TOTAL
from tests.cluster.operator_process import OperatorProcess

NAMESPACES, PER_NAMESPACE = 50, 20
PERIODS_ALL = NAMESPACES * PER_NAMESPACE
_QUIET_SECONDS = 300
_SECONDS = 900.0
_CPU = re.compile(r"^process_cpu_seconds_total (\S+)$", re.M)
_MEMORY = re.compile(r"^process_resident_memory_bytes (\S+)$", re.M)
_READS = re.compile(r'^hypercare_api_requests_total\{.*verb="(?:get|list)".*\} (\S+)$', re.M)
_WRITES = re.compile(r'^hypercare_api_requests_total\{.*verb="(?:apply|create|update|patch|delete)".*\} (\S+)$', re.M)
_VISITS = re.compile(r'^hypercare_reconcile_seconds_count\{kind="HypercarePeriod"\} (\S+)$', re.M)
_QUERIES = re.compile(r'^prometheus_http_requests_total\{.*handler="/api/v1/query.*\} (\S+)$', re.M)


def serve_periods() -> tuple[Finding, ...]:
    """Serving 1,000 periods of five criteria, on a control plane of their own: start, five quiet minutes, restart."""
    services = tuple((_namespace(number), "checkout") for number in range(NAMESPACES))
    return on_its_own(Options("15s", "30s", services=services, crds=(PROJECT / "crds",)), _served)


def _served(cluster: Cluster) -> tuple[Finding, ...]:
    install(cluster)
    town = _Town(cluster)
    operator = operator_of(cluster, cluster.logs / "operator.log")
    try:
        return _measured(town, operator)
    finally:
        operator.stop()


def _measured(town: "_Town", operator: OperatorProcess) -> tuple[Finding, ...]:
    with _slowest_probe(operator) as probes:
        first = _start(town, operator)
    began = time.monotonic()
    town.wait("each is protected", town.protected)
    protected = first.seconds + time.monotonic() - began
    cpu = sampled(_CPU, operator.get("/metrics"))
    town.wait("its start is over", lambda: _writes_in(operator, 60) < PERIODS_ALL)
    before, asked = _Counted.of(operator), town.asked()
    time.sleep(_QUIET_SECONDS)
    after, minutes = _Counted.of(operator), _QUIET_SECONDS / 60
    queries = town.asked() - asked
    operator.stop()
    again = _start(town, operator)
    return (
        Finding(first.seconds, "s", f"from the start of the process until {PERIODS_ALL} new periods were evaluated"),
        Finding(max(probes), "s", "the slowest answer to a probe of /healthz meanwhile, which may take 5 s"),
        Finding(protected, "s", "until Prometheus was seen evaluating the overlay of each"),
        Finding(cpu, "CPU seconds", "for that"),
        Finding((after.cpu - before.cpu) / _QUIET_SECONDS, "of one core", "in five minutes in which nothing happens"),
        Finding(after.memory / 2**20, "MiB", "resident after them"),
        Finding((after.writes - before.writes) / minutes, "writes a minute", "to the API server meanwhile"),
        Finding((after.reads - before.reads) / minutes, "reads a minute", "from the API server meanwhile"),
        Finding(queries / minutes, "requests a minute", "to Prometheus meanwhile"),
        Finding(again.seconds, "s", "from a restart until each was visited again"),
        Finding(again.cpu, "CPU seconds", "for that"),
    )


@dataclass(frozen=True)
class _Started:
    """What it took until each period had been visited."""

    seconds: float
    cpu: float


def _start(town: "_Town", operator: OperatorProcess) -> _Started:
    began = time.monotonic()
    operator.start()
    operator.wait_ready(_SECONDS)
    town.wait("each was visited", lambda: sampled(_VISITS, operator.get("/metrics")) >= PERIODS_ALL)
    town.wait("each is evaluated", town.evaluated)
    return _Started(time.monotonic() - began, sampled(_CPU, operator.get("/metrics")))


@contextmanager
def _slowest_probe(operator: OperatorProcess) -> Iterator[Sequence[float]]:
    """Ask for health every second, as a kubelet does; gives the seconds that each answer took."""
    taken, over = [0.0], Event()

    def ask() -> None:
        while not over.wait(1):
            began = time.monotonic()
            with suppress(HttpError):
                operator.get("/healthz")
            taken.append(time.monotonic() - began)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield taken
        finally:
            over.set()
            asking.result()


@dataclass(frozen=True)
class _Counted:
    """What the operator measures of itself."""

    cpu: float
    memory: float
    writes: float
    reads: float

    @staticmethod
    def of(operator: OperatorProcess) -> "_Counted":
        """Ask it."""
        metrics = operator.get("/metrics")
        return _Counted(*(sampled(each, metrics) for each in (_CPU, _MEMORY, _WRITES, _READS)))


def _writes_in(operator: OperatorProcess, seconds: int) -> float:
    before = sampled(_WRITES, operator.get("/metrics"))
    time.sleep(seconds)
    return sampled(_WRITES, operator.get("/metrics")) - before


class _Town:
    """Namespaces with a workload and its alerts, and many periods for it in each."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._api = cluster, Api(cluster.proxy_url)
        profile = {"prometheus": {"url": cluster.prometheus_url}, "rules": {"labels": SELECTED}}
        self._create(PROFILES, "", "default", profile)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._settle, map(_namespace, range(NAMESPACES))))

    def _settle(self, namespace: str) -> None:
        self._cluster.kubectl("create", "namespace", namespace)
        labels = {"app": "checkout", "app.kubernetes.io/version": "2.4.0"}
        container = {"name": "checkout", "image": "registry.example/shop/checkout:2.4.0"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        deployment = {"selector": {"matchLabels": {"app": "checkout"}}, "template": template}
        self._create(DEPLOYMENTS, namespace, "checkout", deployment)
        rules = {"groups": [{"name": "checkout", "interval": "30s", "rules": list(_ALERTS)}]}
        self._create(PROMETHEUS_RULES, namespace, "checkout", rules, SELECTED)
        for number in range(PER_NAMESPACE):
            self._create(PERIODS, namespace, f"checkout-{number}", _PERIOD)

    def evaluated(self) -> bool:
        """Whether each period has a verdict on each of its criteria."""
        return all(len(each.get("status", {}).get("criteria", ())) == len(_CRITERIA) for each in self._periods())

    def protected(self) -> bool:
        """Whether the overlay of each is seen live."""
        return all(_is_protected(each) for each in self._periods())

    def asked(self) -> float:
        """How many queries Prometheus has answered."""
        return sum(map(float, _QUERIES.findall(Api(self._cluster.prometheus_url).request("GET", "/metrics"))))

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Look every second: listing 1,000 periods more often would be measured too."""

        def looked() -> bool:
            time.sleep(1)
            return condition()

        self._cluster.wait_until(what, looked, _SECONDS)

    def _periods(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self._api.get(collection_path(PERIODS, ""))["items"]
        return found

    def _create(
        self, resource: Resource, namespace: str, name: str, spec: Mapping[str, Any], labels: Mapping[str, str] = {}
    ) -> None:
        metadata = {"name": name, "labels": labels}
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}
        self._api.request("POST", collection_path(resource, namespace), json.dumps(body).encode())


def _is_protected(period: Mapping[str, Any]) -> bool:
    conditions = period.get("status", {}).get("conditions", ())
    return any(each["type"] == "AlertsTightened" and each["status"] == "True" for each in conditions)


def _namespace(number: int) -> str:
    return f"shop-{number}"


_SLOWER = {"errors": ERRORS.replace("[5s]", "[2m]"), "total": TOTAL.replace("[5s]", "[2m]")}
_ALERTS = (
    {"alert": "ErrorRate", "expr": f"{_SLOWER['errors']} / {_SLOWER['total']} > 0.05", "for": "15m"},
    {"alert": "QueueStuck", "expr": 'max(queue_oldest_age_seconds{service="checkout"}) > 60', "for": "10m"},
    {"alert": "NoTraffic", "expr": f"{_SLOWER['total']} < 0.5", "for": "30m"},
)
_CRITERIA = (
    {"name": "errors", "ratio": _SLOWER, "below": 0.02, "sustainedFor": "6h"},
    {"name": "volume", "query": f"sum({_SLOWER['total']})", "above": 1, "sustainedFor": "6h"},
    {"name": "queue", "query": 'max(queue_oldest_age_seconds{service="checkout"})', "below": 60, "sustainedFor": "6h"},
    {"name": "quiet", "alerts": {"severities": ["critical"]}, "sustainedFor": "6h"},
    {"name": "pods", "workload": {"available": True}, "sustainedFor": "6h"},
)
_PERIOD = {
    "release": {"version": "2.4.0"},
    "targets": [{"kind": "Deployment", "name": "checkout"}],
    "window": {"duration": "3d"},
    "protection": {"alerts": {"from": [{"rule": "checkout"}]}},
    "exitCriteria": _CRITERIA,
}
