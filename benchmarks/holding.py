"""Many held objects on a control plane of their own: a restart, a quiet minute, and bringing them back.

The operator runs as a process, with the permissions of manifests/install and the client that it always has. Nothing but
the operator works on the autoscalers: the controllers are stopped once they have made the account.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.control_plane import on_its_own
from benchmarks.measure import Finding, sampled
from hypercare.adapters.kubernetes import collection_path
from hypercare.domain.capacity.field_values import Present
from hypercare.domain.capacity.held_fields import MIN_REPLICAS
from hypercare.domain.capacity.hold import Claim, HeldField, HeldObject, Hold, hold_name
from hypercare.domain.capacity.hold_record import render_hold
from hypercare.domain.capacity.quantity import Count
from hypercare.domain.capacity.wishes import ReplicaWish
from hypercare.domain.objects import AUTOSCALERS, HOLDS, PERIODS, PROFILES, Resource
from tests.cluster.api import Api
from tests.cluster.cluster import Cluster
from tests.cluster.guarding import unguarded
from tests.cluster.layout import Options
from tests.cluster.lives.operating import PROJECT, install, operator_of
from tests.cluster.operator_process import OperatorProcess

RESTORED, OTHERS = 500, 1500
_PER_NAMESPACE = 100
_QUIET_SECONDS = 60
_SECONDS = 180.0
# A listing of each kind every few minutes does not grow with the number of objects.
_OF_HOLDS = 'resource="(?:horizontalpodautoscalers|hypercareholds)",verb="(?!list")'
_REQUESTS = re.compile(rf"^hypercare_api_requests_total\{{.*{_OF_HOLDS}.*\}} (\S+)$", re.M)
_VISITS = re.compile(r'^hypercare_reconcile_seconds_count\{kind="HypercareHold"\} (\S+)$', re.M)


def hold_objects() -> tuple[Finding, ...]:
    """Held objects, on a control plane of their own: 2,000 of them, of which 500 are restored."""
    return on_its_own(Options(crds=(PROJECT / "crds",)), _held)


def _held(cluster: Cluster) -> tuple[Finding, ...]:
    install(cluster)
    town = _Town(cluster)
    with operator_of(cluster, cluster.logs / "operator.log") as operator:
        town.wait("the periods are suspended", town.suspended)
        operator.stop()
        unguarded(cluster)
        town.hold()
        return _measured(town, operator)


def _measured(town: "_Town", operator: OperatorProcess) -> tuple[Finding, ...]:
    began = time.monotonic()
    operator.start()
    operator.wait_ready(_SECONDS)
    ready = time.monotonic() - began
    town.wait("each hold was visited", lambda: sampled(_VISITS, operator.get("/metrics")) >= RESTORED + OTHERS)
    visited = time.monotonic() - began
    before = sampled(_REQUESTS, operator.get("/metrics"))
    time.sleep(_QUIET_SECONDS)
    asked = sampled(_REQUESTS, operator.get("/metrics")) - before
    town.end_first()
    began = time.monotonic()
    town.wait("the first are restored", lambda: not town.held(town.first))
    restored = time.monotonic() - began
    if set(town.floors(town.first)) != {2}:
        raise RuntimeError("not every object is as it was")
    return (
        Finding(ready, "s", f"from the start of the process to ready, with {RESTORED + OTHERS} holds"),
        Finding(visited, "s", "until each of them was looked at once"),
        Finding(
            asked / (RESTORED + OTHERS), "requests an object", "in a minute in which nothing happens, listings apart"
        ),
        Finding(restored, "s", f"from deleting a period until its {RESTORED} objects are restored"),
    )


class _Town:
    """Namespaces with a suspended period each, and many autoscalers that it has raised."""

    first = "held-0"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._api = cluster, Api(cluster.proxy_url)
        others = (f"held-{number}" for number in range(1, OTHERS // _PER_NAMESPACE + 1))
        self._sizes = {self.first: RESTORED, **dict.fromkeys(others, _PER_NAMESPACE)}
        self._create(PROFILES, "", "default", {"prometheus": {"url": "http://127.0.0.1:9"}})
        for namespace in self._sizes:
            cluster.kubectl("create", "namespace", namespace)
            target = {"kind": "Deployment", "name": "checkout"}
            spec = {"release": {"version": "1.0.0"}, "targets": [target], "suspend": True}
            self._create(PERIODS, namespace, "checkout", spec)

    def suspended(self) -> bool:
        phases = {each.get("status", {}).get("phase") for each in self._all(PERIODS)}
        return phases == {"Suspended"}

    def hold(self) -> None:
        """Have all of them raised from 2 to 4, as if the operator had just done that."""
        self._cluster.kill_process("kube-controller-manager")
        periods = {each["metadata"]["namespace"]: each["metadata"]["uid"] for each in self._all(PERIODS)}
        every = [(namespace, number) for namespace, size in self._sizes.items() for number in range(size)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: self._hold(each[0], f"web-{each[1]}", periods[each[0]]), every))

    def _hold(self, namespace: str, name: str, period: str) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        spec = {"scaleTargetRef": target, "minReplicas": 4, "maxReplicas": 10}
        made = self._create(AUTOSCALERS, namespace, name, spec)
        held = HeldObject(AUTOSCALERS.api_version, AUTOSCALERS.kind, name, made["metadata"]["uid"])
        claim = Claim("checkout", period, "r1-00000000", 100, ReplicaWish(Count(4), 50))
        field = HeldField(MIN_REPLICAS, Present(2), confirmed=Present(4))
        self._create(HOLDS, namespace, hold_name(held.kind, name), render_hold(Hold(held, (claim,), (field,))))

    def end_first(self) -> None:
        self._api.request("DELETE", f"{collection_path(PERIODS, self.first)}/checkout")

    def held(self, namespace: str) -> int:
        return len(self._all(HOLDS, namespace))

    def floors(self, namespace: str) -> list[int]:
        return [each["spec"]["minReplicas"] for each in self._all(AUTOSCALERS, namespace)]

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        self._cluster.wait_until(what, condition, _SECONDS)

    def _all(self, resource: Resource, namespace: str = "") -> list[Any]:
        found: list[Any] = self._api.get(collection_path(resource, namespace))["items"]
        return found

    def _create(self, resource: Resource, namespace: str, name: str, spec: Mapping[str, Any]) -> Any:
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}, "spec": spec}
        return json.loads(self._api.request("POST", collection_path(resource, namespace), json.dumps(body).encode()))
