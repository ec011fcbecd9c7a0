"""Reading evidence: of which lives, once per interval, and each question once."""

import asyncio
from dataclasses import replace

import pytest

from hypercare import evidence_reader
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.life.facts import Life
from hypercare.domain.samples import RangeQuery, Result
from tests.unit.evidence_shop import ERRORS, STARTED, Shop
from tests.unit.lives import COMPLETED, HOUR, PENDING, QUIET, RUN, suspended
from tests.unit.metric_source import FakePrometheus
from tests.unit.prometheus_answers import constant


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
