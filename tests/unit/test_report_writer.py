"""The report of a run is composed from what is known, written once, and never in the way of anything."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hypercare.adapters.cache import WatchCache
from hypercare.domain.capacity.scaling import ScalingPlan
from hypercare.domain.capacity.scaling_rows import ScalingState
from hypercare.domain.life.facts import Life
from hypercare.domain.objects import AUTOSCALERS, CONFIG_MAPS, PROMETHEUS_RULES, ObjectRef
from hypercare.domain.report.configmap import report_name
from hypercare.domain.samples import (
    Answer,
    FailureKind,
    QueryFailed,
    RangeQuery,
    Result,
    Sample,
    Series,
    Unanswered,
)
from hypercare.domain.snapshot import Capacity, Snapshot, Stored
from hypercare.domain.status import TimelineEntry
from hypercare.ports import Forbidden, NotFound, Unavailable
from hypercare.report_writer import KEPT_REPORTS, ReportWriter
from tests.unit.alert_rules import alert, plan, rule_object
from tests.unit.api_server import FakeApiServer, When
from tests.unit.lives import ACTIVE, COMPLETED, HOUR, QUIET, RUN, T0
from tests.unit.metric_source import FakePrometheus
from tests.unit.scaled import autoscaler
from tests.unit.snapshots import RAISED, UNTOLD, resolved, snapshot

RULES = [rule_object("checkout-alerts", alert("Errors", for_="20m"), interval="1m")]
RULE_ID = plan(RULES).watched[0].rule_id
NAME = report_name("checkout", RUN.id)
OVER: Life = replace(COMPLETED, phase_since=QUIET - 60)


class Firing(FakePrometheus):
    """Prometheus knows when original and copy fired; `warnings` and `unanswered` are part of each answer."""

    originals: tuple[int, ...] = ()
    copies: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()

    async def range(self, query: RangeQuery) -> Result:
        failure = await super().range(query)
        if isinstance(failure, QueryFailed):
            return failure
        copy = 'hypercare="shop/checkout"' in query.expr
        labels = {"hypercare_rule": RULE_ID} if copy else {"alertname": "Errors"}
        times = self.copies if copy else self.originals
        series = Series(labels, tuple(Sample(time, 1) for time in times if query.start <= time <= query.end))
        return Answer((series,), self.warnings, self.unanswered)


class Shop:
    """One namespace in which a run has ended."""

    def __init__(self) -> None:
        self.server = FakeApiServer()
        self.server.put(ObjectRef(PROMETHEUS_RULES, "shop", "checkout-alerts"), RULES[0]["spec"])
        self.server.put(ObjectRef(AUTOSCALERS, "shop", "checkout"), autoscaler()["spec"], uid=RAISED.object.uid)
        self.cache = WatchCache((PROMETHEUS_RULES, AUTOSCALERS), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.prometheus = Firing()
        self.server.writes.clear()

    async def write(self, visit: Snapshot | None = None, superseded: bool = False) -> Stored:
        return await ReportWriter(self.server, self.cache).write(visit or over(), self.prometheus, superseded)

    async def told(self, visit: Snapshot | None = None, superseded: bool = False) -> Any:
        """The report as machines read it."""
        stored = await self.write(visit, superseded)
        return json.loads(self.server.objects[report(stored.report)]["data"]["report.json"])

    @property
    def reports(self) -> list[str]:
        return [ref.name for ref in self.server.objects if ref.resource == CONFIG_MAPS]


def report(name: str) -> ObjectRef:
    return ObjectRef(CONFIG_MAPS, "shop", name)


def over(life: Life = OVER, **others: Any) -> Snapshot:
    restored = replace(RAISED, state=ScalingState.RESTORED, applied=2, floor=2, held=False)
    return snapshot(life, **{"capacity": Capacity(ScalingPlan(), (restored,)), **others})


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestWriting:
    """Once per run, under a name that says which run."""

    async def test_the_status_is_told_its_name(self, shop: Shop) -> None:
        stored = await shop.write()
        assert (stored.report, stored.reports) == (NAME, (NAME,))
        assert shop.reports == [NAME]
        assert set(shop.server.objects[report(NAME)]["data"]) == {"report.md", "report.json"}

    async def test_everything_else_of_the_status_is_kept(self, shop: Shop) -> None:
        before = replace(UNTOLD, alerts={"selected": 1}, observed_generation=7)
        stored = await shop.write(over(stored=before))
        assert stored == replace(before, report=NAME, reports=(NAME,))

    async def test_one_that_is_there_already_is_not_written_again(self, shop: Shop) -> None:
        await shop.write()
        body = shop.server.objects[report(NAME)]
        stored = await shop.write(over(stored=replace(UNTOLD, reports=("r1", NAME))))
        assert stored.reports == ("r1", NAME)
        assert shop.server.objects[report(NAME)] == body

    @pytest.mark.parametrize("error", [Unavailable("no answer"), Forbidden("no"), NotFound("namespace is gone")])
    async def test_one_that_is_refused_leaves_the_status_as_it_was(self, shop: Shop, error: Exception) -> None:
        shop.server.fail_at(1, When.BEFORE, error)
        assert await shop.write() == UNTOLD

    async def test_one_that_cannot_be_composed_leaves_the_status_as_it_was(self, shop: Shop) -> None:
        shop.prometheus.broken = RuntimeError("a bug")
        assert await shop.write() == UNTOLD
        assert shop.server.writes == []


class TestPruning:
    """The newest stay; only reports of this period go."""

    async def full(self, shop: Shop, count: int = KEPT_REPORTS) -> tuple[str, ...]:
        """So many reports of runs before this one."""
        names: tuple[str, ...] = ()
        for number in range(count):
            life = replace(OVER, run=replace(RUN, id=f"r{number}-0"))
            names = (await shop.write(over(life, stored=replace(UNTOLD, reports=names)))).reports
        return names

    async def test_the_oldest_goes(self, shop: Shop) -> None:
        names = await self.full(shop)
        stored = await shop.write(over(stored=replace(UNTOLD, reports=names)))
        assert stored.reports == (*names[1:], NAME)
        assert shop.reports == list(stored.reports)

    async def test_up_to_the_limit_all_stay(self, shop: Shop) -> None:
        names = await self.full(shop, KEPT_REPORTS - 1)
        assert len((await shop.write(over(stored=replace(UNTOLD, reports=names)))).reports) == KEPT_REPORTS

    async def test_one_that_is_gone_already_is_no_hindrance(self, shop: Shop) -> None:
        names = await self.full(shop)
        shop.server.remove(report(names[0]))
        assert len((await shop.write(over(stored=replace(UNTOLD, reports=names)))).reports) == KEPT_REPORTS

    async def test_one_that_may_not_be_deleted_is_no_hindrance(self, shop: Shop) -> None:
        names = await self.full(shop)
        shop.server.fail_at(2, When.BEFORE, Forbidden("may not delete"))
        assert (await shop.write(over(stored=replace(UNTOLD, reports=names)))).report == NAME

    async def test_one_that_may_not_be_deleted_goes_with_the_next_report(self, shop: Shop) -> None:
        writer = ReportWriter(shop.server, shop.cache)
        names = await self.full(shop)
        shop.server.fail_at(2, When.BEFORE, Forbidden("may not delete"))
        stored = await writer.write(over(stored=replace(UNTOLD, reports=names)), shop.prometheus, False)
        assert names[0] in shop.reports
        again = replace(OVER, run=replace(OVER.run, id="r2-00000000"))
        await writer.write(over(again, stored=replace(stored, report="")), shop.prometheus, False)
        assert not {names[0], names[1]} & set(shop.reports)
        assert len(shop.reports) == KEPT_REPORTS

    @pytest.mark.parametrize(
        "labels",
        [
            {},
            {"hypercare.dev/report": "true", "hypercare.dev/period": "another"},
            {"hypercare.dev/period": "checkout"},
        ],
        ids=["nobody's", "another period's", "no report"],
    )
    async def test_what_is_no_report_of_this_period_stays_whatever_the_status_says(
        self, shop: Shop, labels: dict[str, str]
    ) -> None:
        shop.server.put(report("settings"), {}, labels=labels)
        names = ("settings", *[f"gone-{number}" for number in range(KEPT_REPORTS)])
        await shop.write(over(stored=replace(UNTOLD, reports=names)))
        assert "settings" in shop.reports


class TestContent:
    """What the run was; how each part is told has its own tests."""

    async def test_a_run_that_has_ended(self, shop: Shop) -> None:
        timeline = (TimelineEntry(T0, "WindowStarted", "at once"),)
        told = await shop.told(over(stored=replace(UNTOLD, timeline=timeline)))
        assert (told["outcome"], told["succeeded"], told["mode"]) == ("Met", True, "Enforce")
        assert told["release"]["version"] == "2.4.0"
        assert told["run"] == RUN.id
        assert told["endedAt"] == "2027-01-15T12:59:00Z"
        assert [each["name"] for each in told["criteria"]] == ["errors"]
        assert [each["reason"] for each in told["timeline"]] == ["WindowStarted"]

    async def test_a_run_that_is_superseded_is_told_as_it_was(self, shop: Shop) -> None:
        following = resolved(release={"version": "3.0.0", "name": "winter"})
        told = await shop.told(snapshot(ACTIVE, resolved=following), superseded=True)
        assert (told["outcome"], told["succeeded"]) == ("Superseded", False)
        assert (told["release"]["name"], told["release"]["version"]) == ("autumn", "2.4.0")
        assert told["release"]["previous"] == "2.3.8"
        assert told["endedAt"] == "2027-01-15T13:00:00Z"

    async def test_a_release_without_a_name_gets_none(self, shop: Shop) -> None:
        unnamed = replace(ACTIVE, run=replace(RUN, identity="2.4.0"))
        told = await shop.told(snapshot(unnamed), superseded=True)
        assert (told["release"]["name"], told["release"]["version"]) == ("", "2.4.0")

    async def test_observe_is_told(self, shop: Shop) -> None:
        assert (await shop.told(over(resolved=resolved(mode="Observe"))))["mode"] == "Observe"

    async def test_what_was_raised_is_told_at_full_strength(self, shop: Shop) -> None:
        (row,) = (await shop.told())["scaling"]
        assert (row["original"], row["raisedTo"]) == (2, 4)

    async def test_what_is_not_asked_for_any_more_is_told_as_it_was_applied(self, shop: Shop) -> None:
        raised = Capacity(ScalingPlan(), (replace(RAISED, applied=7, held=False),))
        (row,) = (await shop.told(over(resolved=resolved(protection={}), capacity=raised)))["scaling"]
        assert row["raisedTo"] == 7

    async def test_what_is_still_held_is_told(self, shop: Shop) -> None:
        told = await shop.told(over(capacity=Capacity(ScalingPlan(), (RAISED,))))
        assert "HorizontalPodAutoscaler checkout is held" in told["unrestored"]

    async def test_alerts_are_told_as_they_were_tightened_at_first(self, shop: Shop) -> None:
        told = await shop.told(over(replace(OVER, strength=0)))
        assert [(each["alert"], each["copyForSeconds"]) for each in told["alerts"]["tightened"]] == [("Errors", 600)]


class TestAlerts:
    """What fired is read from Prometheus, on a grid that no evaluation slips through."""

    async def test_how_much_earlier_the_copy_fired(self, shop: Shop) -> None:
        shop.prometheus.copies = tuple(range(T0 + 600, T0 + 1260, 60))
        shop.prometheus.originals = tuple(range(T0 + 900, T0 + 1260, 60))
        (detection,) = (await shop.told())["alerts"]["detections"]
        assert detection["gainSeconds"] == 300

    async def test_the_grid_covers_the_whole_window_at_the_interval_of_the_rules(self, shop: Shop) -> None:
        await shop.write()
        queries = [query for query in shop.prometheus.asked if isinstance(query, RangeQuery)]
        assert {(query.start, query.end, query.step) for query in queries} == {(T0, QUIET, 60)}
        assert all("[60s]" in query.expr for query in queries)

    async def test_a_long_window_is_read_at_wider_steps(self, shop: Shop) -> None:
        await shop.write(over(replace(OVER, started_at=T0 - 100 * HOUR * 24)))
        query = next(query for query in shop.prometheus.asked if isinstance(query, RangeQuery))
        assert (query.end - query.start) // query.step <= 2880
        assert query.step % 60 == 0
        assert f"[{query.step}s]" in query.expr

    async def test_a_run_that_never_started_is_read_from_its_creation(self, shop: Shop) -> None:
        await shop.write(over(replace(OVER, started_at=None)))
        assert {query.start for query in shop.prometheus.asked if isinstance(query, RangeQuery)} == {T0}

    async def test_prometheus_that_does_not_answer_is_noted(self, shop: Shop) -> None:
        shop.prometheus.down = QueryFailed(FailureKind.TIMEOUT, "no answer in time")
        told = await shop.told()
        assert told["alerts"]["unread"] == "no answer in time; no answer in time"
        assert told["alerts"]["detections"] == []

    async def test_a_stretch_that_was_not_answered_is_noted(self, shop: Shop) -> None:
        failure = QueryFailed(FailureKind.PARTIAL_ANSWER, "one store is away")
        shop.prometheus.unanswered = (Unanswered(T0, T0 + 600, failure),)
        told = await shop.told()
        note = "Which alerts fired from 2027-01-15T08:00:00Z to 2027-01-15T08:10:00Z is not known: one store is away"
        assert told["notes"] == [note]
        assert told["alerts"]["unread"] is None

    async def test_a_tainted_answer_is_noted_once(self, shop: Shop) -> None:
        shop.prometheus.warnings = ("one store is away",)
        assert (await shop.told())["notes"] == ["Alerts that fired may be missing here: one store is away"]

    async def test_a_whole_answer_needs_no_note(self, shop: Shop) -> None:
        assert (await shop.told())["notes"] == []
