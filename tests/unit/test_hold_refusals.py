"""Holds that cannot be written, and holds that somebody deletes: what is told, and that the object is restored."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.capacity.hold_protocol import LATE_SECONDS
from hypercare.domain.capacity.quantity import Count
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState, render_rows
from hypercare.hold_reconcile import RETRY_SECONDS
from hypercare.ports import Forbidden, Rejected
from hypercare.queue import After
from tests.unit.api_server import When
from tests.unit.hold_shop import PERIOD_A, Shop
from tests.unit.scaled import AUTOSCALER_REF, HOLD_REF, NAMESPACE, OBJECT, changes, request


@pytest.fixture
def shop() -> Shop:
    return Shop()


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
