"""A period that only observes, or is suspended: what it leaves alone."""

from hypercare.domain.conditions import ConditionType
from tests.unit.lives import MINUTE
from tests.unit.loop import HOLD, LONG, OVERLAY, PERIOD, RULES, STATUS, Loop

T = ConditionType


class TestObserve:
    """Mode Observe writes status, events and report, and nothing else."""

    async def test_a_whole_life(self) -> None:
        loop = Loop(mode="Observe")
        await loop.until("Completed")
        await loop.pass_time(5)
        assert {write.split()[0] + " " + write.split()[1] for write in loop.server.writes} == {
            "status HypercarePeriod",
            "create ConfigMap",
        }
        assert loop.status["strength"] == 0
        assert loop.reports

    async def test_levers_say_so(self) -> None:
        loop = Loop(mode="Observe")
        await loop.until("Active")
        await loop.pass_time(5)
        assert loop.condition(T.ALERTS_TIGHTENED) == ("True", "ObserveMode")
        assert loop.condition(T.SCALING_RAISED) == ("True", "ObserveMode")
        assert loop.condition(T.READY)[0] == "True"
        assert loop.status["strength"] == 100
        assert loop.status["scaling"] == []

    async def test_a_period_that_stops_enforcing_restores_at_once(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(5)
        loop.server.edit(PERIOD, mode="Observe")
        await loop.pass_time(10)
        assert (loop.floor, OVERLAY in loop.server.objects, HOLD in loop.server.objects) == (2, False, False)
        assert loop.status["phase"] == "Active"
        assert loop.condition(T.RESTORED) == ("True", "NothingHeld")

    async def test_a_period_that_begins_to_enforce_applies(self) -> None:
        loop = Loop(mode="Observe", **LONG)
        await loop.until("Active")
        loop.server.edit(PERIOD, mode="Enforce")
        await loop.pass_time(15)
        assert (loop.floor, OVERLAY in loop.server.objects) == (4, True)
        assert loop.condition(T.ALERTS_TIGHTENED) == ("True", "Live")


class TestSuspended:
    """Suspended, nothing is written, and nothing is read."""

    async def test_what_is_in_place_stays_as_it_is(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        loop.server.edit(PERIOD, suspend=True)
        await loop.until("Suspended")
        await loop.pass_time(5)
        written = len(loop.server.writes)
        loop.server.edit(RULES, groups=[])
        await loop.pass_time(15 * MINUTE)
        assert set(loop.server.writes[written:]) <= {STATUS}
        assert (loop.floor, OVERLAY in loop.server.objects) == (4, True)
        assert loop.condition(T.READY) == ("True", "Suspended")
        assert loop.condition(T.STALLED)[0] == "False"

    async def test_it_goes_on_where_it_was(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        loop.server.edit(PERIOD, suspend=True)
        await loop.until("Suspended")
        loop.server.edit(PERIOD, suspend=False)
        await loop.until("Active")
