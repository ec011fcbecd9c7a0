"""Visits to a period: what is written, in which order, and when nothing is."""

from typing import Any

from hypercare.domain.conditions import ConditionType
from hypercare.queue import After, Done
from tests.unit.kstatus import kstatus
from tests.unit.lives import HOUR, MINUTE
from tests.unit.loop import CALM, HOLD, LONG, OVERLAY, PERIOD, SELDOM, STATUS, Loop
from tests.unit.prometheus_answers import constant

T = ConditionType


class TestOrder:
    """A transition is stored before anything that it causes is written."""

    async def test_the_first_visit_stores_the_run_and_nothing_else(self, loop: Loop) -> None:
        assert await loop.visit() == After(0.0)
        assert loop.server.writes == [STATUS]
        assert loop.status["phase"] == "Pending"
        assert loop.status["run"]["id"].startswith("r1-")
        assert list(loop.conditions) == list(ConditionType)
        assert loop.told.reasons == ["RunStarted"]

    async def test_a_whole_life_moves_by_status_alone(self, loop: Loop) -> None:
        await loop.until("Completed")
        moves = [visit for visit in loop.visits if visit.moved]
        assert [(visit.after["phase"], visit.after["strength"]) for visit in moves] == [
            ("Pending", 100),
            ("Preparing", 100),
            ("Active", 100),
            ("Active", 50),
            ("Relaxing", 50),
            ("Relaxing", 25),
            ("Relaxing", 0),
            ("Completed", 0),
        ]
        assert {visit.writes for visit in moves} == {(STATUS,)}

    async def test_a_life_that_goes_wrong_moves_by_status_alone(self) -> None:
        loop = Loop(SELDOM)
        loop.prometheus.values["errors"] = constant(9)
        await loop.until("Ended")
        moves = [visit for visit in loop.visits if visit.moved]
        assert [visit.after["phase"] for visit in moves] == [
            "Pending",
            "Preparing",
            "Active",
            "Extended",
            "DecisionNeeded",
            "Relaxing",
            "Relaxing",
            "Relaxing",
            "Relaxing",
            "Relaxing",
            "Ended",
        ]
        assert {visit.writes for visit in moves} == {(STATUS,)}
        alarms = [reason for reason, warning in loop.told.events if warning]
        assert alarms == ["CriterionUnmet", "DecisionNeeded", "Ended"]

    async def test_in_the_end_everything_is_as_it_was(self, loop: Loop) -> None:
        await loop.until("Active")
        assert (loop.floor, OVERLAY in loop.server.objects, HOLD in loop.server.objects) == (4, True, True)
        await loop.until("Completed")
        assert (loop.floor, OVERLAY in loop.server.objects, HOLD in loop.server.objects) == (2, False, False)
        assert loop.condition(T.RESTORED) == ("True", "NothingHeld")
        assert loop.condition(T.SUCCEEDED) == ("True", "Met")

    async def test_each_step_is_told_once(self, loop: Loop) -> None:
        await loop.until("Completed")
        await loop.pass_time(MINUTE)
        assert loop.told.events == [
            ("RunStarted", False),
            ("WindowStarted", False),
            ("CriterionUnmet", False),
            ("AlertsTightened", False),
            ("ScalingRaised", False),
            ("Protected", False),
            ("CriterionMet", False),
            ("StageChanged", False),
            ("AlertsTightened", False),
            ("ScalingRaised", False),
            ("RelaxingStarted", False),
            ("Relaxed", False),
            ("Relaxed", False),
            ("Completed", False),
        ]
        assert [each["reason"] for each in loop.status["timeline"]] == loop.told.reasons

    async def test_a_spec_change_is_being_applied_until_it_is_seen(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(10)
        loop.prometheus.live_from = loop.now + 20
        loop.server.edit(PERIOD, protection={"alerts": {"tighten": {"shortenFor": "20%"}}})
        await loop.pass_time(10)
        assert loop.condition(T.RECONCILING) == ("True", "Applying")
        assert kstatus(loop.server.objects[PERIOD]) == "InProgress"
        await loop.pass_time(20)
        assert loop.condition(T.RECONCILING)[0] == "False"
        assert kstatus(loop.server.objects[PERIOD]) == "Current"

    async def test_what_is_applied_reads_as_in_progress_and_then_as_current(self, loop: Loop) -> None:
        body = loop.server.objects
        seen = [kstatus(body[PERIOD])]
        for _ in range(4):
            await loop.visit()
            seen.append(kstatus(body[PERIOD]))
        await loop.until("Active")
        assert seen == ["InProgress"] * 5
        while loop.status["phase"] != "Completed":
            await loop.pass_time(1)
            assert kstatus(body[PERIOD]) == "Current"


class TestStaleViews:
    """A decision on an object that has changed meanwhile is refused, and nothing follows from it."""

    async def test_a_run_that_begins_on_an_outdated_object(self, loop: Loop) -> None:
        loop.server.just_before(1, lambda: loop.server.edit(PERIOD, suspend=True))
        assert await loop.visit() == After(0.5)
        assert loop.server.writes == [STATUS]
        assert loop.status == {"observedGeneration": -1}
        assert loop.told.events == []
        await loop.visit()
        assert loop.status["observedGeneration"] == 2

    async def test_a_transition_on_an_outdated_object(self, loop: Loop) -> None:
        await loop.visit()
        loop.server.just_before(1, lambda: loop.server.edit(PERIOD, suspend=True))
        assert await loop.visit() == After(0.5)
        assert loop.server.writes == [STATUS, STATUS]
        assert loop.status["phase"] == "Pending"
        await loop.visit()
        assert loop.status["phase"] == "Suspended"

    async def test_news_that_was_not_stored_is_told_when_it_is(self, loop: Loop) -> None:
        await loop.visit()
        loop.server.just_before(1, lambda: loop.server.edit(PERIOD, profile="default"))
        await loop.visit()
        assert loop.told.reasons == ["RunStarted"]
        await loop.visit()
        assert loop.told.reasons == ["RunStarted", "WindowStarted", "CriterionUnmet"][: len(loop.told.reasons)]
        assert "WindowStarted" in loop.told.reasons

    async def test_a_period_that_goes_while_it_is_visited(self, loop: Loop) -> None:
        loop.server.just_before(1, lambda: loop.server.remove(PERIOD))
        assert await loop.visit() == Done()
        assert loop.server.writes == [STATUS]


class TestQuiet:
    """A status is written when it says something new, and mere progress once in a while."""

    async def test_a_visit_that_finds_nothing_new_writes_nothing(self, loop: Loop) -> None:
        await loop.until("Active")
        await loop.pass_time(45)
        written = len(loop.server.writes)
        for _ in range(5):
            await loop.visit()
        assert loop.server.writes[written:] == []

    async def test_progress_is_written_every_five_minutes_at_most(self) -> None:
        loop = Loop(SELDOM, **LONG)
        loop.prometheus.values["errors"] = lambda time: 1 + time % 7 / 10
        await loop.until("Active")
        await loop.pass_time(MINUTE)
        written = len(loop.server.writes)
        await loop.pass_time(HOUR)
        writes = loop.server.writes[written:]
        assert set(writes) == {STATUS}
        # 3h / 200 = 54 s, up to a fifth more, and then the next tick of the interval.
        assert HOUR / 95 <= len(writes) <= HOUR / 54 + 1

    async def test_after_a_restart_progress_waits_like_before(self) -> None:
        loop = Loop(SELDOM, **LONG)
        loop.prometheus.values["errors"] = lambda time: 1 + time % 7 / 10
        await loop.until("Active")
        await loop.pass_time(MINUTE)
        loop.start()
        written = len(loop.server.writes)
        await loop.pass_time(54 - 1)
        assert loop.server.writes[written:] == []
        await loop.pass_time(2 * MINUTE)
        assert STATUS in loop.server.writes[written:]

    async def test_a_verdict_is_written_at_once(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(MINUTE)
        loop.prometheus.values["errors"] = constant(9)
        await loop.pass_time(6)
        assert loop.status["criteria"][0]["verdict"] == "Unmet"
        assert loop.condition(T.EXIT_CRITERIA_MET) == ("False", "Unmet")

    async def test_an_overlay_that_is_waited_for_costs_no_write_per_look(self) -> None:
        """The message tells how long it has been waited for, and changes with each look."""
        loop = Loop(**LONG)
        loop.prometheus.live_from = float("inf")
        await loop.until("Preparing")
        await loop.pass_time(10)
        written = len(loop.server.writes)
        await loop.pass_time(20)
        assert len(loop.server.writes) - written <= 3

    async def test_a_period_that_is_over_asks_for_nothing(self, loop: Loop) -> None:
        await loop.until("Completed")
        await loop.pass_time(5)
        written, asked = len(loop.server.writes), len(loop.prometheus.asked)
        assert await loop.visit() == Done()
        assert len(loop.server.writes) == written
        assert len(loop.prometheus.asked) == asked

    async def test_a_new_process_goes_on_where_the_old_one_was(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(20)
        told, status = list(loop.told.reasons), loop.status
        loop.start()
        written = len(loop.server.writes)
        await loop.visit()
        assert set(loop.server.writes[written:]) <= {STATUS}
        assert loop.told.reasons == told
        assert loop.status["criteria"][0]["since"] == status["criteria"][0]["since"]


def test_calm_evidence_meets_one_criterion_and_not_the_advisory_one() -> None:
    values: dict[str, Any] = {name: source(0) for name, source in CALM.items()}
    assert values["errors"] < 5 < values["cost"]
