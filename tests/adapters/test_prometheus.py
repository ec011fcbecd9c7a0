"""A Prometheus endpoint: every way in which it can fail has a name, and nothing is asked more often than needed."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from math import isnan
from typing import Any

import pytest

from hypercare.adapters.circuit import CircuitBreaker
from hypercare.adapters.prometheus import (
    HALVES_PER_QUERY,
    PAST_SECONDS,
    POINTS_PER_REQUEST,
    REUSE_SECONDS,
    SETTLED_SECONDS,
    THREADS,
    PrometheusSource,
    Surroundings,
    chunks,
    halves,
    merge,
)
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.samples import (
    Answer,
    FailureKind,
    InstantQuery,
    QueryFailed,
    RangeQuery,
    Result,
    Sample,
    Series,
    Unanswered,
)
from tests.adapters.prometheus_server import Behaviour, Parameters, Response, Served, error, grid, matrix, serving

QUERY = RangeQuery("up", 1000, 1040, 10)


@asynccontextmanager
async def source_of(url: str, seconds: float = 5, **surroundings: Any) -> AsyncIterator[PrometheusSource]:
    source = PrometheusSource(Endpoint(url, seconds), surroundings=Surroundings(**surroundings))
    try:
        yield source
    finally:
        source.close()


async def ask(behaviour: Behaviour, query: RangeQuery = QUERY, **options: Any) -> tuple[Result, Served]:
    with serving(behaviour) as served:
        async with source_of(served.url, **options) as source:
            return await source.range(query), served


def healthy(parameters: Parameters) -> Response:
    return matrix([{"metric": {"job": "a"}, "values": grid(parameters)}])


async def test_a_range_comes_back_as_series() -> None:
    result, served = await ask(healthy)
    samples = tuple(Sample(moment, 1) for moment in range(1000, 1041, 10))
    assert result == Answer((Series({"job": "a"}, samples),))
    assert served.asked == [{"query": "up", "start": "1000", "end": "1040", "step": "10", "timeout": "5s"}]


async def test_special_values_pass_through() -> None:
    result, _ = await ask(lambda _: matrix([{"metric": {}, "values": [[1000, "NaN"], [1010, "+Inf"], [1020, "-Inf"]]}]))
    assert isinstance(result, Answer)
    values = [sample.value for sample in result.series[0].samples]
    assert isnan(values[0])
    assert values[1:] == [float("inf"), float("-inf")]


async def test_no_series_is_an_answer() -> None:
    result, _ = await ask(lambda _: matrix([]))
    assert result == Answer(())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"resultType": "scalar", "result": [5, "2"]}, (Series({}, (Sample(5, 2),)),)),
        (
            {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [5, "2"]}]},
            (Series({"a": "b"}, (Sample(5, 2),)),),
        ),
        ({"resultType": "vector", "result": []}, ()),
    ],
)
async def test_instant_answers(data: dict[str, Any], expected: tuple[Series, ...]) -> None:
    body = json.dumps({"status": "success", "data": data}).encode()
    with serving(lambda _: Response(body=body)) as served:
        async with source_of(served.url) as source:
            assert await source.instant(InstantQuery("x", 5)) == Answer(expected)
    assert served.asked == [{"query": "x", "time": "5", "timeout": "5s"}]


async def test_native_histograms_are_named() -> None:
    row = {"metric": {}, "histograms": [[1010, {"count": "1"}]], "values": [[1000, "1"]]}
    result, _ = await ask(lambda _: matrix([row]))
    assert isinstance(result, Answer)
    assert [(hole.start, hole.failure.kind) for hole in result.unanswered] == [(1010, FailureKind.NATIVE_HISTOGRAM)]
    assert result.series[0].samples == (Sample(1000, 1),)


@pytest.mark.parametrize(
    ("response", "kind", "says"),
    [
        (Response(500, b"oops"), FailureKind.REFUSED, "status 500"),
        (error(503, "unavailable", "starting up"), FailureKind.REFUSED, "status 503: starting up"),
        (error(503, "timeout", "query timed out"), FailureKind.TIMEOUT, "gave up on the query: query timed out"),
        (Response(504, b"<html>gateway timeout"), FailureKind.TIMEOUT, "gave up"),
        (Response(401, b"<html>login"), FailureKind.UNAUTHORIZED, "refused: 401 Unauthorized"),
        (Response(403, b""), FailureKind.UNAUTHORIZED, "refused: 403 Forbidden"),
        (Response(429, b""), FailureKind.REFUSED, "status 429"),
        (error(400, "bad_data", "parse error: unexpected }"), FailureKind.BAD_QUERY, "parse error: unexpected }"),
        (error(422, "bad_data", "unknown function"), FailureKind.BAD_QUERY, "unknown function"),
        (
            Response(302, headers={"Location": "https://login.example/?secret=1"}),
            FailureKind.REFUSED,
            "redirects to login.example, which is not followed",
        ),
        (Response(200, b"<html>please log in</html>"), FailureKind.INVALID_ANSWER, "did not answer like"),
        (Response(200, b'{"status": "success", "data": {"res'), FailureKind.INVALID_ANSWER, "did not answer like"),
        (Response(200, b"[]"), FailureKind.INVALID_ANSWER, "did not answer like"),
        (Response(200, b""), FailureKind.INVALID_ANSWER, "did not answer like"),
        (Response(200, b"[" * 100_000), FailureKind.INVALID_ANSWER, "did not answer like"),
        (Response(200, b'{"status":"error"}'), FailureKind.INVALID_ANSWER, "did not answer like"),
        (matrix([{"metric": {}, "values": [["when", "1"]]}]), FailureKind.INVALID_ANSWER, "did not answer like"),
        (matrix([{"metric": {}, "values": [["inf", "1"]]}]), FailureKind.INVALID_ANSWER, "did not answer like"),
        (matrix([{"values": [[1, "1"]]}]), FailureKind.INVALID_ANSWER, "did not answer like"),
        (Response(200, b'{"status": "succ', promised_bytes=500), FailureKind.INVALID_ANSWER, "broke off"),
    ],
)
async def test_every_failure_has_a_name_and_is_a_value(response: Response, kind: FailureKind, says: str) -> None:
    result, served = await ask(lambda _: response)
    assert isinstance(result, QueryFailed)
    assert result.kind is kind
    assert says in result.message
    assert len(served.asked) == 1


async def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with source_of(f"http://user:hidden@127.0.0.1:{taken.getsockname()[1]}") as source:
            result = await source.range(QUERY)
    assert isinstance(result, QueryFailed)
    assert result == QueryFailed(FailureKind.UNREACHABLE, "Prometheus at 127.0.0.1 cannot be reached")


async def test_a_host_that_does_not_exist_is_unreachable() -> None:
    async with source_of("http://prometheus.invalid:9090") as source:
        result = await source.range(QUERY)
    assert isinstance(result, QueryFailed)
    assert result.kind is FailureKind.UNREACHABLE


async def test_an_endpoint_that_hangs_is_a_timeout_in_time() -> None:
    hanging = threading.Event()

    def hang(_: Parameters) -> Response:
        hanging.wait(10)
        return matrix([])

    started = time.monotonic()
    with serving(hang) as served:
        async with source_of(served.url, seconds=0.3) as source:
            result = await source.range(QUERY)
            took = time.monotonic() - started
            hanging.set()
    assert isinstance(result, QueryFailed)
    assert result.kind is FailureKind.TIMEOUT
    assert took < 2.3


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that sends a byte now and then, for ever."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not stop.wait(0.05):
            try:
                connection.sendall(b" ")
            except OSError:
                return
        connection.close()

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    thread.join()
    listener.close()


async def test_an_answer_that_never_ends_is_a_timeout_in_time(dripping: str) -> None:
    started = time.monotonic()
    async with source_of(dripping, seconds=0.3) as source:
        result = await source.range(QUERY)
    assert isinstance(result, QueryFailed)
    assert result.kind is FailureKind.TIMEOUT
    assert time.monotonic() - started < 2.3


async def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    result, _ = await ask(lambda _: Response(200, b" " * 300_000), max_bytes=100_000)
    assert isinstance(result, QueryFailed)
    assert result.kind is FailureKind.INVALID_ANSWER
    assert "more than 97 KiB" in result.message


# --- parts of a range ------------------------------------------------------------------------------------------------


def tainted(bad: range, taint: Callable[[list[list[Any]]], Response]) -> Behaviour:
    """Answers well but for requests that touch the bad times."""

    def behave(parameters: Parameters) -> Response:
        values = grid(parameters)
        return taint(values) if any(moment in bad for moment, _ in values) else healthy(parameters)

    return behave


def with_warning(values: list[list[Any]]) -> Response:
    return matrix([{"metric": {"job": "a"}, "values": values}], warnings=["store is down"])


def many_to_many(_: list[list[Any]]) -> Response:
    return error(422, "execution", "many-to-many matching not allowed")


@pytest.mark.parametrize(
    ("taint", "kind"), [(with_warning, FailureKind.PARTIAL_ANSWER), (many_to_many, FailureKind.BAD_QUERY)]
)
async def test_a_tainted_part_is_found_by_halves_and_the_rest_is_used(
    taint: Callable[[list[list[Any]]], Response], kind: FailureKind
) -> None:
    result, served = await ask(tainted(range(1000, 1020), taint), RangeQuery("up", 1000, 1150, 10))
    assert isinstance(result, Answer)
    assert [(hole.start, hole.end, hole.failure.kind) for hole in result.unanswered] == [(1000, 1010, kind)] or [
        (hole.start, hole.end, hole.failure.kind) for hole in result.unanswered
    ] == [(1000, 1000, kind), (1010, 1010, kind)]
    assert [sample.time for sample in result.series[0].samples] == list(range(1020, 1151, 10))
    assert len(served.asked) <= 1 + HALVES_PER_QUERY


async def test_an_endpoint_that_always_warns_is_not_asked_for_ever() -> None:
    result, served = await ask(tainted(range(10_000), with_warning), RangeQuery("up", 1000, 2000, 10))
    assert isinstance(result, Answer)
    assert result.series == ()
    assert (result.unanswered[0].start, result.unanswered[-1].end) == (1000, 2000)
    assert len(served.asked) <= 1 + HALVES_PER_QUERY


async def test_one_point_that_cannot_be_evaluated_is_a_failure() -> None:
    result, served = await ask(tainted(range(1000, 1001), many_to_many), RangeQuery("up", 1000, 1000, 10))
    assert result == QueryFailed(FailureKind.BAD_QUERY, "many-to-many matching not allowed")
    assert len(served.asked) == 1


async def test_a_long_range_is_read_in_chunks_and_joined() -> None:
    query = RangeQuery("up", 0, 24_999 * 10, 10)
    result, served = await ask(healthy, query)
    assert isinstance(result, Answer)
    assert [sample.time for sample in result.series[0].samples] == list(range(0, 250_000, 10))
    assert len(served.asked) == 3
    assert max(len(grid(asked)) for asked in served.asked) == POINTS_PER_REQUEST < 11_000


@pytest.mark.parametrize("points", [2, 3, 10, 10_000, 10_001])
def test_cutting_loses_and_repeats_nothing(points: int) -> None:
    query = RangeQuery("up", 70, 70 + (points - 1) * 7, 7)
    whole = list(range(query.start, query.end + 1, query.step))
    for parts in (chunks(query), halves(query)):
        assert [moment for part in parts for moment in range(part.start, part.end + 1, part.step)] == whole


def test_a_part_that_failed_as_a_whole_fails_all_of_it() -> None:
    failed = QueryFailed(FailureKind.TIMEOUT, "late")
    assert merge([Answer(()), failed]) == failed
    holes = (Unanswered(20, 20, failed), Unanswered(10, 10, failed))
    assert merge([Answer((), unanswered=(hole,)) for hole in holes]) == Answer((), unanswered=holes[::-1])


# --- how often and how many ------------------------------------------------------------------------------------------


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


async def test_what_nobody_waits_for_any_more_is_not_sent() -> None:
    """The questions of a visit that was cut short must not be in the way of the others."""
    arrived, go_on = threading.Event(), threading.Event()

    def slow(parameters: Parameters) -> Response:
        arrived.set()
        go_on.wait(5)
        return healthy(parameters)

    with serving(slow) as served:
        async with source_of(served.url) as source:
            cut_short = [asyncio.create_task(source.range(RangeQuery(f"x{n}", 0, 0, 10))) for n in range(5 * THREADS)]
            await asyncio.to_thread(arrived.wait, 5)
            for task in cut_short:
                task.cancel()
            await asyncio.gather(*cut_short, return_exceptions=True)
            go_on.set()
            assert isinstance(await source.range(QUERY), Answer)
    assert len(served.asked) <= THREADS + 1


async def test_a_failure_is_not_remembered() -> None:
    responses = iter([Response(500), matrix([])])
    with serving(lambda _: next(responses)) as served:
        async with source_of(served.url) as source:
            assert isinstance(await source.range(QUERY), QueryFailed)
            assert await source.range(QUERY) == Answer(())


async def test_a_caller_that_is_cancelled_does_not_take_the_answer_from_the_others() -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def slow(parameters: Parameters) -> Response:
        arrived.set()
        go_on.wait(5)
        return healthy(parameters)

    with serving(slow) as served:
        async with source_of(served.url) as source:
            first, second = (asyncio.create_task(source.range(QUERY)) for _ in range(2))
            await asyncio.to_thread(arrived.wait, 5)
            first.cancel()
            go_on.set()
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


async def test_an_endpoint_that_fails_in_a_row_is_left_in_peace_and_heals() -> None:
    now, status = [100.0], [503]
    with serving(lambda _: Response(status[0]) if status[0] != 200 else matrix([])) as served:
        async with source_of(served.url, clock=lambda: now[0], random=lambda: 0.5) as source:
            for n in range(20):
                assert isinstance(await source.range(RangeQuery(f"x{n}", 0, 0, 10)), QueryFailed)
            assert len(served.asked) == 5
            status[0] = 200
            now[0] += 1.1
            assert await source.range(QUERY) == Answer(())
            assert await source.range(RangeQuery("other", 0, 0, 10)) == Answer(())


DOWN = QueryFailed(FailureKind.UNREACHABLE, "down")


@pytest.mark.parametrize(("draw", "pause"), [(0.0, 0.5), (0.5, 1.0), (0.999, 1.499)])
def test_the_pause_of_a_circuit_has_jitter(draw: float, pause: float) -> None:
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0], lambda: draw, threshold=2)
    for _ in range(2):
        assert breaker.refusal() is None
        breaker.record(DOWN)
    now[0] = pause - 0.01
    assert breaker.refusal() == DOWN
    now[0] = pause + 0.01
    assert breaker.refusal() is None


def test_a_circuit_probes_with_one_question_and_pauses_longer_each_time() -> None:
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0], lambda: 0.5, threshold=1, longest_pause=4)
    pauses = []
    assert breaker.refusal() is None
    for _ in range(5):
        breaker.record(DOWN)
        before = now[0]
        while breaker.refusal() is not None:
            now[0] += 0.5
        pauses.append(now[0] - before)
    assert pauses == [1, 2, 4, 4, 4]


def test_while_a_circuit_is_probed_nobody_else_asks() -> None:
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0], lambda: 0.5, threshold=1)
    breaker.record(DOWN)
    now[0] = 10
    assert breaker.refusal() is None
    assert breaker.refusal() == DOWN
    breaker.record(Answer(()))
    assert breaker.refusal() is None
    assert breaker.refusal() is None


def test_a_bad_query_says_nothing_about_the_endpoint() -> None:
    breaker = CircuitBreaker(lambda: 0.0, lambda: 0.5, threshold=1)
    breaker.record(QueryFailed(FailureKind.BAD_QUERY, "parse error"))
    assert breaker.refusal() is None
