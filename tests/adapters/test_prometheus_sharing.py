"""Nothing is asked of an endpoint more often than needed, nor too much at once."""

import asyncio
import threading
from dataclasses import replace

import pytest

from hypercare.adapters.prometheus import PAST_SECONDS, REUSE_SECONDS, SETTLED_SECONDS, THREADS
from hypercare.domain.alerts.loaded_rules import LoadedRules, RulesQuery
from hypercare.domain.samples import Answer, QueryFailed, RangeQuery
from tests.adapters.prometheus_server import Parameters, Response, error, matrix, serving
from tests.adapters.prometheus_source import QUERY, healthy, source_of


async def test_equal_questions_are_asked_once_while_under_way_and_shortly_after() -> None:
    now = [2000.0]
    with serving(healthy) as served:
        async with source_of(served.url, now=lambda: now[0]) as source:
            results = await asyncio.gather(*(source.range(QUERY) for _ in range(20)))
            again = await source.range(QUERY)
            assert len(served.asked) == 1
            now[0] += REUSE_SECONDS + 0.1
            await source.range(QUERY)
    assert all(result == again for result in results)
    assert len(served.asked) == 2


async def test_an_answer_is_shared_through_the_tick_that_it_was_asked_in() -> None:
    now = [1040.0]
    with serving(healthy) as served:
        async with source_of(served.url, now=lambda: now[0]) as source:
            answer = await source.range(replace(QUERY, since=1040))
            now[0] += 50
            assert await source.range(replace(QUERY, since=1040)) is answer
            assert len(served.asked) == 1
            assert await source.range(replace(QUERY, since=1060)) == answer
            assert len(served.asked) == 2


@pytest.mark.parametrize(
    ("response", "remembered"),
    [
        (error(422, "execution", "many-to-many matching not allowed"), True),
        (error(400, "bad_data", "parse error"), True),
        (matrix([], warnings=["one store is down"]), True),
        (Response(500), False),
        (Response(200, b"<html>please log in</html>"), False),
    ],
)
async def test_what_is_wrong_with_a_question_holds_for_a_tick(response: Response, remembered: bool) -> None:
    now = [1040.0]
    with serving(lambda _: response) as served:
        async with source_of(served.url, now=lambda: now[0]) as source:
            query = RangeQuery("up", 1040, 1040, 10, since=1040)
            await source.range(query)
            now[0] += 10
            await source.range(query)
    assert len(served.asked) == (1 if remembered else 2)


@pytest.mark.parametrize(
    ("response", "end", "asked"),
    [
        (matrix([]), 10_000, 1),
        (matrix([]), 10_010, 2),
        (matrix([], warnings=["one store is down"]), 10_000, 2),
    ],
)
async def test_a_range_that_ended_an_hour_ago_is_not_asked_at_every_tick(
    response: Response, end: int, asked: int
) -> None:
    now = [10_000.0 + SETTLED_SECONDS]
    with serving(lambda _: response) as served:
        async with source_of(served.url, now=lambda: now[0]) as source:
            query = RangeQuery("up", end, end, 10)
            await source.range(query)
            now[0] += 60
            await source.range(query)
            assert len(served.asked) == asked
            now[0] += PAST_SECONDS + 1
            await source.range(query)
            assert len(served.asked) == asked + 1


class Gate:
    """A healthy server whose first request is on its way until the gate opens, and those after it too."""

    def __init__(self) -> None:
        self._arrived, self._open = threading.Event(), threading.Event()

    def __call__(self, parameters: Parameters) -> Response:
        self._arrived.set()
        self._open.wait(5)
        return healthy(parameters)

    async def reached(self) -> None:
        """Wait until a request has come."""
        await asyncio.to_thread(self._arrived.wait, 5)

    def open(self) -> None:
        self._open.set()


async def test_what_nobody_waits_for_any_more_is_not_sent() -> None:
    """The questions of a visit that was cut short must not be in the way of the others."""
    gate = Gate()
    with serving(gate) as served:
        async with source_of(served.url) as source:
            cut_short = [asyncio.create_task(source.range(RangeQuery(f"x{n}", 0, 0, 10))) for n in range(5 * THREADS)]
            await gate.reached()
            for task in cut_short:
                task.cancel()
            await asyncio.gather(*cut_short, return_exceptions=True)
            gate.open()
            assert isinstance(await source.range(QUERY), Answer)
    assert len(served.asked) <= THREADS + 1


async def test_a_failure_is_not_remembered() -> None:
    responses = iter([Response(500), matrix([])])
    with serving(lambda _: next(responses)) as served:
        async with source_of(served.url) as source:
            assert isinstance(await source.range(QUERY), QueryFailed)
            assert await source.range(QUERY) == Answer(())


async def test_a_caller_that_is_cancelled_does_not_take_the_answer_from_the_others() -> None:
    gate = Gate()
    with serving(gate) as served:
        async with source_of(served.url) as source:
            first, second = (asyncio.create_task(source.range(QUERY)) for _ in range(2))
            await gate.reached()
            first.cancel()
            gate.open()
            assert isinstance(await second, Answer)
            with pytest.raises(asyncio.CancelledError):
                await first
    assert len(served.asked) == 1


async def test_an_endpoint_gets_a_limited_number_of_requests_at_once() -> None:
    together = threading.Barrier(THREADS)

    def slow(_: Parameters) -> Response:
        # The barrier is passed only by as many requests as there may be; one more would wait in vain.
        together.wait(5)
        return matrix([])

    with serving(slow) as served:
        async with source_of(served.url) as source:
            results = await asyncio.gather(*(source.range(RangeQuery(f"x{n}", 0, 0, 10)) for n in range(2 * THREADS)))
    assert results == [Answer(())] * (2 * THREADS)
    assert served.most_at_once == THREADS


async def test_loaded_rules_are_asked_for_one_at_a_time_and_shared() -> None:
    def listing(_: Parameters) -> Response:
        threading.Event().wait(0.05)  # long enough for another one to come in
        return Response(200, b'{"status": "success", "data": {"groups": []}}')

    questions = [RulesQuery((f"group-{number % 3}",), ("first",)) for number in range(9)]
    with serving(listing) as served:
        async with source_of(served.url) as source:
            found = await asyncio.gather(*(source.rules(each) for each in questions))
            assert await source.rules(questions[0]) == LoadedRules(())
    assert set(found) == {LoadedRules(())}
    assert sorted(each["rule_group[]"] for each in served.asked) == ["group-0", "group-1", "group-2"]
    assert {each["rule_name[]"] for each in served.asked} == {"first"}
    assert served.most_at_once == 1
