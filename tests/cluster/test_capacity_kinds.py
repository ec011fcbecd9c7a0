"""Every kind of capacity on a real API server: raised, and brought back exactly, with what the server makes of it.

Claims are kept and holds are reconciled as in the operator, but at the test's pace: the cache is what a watch would
have brought by then. That a floor brings pods is shown for autoscalers in test_holds.py, and by KEDA in its own test.
"""

import asyncio
import copy
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hypercare.adapters.access import Access
from hypercare.adapters.cache import WatchCache, reference
from hypercare.adapters.kubernetes import ApiServer
from hypercare.claims import ClaimKeeper
from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.capacity.disruption import parse_disruption, plan_disruption
from hypercare.domain.capacity.hold_record import read_hold
from hypercare.domain.capacity.scaling import Claimant, ScalingPlan, parse_scaling, plan_scaling
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.capacity.scaling_status import CapacityView, scaling_rows
from hypercare.domain.fields import Field
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import (
    AUTOSCALERS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    EVENTS,
    HOLDS,
    PERIODS,
    ROLLOUTS,
    SCALED_OBJECTS,
    STATEFULSETS,
    ObjectRef,
    Resource,
)
from hypercare.hold_reconcile import HoldReconciler, stands
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install_crds
from tests.cluster.guarding import unguarded
from tests.cluster.programs import KEDA, find_programs

pytestmark = pytest.mark.cluster
WATCHED = (PERIODS, HOLDS, *RESOURCES)
ROLLOUTS_CRD = Path(__file__).parent / "rollouts_crd.yaml"
PERIOD = """
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata: {name: a}
spec: {release: {version: "2.4.0"}, targets: [{kind: Deployment, name: web}]}
"""
WORKLOAD = """
apiVersion: %(api)s
kind: %(kind)s
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec: {containers: [{name: web, image: "web:2.4.0"}]}
"""
DEPLOYMENT = WORKLOAD % {"api": "apps/v1", "kind": "Deployment"}
STATEFUL_SET = WORKLOAD % {"api": "apps/v1", "kind": "StatefulSet"} + "  serviceName: web\n"
ROLLOUT = WORKLOAD % {"api": "argoproj.io/v1alpha1", "kind": "Rollout"}
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 6
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
"""
SLOW = AUTOSCALER + "  behavior: {scaleDown: {stabilizationWindowSeconds: 600}}\n"
SCALED_OBJECT = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: cron, metadata: {timezone: UTC, start: 0 6 * * *, end: 0 20 * * *, desiredReplicas: "3"}}]
"""
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, %s}
"""


QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: small}
spec: {hard: {pods: "4"}}
"""


class Shop:
    """One namespace with one period."""

    def __init__(self, cluster: Cluster, api: ApiServer, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        self.cache = WatchCache(WATCHED, lambda _: None, time.monotonic)
        self.claims = ClaimKeeper(api, self.cache)
        self.holds = HoldReconciler(api, self.cache, partial(stands, self.cache), lambda _: None, time.time)
        self.rows: tuple[ScalingRow, ...] = ()

    def apply(self, *manifests: str, manager: str = "kubectl") -> None:
        where = ("--field-manager", manager, "--force-conflicts", "-n", self.namespace, "-f", "-")
        self.cluster.kubectl("apply", "--server-side", *where, stdin="\n---\n".join(manifests))

    async def watch(self) -> None:
        for resource in WATCHED:
            listing = await self.api.listing(resource, self.namespace)
            self.cache.replace(resource, listing.items, listing.version, self.namespace)

    async def settled(self, kind: str = "Deployment", **rules: list[dict[str, Any]]) -> tuple[ScalingRow, ...]:
        """Let the period ask for this, and every hold be visited; returns the rows of its status."""
        await self.watch()
        (period,) = self.cache.select(PERIODS, self.namespace)
        uid = period["metadata"]["uid"]
        plan = self.plan(uid, kind, rules)
        problems = await self.claims.keep(self.namespace, uid, plan.requests, self.rows)
        assert (*plan.problems, *problems) == ()
        for _ in range(2):
            await self.watch()
            for body in self.cache.select(HOLDS, self.namespace):
                await self.holds.visit(reference(HOLDS, body))
        await self.watch()
        events = await self.api.list(EVENTS, self.namespace, fields="type=Warning")
        self.rows = scaling_rows(plan, uid, replace(self.view(), events=events), self.rows)
        return self.rows

    def plan(self, uid: str, kind: str, rules: dict[str, list[dict[str, Any]]]) -> ScalingPlan:
        claimant, targets, objects = Claimant("a", uid, "r1-00000000", 100, 50), (Target(kind, "web"),), self.objects()
        scaling = parse_scaling(Field("spec.protection.scaling", rules.get("scaling", [])))
        disruption = parse_disruption(Field("spec.protection.disruption", rules.get("disruption", [])))
        return plan_scaling(scaling, targets, objects, claimant, {}) + plan_disruption(
            disruption, targets, objects, claimant
        )

    def objects(self) -> CapacityObjects:
        return CapacityObjects({each: self.cache.select(each, self.namespace) for each in RESOURCES})

    def view(self) -> CapacityView:
        held = {body["metadata"]["name"]: body["spec"] for body in self.cache.select(HOLDS, self.namespace)}
        return CapacityView(
            holds={name: read_hold(name, spec) for name, spec in held.items()},
            objects=self.objects(),
            refusals=self.holds.refusals(self.namespace),
            now=int(time.time()),
        )

    async def of(self, resource: Resource) -> dict[str, Any]:
        """What people have written: spec and annotations, without those of the Deployment's own controller."""
        body = await self.api.get(ObjectRef(resource, self.namespace, "web"))
        written = (body["metadata"].get("annotations") or {}).items()
        annotations = {key: value for key, value in written if not key.startswith("deployment.kubernetes.io/")}
        return {"annotations": annotations, "spec": body["spec"]}

    def patch(self, kind: str, spec: dict[str, Any]) -> None:
        patch = json.dumps({"spec": spec})
        self.cluster.kubectl("patch", kind, "web", "-n", self.namespace, "--type=merge", "-p", patch)

    def listed(self) -> str:
        return self.cluster.kubectl("get", "hch", "-n", self.namespace)


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    """These tests write holds themselves, which the policy leaves to the operator; others may have installed it."""
    unguarded(cluster)
    return cluster


@pytest.fixture(scope="module")
def crds(cluster: Cluster) -> None:
    keda = find_programs(KEDA).share / "crds" / "scaledobjects.yaml"
    install_crds(cluster.api, [keda, ROLLOUTS_CRD])


@pytest.fixture
async def shop(cluster: Cluster, crds: None, namespace: str) -> AsyncIterator[Shop]:
    async with await ApiServer.connect(Access(str(cluster.kubeconfig)), lambda *_: None) as api:
        shop = Shop(cluster, api, namespace)
        shop.apply(PERIOD)
        yield shop


def changed(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The body with other values; a path is written with double underscores, None removes."""
    body = copy.deepcopy(body)
    for path, value in fields.items():
        *parents, name = path.split("__")
        place = body
        for parent in parents:
            place = place[parent]
        place[name] = value
    return body


SCALING = {"target": "web", "floor": 5}
FILLED_IN = {
    "scaleDown": {"selectPolicy": "Disabled", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
}
PAUSED = {"autoscaling.keda.sh/paused-scale-in": "true"}


@dataclass(frozen=True)
class Case:
    """What there is, which of it is changed, and what asks for it; the first manifest is the target's."""

    manifests: tuple[str, ...]
    resource: Resource
    rules: dict[str, Any]

    @property
    def target(self) -> str:
        return self.manifests[0].partition("kind: ")[2].partition("\n")[0]


@pytest.mark.parametrize(
    ("case", "expected", "told"),
    [
        pytest.param(
            Case(
                (DEPLOYMENT, AUTOSCALER),
                AUTOSCALERS,
                {"scaling": [{**SCALING, "ceiling": 12, "scaleDown": "Disabled"}]},
            ),
            {"spec__minReplicas": 5, "spec__maxReplicas": 12, "spec__behavior": FILLED_IN},
            "minReplicas 2 -> 5, maxReplicas 6 -> 12, scaleDown unset -> Disabled",
            id="an autoscaler without behavior, which the server fills in",
        ),
        pytest.param(
            Case((DEPLOYMENT, SLOW), AUTOSCALERS, {"scaling": [{"target": "web", "scaleDown": "Disabled"}]}),
            {"spec__behavior__scaleDown__selectPolicy": "Disabled"},
            "minReplicas 2, scaleDown Max -> Disabled",
            id="an autoscaler with a behavior of its own",
        ),
        pytest.param(
            Case(
                (DEPLOYMENT, SCALED_OBJECT),
                SCALED_OBJECTS,
                {"scaling": [{**SCALING, "ceiling": "150%", "scaleDown": "Disabled"}]},
            ),
            {"spec__minReplicaCount": 5, "spec__maxReplicaCount": 150, "annotations": PAUSED},
            "minReplicaCount 0 -> 5, maxReplicaCount 100 -> 150, paused-scale-in unset -> true",
            id="a ScaledObject that scales to zero and has no annotations",
        ),
        pytest.param(
            Case(
                (DEPLOYMENT, SCALED_OBJECT.replace("name: web}", "name: web, annotations: {team: shop}}", 1)),
                SCALED_OBJECTS,
                {"scaling": [{"target": "web", "scaleDown": "Disabled"}]},
            ),
            {"annotations": PAUSED | {"team": "shop"}},
            "minReplicaCount 0, paused-scale-in unset -> true",
            id="a ScaledObject with annotations",
        ),
        pytest.param(
            Case((DEPLOYMENT,), DEPLOYMENTS, {"scaling": [SCALING]}),
            {"spec__replicas": 5},
            "replicas 4 -> 5",
            id="a Deployment that nothing scales",
        ),
        pytest.param(
            Case(
                (STATEFUL_SET,),
                STATEFULSETS,
                {"scaling": [{"target": "*", "floor": "150%", "ceiling": 9, "scaleDown": "Disabled"}]},
            ),
            {"spec__replicas": 6},
            "replicas 4 -> 6",
            id="a StatefulSet that nothing scales",
        ),
        pytest.param(
            Case((ROLLOUT,), ROLLOUTS, {"scaling": [SCALING]}),
            {"spec__replicas": 5},
            "replicas 4 -> 5",
            id="a Rollout that nothing scales",
        ),
        pytest.param(
            Case(
                (DEPLOYMENT, BUDGET % "minAvailable: 1"),
                DISRUPTION_BUDGETS,
                {"disruption": [{"target": "web", "minAvailable": "75%"}]},
            ),
            {"spec__minAvailable": 3},
            "minAvailable 1 -> 3",
            id="a budget of available pods",
        ),
        pytest.param(
            Case(
                (DEPLOYMENT, BUDGET % "maxUnavailable: 50%"),
                DISRUPTION_BUDGETS,
                {"disruption": [{"target": "*", "minAvailable": "75%"}]},
            ),
            {"spec__maxUnavailable": "25%"},
            "maxUnavailable 50% -> 25%",
            id="a budget of unavailable pods, as a share",
        ),
    ],
)
async def test_it_is_raised_and_comes_back_exactly(shop: Shop, case: Case, expected: dict[str, Any], told: str) -> None:
    shop.apply(*case.manifests)
    before = await shop.of(case.resource)
    (row,) = await shop.settled(case.target, **case.rules)
    assert await shop.of(case.resource) == changed(before, **expected)
    assert row.object.kind == case.resource.kind
    assert told in shop.listed()
    (row,) = await shop.settled(case.target)
    assert await shop.of(case.resource) == before
    assert row.state is ScalingState.RESTORED
    assert shop.listed() == ""


async def test_a_behavior_that_somebody_has_written_in_stays_without_our_part(shop: Shop) -> None:
    shop.apply(DEPLOYMENT, AUTOSCALER)
    await shop.settled(scaling=[{"target": "web", "scaleDown": "Disabled"}])
    shop.patch("hpa", {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 900}}})
    await shop.settled(scaling=[{"target": "web", "scaleDown": "Disabled"}])
    held = (await shop.of(AUTOSCALERS))["spec"]["behavior"]["scaleDown"]
    assert (held["selectPolicy"], held["stabilizationWindowSeconds"]) == ("Disabled", 900)
    await shop.settled()
    left = (await shop.of(AUTOSCALERS))["spec"]["behavior"]["scaleDown"]
    assert (left["selectPolicy"], left["stabilizationWindowSeconds"]) == ("Max", 900)


async def test_a_behavior_that_somebody_takes_away_is_wanted_again_and_goes_in_the_end(shop: Shop) -> None:
    shop.apply(DEPLOYMENT, SLOW)
    await shop.settled(scaling=[{"target": "web", "scaleDown": "Disabled"}])
    shop.patch("hpa", {"behavior": None})
    (row,) = await shop.settled(scaling=[{"target": "web", "scaleDown": "Disabled"}])
    assert row.state is ScalingState.CONTESTED
    await shop.settled()
    assert "behavior" not in (await shop.of(AUTOSCALERS))["spec"]


async def test_replicas_are_left_to_an_autoscaler_that_comes(shop: Shop) -> None:
    shop.apply(DEPLOYMENT)
    await shop.settled(scaling=[SCALING])
    shop.apply(AUTOSCALER.replace("minReplicas: 2", "minReplicas: 3"))
    rows = await shop.settled(scaling=[{"target": "web", "floor": 4}])
    assert [(row.object.kind, row.state) for row in rows if row.over] == [("Deployment", ScalingState.SUPERSEDED)]
    assert (await shop.of(DEPLOYMENTS))["spec"]["replicas"] == 5
    assert (await shop.of(AUTOSCALERS))["spec"]["minReplicas"] == 4
    await shop.settled()
    assert (await shop.of(AUTOSCALERS))["spec"]["minReplicas"] == 3
    assert shop.listed() == ""


async def test_a_workload_at_zero_is_not_woken_up(shop: Shop) -> None:
    shop.apply(DEPLOYMENT.replace("replicas: 4", "replicas: 0"))
    (row,) = await shop.settled(scaling=[SCALING])
    assert row.state is ScalingState.DISABLED
    assert (await shop.of(DEPLOYMENTS))["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("obstacle", "nodes", "reason", "said"),
    [
        pytest.param(QUOTA, "", "QuotaExceeded", "exceeded quota", id="a quota"),
        pytest.param(
            "", "nodeSelector: {room: plenty}, ", "Unschedulable", "nodes are available", id="no node has room"
        ),
    ],
)
async def test_why_replicas_do_not_come_is_told(shop: Shop, obstacle: str, nodes: str, reason: str, said: str) -> None:
    if obstacle:
        shop.apply(obstacle)
    shop.apply(DEPLOYMENT.replace("spec: {containers", f"spec: {{{nodes}containers"))
    deadline = time.monotonic() + 60
    while (row := (await shop.settled(scaling=[SCALING]))[0]).reason != reason:
        assert time.monotonic() < deadline, row
        await asyncio.sleep(0.5)
    assert said in row.message
    assert row.state is ScalingState.RAISING


async def test_an_apply_that_takes_replicas_back_is_named(shop: Shop) -> None:
    shop.apply(DEPLOYMENT, manager="argocd-controller")
    await shop.settled(scaling=[SCALING])
    shop.apply(DEPLOYMENT, manager="argocd-controller")
    (row,) = await shop.settled(scaling=[SCALING])
    assert (row.state, "argocd-controller" in row.message) == (ScalingState.CONTESTED, True)
    assert (await shop.of(DEPLOYMENTS))["spec"]["replicas"] == 4
