"""The end of a run: a newer release takes over, its report is kept, its period is deleted."""

import json

from hypercare.domain.conditions import ConditionType
from hypercare.domain.objects import CONFIG_MAPS, PERIODS, ObjectRef
from hypercare.ports import Forbidden, Unavailable
from hypercare.queue import After, Done
from hypercare.report_writer import KEPT_REPORTS
from tests.unit.api_server import When
from tests.unit.lives import MINUTE
from tests.unit.loop import HPA, LONG, OVERLAY, PERIOD, STATUS, WORKLOAD, Loop

T = ConditionType
WINTER = {"version": "3.0.0", "name": "winter"}


def releases(number: int) -> dict[str, str]:
    return {"version": f"3.{number}.0", "name": f"winter-{number}"}


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


def test_the_reports_of_these_tests_are_config_maps(loop: Loop) -> None:
    assert loop.reports == []
    assert ObjectRef(CONFIG_MAPS, "shop", "x") not in loop.server.objects
