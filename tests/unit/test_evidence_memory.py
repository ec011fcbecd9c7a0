"""Reading evidence that is far behind, and after a restart: the same as without one."""

import gc
from dataclasses import replace

import pytest

from hypercare.domain.evidence.context import MAX_POINTS
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Point
from tests.unit.evidence_shop import ERRORS, REF, STARTED, Shop, spike
from tests.unit.lives import HOUR, MINUTE, QUIET
from tests.unit.prometheus_answers import DOWN, constant
from tests.unit.snapshots import IDENTITY


@pytest.fixture
def shop() -> Shop:
    return Shop()


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
