"""Claims and the reconciliation of holds against an API server in memory, with every crash and lost answer."""

from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from hypercare.adapters.cache import WatchCache
from hypercare.claims import ClaimKeeper
from hypercare.domain.capacity.capacity_objects import CapacityObjects
from hypercare.domain.capacity.hold_protocol import LATE_SECONDS
from hypercare.domain.capacity.quantity import Count
from hypercare.domain.capacity.scaling import ClaimRequest, ScalingPlan
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState, render_rows
from hypercare.domain.capacity.scaling_status import CapacityView, scaling_rows
from hypercare.domain.objects import AUTOSCALERS, HOLDS, PERIODS, ObjectRef
from hypercare.hold_reconcile import RETRY_SECONDS, SWEEP_SECONDS, HoldReconciler, stands
from hypercare.ports import ApiError, Forbidden, Rejected, Unavailable
from hypercare.queue import After, Done
from tests.unit.api_server import Crash, FakeApiServer, When
from tests.unit.scaled import AUTOSCALER_REF, HOLD_REF, NAMESPACE, NOW, OBJECT, autoscaler, changes, request

PERIODS_OF_SHOP = tuple(ObjectRef(PERIODS, NAMESPACE, name) for name in ("a", "b"))
PERIOD_A = PERIODS_OF_SHOP[0]


@dataclass
class Shop:
    """One namespace with an autoscaler, and an operator that can be started anew at any time."""

    server: FakeApiServer = field(default_factory=FakeApiServer)
    now: int = NOW
    woken: list[ObjectRef] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.put(AUTOSCALER_REF, autoscaler()["spec"])
        for ref in PERIODS_OF_SHOP:
            self.server.put(ref, {}, uid=f"uid-of-{ref.name}")
        self.start()

    def start(self) -> None:
        """A new process: nothing of the old one is left but what the API server holds."""
        self.cache = WatchCache((PERIODS, HOLDS, AUTOSCALERS), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.claims = ClaimKeeper(self.server, self.cache)
        self.holds = HoldReconciler(
            self.server, self.cache, partial(stands, self.cache), self.woken.append, lambda: self.now
        )

    def without_periods(self) -> None:
        for ref in PERIODS_OF_SHOP:
            self.server.remove(ref)

    async def keep(self, *requests: ClaimRequest, period: str = "a", rows: tuple[ScalingRow, ...] = ()) -> Any:
        return await self.claims.keep(NAMESPACE, f"uid-of-{period}", requests, rows)

    async def visit(self) -> After | Done:
        return await self.holds.visit(HOLD_REF)

    async def raised(self, **wanted: Any) -> None:
        await self.keep(request(**wanted))
        await self.visit()

    async def settle(self) -> None:
        """Visit until the operator is content, waiting as long as it says."""
        for _ in range(20):
            match await self.visit():
                case After(seconds) if seconds < SWEEP_SECONDS:
                    self.now += int(seconds)
                case _:
                    return
        raise AssertionError("never content")

    def rows(self, *remembered: ScalingRow) -> tuple[ScalingRow, ...]:
        """The rows of a period that asks for nothing any more."""
        view = CapacityView({}, CapacityObjects({AUTOSCALERS: self.cache.select(AUTOSCALERS, NAMESPACE)}), {}, self.now)
        return scaling_rows(ScalingPlan(), "uid-of-a", view, remembered)

    @property
    def replicas(self) -> tuple[int, int]:
        spec = self.server.objects[AUTOSCALER_REF]["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    @property
    def hold(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.server.objects[HOLD_REF]["spec"]
        return spec


def at_once(work: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine in the middle of another one; nothing suspends on an API server in memory."""
    with pytest.raises(StopIteration):
        work.send(None)


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestLife:
    """Claim, raise, relax, restore, with nothing in the way."""

    async def test_a_claim_raises_the_floor_and_its_end_restores_it(self, shop: Shop) -> None:
        await shop.raised()
        assert shop.replicas == (4, 10)
        assert await shop.keep() == ()
        assert await shop.visit() == Done()
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    async def test_the_hold_is_written_before_the_object_and_carries_no_owner(self, shop: Shop) -> None:
        await shop.raised()
        assert [write.partition(" ")[0] for write in shop.server.writes] == ["create", "replace", "patch", "replace"]
        assert shop.server.objects[HOLD_REF]["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "hypercare"}
        assert "ownerReferences" not in shop.server.objects[HOLD_REF]["metadata"]

    async def test_people_read_what_was_changed_and_for_whom(self, shop: Shop) -> None:
        await shop.raised(ceiling=Count(20))
        assert shop.hold["summary"] == "minReplicas 2 -> 4, maxReplicas 10 -> 20"
        assert shop.hold["claimedBy"] == "a"

    async def test_floor_and_ceiling_come_and_go_together(self, shop: Shop) -> None:
        await shop.raised(floor=Count(15), ceiling=Count(20))
        assert shop.replicas == (15, 20)
        await shop.keep()
        await shop.visit()
        assert shop.replicas == (2, 10)

    async def test_a_settled_hold_costs_no_request(self, shop: Shop) -> None:
        await shop.raised()
        reads, writes = shop.server.reads, len(shop.server.writes)
        assert await shop.visit() == After(SWEEP_SECONDS)
        assert await shop.keep(request()) == ()
        assert (shop.server.reads, len(shop.server.writes)) == (reads, writes)

    async def test_relaxing_lowers_in_place(self, shop: Shop) -> None:
        await shop.raised()
        await shop.raised(strength=50)
        assert shop.replicas == (3, 10)

    async def test_the_strictest_wins_and_the_last_one_out_restores(self, shop: Shop) -> None:
        await shop.raised()
        await shop.keep(request("b", floor=Count(6)), period="b")
        await shop.visit()
        assert shop.replicas == (6, 10)
        await shop.keep(period="b")
        await shop.visit()
        assert shop.replicas == (4, 10)
        await shop.keep()
        await shop.visit()
        assert shop.replicas == (2, 10)

    async def test_a_period_that_is_gone_loses_its_claim(self, shop: Shop) -> None:
        await shop.raised()
        shop.without_periods()
        await shop.visit()
        assert shop.replicas == (2, 10)

    @pytest.mark.parametrize("phase", ["Completed", "Ended"])
    async def test_a_claim_that_arrives_after_its_period_is_over_is_dropped(self, shop: Shop, phase: str) -> None:
        await shop.keep(request())
        shop.server.set_status(PERIOD_A, phase=phase)
        await shop.visit()
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    async def test_a_hold_whose_object_is_gone_goes_too(self, shop: Shop) -> None:
        await shop.raised()
        shop.server.remove(AUTOSCALER_REF)
        assert await shop.visit() == Done()
        assert HOLD_REF not in shop.server.objects

    async def test_an_object_created_anew_is_claimed_with_its_own_original(self, shop: Shop) -> None:
        await shop.raised()
        shop.server.remove(AUTOSCALER_REF)
        anew = shop.server.put(AUTOSCALER_REF, autoscaler(floor=3)["spec"])
        assert await shop.keep(request(uid=anew["metadata"]["uid"])) == ()
        await shop.visit()
        assert shop.replicas == (4, 10)
        assert shop.hold["fields"][0]["original"] == {"present": True, "value": 3}

    async def test_a_stale_view_of_the_object_claims_nothing(self, shop: Shop) -> None:
        (problem,) = await shop.keep(request(uid="uid-of-its-predecessor"))
        assert (problem.reason, problem.stalls) == ("ObjectReplaced", False)
        assert HOLD_REF not in shop.server.objects


class TestOthers:
    """People and tools that write the same fields."""

    async def test_a_fight_is_not_fought_and_the_writer_is_named(self, shop: Shop) -> None:
        await shop.raised()
        shop.server.edit(AUTOSCALER_REF, "argocd-controller", "Apply", minReplicas=2)
        assert await shop.visit() == After(60)
        assert shop.replicas == (2, 10)
        assert shop.hold["contested"]["manager"] == "argocd-controller"
        shop.now += 60
        await shop.visit()
        assert shop.replicas == (4, 10)

    async def test_a_value_of_a_user_above_ours_outlives_the_window(self, shop: Shop) -> None:
        await shop.raised()
        shop.server.edit(AUTOSCALER_REF, minReplicas=8)
        await shop.visit()
        await shop.keep()
        await shop.visit()
        assert shop.replicas == (8, 10)

    async def test_our_value_stays_once_a_user_has_applied_it(self, shop: Shop) -> None:
        await shop.raised()
        shop.server.edit(AUTOSCALER_REF, "kubectl", "Apply", minReplicas=4)
        await shop.keep()
        await shop.visit()
        assert shop.replicas == (4, 10)
        assert HOLD_REF not in shop.server.objects

    @pytest.mark.parametrize("manager", ["argocd-controller", "kustomize-controller"])
    async def test_a_tool_that_applies_what_it_finds_does_not_make_it_its_own(self, shop: Shop, manager: str) -> None:
        await shop.raised()
        shop.server.edit(AUTOSCALER_REF, manager, "Apply", minReplicas=4)
        await shop.keep()
        await shop.visit()
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    async def test_nothing_is_owned_by_us_in_the_end(self, shop: Shop) -> None:
        await shop.raised()
        await shop.keep()
        await shop.visit()
        entries = shop.server.objects[AUTOSCALER_REF]["metadata"]["managedFields"]
        assert [entry["manager"] for entry in entries] == ["kubectl"]

    @pytest.mark.parametrize("error", [Rejected("no"), Forbidden("no")])
    async def test_a_hold_goes_also_where_we_may_not_give_up_what_we_own(self, shop: Shop, error: ApiError) -> None:
        await shop.raised()
        await shop.keep()
        shop.server.fail_at(3, When.BEFORE, error)
        await shop.visit()
        assert [write.split()[0] for write in shop.server.writes[-4:]] == ["replace", "patch", "patch", "delete"]
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    async def test_an_edit_just_before_our_patch_wins(self, shop: Shop) -> None:
        await shop.keep(request())
        shop.server.just_before(2, lambda: shop.server.edit(AUTOSCALER_REF, minReplicas=3))
        await shop.visit()
        assert shop.replicas == (4, 10)
        await shop.keep()
        await shop.visit()
        assert shop.replicas == (3, 10)

    async def test_a_status_update_just_before_our_patch_makes_it_try_again(self, shop: Shop) -> None:
        await shop.keep(request())
        shop.server.just_before(2, lambda: shop.server.set_status(AUTOSCALER_REF, currentReplicas=2))
        await shop.visit()
        assert shop.replicas == (4, 10)

    async def test_an_object_replaced_just_before_our_patch_is_not_touched(self, shop: Shop) -> None:
        def replaced() -> None:
            shop.server.remove(AUTOSCALER_REF)
            shop.server.put(AUTOSCALER_REF, autoscaler(floor=3)["spec"])

        await shop.keep(request())
        shop.server.just_before(2, replaced)
        assert await shop.visit() == Done()
        assert shop.replicas == (3, 10)

    async def test_a_floor_above_the_old_maximum_can_be_restored(self, shop: Shop) -> None:
        await shop.raised(floor=Count(15), ceiling=Count(20))
        shop.server.edit(AUTOSCALER_REF, minReplicas=12)
        await shop.visit()
        await shop.keep()
        await shop.settle()
        assert shop.replicas == (12, 12)

    @pytest.mark.parametrize("held", [pytest.param(False, id="both create"), pytest.param(True, id="both change")])
    async def test_claims_written_at_once_are_both_kept(self, shop: Shop, held: bool) -> None:
        if held:
            await shop.keep(request(strength=10))
        shop.server.just_before(1, lambda: at_once(shop.keep(request("b", floor=Count(6)), period="b")))
        await shop.keep(request())
        assert shop.hold["claimedBy"] == "a, b"


class TestRefusals:
    """What the API server does not allow is told, and tried again."""

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            pytest.param(Forbidden("may not patch"), "Forbidden", id="no permission"),
            pytest.param(Rejected("policy says no"), "ChangeRejected", id="an admission policy"),
        ],
    )
    async def test_a_refused_change_is_told_and_heals(self, shop: Shop, error: Exception, reason: str) -> None:
        await shop.keep(request())
        shop.server.fail_at(2, When.BEFORE, error)
        assert await shop.visit() == After(RETRY_SECONDS)
        assert shop.holds.refusals(NAMESPACE)[HOLD_REF.name].reason == reason
        assert shop.woken == [PERIOD_A]
        shop.now += int(RETRY_SECONDS)
        await shop.visit()
        assert shop.holds.refusals(NAMESPACE) == {}
        assert shop.woken == [PERIOD_A, PERIOD_A]
        assert shop.replicas == (4, 10)

    async def test_a_refused_change_is_tried_again_only_after_a_pause(self, shop: Shop) -> None:
        await shop.keep(request())
        shop.server.fail_at(2, When.BEFORE, Rejected("policy says no"))
        await shop.visit()
        writes = len(shop.server.writes)
        shop.now += 10
        assert await shop.visit() == After(RETRY_SECONDS - 10)
        assert len(shop.server.writes) == writes

    async def test_other_claims_are_tried_at_once(self, shop: Shop) -> None:
        await shop.keep(request())
        shop.server.fail_at(2, When.BEFORE, Rejected("policy says no"))
        await shop.visit()
        await shop.keep(request(floor=Count(3)))
        assert await shop.visit() == After(LATE_SECONDS)

    async def test_a_refused_claim_is_told_with_the_field_that_asks(self, shop: Shop) -> None:
        shop.server.fail_at(1, When.BEFORE, Forbidden("may not create"))
        (problem,) = await shop.keep(request())
        assert (problem.path, problem.reason, problem.stalls) == ("spec.protection.scaling", "Forbidden", True)

    async def test_a_claim_that_may_not_be_dropped_is_told(self, shop: Shop) -> None:
        await shop.raised()
        shop.server.fail_at(1, When.BEFORE, Forbidden("may not update"))
        (problem,) = await shop.keep()
        assert problem.reason == "Forbidden"
        assert await shop.keep() == ()

    async def test_a_forged_hold_is_not_followed(self, shop: Shop) -> None:
        await shop.raised()
        forged = {"path": "/spec/scaleTargetRef/name", "original": {"present": True, "value": 0}}
        shop.server.edit(HOLD_REF, fields=[forged])
        assert await shop.visit() == After(RETRY_SECONDS)
        assert shop.holds.refusals(NAMESPACE)[HOLD_REF.name].reason == "InvalidHold"
        assert shop.replicas == (4, 10)
        (problem,) = await shop.keep(request(strength=50))
        assert problem.reason == "InvalidHold"


class TestLostHolds:
    """Somebody deletes a hold by hand while its object is raised."""

    def row(self, **others: Any) -> ScalingRow:
        row = ScalingRow("checkout", OBJECT, ScalingState.RAISED, original=2, applied=4, changes=changes())
        return replace(row, **others)

    def remember(self, shop: Shop, row: ScalingRow) -> None:
        shop.server.set_status(PERIOD_A, scaling=render_rows((row,)))

    async def test_the_status_remembers_the_original(self, shop: Shop) -> None:
        await shop.raised()
        shop.server.remove(HOLD_REF)
        self.remember(shop, self.row())
        await shop.keep(request())
        await shop.visit()
        assert shop.replicas == (4, 10)
        await shop.keep()
        await shop.visit()
        assert shop.replicas == (2, 10)

    async def test_what_nobody_can_tell_is_left_alone_and_reported(self, shop: Shop) -> None:
        self.remember(shop, self.row())
        shop.server.edit(AUTOSCALER_REF, minReplicas=3)
        (problem,) = await shop.keep(request())
        assert problem.reason == "HoldLost"
        assert shop.replicas == (3, 10)

    async def test_what_was_restored_by_hand_is_claimed_afresh(self, shop: Shop) -> None:
        self.remember(shop, self.row())
        assert await shop.keep(request()) == ()
        await shop.visit()
        assert shop.replicas == (4, 10)

    async def test_a_lost_hold_is_found_again_at_the_end(self, shop: Shop) -> None:
        shop.server.edit(AUTOSCALER_REF, minReplicas=15, maxReplicas=20)
        row = self.row(applied=15, changes=changes(15, 20))
        await shop.keep(rows=shop.rows(row))
        await shop.visit()
        assert shop.replicas == (2, 10)

    async def test_a_value_that_a_user_applied_is_not_taken_for_lost(self, shop: Shop) -> None:
        shop.server.edit(AUTOSCALER_REF, "kubectl", "Apply", minReplicas=4)
        (row,) = shop.rows(self.row())
        assert row.state is ScalingState.DRIFTED
        await shop.keep(rows=(row,))
        assert HOLD_REF not in shop.server.objects


LIFE_WRITES = 12


async def a_life(shop: Shop) -> None:
    """Two periods, a ceiling, a relax step, and the end of both; each call does what its predecessor did not finish."""
    await shop.keep(request(ceiling=Count(20)))
    await shop.visit()
    await shop.keep(request("b", floor=Count(12)), period="b")
    await shop.visit()
    await shop.keep(request(ceiling=Count(20), strength=50))
    await shop.keep(period="b")
    await shop.visit()
    await ended(shop)


async def ended(shop: Shop) -> None:
    await shop.keep()
    await shop.keep(period="b")
    await shop.settle()


async def interrupted(life: Awaitable[object], error: type[BaseException]) -> None:
    with pytest.raises(error):
        await life


class TestCrashes:
    """The operator dies at every write of a life, and a new one comes."""

    async def test_the_life_has_that_many_writes(self, shop: Shop) -> None:
        await a_life(shop)
        assert shop.replicas == (2, 10)
        assert len(shop.server.writes) >= LIFE_WRITES

    @pytest.mark.parametrize("when", list(When))
    @pytest.mark.parametrize("number", range(1, LIFE_WRITES + 1))
    async def test_a_life_goes_on_after_a_crash(self, shop: Shop, number: int, when: When) -> None:
        shop.server.fail_at(number, when, Crash())
        await interrupted(a_life(shop), Crash)
        shop.start()
        await a_life(shop)
        shop.server.deliver()
        await ended(shop)
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    @pytest.mark.parametrize("when", list(When))
    @pytest.mark.parametrize("number", range(1, LIFE_WRITES + 1))
    async def test_periods_deleted_while_the_operator_was_down_are_restored(
        self, shop: Shop, number: int, when: When
    ) -> None:
        shop.server.fail_at(number, when, Crash())
        await interrupted(a_life(shop), Crash)
        shop.without_periods()
        shop.start()
        await shop.visit()
        shop.server.deliver()
        await shop.settle()
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    @pytest.mark.parametrize("when", list(When))
    @pytest.mark.parametrize("number", range(1, LIFE_WRITES + 1))
    async def test_an_answer_that_is_lost_changes_nothing(self, shop: Shop, number: int, when: When) -> None:
        shop.server.fail_at(number, when)
        await interrupted(a_life(shop), Unavailable)
        await a_life(shop)
        shop.server.deliver()
        await ended(shop)
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    async def test_a_late_patch_is_waited_for_when_its_claim_has_gone(self, shop: Shop) -> None:
        await shop.keep(request())
        shop.server.fail_at(2, When.LATE, Crash())
        await interrupted(shop.visit(), Crash)
        shop.without_periods()
        shop.start()
        assert await shop.visit() == After(LATE_SECONDS)
        assert shop.server.deliver() == 1
        assert shop.replicas == (4, 10)
        await shop.visit()
        assert shop.replicas == (2, 10)

    async def test_a_late_patch_is_defeated_by_the_next_write(self, shop: Shop) -> None:
        await shop.keep(request())
        shop.server.fail_at(2, When.LATE, Crash())
        await interrupted(shop.visit(), Crash)
        shop.start()
        await shop.visit()
        assert shop.server.deliver() == 0
        await ended(shop)
        assert shop.replicas == (2, 10)
