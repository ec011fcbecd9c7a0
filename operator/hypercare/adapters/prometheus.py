"""A Prometheus-compatible endpoint as a `MetricSource`, with prometheus-api-client in a small pool of threads.

Per endpoint: at most `THREADS` requests at a time, equal requests made once while one of them is under way and for
`REUSE_SECONDS` after, long ranges in chunks below Prometheus' limit of 11,000 points, and a circuit breaker.

A range with warnings, or one that fails to evaluate, is asked again in halves until the tainted part is small, or
`HALVES_PER_QUERY` more requests have been made; what remains tainted is reported as unanswered, the rest is used.
"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hypercare.adapters.circuit import CircuitBreaker
from hypercare.adapters.credentials import ANONYMOUS, Credentials
from hypercare.adapters.prometheus_replies import Reply
from hypercare.adapters.prometheus_requests import MAX_ANSWER_BYTES, Requester
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

THREADS = 8
REUSE_SECONDS = 2.0
HALVES_PER_QUERY = 8
POINTS_PER_REQUEST = 10_000
_REMEMBERED = 512
_GRACE_SECONDS = 1.0

Query = RangeQuery | InstantQuery


@dataclass(frozen=True)
class Surroundings:
    """What a source takes from outside: monotonic seconds, uniform random numbers in [0, 1), the size limit."""

    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random
    max_bytes: int = MAX_ANSWER_BYTES


_DEFAULT_SURROUNDINGS = Surroundings()


class PrometheusSource:
    """One endpoint. Use it within one event loop, and close it.

    Raises:
        InvalidCredentials: a client certificate cannot be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: Credentials = ANONYMOUS,
        surroundings: Surroundings = _DEFAULT_SURROUNDINGS,
    ) -> None:
        self._clock = surroundings.clock
        self._timeout = endpoint.timeout_seconds
        self._requester = Requester(endpoint, credentials, surroundings.max_bytes)
        self._breaker = CircuitBreaker(surroundings.clock, surroundings.random)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="prometheus")
        self._slots = asyncio.Semaphore(THREADS)
        self._under_way: dict[Query, asyncio.Task[Result]] = {}
        self._recent: OrderedDict[Query, tuple[float, Result]] = OrderedDict()

    async def range(self, query: RangeQuery) -> Result:
        """Evaluate over a grid."""
        return await self._once(query)

    async def instant(self, query: InstantQuery) -> Result:
        """Evaluate once."""
        return await self._once(query)

    def close(self) -> None:
        """Release threads and connections; does not wait for requests under way."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._requester.close()

    async def _once(self, query: Query) -> Result:
        remembered = self._recent.get(query)
        if remembered is not None and self._clock() - remembered[0] < REUSE_SECONDS:
            return remembered[1]
        task = self._under_way.get(query)
        if task is None:
            task = asyncio.create_task(self._fetch(query))
            self._under_way[query] = task
            task.add_done_callback(lambda _: self._under_way.pop(query, None))
        # One caller that is cancelled must not take the answer from the others.
        return await asyncio.shield(task)

    async def _fetch(self, query: Query) -> Result:
        match query:
            case RangeQuery():
                result = merge([await self._divided(part) for part in chunks(query)])
            case InstantQuery():
                result = (await self._ask(query)).result
        if isinstance(result, Answer):
            self._remember(query, result)
        return result

    def _remember(self, query: Query, result: Result) -> None:
        now = self._clock()
        self._recent[query] = (now, result)
        self._recent.move_to_end(query)
        while self._recent:
            oldest = next(iter(self._recent.values()))[0]
            if len(self._recent) <= _REMEMBERED and now - oldest < REUSE_SECONDS:
                break
            self._recent.popitem(last=False)

    async def _divided(self, query: RangeQuery) -> Result:
        """Ask for a range, and in halves for the parts of it that are tainted, breadth first."""
        found: list[Result] = []
        pending = [query]
        left = 1 + HALVES_PER_QUERY
        while pending:
            part = pending.pop(0)
            left -= 1
            reply = await self._ask(part)
            if reply.divisible and part.start < part.end and left >= len(pending) + 2:
                pending.extend(halves(part))
            else:
                found.append(_settled(part, reply, whole=part == query))
        return merge(found)

    async def _ask(self, query: Query) -> Reply:
        async with self._slots:
            refusal = self._breaker.refusal()
            if refusal is not None:
                return Reply(refusal)
            reply = Reply(QueryFailed(FailureKind.TIMEOUT, "Prometheus did not answer in time"))
            try:
                asked = asyncio.get_running_loop().run_in_executor(self._executor, self._requester.ask, query)
                reply = await asyncio.wait_for(asked, self._timeout + _GRACE_SECONDS)
            except TimeoutError:
                # The thread's own limits end it a little later; nobody waits for that.
                pass
            finally:
                self._breaker.record(reply.result, reply.wait_seconds)
            return reply


def _settled(part: RangeQuery, reply: Reply, *, whole: bool) -> Result:
    """What stays of a part that is not divided any further."""
    match reply.result:
        case Answer(_, warnings) if warnings:
            failure = QueryFailed(FailureKind.PARTIAL_ANSWER, "; ".join(warnings))
            return Answer((), unanswered=(Unanswered(part.start, part.end, failure),))
        case QueryFailed() as failure if not whole:
            return Answer((), unanswered=(Unanswered(part.start, part.end, failure),))
        case result:
            return result


def chunks(query: RangeQuery) -> list[RangeQuery]:
    """Cut a range into parts that one request may have."""
    width = POINTS_PER_REQUEST * query.step
    return [
        RangeQuery(query.expr, start, min(query.end, start + width - query.step), query.step)
        for start in range(query.start, query.end + 1, width)
    ]


def halves(query: RangeQuery) -> tuple[RangeQuery, RangeQuery]:
    """Cut a range of at least two points in two."""
    points = (query.end - query.start) // query.step + 1
    middle = query.start + points // 2 * query.step
    return (
        RangeQuery(query.expr, query.start, middle - query.step, query.step),
        RangeQuery(query.expr, middle, query.end, query.step),
    )


def merge(results: Iterable[Result]) -> Result:
    """Join the answers to the parts of one range; a part that failed as a whole fails all of it."""
    samples: dict[frozenset[tuple[str, str]], list[Sample]] = {}
    unanswered: list[Unanswered] = []
    for result in results:
        match result:
            case QueryFailed():
                return result
            case Answer(series, _, holes):
                unanswered.extend(holes)
                for each in series:
                    samples.setdefault(frozenset(each.labels.items()), []).extend(each.samples)
    joined = tuple(
        Series(dict(labels), tuple(sorted(found, key=lambda sample: sample.time))) for labels, found in samples.items()
    )
    return Answer(joined, unanswered=tuple(sorted(unanswered, key=lambda hole: hole.start)))
