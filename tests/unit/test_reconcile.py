"""Visits to a period: what is written, in which order, and what happens when a write is refused."""

import json
from base64 import b64encode
from typing import Any

import pytest

from hypercare.domain.alerts.overlay import OVERLAY_PREFIX
from hypercare.domain.conditions import ConditionType
from hypercare.domain.objects import CONFIG_MAPS, PERIODS, SECRETS, ObjectRef
from hypercare.domain.samples import FailureKind, QueryFailed
from hypercare.ports import ApiError, Conflict, Forbidden, NotFound, Rejected, Unavailable
from hypercare.queue import After, Done
from hypercare.report_writer import KEPT_REPORTS
from tests.unit.api_server import When
from tests.unit.kstatus import kstatus
from tests.unit.lives import HOUR, MINUTE
from tests.unit.loop import (
    CALM,
    HOLD,
    HPA,
    OVERLAY,
    OWN_NAMESPACE,
    PERIOD,
    PERIOD_SPEC,
    PROFILE,
    PROFILE_SPEC,
    RULES,
    STATUS,
    WORKLOAD,
    Loop,
)
from tests.unit.prometheus_answers import constant

T = ConditionType
WINTER = {"version": "3.0.0", "name": "winter"}
SELDOM = {"evaluation": {"step": "30s", "interval": "30s", "delay": "0s", "freshness": "1m", "maxDelay": "2m"}}
LONG: dict[str, Any] = {
    "stages": [{"name": "only", "strength": 100, "minDuration": "2h"}],
    "window": {"duration": "3h"},
}


@pytest.fixture
def loop() -> Loop:
    return Loop()


def releases(number: int) -> dict[str, str]:
    return {"version": f"3.{number}.0", "name": f"winter-{number}"}


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


class TestRefused:
    """A period that cannot be resolved writes nothing but its status, and heals when the cause goes."""

    async def test_without_a_profile(self, loop: Loop) -> None:
        loop.server.remove(PROFILE)
        assert await loop.visit() == Done()
        assert loop.server.writes == [STATUS]
        assert loop.condition(T.STALLED) == ("True", "ProfileNotFound")
        assert kstatus(loop.server.objects[PERIOD]) == "Failed"
        assert loop.told.events == [("ProfileNotFound", True)]
        await loop.visit()
        assert loop.server.writes == [STATUS]
        loop.server.put(PROFILE, PROFILE_SPEC)
        await loop.until("Active")

    async def test_with_a_spec_that_cannot_be_used(self) -> None:
        loop = Loop(exitCriteria=[PERIOD_SPEC["exitCriteria"][0] | {"sustainedFor": "9h"}])
        await loop.visit()
        assert loop.server.writes == [STATUS]
        assert loop.condition(T.STALLED) == ("True", "InvalidSpec")
        assert "spec.exitCriteria" in loop.status["summary"]

    async def test_another_mistake_in_the_profile_is_told_anew(self, loop: Loop) -> None:
        """Its reason is the same, and the generation of the period too."""
        loop.server.edit(PROFILE, evaluation={"step": "0s"})
        await loop.visit()
        loop.server.edit(PROFILE, evaluation={"delay": "soon"})
        await loop.visit()
        assert "spec.evaluation.delay" in loop.status["summary"]
        assert "spec.evaluation.delay" in loop.conditions[T.STALLED].condition.message
        assert loop.told.reasons == ["InvalidSpec"]

    async def test_a_mistake_with_a_long_explanation_can_be_written(self, loop: Loop) -> None:
        loop.server.edit(PERIOD, mode="x" * 3000)
        await loop.visit()
        assert len(loop.status["summary"]) == 1024

    async def test_a_running_period_stands_still(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(30)
        loop.server.remove(PROFILE)
        written, before = len(loop.server.writes), loop.status
        await loop.visit()
        assert loop.server.writes[written:] == [STATUS]
        told = {"observedGeneration", "blocked", "summary", "conditions"}
        assert {key: value for key, value in loop.status.items() if key not in told} == {
            key: value for key, value in before.items() if key not in told
        }
        loop.server.put(PROFILE, PROFILE_SPEC)
        await loop.pass_time(20)
        assert loop.condition(T.STALLED)[0] == "False"
        assert loop.condition(T.ALERTS_TIGHTENED) == ("True", "Live")

    async def test_a_period_that_is_over_keeps_its_success(self, loop: Loop) -> None:
        await loop.until("Completed")
        await loop.pass_time(5)
        summary = loop.status["summary"]
        loop.server.remove(PROFILE)
        await loop.visit()
        assert loop.condition(T.SUCCEEDED) == ("True", "Met")
        assert kstatus(loop.server.objects[PERIOD]) == "Current"
        assert "does not exist" in loop.status["summary"]
        loop.server.put(PROFILE, PROFILE_SPEC)
        await loop.visit()
        assert loop.status["summary"] == summary

    async def test_a_status_that_somebody_broke(self, loop: Loop) -> None:
        await loop.until("Active")
        loop.server.set_status(PERIOD, **{**loop.status, "phase": "Sleeping"})
        written = len(loop.server.writes)
        await loop.visit()
        assert loop.server.writes[written:] == [STATUS]
        assert loop.condition(T.STALLED) == ("True", "InvalidStatus")
        assert "status.phase" in loop.status["summary"]


class TestSuperseded:
    """A new release while a run is open: the old run is reported, then the new one is stored."""

    async def test_the_report_comes_first(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        loop.server.edit(PERIOD, release=WINTER)
        written = len(loop.server.writes)
        assert await loop.visit() == After(0.0)
        (report,) = loop.reports
        assert loop.server.writes[written:] == [f"create {report}", STATUS]
        assert loop.status["run"]["counter"] == 2
        assert loop.status["reports"] == [report.name]
        assert "report" not in loop.status
        told = json.loads(loop.server.objects[report]["data"]["report.json"])
        assert "Superseded" in json.dumps(told)

    async def test_nothing_is_lowered_in_between(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(10)
        loop.server.edit(PERIOD, release=WINTER)
        raised = loop.status["scaling"]
        await loop.visit()
        assert raised
        assert loop.status["scaling"] == raised
        floors = set()
        for _ in range(20):
            await loop.pass_time(1)
            floors.add(loop.floor)
            assert OVERLAY in loop.server.objects
        assert floors == {4}

    async def test_a_report_that_is_refused_blocks_nothing(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        loop.server.edit(PERIOD, release=WINTER)
        loop.server.refusing["create ConfigMap"] = Forbidden("no ConfigMaps here")
        await loop.visit()
        assert loop.status["run"]["counter"] == 2
        assert loop.reports == []

    async def test_a_report_that_cannot_be_composed_blocks_nothing(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        loop.server.edit(PERIOD, release=WINTER)
        # Every autoscaler has a maximum; if there ever were one without, that would be no reason to stand still.
        body = loop.cache.find(HPA)
        assert body is not None
        loop.cache.observe(
            HPA.resource,
            {**body, "spec": {"minReplicas": 2}, "metadata": {**body["metadata"], "resourceVersion": "9999"}},
        )
        await loop.visit()
        assert loop.status["run"]["counter"] == 2

    async def test_the_earlier_report_stays_listed_through_the_next_run(self) -> None:
        loop = Loop()
        await loop.until("Completed")
        await loop.pass_time(5)
        first = loop.status["report"]
        loop.server.edit(PERIOD, release=WINTER)
        loop.server.edit(WORKLOAD, template={"metadata": {"labels": {"app.kubernetes.io/version": "3.0.0"}}})
        loop.server.set_status(WORKLOAD, **{**loop.server.objects[WORKLOAD]["status"], "observedGeneration": 2})
        await loop.visit()
        await loop.until("Active")
        assert loop.status["reports"] == [first]
        assert "report" not in loop.status
        await loop.until("Completed")
        await loop.pass_time(5)
        assert loop.status["reports"] == [first, loop.status["report"]]
        assert loop.status["report"] != first

    async def test_old_reports_are_taken_away(self) -> None:
        loop = Loop(window={"start": {"when": "Immediately"}, "duration": "3h"})
        for number in range(KEPT_REPORTS + 3):
            loop.server.edit(PERIOD, release=releases(number))
            await loop.pass_time(3)
        names = [ref.name for ref in loop.reports]
        assert len(names) == KEPT_REPORTS
        assert loop.status["reports"] == names


class TestReport:
    """The report of a run that is over; it never blocks anything."""

    async def test_it_is_written_once_and_named(self, loop: Loop) -> None:
        await loop.until("Completed")
        await loop.pass_time(5)
        (report,) = loop.reports
        assert loop.status["report"] == report.name
        assert loop.status["reports"] == [report.name]
        await loop.visit()
        assert sum(write.startswith("create ConfigMap") for write in loop.server.writes) == 1

    async def test_one_that_fails_is_tried_again_and_the_end_stays(self, loop: Loop) -> None:
        loop.server.refusing["create ConfigMap"] = Unavailable("no answer")
        await loop.until("Completed")
        assert await loop.visit() == After(60.0)
        assert loop.condition(T.SUCCEEDED) == ("True", "Met")
        assert "report" not in loop.status
        loop.server.refusing.clear()
        await loop.visit()
        assert loop.status["report"] == loop.reports[0].name

    async def test_one_whose_answer_was_lost_is_found(self, loop: Loop) -> None:
        await loop.until("Completed")
        loop.server.fail_at(1, When.AFTER)
        await loop.visit()
        assert "report" not in loop.status
        await loop.visit()
        assert loop.status["report"] == loop.reports[0].name

    async def test_a_prometheus_that_breaks_the_rules_blocks_nothing(self, loop: Loop) -> None:
        await loop.until("Completed")
        loop.prometheus.broken = RuntimeError("a bug")
        assert await loop.visit() == After(60.0)
        loop.prometheus.broken = None
        await loop.visit()
        assert loop.status["report"] == loop.reports[0].name


class TestDeletion:
    """What is gone is forgotten, and nothing is written for it."""

    async def test_a_period_that_is_gone(self, loop: Loop) -> None:
        await loop.until("Active")
        assert PERIOD in loop.observer.known
        loop.server.remove(PERIOD)
        written = len(loop.server.writes)
        assert await loop.periods.visit(PERIOD) == Done()
        assert loop.server.writes[written:] == []
        assert loop.observer.known == {}

    async def test_a_period_that_is_going(self, loop: Loop) -> None:
        await loop.until("Active")
        body = loop.server.objects[PERIOD]
        metadata = {**body["metadata"], "deletionTimestamp": "2027-01-15T08:00:00Z", "resourceVersion": "9999"}
        loop.cache.observe(PERIODS, {**body, "metadata": metadata})
        written = len(loop.server.writes)
        assert await loop.periods.visit(PERIOD) == Done()
        assert loop.server.writes[written:] == []
        assert loop.observer.known == {}

    async def test_a_period_that_was_created_anew_inherits_nothing(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(MINUTE)
        first = loop.status["run"]["id"]
        loop.delete()
        loop.create(**LONG)
        await loop.visit()
        assert loop.status["phase"] == "Pending"
        assert loop.status["run"]["id"] != first
        assert loop.observer.known == {}
        await loop.until("Active")
        await loop.visit()
        assert loop.status["criteria"][0]["verdict"] == "Unknown"

    async def test_a_period_that_never_was(self, loop: Loop) -> None:
        assert await loop.periods.visit(ObjectRef(PERIODS, "shop", "other")) == Done()


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


class TestBadInput:
    """Each broken part is told with its field, the rest goes on, and it heals when the cause goes."""

    async def test_a_target_that_does_not_exist(self, loop: Loop) -> None:
        loop.server.edit(
            PERIOD, targets=[{"kind": "Deployment", "name": "checkout"}, {"kind": "DaemonSet", "name": "x"}]
        )
        await loop.pass_time(5)
        assert loop.condition(T.TARGETS_FOUND) == ("False", "TargetNotFound")
        assert "spec.targets[1]" in loop.conditions[T.READY].condition.message
        assert loop.floor == 4

    async def test_a_rule_that_does_not_exist(self, loop: Loop) -> None:
        loop.server.edit(PERIOD, protection={"alerts": {"from": [{"rule": "checkout-alerts"}, {"rule": "nothing"}]}})
        await loop.pass_time(10)
        assert loop.condition(T.STALLED) == ("True", "RuleNotFound")
        assert loop.condition(T.ALERTS_TIGHTENED) == ("False", "RuleNotFound")
        assert OVERLAY in loop.server.objects
        spec = loop.server.objects[RULES]["spec"]
        loop.server.put(ObjectRef(RULES.resource, "shop", "nothing"), spec)
        await loop.pass_time(10)
        assert loop.condition(T.STALLED)[0] == "False"
        assert loop.condition(T.ALERTS_TIGHTENED) == ("True", "Live")

    async def test_promql_that_does_not_parse(self, loop: Loop) -> None:
        broken = {"name": "broken", "query": "sum(", "below": 1, "sustainedFor": "30s"}
        loop.server.edit(PERIOD, exitCriteria=[*PERIOD_SPEC["exitCriteria"], broken])
        await loop.pass_time(3 * MINUTE)
        assert loop.condition(T.STALLED) == ("True", "InvalidPromQL")
        assert "spec.exitCriteria[2].query" in loop.conditions[T.STALLED].condition.message
        assert loop.condition(T.EXIT_CRITERIA_MET) == ("Unknown", "Unknown")
        assert (loop.status["phase"], loop.status["strength"]) == ("Active", 100)
        assert loop.status["blocked"] == "InvalidPromQL"

    async def test_a_prometheus_that_does_not_answer(self, loop: Loop) -> None:
        loop.prometheus.down = QueryFailed(FailureKind.UNREACHABLE, "connection refused")
        await loop.pass_time(10)
        assert loop.condition(T.ALERTS_TIGHTENED) == ("Unknown", "PrometheusUnreachable")
        assert loop.condition(T.EVIDENCE_FRESH) == ("False", "PrometheusUnreachable")
        assert loop.floor == 4
        loop.prometheus.down = None
        await loop.until("Completed")

    async def test_a_secret_that_is_not_there(self, loop: Loop) -> None:
        loop.server.edit(PROFILE, prometheus={**PROFILE_SPEC["prometheus"], "secretRef": {"name": "prom-auth"}})
        await loop.pass_time(10)
        for kind in (T.STALLED, T.EVIDENCE_FRESH):
            assert loop.condition(kind)[1] == "SecretNotFound"
            assert loop.conditions[kind].condition.message == (
                "HypercareProfile/default: spec.prometheus.secretRef: "
                "Secret hypercare-system/prom-auth does not exist: create it, or name another one"
            )
        assert loop.condition(T.ALERTS_TIGHTENED) == ("Unknown", "SecretNotFound")
        assert loop.condition(T.EXIT_CRITERIA_MET)[0] == "Unknown"
        assert (loop.prometheus.asked, loop.floor) == ([], 4)
        secret = ObjectRef(SECRETS, OWN_NAMESPACE, "prom-auth")
        loop.server.objects[secret] = {"data": {"token": b64encode(b"t0ken").decode()}}
        await loop.until("Completed")

    async def test_ready_falls_after_five_intervals_without_evidence(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(MINUTE)
        loop.prometheus.down = QueryFailed(FailureKind.TIMEOUT, "no answer in time")
        await loop.pass_time(20)
        assert loop.condition(T.EVIDENCE_FRESH)[0] == "False"
        assert loop.condition(T.READY)[0] == "True"
        await loop.pass_time(20)
        assert loop.condition(T.READY) == ("False", "EvidenceStale")
        loop.prometheus.down = None
        await loop.pass_time(20)
        assert loop.condition(T.READY)[0] == "True"

    async def test_a_cluster_without_prometheus_rules(self, loop: Loop) -> None:
        loop.server.remove(RULES)
        loop.cache.not_served(RULES.resource)
        await loop.pass_time(10)
        assert loop.condition(T.STALLED) == ("True", "PrometheusRuleNotServed")
        assert loop.floor == 4
        assert not [write for write in loop.server.writes if OVERLAY_PREFIX + "checkout" in write]


def test_the_reports_of_these_tests_are_config_maps(loop: Loop) -> None:
    assert loop.reports == []
    assert ObjectRef(CONFIG_MAPS, "shop", "x") not in loop.server.objects


def test_calm_evidence_meets_one_criterion_and_not_the_advisory_one() -> None:
    values: dict[str, Any] = {name: source(0) for name, source in CALM.items()}
    assert values["errors"] < 5 < values["cost"]
