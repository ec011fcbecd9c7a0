"""An endpoint that fails in a row is left in peace, and probed."""

import pytest

from hypercare.adapters.circuit import CircuitBreaker
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, RangeQuery
from tests.adapters.prometheus_server import Response, matrix, serving
from tests.adapters.prometheus_source import QUERY, source_of


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
