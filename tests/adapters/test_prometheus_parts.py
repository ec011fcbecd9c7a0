"""A range that is read in parts: long ones in chunks, tainted ones by halves."""

from collections.abc import Callable
from typing import Any

import pytest

from hypercare.adapters.prometheus import HALVES_PER_QUERY, POINTS_PER_REQUEST, chunks, halves, merge
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, RangeQuery, Unanswered
from tests.adapters.prometheus_server import Behaviour, Parameters, Response, error, grid, matrix
from tests.adapters.prometheus_source import ask, healthy


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
