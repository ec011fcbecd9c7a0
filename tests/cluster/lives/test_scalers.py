"""Pods, not only specs: whole lives over every scaler, with the controllers that move replicas in a real cluster.

The autoscaler is that of the real controller-manager, its metric is set by the test, and KEDA's real operator makes it
where there is a ScaledObject. kwok makes every pod ready that is scheduled.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.cluster.api import HttpError
from tests.cluster.cluster import Cluster
from tests.cluster.keda import install_keda, keda_operator
from tests.cluster.lives.expectations import LASTING, content, over
from tests.cluster.lives.history import Body, History, Version
from tests.cluster.lives.load import METRIC, PER_POD, serve_load, set_load
from tests.cluster.lives.place import ERRORS_CRITERION, PERIOD, Place
from tests.cluster.lives.scenarios import Results, Scenarios
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
scenarios = Scenarios()
LABEL = "app.kubernetes.io/name"
AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}
KEEPING_SECONDS = 8.0
"""Four rounds of the autoscaler, which looks every two seconds here."""
FLOOR = {"target": "checkout", "floor": "200%"}
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects"
STATEFUL_SETS = "/apis/apps/v1/namespaces/{}/statefulsets"
BUDGETS = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"


class Pods:
    """The pods of one target, as they are and as they have been."""

    def __init__(self, place: Place, target: str = "checkout") -> None:
        self._place, self._target = place, target

    def found(self) -> list[Body]:
        """Those that are not on their way out."""
        path, selector = f"/api/v1/namespaces/{self._place.namespace}/pods", f"{LABEL}={self._target}"
        pods: list[Body] = self._place.api.get(path, labelSelector=selector)["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def ready(self) -> int:
        """How many are ready; -1 while others are there that are not."""
        found = self.found()
        return len(found) if all(_condition(pod, "Ready") for pod in found) else -1

    def become(self, count: int, what: str) -> None:
        """Wait until exactly so many pods are there, all of them ready."""
        self._place.cluster.wait_until(f"{count} pods, {what}", lambda: self.ready() == count, 30)

    def stay(self, count: int) -> None:
        """See exactly so many pods, whenever one looks."""
        deadline = time.monotonic() + KEEPING_SECONDS
        while time.monotonic() < deadline:
            assert self.ready() == count
            time.sleep(0.2)


def _condition(body: Body, kind: str) -> bool:
    found = body.get("status", {}).get("conditions") or ()
    return any(each["type"] == kind and each["status"] == "True" for each in found)


def raised(version: Version) -> bool:
    """Every floor is ready."""
    return version.holds("ScalingRaised")


def open_period(place: Place, protection: Mapping[str, Any], **spec: Any) -> None:
    """Open a window in which nothing happens by itself, and which may end as soon as it is asked to."""
    place.period(protection=protection, exitCriteria=[ERRORS_CRITERION], **{**LASTING, **spec})


def end(place: Place, period: History) -> Version:
    """Let the window end as it does when all is well, in steps, and wait for its report."""
    place.edit("period", PERIOD, {"spec": {"stages": [{"name": "short", "strength": 100, "minDuration": "1s"}]}})
    last = period.until("it is over", over, 60)
    assert (last.phase, last.holds("Restored")) == ("Completed", True)
    return last


def steps(history: History, value: Callable[[Version], int]) -> list[int]:
    """The values that something has gone through, each stay once."""
    found: list[int] = []
    for version in history.versions:
        if version.body and value(version) not in found[-1:]:
            found.append(value(version))
    return found


def autoscaler(behavior: Mapping[str, Any]) -> str:
    """An autoscaler that follows the load."""
    metric = {"metric": {"name": METRIC}, "target": {"type": "AverageValue", "averageValue": str(PER_POD)}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
        "minReplicas": 2,
        "maxReplicas": 6,
        "metrics": [{"type": "External", "external": metric}],
        **({"behavior": behavior} if behavior else {}),
    }
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "checkout"}}
    return json.dumps({**body, "spec": spec})


def load(place: Place, pods: int) -> None:
    """Have as much load as so many pods can bear."""
    set_load(place.cluster, place.namespace, "checkout", pods)


def sees_its_metric(place: Place) -> bool:
    """Whether the autoscaler knows of a load."""
    return _condition(place.find("autoscaler", "checkout"), "ScalingActive")


@scenarios.add
def an_autoscaler_has_more_pods_in_the_window_and_as_many_as_before_after_it(place: Place) -> None:
    load(place, 1)
    place.apply("autoscaler", autoscaler({}))
    place.cluster.wait_until("the autoscaler follows its metric", lambda: sees_its_metric(place))
    pods, before = Pods(place), content(place.find("autoscaler", "checkout"))
    pods.become(2, "before the window")
    with place.watch("period") as period, place.watch("deployment", "checkout") as workload:
        open_period(place, {"scaling": [FLOOR]})
        period.until("it is raised", raised)
        assert pods.ready() == 4
        load(place, 5)
        pods.become(5, "for the autoscaler still follows the load upwards")
        load(place, 1)
        _forget_the_load(place)
        pods.become(4, "for the floor holds when the load has gone")
        end(place, period)
        pods.become(2, "after the window")
        told = steps(workload, lambda each: each.body["spec"]["replicas"])
    assert content(place.find("autoscaler", "checkout"))["spec"]["minReplicas"] == before["spec"]["minReplicas"]
    print(f"HorizontalPodAutoscaler: replicas {told}")
    # It looks every two seconds, and may miss a step down.
    assert told in ([2, 4, 5, 4, 3, 2], [2, 4, 5, 4, 2])


def _forget_the_load(place: Place) -> None:
    """An autoscaler remembers a load for five minutes; a person who does not want to wait says so."""
    place.apply("autoscaler", autoscaler(AT_ONCE).replace('"minReplicas": 2, ', ""))


@scenarios.add
def scale_in_that_is_switched_off_keeps_the_pods_of_a_load_that_has_gone(place: Place) -> None:
    load(place, 1)
    place.apply("autoscaler", autoscaler(AT_ONCE))
    place.cluster.wait_until("the autoscaler follows its metric", lambda: sees_its_metric(place))
    pods, before = Pods(place), content(place.find("autoscaler", "checkout"))
    with place.watch("period") as period:
        open_period(place, {"scaling": [{"target": "checkout", "scaleDown": "Disabled"}]})
        period.until("it is in effect", raised)
        load(place, 5)
        pods.become(5, "for the load")
        load(place, 1)
        pods.stay(5)
        end(place, period)
        pods.become(2, "after the window")
    assert content(place.find("autoscaler", "checkout")) == before


@scenarios.add
def keda_makes_more_pods_and_its_autoscaler_is_never_edited(place: Place) -> None:
    place.delete("autoscaler", "checkout")
    with keda_operator(place.cluster, place.cluster.directory / place.namespace, place.namespace):
        objects = SCALED_OBJECTS.format(place.namespace)
        load(place, 1)
        place.api.apply(f"{objects}/checkout", _scaled_object(place))
        try:
            _keda_life(place, f"{objects}/checkout")
        finally:
            place.api.request("DELETE", f"{objects}/checkout")
            place.cluster.wait_until("KEDA lets it go", lambda: not place.api.get(objects)["items"])


def _keda_life(place: Place, path: str) -> None:
    pods = Pods(place)
    with place.watch("autoscaler", "keda-hpa-checkout") as made, place.watch("period") as period:
        made.until("KEDA has made the autoscaler", lambda each: _condition(each.body, "ScalingActive"))
        before = content(place.api.get(path))
        pods.become(2, "before the window")
        open_period(place, {"scaling": [{**FLOOR, "floor": 4, "scaleDown": "Disabled"}]})
        told = period.until("it is raised", raised)
        assert told.status["scaling"][0]["kind"] == "ScaledObject"
        assert pods.ready() == 4
        load(place, 5)
        pods.become(5, "for KEDA's autoscaler follows the load upwards")
        load(place, 1)
        pods.stay(5)
        end(place, period)
        pods.become(2, "after the window")
        assert content(place.api.get(path)) == before
        floors = steps(made, lambda each: each.body["spec"]["minReplicas"])
        print(f"ScaledObject: KEDA set minReplicas {floors}")
        assert floors in ([2, 4, 3, 2], [2, 4, 2])
        writers = {entry["manager"] for each in made.versions for entry in each.body["metadata"]["managedFields"]}
    assert not any(writer.startswith("hypercare") for writer in writers)


def _scaled_object(place: Place) -> str:
    query = {"serverAddress": place.cluster.prometheus_url, "query": "vector(1)", "threshold": str(PER_POD)}
    spec = {
        "scaleTargetRef": {"name": "checkout"},
        "minReplicaCount": 2,
        "maxReplicaCount": 6,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": AT_ONCE}},
        "triggers": [{"type": "prometheus", "metadata": query}],
    }
    body = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "checkout"}, "spec": spec}
    return json.dumps(body)


@scenarios.add
def a_deployment_that_nothing_scales_has_more_pods_and_then_as_many_as_before(place: Place) -> None:
    place.delete("autoscaler", "checkout")
    pods = Pods(place)
    with place.watch("period") as period, place.watch("deployment", "checkout") as workload:
        open_period(place, {"scaling": [FLOOR]})
        period.until("it is raised", raised)
        assert pods.ready() == 4
        end(place, period)
        pods.become(2, "after the window")
        told = steps(workload, lambda each: each.body["spec"]["replicas"])
    print(f"Deployment: replicas {told}")
    assert told in ([2, 4, 3, 2], [2, 4, 2])


@scenarios.add
def a_stateful_set_that_nothing_scales_has_more_pods_and_then_as_many_as_before(place: Place) -> None:
    path = f"{STATEFUL_SETS.format(place.namespace)}/orders"
    place.api.apply(path, _stateful_set())
    pods = Pods(place, "orders")
    pods.become(3, "before the window")
    with place.watch("period") as period:
        targets = [{"kind": "StatefulSet", "name": "orders"}]
        open_period(place, {"scaling": [{"target": "orders", "floor": 5}]}, targets=targets)
        period.until("it is raised", raised)
        assert sorted(pod["metadata"]["name"] for pod in pods.found()) == [f"orders-{number}" for number in range(5)]
        assert pods.ready() == 5
        end(place, period)
        pods.become(3, "after the window")
    assert sorted(pod["metadata"]["name"] for pod in pods.found()) == ["orders-0", "orders-1", "orders-2"]


def _stateful_set() -> str:
    labels = {LABEL: "orders", "app.kubernetes.io/version": "2.4.0"}
    spec = {
        "serviceName": "orders",
        "replicas": 3,
        "selector": {"matchLabels": {LABEL: "orders"}},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "orders", "image": "registry.example/shop/orders:2.4.0"}]},
        },
    }
    return json.dumps({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "orders"}, "spec": spec})


@scenarios.add
def an_eviction_is_refused_in_the_window_that_is_allowed_before_and_after_it(place: Place) -> None:
    path = f"{BUDGETS.format(place.namespace)}/checkout"
    spec = {"minAvailable": 1, "selector": {"matchLabels": {LABEL: "checkout"}}}
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "checkout"}, "spec": spec}
    place.delete("autoscaler", "checkout")
    place.edit("deployment", "checkout", {"spec": {"replicas": 4}})
    Pods(place).become(4, "before the window")
    place.api.apply(path, json.dumps(body))
    before = content(place.api.get(path))
    sick, *_, well = Pods(place).found()
    place.cluster.wait_until("all but one may go", lambda: _allowed(place.api.get(path)) == 3)
    assert _eviction(place, well) == 201
    with place.watch("period") as period:
        open_period(place, {"disruption": [{"target": "checkout", "minAvailable": "75%"}]})
        period.until("it is stricter", raised)
        place.cluster.wait_until("one may go", lambda: _allowed(place.api.get(path)) == 1)
        assert _eviction(place, well) == 201
        _fall_ill(place, sick)
        place.cluster.wait_until("none may go", lambda: _allowed(place.api.get(path)) == 0)
        assert _eviction(place, well) == 429
        end(place, period)
        place.cluster.wait_until("two may go", lambda: _allowed(place.api.get(path)) == 2)
        assert _eviction(place, well) == 201
    assert content(place.api.get(path)) == before


def _allowed(budget: Body) -> int:
    """How many pods may be evicted, by what the disruption controller has made of the budget as it is now."""
    status = budget.get("status", {})
    return (
        int(status["disruptionsAllowed"])
        if status.get("observedGeneration") == budget["metadata"]["generation"]
        else -1
    )


def _eviction(place: Place, pod: Body) -> int:
    """How the API server answers a drain that asks for this pod; it decides without letting it go."""
    metadata = {"name": pod["metadata"]["name"], "namespace": place.namespace}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": {"dryRun": ["All"]}}
    path = f"/api/v1/namespaces/{place.namespace}/pods/{pod['metadata']['name']}/eviction"
    try:
        place.api.request("POST", path, json.dumps(body).encode())
    except HttpError as error:
        return error.status
    return 201


def _fall_ill(place: Place, pod: Body) -> None:
    """Let a pod be not ready any more; kwok makes pods ready once, and leaves them alone then."""
    status = {"conditions": [{"type": "Ready", "status": "False"}]}
    path = f"/api/v1/namespaces/{place.namespace}/pods/{pod['metadata']['name']}/status"
    patch = json.dumps({"status": status}).encode()
    place.api.request("PATCH", path, patch, "application/strategic-merge-patch+json")


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, cluster: Cluster, operator: OperatorProcess) -> Iterator[Results]:
    install_keda(cluster)
    serve_load(cluster)
    yield from scenarios.play(request, cluster, operator)


@pytest.mark.parametrize("scenario", scenarios.names)
def test_scaler(scenario: str, playing: Results) -> None:
    playing[scenario].result()
