"""Claims and holds of workloads and disruption budgets, against an API server in memory."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from hypercare.adapters.cache import WatchCache, reference
from hypercare.claims import ClaimKeeper
from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.capacity.disruption import parse_disruption, plan_disruption
from hypercare.domain.capacity.hold_record import read_hold
from hypercare.domain.capacity.scaling import Claimant, parse_scaling, plan_scaling
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState, read_rows, render_rows
from hypercare.domain.capacity.scaling_status import CapacityView, scaling_rows
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field
from hypercare.domain.objects import AUTOSCALERS, DEPLOYMENTS, DISRUPTION_BUDGETS, HOLDS, PERIODS, ObjectRef
from hypercare.hold_reconcile import HoldReconciler, stands
from hypercare.ports import Rejected
from hypercare.queue import After
from tests.unit.api_server import Crash, FakeApiServer, When
from tests.unit.scaled import NAMESPACE, NOW, TARGET, autoscaler, budget, workload

DEPLOYMENT = ObjectRef(DEPLOYMENTS, NAMESPACE, "checkout")
BUDGET = ObjectRef(DISRUPTION_BUDGETS, NAMESPACE, "pods")
REPLICAS_HOLD = ObjectRef(HOLDS, NAMESPACE, "deployment-checkout")
BUDGET_HOLD = ObjectRef(HOLDS, NAMESPACE, "poddisruptionbudget-pods")
SCALING = {"target": "checkout", "floor": 8}
DISRUPTION = {"target": "checkout", "minAvailable": "75%"}


@dataclass
class Shop:
    """A Deployment that nothing scales, with a disruption budget, and one period."""

    server: FakeApiServer = field(default_factory=FakeApiServer)
    rows: tuple[ScalingRow, ...] = ()
    now: int = NOW

    def __post_init__(self) -> None:
        self.server.put(DEPLOYMENT, workload()["spec"])
        self.server.put(BUDGET, budget(minAvailable=1)["spec"])
        self.server.put(ObjectRef(PERIODS, NAMESPACE, "a"), {}, uid="uid-of-a")
        self.start()

    def start(self) -> None:
        self.cache = WatchCache((PERIODS, HOLDS, *RESOURCES), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.claims = ClaimKeeper(self.server, self.cache)
        self.holds = HoldReconciler(
            self.server, self.cache, partial(stands, self.cache), lambda _: None, lambda: self.now
        )

    async def keep(self, *, strength: int = 100, relaxing: bool = False) -> tuple[Problem, ...]:
        """Keep the claims of a period with both rules; at strength 0 there are none."""
        claimant = Claimant("a", "uid-of-a", "r1-0", strength, 50, relaxing)
        objects = CapacityObjects({each: self.cache.select(each, NAMESPACE) for each in RESOURCES})
        plan = plan_scaling(parse_scaling(Field("scaling", [SCALING])), (TARGET,), objects, claimant, {})
        plan += plan_disruption(parse_disruption(Field("disruption", [DISRUPTION])), (TARGET,), objects, claimant)
        problems = await self.claims.keep(NAMESPACE, "uid-of-a", plan.requests, self.rows)
        held = {body["metadata"]["name"]: body["spec"] for body in self.cache.select(HOLDS, NAMESPACE)}
        holds = {name: read_hold(name, spec) for name, spec in held.items()}
        view = CapacityView(holds, objects, self.holds.refusals(NAMESPACE), self.now)
        remembered = read_rows({"scaling": render_rows(self.rows)})
        self.rows = scaling_rows(plan, "uid-of-a", view, remembered)
        return problems

    async def visit(self, *order: ObjectRef) -> None:
        for ref in order or [reference(HOLDS, body) for body in self.cache.select(HOLDS, NAMESPACE)]:
            await self.holds.visit(ref)

    @property
    def replicas(self) -> int:
        replicas: int = self.server.objects[DEPLOYMENT]["spec"]["replicas"]
        return replicas

    @property
    def least(self) -> Any:
        return self.server.objects[BUDGET]["spec"]["minAvailable"]

    def states(self) -> dict[str, ScalingState]:
        return {row.object.kind: row.state for row in self.rows}


@pytest.fixture
async def shop() -> Shop:
    shop = Shop()
    await shop.keep()
    await shop.visit()
    # The budget is translated anew: the target has more pods than before.
    await shop.keep()
    await shop.visit()
    await shop.keep()
    return shop


async def test_replicas_and_the_budget_rise(shop: Shop) -> None:
    assert (shop.replicas, shop.least) == (8, 6)
    assert shop.states() == {"Deployment": ScalingState.RAISING, "PodDisruptionBudget": ScalingState.RAISED}


async def test_both_come_back(shop: Shop) -> None:
    await shop.keep(strength=0)
    await shop.visit(BUDGET_HOLD, REPLICAS_HOLD)
    await shop.keep(strength=0)
    assert (shop.replicas, shop.least) == (4, 1)
    assert shop.states() == {"Deployment": ScalingState.RESTORED, "PodDisruptionBudget": ScalingState.RESTORED}
    assert not shop.cache.select(HOLDS, NAMESPACE)


async def test_replicas_wait_for_the_budget(shop: Shop) -> None:
    await shop.keep(strength=75, relaxing=True)
    assert await shop.holds.visit(REPLICAS_HOLD) == After(1)
    assert (shop.replicas, shop.least) == (8, 6)
    await shop.visit(BUDGET_HOLD, REPLICAS_HOLD)
    assert (shop.replicas, shop.least) == (7, 1)


async def test_also_when_the_period_is_deleted(shop: Shop) -> None:
    shop.server.remove(ObjectRef(PERIODS, NAMESPACE, "a"))
    await shop.visit(REPLICAS_HOLD)
    assert shop.replicas == 8
    await shop.visit(BUDGET_HOLD, REPLICAS_HOLD)
    assert (shop.replicas, shop.least) == (4, 1)


async def test_a_budget_that_cannot_be_restored_keeps_nobody_waiting(shop: Shop) -> None:
    await shop.keep(strength=0)
    shop.server.fail_at(2, When.BEFORE, Rejected("policy says no"))
    await shop.visit(BUDGET_HOLD, REPLICAS_HOLD)
    assert (shop.replicas, shop.least) == (4, 6)


async def test_a_budget_that_others_still_ask_for_keeps_nobody_waiting(shop: Shop) -> None:
    shop.server.put(ObjectRef(PERIODS, NAMESPACE, "b"), {}, uid="uid-of-b")
    spec = shop.server.objects[BUDGET_HOLD]["spec"]
    shop.server.edit(BUDGET_HOLD, claims=[*spec["claims"], {**spec["claims"][0], "period": "b", "uid": "uid-of-b"}])
    await shop.keep(strength=0)
    await shop.visit(REPLICAS_HOLD)
    assert (shop.replicas, shop.least) == (4, 6)


class TestSuperseded:
    """An autoscaler comes to the workload."""

    async def test_its_replicas_are_left_to_it(self, shop: Shop) -> None:
        shop.server.put(ObjectRef(AUTOSCALERS, NAMESPACE, "checkout"), autoscaler()["spec"])
        await shop.visit(REPLICAS_HOLD)
        assert shop.replicas == 8
        assert REPLICAS_HOLD not in shop.server.objects
        await shop.keep()
        assert shop.states()["Deployment"] is ScalingState.SUPERSEDED

    async def test_they_are_not_taken_for_a_lost_hold(self, shop: Shop) -> None:
        shop.server.put(ObjectRef(AUTOSCALERS, NAMESPACE, "checkout"), autoscaler()["spec"])
        await shop.visit(REPLICAS_HOLD)
        await shop.keep(strength=0)
        await shop.keep(strength=0)
        assert REPLICAS_HOLD not in shop.server.objects


class TestScale:
    """Replicas are written through the scale, whose answer is a view of the workload."""

    async def test_only_the_scale_is_written(self, shop: Shop) -> None:
        assert f"patch {DEPLOYMENT}" in shop.server.writes
        seen = shop.cache.find(DEPLOYMENT)
        assert seen is not None
        assert "template" in seen["spec"]

    async def test_a_settled_hold_costs_no_request(self, shop: Shop) -> None:
        await shop.visit()
        reads, writes = shop.server.reads, len(shop.server.writes)
        await shop.visit()
        assert (shop.server.reads, len(shop.server.writes)) == (reads, writes)

    @pytest.mark.parametrize("when", list(When))
    @pytest.mark.parametrize("number", range(1, 9))
    async def test_a_crash_at_any_write_changes_nothing_about_the_end(self, number: int, when: When) -> None:
        shop = Shop()
        shop.server.fail_at(number, when, Crash())
        with pytest.raises(Crash):
            await a_life(shop)
        shop.start()
        await shop.keep()
        await shop.visit()
        shop.server.deliver()
        await ended(shop)
        assert (shop.replicas, shop.least) == (4, 1)
        assert not shop.cache.select(HOLDS, NAMESPACE)


async def a_life(shop: Shop) -> None:
    await shop.keep()
    await shop.visit()
    await ended(shop)


async def ended(shop: Shop) -> None:
    await shop.keep(strength=0)
    for _ in range(6):
        await shop.visit()
        shop.now += 90
    await shop.keep(strength=0)


async def test_a_hold_deleted_by_hand_is_found_again(shop: Shop) -> None:
    shop.server.remove(REPLICAS_HOLD)
    shop.server.remove(BUDGET_HOLD)
    await shop.keep(strength=0)
    await shop.keep(strength=0)
    await shop.visit()
    await shop.visit()
    assert (shop.replicas, shop.least) == (4, 1)
