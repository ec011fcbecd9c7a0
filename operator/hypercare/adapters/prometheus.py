"""A Prometheus-compatible endpoint as a `MetricSource`, with prometheus-api-client in a small pool of threads.

Per endpoint: at most `THREADS` requests at a time, in the order in which they are asked for, long ranges in chunks
below Prometheus' limit of 11,000 points, and a circuit breaker.

Equal requests are made once: while one is under way, for `REUSE_SECONDS` after, and for as long as a query says that
its answer will do (`RangeQuery.since`), so that all periods share the requests of a tick. Answers to ranges that ended
long ago do not change but for late data, so they are asked for again only after `PAST_SECONDS`. A request that nobody
waits for any more, because the visit was cut short, is not sent.

Which rules are loaded is asked one question at a time: a server may take long to list them, and queries go on. Equal
questions share an answer for `RULES_SECONDS`.

A range with warnings, or one that fails to evaluate, is asked again in halves until the tainted part is small, or
`HALVES_PER_QUERY` more requests have been made; what remains tainted is reported as unanswered, the rest is used.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hypercare.adapters.answer_memory import AnswerMemory
from hypercare.adapters.circuit import CircuitBreaker
from hypercare.adapters.credentials import ANONYMOUS, Credentials
from hypercare.adapters.prometheus_replies import Reply
from hypercare.adapters.prometheus_requests import MAX_ANSWER_BYTES, Requester
from hypercare.domain.alerts.loaded_rules import LoadedResult, RulesQuery
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.samples import (
    Answer,
    Column,
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
RULES_SECONDS = 5.0
HALVES_PER_QUERY = 8
POINTS_PER_REQUEST = 10_000
SETTLED_SECONDS = 3600
PAST_SECONDS = 3 * 3600
# Together 16 MiB at most, for a sample takes eight bytes.
RECENT_SAMPLES, RECENT_SECONDS = 500_000, 120
PAST_SAMPLES = 1_500_000
_GRACE_SECONDS = 1.0

Query = RangeQuery | InstantQuery


@dataclass(frozen=True)
class Surroundings:
    """What a source takes from outside: monotonic and Unix seconds, random numbers in [0, 1), the size limit."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random
    max_bytes: int = MAX_ANSWER_BYTES


_DEFAULT_SURROUNDINGS = Surroundings()
_NOT_WAITED_FOR = QueryFailed(FailureKind.TIMEOUT, "Prometheus had no time for this question")


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
        self._now = surroundings.now
        self._timeout = endpoint.timeout_seconds
        self._requester = Requester(endpoint, credentials, surroundings.max_bytes)
        self._breaker = CircuitBreaker(surroundings.clock, surroundings.random)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="prometheus")
        self._slots = asyncio.Semaphore(THREADS)
        self._under_way: dict[Query, _UnderWay] = {}
        self._recent = AnswerMemory(RECENT_SAMPLES, RECENT_SECONDS)
        self._past = AnswerMemory(PAST_SAMPLES, PAST_SECONDS)
        self._rules_slot = asyncio.Semaphore(1)
        self._rules: dict[RulesQuery, asyncio.Task[LoadedResult]] = {}

    async def range(self, query: RangeQuery) -> Result:
        """Evaluate over a grid."""
        return await self._once(query)

    async def instant(self, query: InstantQuery) -> Result:
        """Evaluate once."""
        return await self._once(query)

    async def rules(self, query: RulesQuery) -> LoadedResult:
        """Tell which rules are loaded. What goes wrong here says nothing about queries, so the circuit stays closed."""
        asked = self._rules.get(query)
        if asked is None:
            asked = self._rules[query] = asyncio.create_task(self._loaded(query))
            asked.add_done_callback(lambda _: self._forget_rules(query))
        return await asyncio.shield(asked)

    def _forget_rules(self, query: RulesQuery) -> None:
        asyncio.get_running_loop().call_later(RULES_SECONDS, self._rules.pop, query, None)

    async def _loaded(self, query: RulesQuery) -> LoadedResult:
        async with self._rules_slot, self._slots:
            refusal = self._breaker.refusal()
            if refusal is not None:
                return refusal
            try:
                asked = asyncio.get_running_loop().run_in_executor(self._executor, self._requester.rules, query)
                return await asyncio.wait_for(asked, self._timeout + _GRACE_SECONDS)
            except TimeoutError:
                return QueryFailed(FailureKind.TIMEOUT, "Prometheus did not answer in time")

    def close(self) -> None:
        """Release threads and connections; does not wait for requests under way."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._requester.close()

    async def _once(self, query: Query) -> Result:
        remembered = self._remembered(query)
        if remembered is not None:
            return remembered
        request = self._under_way.get(query)
        if request is None:
            request = self._under_way[query] = _UnderWay()
            request.task = asyncio.create_task(self._fetch(query, request))
            request.task.add_done_callback(lambda _: self._under_way.pop(query, None))
        request.waiting += 1
        try:
            # One caller that is cancelled must not take the answer from the others.
            return await asyncio.shield(request.task)
        finally:
            request.waiting -= 1

    def _remembered(self, query: Query) -> Result | None:
        now = self._now()
        since = query.since if isinstance(query, RangeQuery) else now
        recent = self._recent.find(query, min(since, now - REUSE_SECONDS))
        return recent or (self._past.find(query, now - PAST_SECONDS) if _is_past(query, now) else None)

    async def _fetch(self, query: Query, request: "_UnderWay") -> Result:
        asked_at = self._now()
        match query:
            case RangeQuery():
                result = merge([await self._divided(part, request) for part in chunks(query)])
            case InstantQuery():
                result = (await self._ask(query, request)).result
        self._remember(query, result, asked_at)
        return result

    def _remember(self, query: Query, result: Result, asked_at: float) -> None:
        match result:
            case Answer(_, (), ()) if _is_past(query, asked_at):
                self._past.keep(query, result, asked_at)
            case Answer() | QueryFailed(FailureKind.BAD_QUERY):
                self._recent.keep(query, result, asked_at)

    async def _divided(self, query: RangeQuery, request: "_UnderWay") -> Result:
        """Ask for a range, and in halves for the parts of it that are tainted, breadth first."""
        found: list[Result] = []
        pending = [query]
        left = 1 + HALVES_PER_QUERY
        while pending:
            part = pending.pop(0)
            left -= 1
            reply = await self._ask(part, request)
            if reply.divisible and part.start < part.end and left >= len(pending) + 2:
                pending.extend(halves(part))
            else:
                found.append(_settled(part, reply, whole=part == query))
        return merge(found)

    async def _ask(self, query: Query, request: "_UnderWay") -> Reply:
        async with self._slots:
            if not request.waiting:
                return Reply(_NOT_WAITED_FOR)
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


@dataclass
class _UnderWay:
    """A request that was not answered yet, and how many wait for its answer."""

    task: asyncio.Task[Result] = field(init=False)
    waiting: int = 0


def _is_past(query: Query, now: float) -> bool:
    return isinstance(query, RangeQuery) and query.end <= now - SETTLED_SECONDS


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
    results = tuple(results)
    if len(results) == 1:
        return results[0]
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
        Series(dict(labels), Column.of(sorted(found, key=lambda each: each.time))) for labels, found in samples.items()
    )
    return Answer(joined, unanswered=tuple(sorted(unanswered, key=lambda hole: hole.start)))
