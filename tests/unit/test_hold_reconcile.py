"""Claims and holds through their life, also while people and tools write the same fields."""

from collections.abc import Coroutine
from typing import Any

import pytest

from hypercare.domain.capacity.quantity import Count
from hypercare.hold_reconcile import SWEEP_SECONDS
from hypercare.ports import ApiError, Forbidden, Rejected
from hypercare.queue import After, Done
from tests.unit.api_server import When
from tests.unit.hold_shop import PERIOD_A, Shop
from tests.unit.scaled import AUTOSCALER_REF, HOLD_REF, autoscaler, request


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

    async def test_a_value_that_may_not_be_restored_is_told_also_without_a_period(
        self, shop: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        await shop.raised()
        await shop.keep()
        shop.server.fail_at(2, When.BEFORE, Forbidden("cannot patch resource"))
        await shop.visit()
        assert shop.replicas == (4, 10)
        assert "cannot patch resource: apply the RBAC of manifests/install" in caplog.text

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
