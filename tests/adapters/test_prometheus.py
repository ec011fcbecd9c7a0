"""A Prometheus endpoint: what it answers, and every way in which it can fail, by name."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from math import isnan
from typing import Any

import pytest

from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, Sample, Series
from tests.adapters.prometheus_server import Parameters, Response, error, matrix, serving
from tests.adapters.prometheus_source import QUERY, ask, healthy, source_of


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
