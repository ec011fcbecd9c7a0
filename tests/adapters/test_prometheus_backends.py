"""What Thanos, Mimir and VictoriaMetrics answer where Prometheus would answer otherwise, or not at all.

Each case names where the answer is documented, or which source writes it.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest

from hypercare.adapters.circuit import CircuitBreaker
from hypercare.adapters.prometheus import PrometheusSource
from hypercare.adapters.prometheus_replies import MAX_WAIT_SECONDS, refused
from hypercare.adapters.prometheus_session import Record
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, RangeQuery
from tests.adapters.prometheus_server import Behaviour, Parameters, Response, Served, error, grid, matrix, serving

QUERY = RangeQuery("up", 1000, 1070, 10)
UP = {"metric": {"job": "a"}}


def whole(parameters: Parameters, **more: Any) -> Response:
    return matrix([{**UP, "values": grid(parameters)}], **more)


def victoria(status: int, text: str) -> Response:
    """Its errors: `errorType` is the status as a number (lib/httpserver/prometheus_error_response.qtpl)."""
    return error(status, str(status), text)


def plain(status: int, text: str) -> Response:
    return Response(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


@asynccontextmanager
async def asking(behaviour: Behaviour) -> AsyncIterator[tuple[PrometheusSource, Served]]:
    with serving(behaviour) as served:
        source = PrometheusSource(Endpoint(served.url, 5))
        try:
            yield source, served
        finally:
            source.close()


# --- answers in part -------------------------------------------------------------------------------------------------


async def test_a_part_of_a_victoriametrics_cluster_is_no_answer() -> None:
    """`"isPartial":true` beside `data` (docs.victoriametrics.com, "Cluster availability"), and no warning."""
    async with asking(lambda parameters: whole(parameters, isPartial=True)) as (source, served):
        result = await source.range(QUERY)
        assert isinstance(result, Answer)
        assert (result.series, [(each.start, each.end) for each in result.unanswered]) == ((), [(1000, 1070)])
        assert result.unanswered[0].failure == QueryFailed(
            FailureKind.PARTIAL_ANSWER, "isPartial: a storage node of the cluster did not answer"
        )
        # The node is missing in every half, so none is asked for.
        assert len(served.asked) == 1


async def test_an_instant_answer_in_part_is_marked() -> None:
    body = {"status": "success", "isPartial": True, "data": {"resultType": "vector", "result": []}}
    async with asking(lambda _: Response(body=json.dumps(body).encode())) as (source, _):
        result = await source.instant(InstantQuery("up", 1000))
    assert isinstance(result, Answer)
    assert result.warnings == ("isPartial: a storage node of the cluster did not answer",)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"isPartial": False}, id="a whole cluster"),
        pytest.param({"stats": {"seriesFetched": "1", "executionTimeMsec": 2}}, id="statistics"),
        pytest.param({"data": {"resultType": "matrix", "result": [], "analysis": {}, "isPartial": True}}, id="inside"),
        pytest.param({"infos": ["PromQL info: metric might not be a counter"]}, id="infos are no warnings"),
        pytest.param({"warnings": []}, id="no warnings"),
        pytest.param({"warnings": None}, id="null for no warnings"),
    ],
)
async def test_other_fields_beside_the_data_change_nothing(more: dict[str, Any]) -> None:
    async with asking(lambda parameters: whole(parameters, **more)) as (source, _):
        result = await source.range(QUERY)
    assert isinstance(result, Answer)
    assert result.unanswered == ()


async def test_a_label_that_looks_like_a_part_is_a_label() -> None:
    row = {"metric": {"text": '"isPartial":true, "warnings":["x"]'}, "values": [[1000, "1"]]}
    async with asking(lambda _: matrix([row])) as (source, _):
        result = await source.range(QUERY)
    assert isinstance(result, Answer)
    assert (len(result.series), result.unanswered) == (1, ())


async def test_a_store_that_is_missing_to_thanos_taints_what_it_holds() -> None:
    """Status 200 with `warnings` (Thanos docs/components/query.md, "Partial Response"); the rest is read in halves."""

    def behaviour(parameters: Parameters) -> Response:
        tainted = int(parameters["start"]) < 1040
        return whole(parameters, **({"warnings": ["No StoreAPIs matched for this query"]} if tainted else {}))

    async with asking(behaviour) as (source, _):
        result = await source.range(QUERY)
    assert isinstance(result, Answer)
    assert {each.failure.kind for each in result.unanswered} == {FailureKind.PARTIAL_ANSWER}
    assert max(each.end for each in result.unanswered) == 1030
    assert [sample.time for sample in result.series[0].samples] == [1040, 1050, 1060, 1070]


# --- refusals --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    sentence: str
    response: Response
    kind: FailureKind
    says: str
    requests: int = 1
    source: str = field(default="", compare=False)


CASES = (
    Case(
        "Mimir does not know whose data is asked for.",
        plain(401, "no org id\n"),
        FailureKind.UNAUTHORIZED,
        "refused: 401 Unauthorized: no org id",
        source="Mimir docs, manage/secure/authentication-and-authorization",
    ),
    Case(
        "A limit of Mimir on chunks may be kept by a part of the range.",
        error(
            422,
            "execution",
            "expanding series: the query exceeded the maximum number of chunks (limit: 2 chunks) "
            "(err-mimir-max-chunks-per-query). Consider reducing the time range",
        ),
        FailureKind.BAD_QUERY,
        "err-mimir-max-chunks-per-query",
        requests=9,
        source="Mimir pkg/util/limiter, pkg/util/globalerror/user.go",
    ),
    Case(
        "A limit of Mimir on the length of a query comes as bad data, and may be kept by a part as well.",
        error(422, "bad_data", "the total query time range exceeds the limit (err-mimir-max-total-query-length)"),
        FailureKind.BAD_QUERY,
        "err-mimir-max-total-query-length",
        requests=9,
        source="Mimir pkg/util/validation/errors.go",
    ),
    Case(
        "A query that Mimir's administrators block is blocked in parts, too.",
        error(422, "bad_data", "the request has been blocked by the cluster administrator (err-mimir-query-blocked)"),
        FailureKind.BAD_QUERY,
        "err-mimir-query-blocked",
        source="Mimir pkg/util/globalerror/user.go",
    ),
    Case(
        "An index that is behind is no fault of the query.",
        error(422, "execution", "the bucket index is too old (err-mimir-bucket-index-too-old)"),
        FailureKind.REFUSED,
        "cannot read all of its data: the bucket index is too old",
        source="Mimir runbooks, err-mimir-bucket-index-too-old",
    ),
    Case(
        "Too many requests to Mimir.",
        error(429, "too_many_requests", "the request has been rejected (err-mimir-tenant-max-request-rate)"),
        FailureKind.REFUSED,
        "answered with status 429: the request has been rejected",
        source="Mimir pkg/api/error/error.go",
    ),
    Case(
        "VictoriaMetrics cannot parse a query.",
        victoria(422, 'error when executing query="sum(": cannot parse "sum(": unparsed data'),
        FailureKind.BAD_QUERY,
        "cannot parse",
        source="VictoriaMetrics lib/httpserver/prometheus.go",
    ),
    Case(
        "A limit of VictoriaMetrics may be kept by a part of the range.",
        victoria(422, "cannot select more than -search.maxSamplesPerQuery=1000000000 samples"),
        FailureKind.BAD_QUERY,
        "-search.maxSamplesPerQuery",
        requests=9,
        source="VictoriaMetrics app/vmselect/netstorage",
    ),
    Case(
        "A query is as long in each of its parts.",
        victoria(422, "too long query; got 20000 bytes; mustn't exceed `-search.maxQueryLen=16384` bytes"),
        FailureKind.BAD_QUERY,
        "too long query",
        source="VictoriaMetrics app/vmselect/prometheus/prometheus.go",
    ),
    Case(
        "VictoriaMetrics gives up on a query with the status of a bad one.",
        victoria(
            422,
            "timeout exceeded during query execution: 30.000 seconds (elapsed 30.010 seconds); "
            "the timeout can be adjusted with `-search.maxQueryDuration` command-line flag",
        ),
        FailureKind.TIMEOUT,
        "gave up on the query: timeout exceeded",
        source="VictoriaMetrics app/vmselect/searchutils (Deadline.String)",
    ),
    Case(
        "All storage of a VictoriaMetrics cluster is away.",
        victoria(503, "error occured during search: cannot fetch query results from vmstorage nodes: cannot dial"),
        FailureKind.REFUSED,
        "answered with status 503: error occured during search",
        source="VictoriaMetrics app/vmselect/netstorage (collectResults)",
    ),
    Case(
        "The front end of a service tells more in an object.",
        Response(403, b'{"error": {"code": 403, "message": "Permission denied on resource", "status": "DENIED"}}'),
        FailureKind.UNAUTHORIZED,
        "refused: 403 Forbidden: Permission denied on resource",
        source="GoogleCloudPlatform/prometheus-engine issue 509",
    ),
    Case(
        "A wrong path is told with what the server says.",
        plain(404, "404 page not found\n"),
        FailureKind.REFUSED,
        "answered with status 404: 404 page not found",
        source="Go net/http",
    ),
    Case(
        "A page of a proxy is not passed on.",
        Response(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
        FailureKind.REFUSED,
        "Prometheus at 127.0.0.1 answered with status 502",
    ),
    Case(
        "A text that repeats the status says nothing more.",
        plain(403, "Forbidden\n"),
        FailureKind.UNAUTHORIZED,
        "Prometheus at 127.0.0.1 refused: 403 Forbidden",
    ),
    Case(
        "Neither does a text of many lines.",
        plain(500, "panic\n\ngoroutine 1 [running]:\n"),
        FailureKind.REFUSED,
        "Prometheus at 127.0.0.1 answered with status 500",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
async def test_a_refusal_is_told_for_what_it_is(case: Case) -> None:
    async with asking(lambda _: case.response) as (source, served):
        result = await source.range(QUERY)
    failure = result if isinstance(result, QueryFailed) else result.unanswered[0].failure
    assert failure.kind is case.kind
    assert case.says in failure.message
    assert not case.says.startswith("Prometheus at") or failure.message == case.says
    assert len(served.asked) == case.requests


async def test_what_is_too_much_for_one_query_is_read_in_parts() -> None:
    def limited(parameters: Parameters) -> Response:
        if len(grid(parameters)) > 4:
            return error(422, "execution", "too many chunks (err-mimir-max-chunks-per-query)")
        return whole(parameters)

    async with asking(limited) as (source, _):
        result = await source.range(QUERY)
    assert isinstance(result, Answer)
    assert (len(result.series[0].samples), result.unanswered) == (8, ())


# --- being asked to wait ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("", 0),
        ("0", 0),
        ("30", 30),
        ("86400", MAX_WAIT_SECONDS),
        ("soon", 0),
        ("-5", 0),
        ("²", 0),
        (formatdate(0, usegmt=True), 0),
        (formatdate(4_000_000_000, usegmt=True), MAX_WAIT_SECONDS),
        ("Fri, 99 Nov 2026 99:99:99 GMT", 0),
    ],
)
def test_how_long_an_endpoint_wants_to_be_left_in_peace(status: int, retry_after: str, seconds: float) -> None:
    reply = refused(Record(status, retry_after=retry_after), "Prometheus at p")
    assert reply.wait_seconds == seconds
    assert isinstance(reply.result, QueryFailed)
    assert ("to be asked again after" in reply.result.message) is (seconds > 0)


def test_an_endpoint_that_asks_for_time_gets_it_at_once() -> None:
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0], lambda: 0.5)
    overloaded = QueryFailed(FailureKind.REFUSED, "status 429")
    breaker.record(overloaded, wait_seconds=60)
    now[0] = 60
    assert breaker.refusal() == overloaded
    now[0] = 66
    assert breaker.refusal() is None
    breaker.record(Answer(()))
    assert breaker.refusal() is None


async def test_a_retry_after_keeps_the_next_question_back() -> None:
    overloaded = Response(429, headers={"Retry-After": "120"})
    async with asking(lambda _: overloaded) as (source, served):
        first = await source.range(QUERY)
        second = await source.instant(InstantQuery("up", 1000))
        assert (
            first
            == second
            == QueryFailed(
                FailureKind.REFUSED, "Prometheus at 127.0.0.1 answered with status 429, to be asked again after 2m"
            )
        )
        assert len(served.asked) == 1
