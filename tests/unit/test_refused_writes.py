"""Writes that the API server refuses: what is told, what goes on, and that they are tried again."""

import pytest

from hypercare.domain.conditions import ConditionType
from hypercare.ports import ApiError, Conflict, Forbidden, NotFound, Rejected, Unavailable
from tests.unit.lives import MINUTE
from tests.unit.loop import LONG, OVERLAY, PERIOD, Loop

T = ConditionType


class TestRefusedWrites:
    """One lever that cannot be moved keeps neither the other one nor the status from being written."""

    async def stuck(self, write: str, error: ApiError) -> Loop:
        loop = Loop(**LONG)
        loop.server.refusing[write] = error
        await loop.pass_time(10)
        return loop

    async def test_an_overlay_that_is_never_taken_is_told_and_the_floor_is_raised(self) -> None:
        loop = await self.stuck("create PrometheusRule", Unavailable("the webhook does not answer"))
        assert loop.condition(T.ALERTS_TIGHTENED) == ("False", "Writing")
        assert "the webhook does not answer" in loop.conditions[T.ALERTS_TIGHTENED].condition.message
        assert loop.condition(T.SCALING_RAISED) == ("True", "Raised")
        assert loop.floor == 4
        assert loop.condition(T.STALLED)[0] == "False"
        assert loop.status["phase"] == "Preparing"

    async def test_it_is_tried_again_and_heals(self) -> None:
        loop = await self.stuck("create PrometheusRule", Unavailable("the webhook does not answer"))
        attempts = loop.server.writes.count(f"create {OVERLAY}")
        assert 2 <= attempts <= 12
        loop.server.refusing.clear()
        await loop.pass_time(10)
        assert loop.condition(T.ALERTS_TIGHTENED) == ("True", "Live")
        assert loop.status["phase"] == "Active"

    async def test_after_ten_minutes_it_stalls_and_is_tried_at_the_interval(self) -> None:
        loop = await self.stuck("create PrometheusRule", Unavailable("the webhook does not answer"))
        await loop.pass_time(11 * MINUTE)
        assert loop.condition(T.STALLED) == ("True", "NotAppliedInTime")
        written = len(loop.server.writes)
        await loop.pass_time(MINUTE)
        assert loop.server.writes[written:].count(f"create {OVERLAY}") <= 13

    @pytest.mark.parametrize(
        ("error", "reason"),
        [(Forbidden("no PrometheusRules here"), "Forbidden"), (Rejected("no such field"), "OverlayRejected")],
    )
    async def test_an_overlay_that_is_refused_for_good_stalls(self, error: ApiError, reason: str) -> None:
        loop = await self.stuck("create PrometheusRule", error)
        assert loop.condition(T.STALLED) == ("True", reason)
        assert "spec.protection.alerts" in loop.conditions[T.STALLED].condition.message
        assert error.message in loop.conditions[T.STALLED].condition.message
        assert loop.floor == 4

    @pytest.mark.parametrize(
        ("error", "stalled"),
        [
            (Unavailable("no answer"), "False"),
            (Conflict("somebody else"), "False"),
            (NotFound("just deleted"), "True"),
            (Forbidden("no holds here"), "True"),
            (Rejected("no such field"), "True"),
        ],
    )
    async def test_a_hold_that_is_not_taken_is_told_and_alerts_are_tightened(
        self, error: ApiError, stalled: str
    ) -> None:
        loop = await self.stuck("create HypercareHold", error)
        assert loop.condition(T.ALERTS_TIGHTENED) == ("True", "Live")
        assert loop.condition(T.SCALING_RAISED)[0] == "False"
        assert loop.condition(T.STALLED)[0] == stalled
        assert "spec.protection.scaling" in loop.conditions[T.SCALING_RAISED].condition.message
        assert loop.status["phase"] == "Preparing"
        loop.server.refusing.clear()
        await loop.pass_time(10)
        assert loop.condition(T.SCALING_RAISED) == ("True", "Raised")

    async def test_a_claim_that_cannot_be_dropped_is_told_and_retried(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        loop.server.refusing["replace HypercareHold"] = Unavailable("no answer")
        loop.server.edit(PERIOD, protection={})
        await loop.pass_time(10)
        assert loop.condition(T.SCALING_RAISED) == ("False", "WriteFailed")
        assert loop.status["observedGeneration"] == 2
        loop.server.refusing.clear()
        await loop.pass_time(10)
        assert loop.floor == 2
        assert loop.condition(T.SCALING_RAISED) == ("True", "NotRequested")

    async def test_an_overlay_that_cannot_be_removed_keeps_the_run_from_closing(self, loop: Loop) -> None:
        await loop.until("Active")
        loop.server.refusing["delete PrometheusRule"] = Unavailable("no answer")
        await loop.pass_time(5 * MINUTE)
        assert (loop.status["phase"], loop.status["strength"]) == ("Relaxing", 0)
        assert loop.condition(T.RESTORED) == ("False", "Restoring")
        assert loop.floor == 2
        loop.server.refusing.clear()
        await loop.until("Completed", limit=MINUTE)

    async def test_a_status_that_cannot_be_written_is_an_error_to_back_off_from(self, loop: Loop) -> None:
        loop.server.refusing["status"] = Unavailable("no answer")
        with pytest.raises(Unavailable):
            await loop.visit()
        assert loop.told.events == []
        loop.server.refusing.clear()
        await loop.until("Active")

    async def test_an_overlay_of_another_owner_is_left_alone(self) -> None:
        loop = Loop(**LONG)
        theirs = loop.server.put(OVERLAY, {"groups": []})
        await loop.pass_time(10)
        assert loop.condition(T.STALLED) == ("True", "OverlayNameTaken")
        assert loop.server.objects[OVERLAY] == theirs
        assert loop.floor == 4

    async def test_an_overlay_that_arrives_after_the_end_is_taken_away(self, loop: Loop) -> None:
        await loop.until("Active")
        late = dict(loop.server.objects[OVERLAY])
        await loop.until("Completed")
        await loop.pass_time(5)
        metadata = {key: value for key, value in late["metadata"].items() if key not in {"uid", "name", "namespace"}}
        loop.server.put(OVERLAY, late["spec"], **metadata)
        await loop.visit()
        assert OVERLAY not in loop.server.objects
