"""Holds on a real API server: validation of what is written, versions, managed fields, and pods that become ready.

Claims are kept and holds are reconciled as in the operator, but at the test's pace: the cache is what a watch would
have brought by then.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from hypercare.adapters.access import Access
from hypercare.adapters.cache import WatchCache
from hypercare.adapters.kubernetes import ApiServer
from hypercare.claims import ClaimKeeper
from hypercare.domain.capacity.capacity_objects import CapacityObjects
from hypercare.domain.capacity.hold_record import read_hold
from hypercare.domain.capacity.scaling import Claimant, ScalingPlan, parse_scaling, plan_scaling
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.capacity.scaling_status import CapacityView, scaling_rows
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import AUTOSCALERS, DEPLOYMENTS, HOLDS, PERIODS, ObjectRef
from hypercare.hold_reconcile import HoldReconciler, stands
from hypercare.ports import NotFound, Rejected
from hypercare.queue import After, Done
from tests.cluster.cluster import Cluster
from tests.cluster.guarding import unguarded

pytestmark = pytest.mark.cluster
TARGET = Target("Deployment", "web")
WATCHED = (PERIODS, HOLDS, AUTOSCALERS, DEPLOYMENTS)
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:2.4.0"}]}
"""
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
PERIOD = """
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata: {name: %s}
spec: {release: {version: "2.4.0"}, targets: [{kind: Deployment, name: web}]}
"""


class Shop:
    """One namespace with a scaled Deployment and two periods."""

    def __init__(self, cluster: Cluster, api: ApiServer, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        self.autoscaler = ObjectRef(AUTOSCALERS, namespace, "web")
        self.hold = ObjectRef(HOLDS, namespace, "horizontalpodautoscaler-web")
        self.cache = WatchCache(WATCHED, lambda _: None, time.monotonic)
        self.claims = ClaimKeeper(api, self.cache)
        self.holds = HoldReconciler(api, self.cache, partial(stands, self.cache), lambda _: None, time.time)

    def apply(self, manifest: str, manager: str = "kubectl", *options: str) -> None:
        self.cluster.kubectl(
            "apply",
            "--server-side",
            "--field-manager",
            manager,
            *options,
            "-n",
            self.namespace,
            "-f",
            "-",
            stdin=manifest,
        )

    async def watch(self) -> None:
        for resource in WATCHED:
            listing = await self.api.listing(resource, self.namespace)
            self.cache.replace(resource, listing.items, listing.version, self.namespace)

    async def keep(self, period: str, *rules: dict[str, Any], strength: int = 100) -> tuple[Problem, ...]:
        await self.watch()
        uid = self.uid(period)
        rows = scaling_rows(ScalingPlan(), uid, self.view(), ())
        return await self.claims.keep(self.namespace, uid, self.plan(period, *rules, strength=strength).requests, rows)

    def plan(self, period: str, *rules: dict[str, Any], strength: int = 100) -> ScalingPlan:
        claimant = Claimant(period, self.uid(period), "r1-00000000", strength, 50)
        parsed = parse_scaling(Field("spec.protection.scaling", list(rules)))
        return plan_scaling(parsed, (TARGET,), self.objects(), claimant, {})

    def objects(self) -> CapacityObjects:
        return CapacityObjects({each: self.cache.select(each, self.namespace) for each in WATCHED})

    async def visit(self) -> After | Done:
        await self.watch()
        return await self.holds.visit(self.hold)

    async def row(self, period: str, *rules: dict[str, Any]) -> ScalingRow:
        await self.watch()
        (found,) = scaling_rows(self.plan(period, *rules), self.uid(period), self.view(), ())
        return found

    def view(self) -> CapacityView:
        holds = self.cache.select(HOLDS, self.namespace)
        return CapacityView(
            holds={body["metadata"]["name"]: read_hold(body["metadata"]["name"], body["spec"]) for body in holds},
            objects=self.objects(),
            refusals=self.holds.refusals(self.namespace),
            now=int(time.time()),
        )

    def uid(self, period: str) -> str:
        found = self.cache.find(ObjectRef(PERIODS, self.namespace, period))
        assert found is not None
        uid: str = found["metadata"]["uid"]
        return uid

    async def replicas(self) -> tuple[int, int]:
        spec = (await self.api.get(self.autoscaler))["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    async def spec(self) -> Any:
        return (await self.api.get(self.autoscaler))["spec"]

    async def held(self) -> bool:
        try:
            await self.api.get(self.hold)
        except NotFound:
            return False
        return True


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    """These tests write holds themselves, which the policy leaves to the operator; others may have installed it."""
    unguarded(cluster)
    return cluster


@pytest.fixture
async def shop(cluster: Cluster, namespace: str) -> AsyncIterator[Shop]:
    async with await ApiServer.connect(Access(str(cluster.kubeconfig)), lambda *_: None) as api:
        shop = Shop(cluster, api, namespace)
        for manifest in (DEPLOYMENT, AUTOSCALER, PERIOD % "a", PERIOD % "b"):
            shop.apply(manifest)
        await shop.watch()
        yield shop


FLOOR = {"target": "web", "floor": "200%"}


async def test_a_floor_is_raised_until_it_is_ready_and_comes_back_exactly(shop: Shop) -> None:
    before = await shop.spec()
    assert await shop.keep("a", FLOOR) == ()
    await shop.visit()
    assert await shop.replicas() == (4, 6)
    await until(shop, ScalingState.RAISED)
    await shop.keep("a")
    assert await shop.visit() == Done()
    assert await shop.spec() == before
    assert not await shop.held()


async def until(shop: Shop, state: ScalingState) -> None:
    deadline = time.monotonic() + 60
    while (found := await shop.row("a", FLOOR)).state is not state:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)


async def test_a_ceiling_and_a_floor_above_the_old_maximum_travel_in_one_patch(shop: Shop) -> None:
    await shop.keep("a", {"target": "web", "floor": 9, "ceiling": 12})
    await shop.visit()
    assert await shop.replicas() == (9, 12)
    await shop.keep("a")
    await shop.visit()
    assert await shop.replicas() == (2, 6)


async def test_two_periods_share_one_hold(shop: Shop) -> None:
    await shop.keep("a", FLOOR)
    await shop.keep("b", {"target": "*", "floor": 5})
    await shop.visit()
    assert await shop.replicas() == (5, 6)
    await shop.keep("b")
    await shop.visit()
    assert await shop.replicas() == (4, 6)
    shop.cluster.kubectl("delete", "hypercareperiod", "a", "-n", shop.namespace)
    await shop.visit()
    assert await shop.replicas() == (2, 6)
    assert not await shop.held()


async def test_an_autoscaler_without_a_floor_gets_the_default_back(shop: Shop) -> None:
    manifest = AUTOSCALER.replace("  minReplicas: 2\n", "")
    shop.apply(manifest)
    before = await shop.spec()
    await shop.keep("a", {"target": "web", "floor": 3})
    await shop.visit()
    assert await shop.replicas() == (3, 6)
    await shop.keep("a")
    await shop.visit()
    assert await shop.spec() == before


async def test_a_forced_apply_is_a_revert_and_its_manager_is_named(shop: Shop) -> None:
    await shop.keep("a", FLOOR)
    await shop.visit()
    shop.apply(AUTOSCALER, "argocd-controller", "--force-conflicts")
    outcome = await shop.visit()
    assert isinstance(outcome, After)
    assert 0 < outcome.seconds <= 60
    assert await shop.replicas() == (2, 6)
    found = await shop.row("a", FLOOR)
    assert (found.state, "argocd-controller" in found.message) == (ScalingState.CONTESTED, True)


async def test_our_value_stays_when_somebody_has_applied_it(shop: Shop) -> None:
    await shop.keep("a", FLOOR)
    await shop.visit()
    shop.apply(AUTOSCALER.replace("minReplicas: 2", "minReplicas: 4"), "kubectl", "--force-conflicts")
    await shop.keep("a")
    await shop.visit()
    assert await shop.replicas() == (4, 6)
    assert not await shop.held()


async def test_a_hold_deleted_by_hand_is_found_again(shop: Shop) -> None:
    await shop.keep("a", FLOOR)
    await shop.visit()
    remembered = await shop.row("a", FLOOR)
    shop.cluster.kubectl("delete", "hypercarehold", shop.hold.name, "-n", shop.namespace)
    await shop.watch()
    rows = scaling_rows(ScalingPlan(), shop.uid("a"), shop.view(), (remembered,))
    await shop.claims.keep(shop.namespace, shop.uid("a"), (), rows)
    await shop.visit()
    assert await shop.replicas() == (2, 6)
    assert not await shop.held()


async def test_a_value_above_ours_stands(shop: Shop) -> None:
    await shop.keep("a", {"target": "web", "floor": 4})
    await shop.visit()
    patch = json.dumps({"spec": {"minReplicas": 5}})
    shop.cluster.kubectl("patch", "hpa", "web", "-n", shop.namespace, "--type=merge", "-p", patch)
    await shop.visit()
    await shop.keep("a")
    await shop.visit()
    assert await shop.replicas() == (5, 6)


async def test_an_autoscaler_created_anew_is_not_restored_to_its_predecessor(shop: Shop) -> None:
    await shop.keep("a", FLOOR)
    await shop.visit()
    shop.cluster.kubectl("delete", "hpa", "web", "-n", shop.namespace)
    shop.apply(AUTOSCALER.replace("minReplicas: 2", "minReplicas: 3"))
    assert await shop.keep("a", FLOOR) == ()
    await shop.visit()
    assert await shop.replicas() == (6, 6)
    await shop.keep("a")
    await shop.visit()
    assert await shop.replicas() == (3, 6)


async def test_what_the_api_server_will_not_take_is_told(shop: Shop) -> None:
    """The floor is announced and then refused by a policy; the object stays as it was, and the row says why."""
    shop.cluster.apply(POLICY % {"name": shop.namespace})
    try:
        await denied(shop)
        await shop.keep("a", FLOOR)
        await shop.visit()
        found = await shop.row("a", FLOOR)
        assert (found.state, found.reason) == (ScalingState.REFUSED, "ChangeRejected")
        assert "at most 3 replicas" in found.message
        assert await shop.replicas() == (2, 6)
    finally:
        shop.cluster.kubectl(
            "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", shop.namespace, "--wait=false"
        )


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %(name)s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %(name)s}}
    resourceRules:
      - {apiGroups: [autoscaling], apiVersions: [v2], operations: [UPDATE], resources: [horizontalpodautoscalers]}
  validations: [{expression: "object.spec.minReplicas <= 3", message: at most 3 replicas}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %(name)s}
spec: {policyName: %(name)s, validationActions: [Deny]}
"""


async def denied(shop: Shop) -> None:
    """Wait until the policy is enforced: a fresh binding is not for a moment."""
    deadline = time.monotonic() + 30
    body = await shop.api.get(shop.autoscaler)
    while time.monotonic() < deadline:
        try:
            body = await shop.api.replace(shop.autoscaler, {**body, "spec": {**body["spec"], "minReplicas": 4}})
            body = await shop.api.replace(shop.autoscaler, {**body, "spec": {**body["spec"], "minReplicas": 2}})
        except Rejected:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the policy is not enforced")
