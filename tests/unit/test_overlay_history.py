"""History is read with few questions, each asked once, and never for longer than the caller can wait."""

import asyncio
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import pytest

from hypercare.domain.alerts.preflight import Candidate, NoHistory, Tried, WouldFire
from hypercare.domain.alerts.protection import Calibrated, Tighten
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.tightening import ForRule
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, RangeQuery, Result
from hypercare.overlay import history as overlay_history
from hypercare.overlay.history import AT_A_TIME, HistoryReader
from tests.unit.preflight_worlds import BEFORE, DAY, HOUR, TENANCY, World

STEP = 600
FIFTH = ThresholdRule(Fraction(1, 5))
DOWN = QueryFailed(FailureKind.UNREACHABLE, "prometheus cannot be reached")


class Slow:
    """A source that answers from a world, `pausing` before each answer."""

    def __init__(self, world: World, pausing: Callable[[RangeQuery], float] = lambda _: 0.0) -> None:
        self.world = world
        self.pausing = pausing
        self.under_way = self.most = 0
        self.given_up = asyncio.Event()

    async def range(self, query: RangeQuery) -> Result:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.pausing(query))
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        finally:
            self.under_way -= 1
        return self.world.answer(query)

    async def instant(self, query: InstantQuery) -> Result:
        raise AssertionError(query)


def world(high: float = 1.0) -> World:
    """A day of 1, with a short spike in every fourth hour; two pods."""
    end = BEFORE - BEFORE % STEP
    values = {end - i * STEP: high if i % 24 in (5, 6, 7) else 1.0 for i in range((DAY + HOUR) // STEP + 1)}
    return World({"a": values, "b": values})


def candidate(rule_id: str, bound: float = 50.5, threshold: ThresholdRule | Calibrated = FIFTH) -> Candidate:
    for_rule = ForRule(Tighten(shorten_for=0.34, min_for_seconds=0, allow_unrestored=True))
    expr, inputs = f"load > {bound}", "(count(load) or vector(0))"
    return Candidate(rule_id, expr, 1800, STEP, for_rule, threshold, inputs)


async def test_each_candidate_has_its_verdict() -> None:
    asked = [candidate("quiet", 90.5), candidate("careful", 50.5), candidate("noise", 40.5)]

    found = await HistoryReader().read(asked, BEFORE, TENANCY, Slow(world(44.0)))

    assert {rule: type(verdict) for rule, verdict in found.items()} == {
        "quiet": Tried,
        "careful": Tried,
        "noise": WouldFire,
    }
    assert [each.strongest for each in found.values() if isinstance(each, Tried)] == [100, 50]


async def test_nothing_asked_is_nothing_read() -> None:
    assert await HistoryReader().read([], BEFORE, TENANCY, Slow(World({}))) == {}


async def test_the_same_question_is_asked_once() -> None:
    """Of fifty alerts with one expression and fifty with others, all on one metric."""
    known = world(44.0)
    asked = [candidate(f"same{n}") for n in range(50)] + [candidate(f"own{n}", 60.5 + n) for n in range(50)]

    await HistoryReader().read(asked, BEFORE, TENANCY, Slow(known, lambda _: 0.001))

    assert Counter(known.asked).most_common(1)[0][1] == 1
    # One count, and for each expression the original and what was tried of it.
    assert len(known.asked) == 1 + (1 + 3) + 50 * 2


async def test_few_questions_are_under_way_at_a_time_for_all_periods() -> None:
    source = Slow(world(), lambda _: 0.001)

    reader = HistoryReader()

    for_each = [[candidate(str(n), 50.5 + n, Calibrated()) for n in range(period, 30, 3)] for period in range(3)]
    await asyncio.gather(*(reader.read(asked, BEFORE, TENANCY, source) for asked in for_each))

    assert source.most == AT_A_TIME


async def test_many_alerts_leave_others_their_turn() -> None:
    turns, done = 0, False

    async def other() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    asked = [candidate(str(n)) for n in range(2000)]
    found = await HistoryReader().read(asked, BEFORE, TENANCY, Slow(world()))
    done = True
    await task

    assert len(found) == 2000
    assert turns >= 2000 / AT_A_TIME


async def test_what_is_not_answered_in_time_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay_history, "READ_SECONDS", 0.2)
    source = Slow(world(), lambda query: 60.0 if "70.5" in query.expr else 0.0)

    async with asyncio.timeout(10):
        found = await HistoryReader().read([candidate("slow", 70.5), candidate("quick")], BEFORE, TENANCY, source)

    slow = found["slow"]
    assert isinstance(slow, NoHistory)
    assert slow.again
    assert isinstance(found["quick"], Tried)
    await source.given_up.wait()
    assert source.under_way == 0


async def test_an_endpoint_that_is_down_is_no_verdict_to_keep() -> None:
    found = await HistoryReader().read([candidate("a")], BEFORE, TENANCY, Slow(World({}, {"load": DOWN})))

    assert found == {"a": NoHistory(f"its history could not be read: {DOWN.message}", again=True)}


async def test_long_answers_are_not_kept_for_others() -> None:
    questions = overlay_history._Questions(Slow(world(60.0)))
    queries = [RangeQuery(expr, BEFORE - DAY, BEFORE, STEP) for expr in ('load{namespace="shop"} > 50.5',)]
    counts = [RangeQuery('(count(load{namespace="shop"}) or vector(0))', BEFORE - DAY, BEFORE, STEP)]
    first = await questions.ask([*queries, *counts])

    questions.forget([*queries, *counts])
    questions.forget(queries)
    again = await questions.ask([*queries, *counts])

    assert all(isinstance(each, Answer) for each in first.values())
    assert again == first
    assert again[queries[0]] is not first[queries[0]]
    assert again[counts[0]] is first[counts[0]]
