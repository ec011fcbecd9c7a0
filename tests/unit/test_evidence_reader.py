"""Reading evidence: once per interval, each question once, and the same after a restart as without one."""

import asyncio
import gc
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hypercare import evidence_reader
from hypercare.adapters.cache import WatchCache
from hypercare.domain.conditions import timestamp
from hypercare.domain.evidence.context import MAX_POINTS
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Point
from hypercare.domain.life.facts import Life
from hypercare.domain.objects import PERIODS, PROMETHEUS_RULES, ObjectRef
from hypercare.domain.samples import Answer, RangeQuery, Result, Sample, Series
from hypercare.domain.snapshot import Overlay, Reading
from hypercare.evidence_reader import EvidenceReader
from hypercare.overlay_reader import Subject
from tests.unit.alert_rules import alert, rule_object
from tests.unit.api_server import FakeApiServer
from tests.unit.lives import ACTIVE, COMPLETED, HOUR, MINUTE, PENDING, QUIET, RUN, suspended
from tests.unit.loop import Observer
from tests.unit.metric_source import FakePrometheus
from tests.unit.prometheus_answers import DOWN, Source, constant
from tests.unit.snapshots import IDENTITY, LIVE_OVERLAY, UNTOLD, resolved

REF = ObjectRef(PERIODS, "shop", "checkout")
ERRORS = {"name": "errors", "query": "errors", "below": 5, "sustainedFor": "10m"}
QUICK = {"evaluation": {"step": "30s", "interval": "60s", "delay": "30s", "maxDelay": "2m"}}
STARTED = replace(ACTIVE, started_at=QUIET - HOUR)
# Twenty points in ten minutes, the first one at the start.
MET_SINCE = timestamp(QUIET - HOUR + 19 * 30)


def spike(at: int) -> Source:
    """Calm but for one point."""
    return lambda time: 9 if time == at else 1


class Shop:
    """One period whose evidence is read; `status` is what the last visit stored."""

    def __init__(self, *criteria: Mapping[str, Any]) -> None:
        self.criteria = list(criteria or (ERRORS,))
        self.server = FakeApiServer()
        self.cache = WatchCache((PROMETHEUS_RULES,), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.prometheus = FakePrometheus()
        self.prometheus.values["errors"] = constant(1)
        self.observer = Observer()
        self.status: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        self.reader = EvidenceReader(self.cache, self.observer)

    async def read(
        self,
        now: int = QUIET,
        life: Life = STARTED,
        generation: int = 3,
        *,
        stored: bool = True,
        mode: str = "Enforce",
        overlay: Overlay = LIVE_OVERLAY,
    ) -> tuple[Reading, ...]:
        identity = replace(IDENTITY, generation=generation)
        spec = resolved(QUICK, exitCriteria=self.criteria, mode=mode)
        subject = Subject(identity, spec, life, UNTOLD, 0, now)
        self.prometheus.asked.clear()
        readings = await self.reader.read(subject, overlay, self.status, self.prometheus)
        if stored:
            self.status = {"criteria": [dict(each.stored) for each in readings]}
        return readings

    @property
    def asked(self) -> list[RangeQuery]:
        return [query for query in self.prometheus.asked if isinstance(query, RangeQuery)]


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestWhen:
    """Evidence is read of a started, open run that is not suspended."""

    async def test_before_the_start(self, shop: Shop) -> None:
        assert await shop.read(life=PENDING) == ()
        assert shop.asked == []
        assert shop.observer.known == {}

    @pytest.mark.parametrize("life", [COMPLETED, suspended(STARTED)], ids=["closed", "suspended"])
    async def test_afterwards_what_is_stored_is_told(self, shop: Shop, life: Life) -> None:
        (before,) = await shop.read()
        (after,) = await shop.read(QUIET + HOUR, life)
        assert shop.asked == []
        assert after.stored == before.stored
        assert after.judgement.verdict is Verdict.MET
        assert after.judgement.message == before.judgement.message
        assert after.judgement.worst == before.judgement.worst
        assert (after.final_through, after.late_seconds) == (before.final_through, 0)

    @pytest.mark.parametrize("life", [STARTED, COMPLETED], ids=["restarted", "closed"])
    async def test_what_an_error_budget_spent_is_stored_like_a_streak(self, life: Life) -> None:
        budget = {"objective": 99, "errors": "sum(rate(errors[5m]))", "total": "sum(rate(requests[5m]))", "over": "1h"}
        shop = Shop({"name": "budget", "slo": budget})
        shop.prometheus.values = {"errors": constant(0.05), "requests": constant(10)}
        (before,) = await shop.read(life=replace(STARTED, started_at=QUIET - 2 * HOUR))
        shop.start()
        (after,) = await shop.read(life=replace(life, started_at=QUIET - 2 * HOUR))
        assert (before.judgement.verdict, before.judgement.reason) == (Verdict.MET, "WithinBudget")
        assert (after.judgement.verdict, after.judgement.message) == (
            before.judgement.verdict,
            before.judgement.message,
        )
        assert (after.stored["budget"], after.final_through) == (before.stored["budget"], before.final_through)

    async def test_a_criterion_that_came_too_late_is_left_out(self, shop: Shop) -> None:
        await shop.read()
        shop.criteria.append({**ERRORS, "name": "latency"})
        assert [each.criterion.name for each in await shop.read(QUIET + HOUR, COMPLETED)] == ["errors"]

    async def test_what_somebody_damaged_is_unknown(self, shop: Shop) -> None:
        await shop.read()
        shop.status["criteria"] = [{"name": "errors"}]
        (found,) = await shop.read(QUIET + HOUR, COMPLETED)
        assert found.judgement.verdict is Verdict.UNKNOWN


class TestWhat:
    """Each question once, and no point twice that is final."""

    async def test_criteria_that_ask_the_same_share_the_question(self) -> None:
        shop = Shop(ERRORS, {**ERRORS, "name": "strict", "below": 2})
        assert len(await shop.read()) == 2
        assert len(shop.asked) == 2
        assert len(set(shop.asked)) == 2

    async def test_within_an_interval_nothing_is_asked_again(self, shop: Shop) -> None:
        first = await shop.read(QUIET)
        shop.prometheus.values["errors"] = constant(9)
        assert await shop.read(QUIET + 59) != ()
        assert shop.asked == []
        assert (await shop.read(QUIET + 59))[0].judgement == first[0].judgement

    async def test_at_the_next_tick_what_is_not_final_is_asked(self, shop: Shop) -> None:
        (first,) = await shop.read(QUIET)
        await shop.read(QUIET + 60)
        assert first.final_through == QUIET - 30
        assert {(query.start, query.end, query.step) for query in shop.asked} == {(QUIET, QUIET + 60, 30)}

    async def test_a_spec_change_is_read_at_once(self, shop: Shop) -> None:
        await shop.read(QUIET)
        await shop.read(QUIET + 1, generation=4)
        assert shop.asked

    async def test_queries_stay_in_the_namespace(self, shop: Shop) -> None:
        await shop.read()
        assert all('namespace="shop"' in query.expr for query in shop.asked)

    async def test_a_new_run_starts_anew(self, shop: Shop) -> None:
        await shop.read(QUIET)
        shop.status = {}
        following = replace(STARTED, run=replace(RUN, id="r2-0"), started_at=QUIET)
        (found,) = await shop.read(QUIET + 60, following)
        assert found.judgement.verdict is Verdict.UNKNOWN
        assert found.judgement.met_for_seconds <= 60


class TestTick:
    """A tick is read and judged as of its beginning, so that all periods of it ask the same."""

    async def test_whenever_in_a_tick_a_visit_comes_it_asks_the_same(self) -> None:
        asked = []
        for delay in (0, 7, 59):
            shop = Shop()
            (found,) = await shop.read(QUIET + delay)
            asked.append({(query, query.since) for query in shop.asked})
            assert (found.final_through, found.late_seconds) == (QUIET - 30, 0)
        assert asked[0] == asked[1] == asked[2]
        assert {(query.end, since) for query, since in asked[0]} == {(QUIET, QUIET)}

    async def test_the_first_visit_after_a_start_reads_at_once(self, shop: Shop) -> None:
        (found,) = await shop.read(QUIET + 59)
        assert found.judgement.verdict is Verdict.MET

    async def test_what_is_not_answered_in_time_is_missing_for_now(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(evidence_reader, "READ_SECONDS", 0.01)
        shop.prometheus = Hanging()
        (found,) = await shop.read()
        assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "PrometheusTimeout")
        assert shop.prometheus.given_up == len(shop.asked) == 2
        shop.prometheus = FakePrometheus()
        shop.prometheus.values["errors"] = constant(1)
        (after,) = await shop.read(QUIET + 60)
        assert after.judgement.verdict is Verdict.MET


class TestCatchingUp:
    """What is far behind is read piece by piece, at once."""

    async def test_a_long_absence_is_read_within_one_tick(self) -> None:
        shop = Shop()
        now = QUIET + (3 * MAX_POINTS - 2) * 30
        await shop.read(QUIET)
        seen = []
        for _ in range(4):
            (found,) = await shop.read(now)
            seen.append((found.unfinished, found.final_through, len(shop.asked)))
        piece = MAX_POINTS * 30
        assert seen == [
            (True, QUIET - 30 + piece, 2),
            (True, QUIET - 30 + 2 * piece, 2),
            (False, now - 30, 2),
            (False, now - 30, 0),
        ]
        assert found.judgement.verdict is Verdict.MET

    async def test_only_what_is_behind_is_read_again(self) -> None:
        """A criterion whose definition changed starts anew, so it is not behind."""
        slow = {**ERRORS, "name": "slow", "query": "latency"}
        shop = Shop(ERRORS, slow)
        shop.prometheus.values["latency"] = constant(1)
        await shop.read(QUIET)
        shop.criteria[1] = {**slow, "below": 4}
        now = QUIET + 2 * MAX_POINTS * 30
        asked = []
        for _ in range(2):
            await shop.read(now, generation=4)
            asked.append({name for query in shop.asked for name in ("errors", "latency") if name in query.expr})
        assert asked == [{"errors", "latency"}, {"errors"}]

    async def test_while_nothing_is_answered_there_is_no_hurry(self) -> None:
        shop = Shop()
        await shop.read(QUIET)
        shop.prometheus.down = DOWN
        now = QUIET + 2 * MAX_POINTS * 30
        (found,) = await shop.read(now)
        assert (found.judgement.reason, found.unfinished) == ("CatchingUp", False)
        await shop.read(now)
        assert shop.asked == []

    async def test_points_are_not_kept(self) -> None:
        """A day of points of each criterion would be most of the memory of the operator."""
        shop = Shop()
        await shop.read(QUIET)
        gc.collect()
        before = sum(isinstance(each, Point) for each in gc.get_objects())
        await shop.read(QUIET + 10 * HOUR)
        gc.collect()
        assert sum(isinstance(each, Point) for each in gc.get_objects()) <= before


class TestMemory:
    """What is in memory is what status holds, or a little ahead of it."""

    async def test_a_restart_arrives_at_the_same_place(self) -> None:
        """Twenty ticks with a bad point among them: once in one process, once with a new one before each tick."""
        told = []
        for restarts in (False, True):
            shop = Shop()
            shop.prometheus.values["errors"] = spike(QUIET + 300)
            seen = []
            for tick in range(20):
                if restarts:
                    shop.start()
                (found,) = await shop.read(QUIET + tick * MINUTE)
                seen.append((found.judgement, found.final_through, found.stored))
            told.append(seen)
        assert told[0] == told[1]
        assert {judgement.verdict for judgement, _, _ in told[0]} == {Verdict.MET, Verdict.UNMET}

    async def test_an_absence_changes_nothing(self) -> None:
        """Read tick by tick, or all at once after an hour: the same verdict from the same points."""
        told = []
        for ticks in ([*range(0, HOUR, MINUTE), HOUR], [0, HOUR]):
            shop = Shop({**ERRORS, "sustainedFor": "50m"})
            shop.prometheus.values["errors"] = spike(QUIET + 300)
            for tick in ticks:
                (found,) = await shop.read(QUIET + tick)
            told.append((found.judgement, found.final_through, found.stored["gaps"], found.stored["lastBad"]))
        assert told[0] == told[1]
        assert told[0][0].verdict is Verdict.MET

    async def test_a_status_that_was_not_written_costs_nothing(self) -> None:
        written, unwritten = Shop(), Shop()
        for shop in (written, unwritten):
            shop.prometheus.values["errors"] = spike(QUIET + 30)
            for tick in range(5):
                (found,) = await shop.read(QUIET + tick * MINUTE, stored=shop is written)
            assert found.final_through == QUIET + 4 * MINUTE - 30
            assert {query.start for query in shop.asked} == {QUIET + 3 * MINUTE}

    async def test_what_is_forgotten_comes_from_status_again(self, shop: Shop) -> None:
        await shop.read(QUIET)
        shop.reader.forget(REF, IDENTITY.uid)
        assert shop.observer.known == {}
        await shop.read(QUIET + 1)
        assert shop.asked

    async def test_a_definition_that_changed_starts_anew(self, shop: Shop) -> None:
        (before,) = await shop.read(QUIET)
        shop.criteria = [{**ERRORS, "below": 4}]
        (after,) = await shop.read(QUIET + 1, generation=4)
        assert before.judgement.verdict is Verdict.MET
        assert after.judgement.verdict is Verdict.UNKNOWN

    async def test_a_hotfix_restarts_every_streak(self, shop: Shop) -> None:
        await shop.read(QUIET)
        (after,) = await shop.read(QUIET + 60, replace(STARTED, streak_floor=QUIET), generation=4)
        assert after.judgement.verdict is Verdict.UNKNOWN
        assert after.judgement.met_for_seconds <= 60


class TestTold:
    """What status and metrics are told."""

    async def test_since_when_a_verdict_stands(self, shop: Shop) -> None:
        shop.prometheus.values["errors"] = spike(QUIET + 90)
        seen = []
        for tick in range(4):
            (found,) = await shop.read(QUIET + tick * MINUTE)
            seen.append((found.stored["verdict"], found.stored["since"]))
        assert seen == [
            ("Met", MET_SINCE),
            ("Met", MET_SINCE),
            ("Unmet", timestamp(QUIET + 90)),
            ("Unmet", timestamp(QUIET + 90)),
        ]

    @pytest.mark.parametrize("away", [range(0), range(3, 20), range(3, 40), range(1, 50)], ids=str)
    async def test_an_absence_loses_no_change_and_repeats_none(self, shop: Shop, away: range) -> None:
        """Bad for a point while away or not, a hole later on: each verdict from the same point on."""
        shop.prometheus.values["errors"] = dented
        told = await _history(shop, away)
        assert told == [
            ("Met", MET_SINCE),
            ("Unmet", timestamp(QUIET + 5 * MINUTE)),
            ("Met", timestamp(QUIET + 15 * MINUTE)),
            ("Unknown", timestamp(QUIET + 30 * MINUTE)),
            ("Met", timestamp(QUIET + 42 * MINUTE)),
        ]
        assert shop.status["criteria"][0]["since"] == told[-1][1]

    async def test_what_to_do_is_told_where_nothing_can_be_said(self, shop: Shop) -> None:
        shop.prometheus.values["errors"] = lambda _: None
        (found,) = await shop.read()
        assert found.judgement.message.startswith("the query returned no series (check names and labels")
        assert found.stored["message"] == found.judgement.message

    async def test_changes_wait_for_a_status_that_can_be_written(self, shop: Shop) -> None:
        shop.prometheus.values["errors"] = spike(QUIET + 90)
        await shop.read()
        for tick in range(2, 5):
            (found,) = await shop.read(QUIET + tick * MINUTE, stored=False)
            assert [each.time for each in found.changes] == [QUIET + 90]
        await shop.read(QUIET + 5 * MINUTE)
        (after,) = await shop.read(QUIET + 6 * MINUTE)
        assert after.changes == ()

    async def test_a_criterion_that_was_read_on_time_is_not_late(self, shop: Shop) -> None:
        (found,) = await shop.read()
        assert (found.final_through, found.late_seconds) == (QUIET - 30, 0)

    async def test_missing_data_makes_it_late(self, shop: Shop) -> None:
        await shop.read()
        shop.prometheus.values["errors"] = lambda time: None if time > QUIET else 1
        (found,) = await shop.read(QUIET + 2 * MINUTE)
        assert found.late_seconds == 90

    async def test_metrics_are_told_the_oldest(self) -> None:
        shop = Shop(ERRORS, {**ERRORS, "name": "slow", "query": "latency"})
        shop.prometheus.values["latency"] = lambda time: None if time > QUIET - 60 else 1
        await shop.read()
        assert shop.observer.known == {REF: QUIET - 60}

    async def test_a_period_without_readable_criteria_tells_nothing(self) -> None:
        shop = Shop({**ERRORS, "query": "sum("})
        assert await shop.read() == ()
        assert shop.observer.known == {}


def dented(time: int) -> float | None:
    """Bad at 5 minutes, and nothing from 30 minutes on for three."""
    if QUIET + 30 * MINUTE <= time < QUIET + 33 * MINUTE:
        return None
    return 9 if time == QUIET + 5 * MINUTE else 1


async def _history(shop: Shop, away: range) -> list[tuple[str, str]]:
    told = []
    for tick in range(60):
        if tick == away.start:
            shop.start()
        if tick not in away:
            (found,) = await shop.read(QUIET + tick * MINUTE)
            told += [(each.verdict.value, timestamp(each.time)) for each in found.changes]
    return told


ALERTS = {"name": "quiet", "alerts": {"severities": ["critical"]}, "sustainedFor": "10m"}


class TestAlerts:
    """Quiet needs its proof: where it comes from depends on the mode and on the overlay."""

    async def reading(self, mode: str, live_since: int) -> tuple[Reading, list[str]]:
        shop = Shop(ALERTS)
        (found,) = await shop.read(mode=mode, overlay=replace(LIVE_OVERLAY, live_since=live_since))
        return found, [query.expr for query in shop.asked]

    async def test_an_overlay_that_was_never_seen_proves_nothing(self) -> None:
        found, asked = await self.reading("Enforce", 0)
        assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "OverlayNotLive")
        assert asked == []

    async def test_an_overlay_that_is_live_is_asked(self) -> None:
        found, asked = await self.reading("Enforce", QUIET - HOUR)
        assert found.judgement.verdict is Verdict.UNKNOWN
        assert any("hypercare:overlay:live" in expr for expr in asked)

    async def test_observe_asks_the_originals_themselves(self) -> None:
        _, asked = await self.reading("Observe", 0)
        assert asked
        assert not any("hypercare:overlay:live" in expr for expr in asked)

    async def test_a_state_without_a_namespace_counts_where_one_rule_alone_has_the_name(self) -> None:
        """Overlays of ours do not count: they hold a copy of every name. Names are read anew after half a minute."""
        shop = Shop(ALERTS)
        shop.prometheus = Nameless()
        rules = rule_object("x", alert("Errors"))["spec"]
        ours = {"app.kubernetes.io/managed-by": "hypercare"}
        shop.server.put(ObjectRef(PROMETHEUS_RULES, "shop", "checkout-alerts"), rules)
        shop.server.put(ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout"), rules, labels=ours)
        assert await self.reason(shop, QUIET) == "AlertFiring"
        shop.server.put(ObjectRef(PROMETHEUS_RULES, "blog", "other"), rules)
        assert await self.reason(shop, QUIET + 29) == "AlertFiring"
        assert await self.reason(shop, QUIET + 30) == "AlertNotAttributable"

    async def reason(self, shop: Shop, now: int) -> str:
        """Read as if for the first time."""
        shop.reader.forget(REF, IDENTITY.uid)
        shop.status = {}
        (found,) = await shop.read(now, mode="Observe")
        return found.judgement.reason


class Hanging(FakePrometheus):
    """A Prometheus that never answers."""

    given_up = 0

    async def range(self, query: RangeQuery) -> Result:
        self.asked.append(query)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        raise AssertionError("unreachable")


class Nameless(FakePrometheus):
    """A Prometheus in which an alert fires whose series say nothing of a namespace."""

    async def range(self, query: RangeQuery) -> Result:
        if "ALERTS" not in query.expr:
            return await super().range(query)
        labels = {"alertname": "Errors", "severity": "critical", "alertstate": "firing"}
        samples = tuple(Sample(time, 1) for time in range(query.start, query.end + 1, query.step))
        return Answer((Series(labels, samples),))
