"""Reading evidence: what a tick and an absence cost, and how much of that is the client library's.

It is the operator's own reader and source, against a Prometheus in another process. What a whole visit costs, with the
API server, the overlay and the status, is in docs/operations.md.
"""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_api_client import PrometheusConnect

from benchmarks.measure import Finding
from benchmarks.prometheus_server import asked, prometheus_process
from benchmarks.shops import DAY, INTERVAL, STEP, Shop, Town, shop
from hypercare.adapters import prometheus_replies

PER_PERIOD, NAMESPACES = 5, 10
CRITERIA = 1000
ABSENT = 100
KEPT = 200
WARM_UP = 600
_DAY_POINTS = DAY // STEP


@dataclass(frozen=True)
class _Cost:
    """One round of visits: its CPU and wall seconds, the CPU of two parts of it, and the requests that it took."""

    cpu: float
    wall: float
    library: float
    columns: float
    requests: int


def read_evidence() -> tuple[Finding, ...]:
    """Reading evidence: periods of five criteria, each asked with a companion, a point each 30 s, a tick each 60 s."""
    with prometheus_process() as url:
        return (*_ticks(url), *_absence(url), *_memory(url))


def _ticks(url: str) -> tuple[Finding, ...]:
    shared, distinct = (asyncio.run(_tick(_shops(CRITERIA, names), url)) for names in (NAMESPACES, CRITERIA))
    where = f"for {CRITERIA} criteria in {NAMESPACES} namespaces: it and its companion"
    return (
        Finding(shared.requests / (NAMESPACES * PER_PERIOD), "requests per expression", f"in a tick, {where}"),
        Finding(shared.cpu / CRITERIA * 1e3, "ms per criterion", "and tick, there"),
        Finding(distinct.cpu / shared.cpu, "times that", "where no two criteria ask the same"),
        Finding(distinct.library / distinct.cpu * 100, "% of which", "is the client library: HTTP and JSON"),
        Finding(distinct.cpu / INTERVAL * 100, "% of one core", f"live, {CRITERIA} criteria, no two the same"),
    )


def _absence(url: str) -> tuple[Finding, ...]:
    cost = asyncio.run(_day(_shops(ABSENT, ABSENT), url))
    return (
        Finding(cost.wall * CRITERIA / ABSENT, "seconds", f"to read a day of {CRITERIA} criteria, no two the same"),
        Finding(cost.cpu / ABSENT / _DAY_POINTS * 1e6, "us per point", "and criterion, its companion included"),
        Finding(cost.library / cost.cpu * 100, "% of which", "is the client library"),
        Finding(cost.columns / cost.cpu * 100, "% of which", "is putting the answers into columns"),
    )


def _memory(url: str) -> tuple[Finding, ...]:
    kept = asyncio.run(_kept_bytes(_shops(KEPT, KEPT), url))
    return (Finding(kept / KEPT / 1024, "KiB per criterion", "kept between ticks, with its last answers"),)


def _shops(criteria: int, namespaces: int) -> Sequence[Shop]:
    return [
        shop(number, f"n{number % namespaces}", [f"metric_{index}" for index in range(PER_PERIOD)])
        for number in range(criteria // PER_PERIOD)
    ]


async def _tick(shops: Sequence[Shop], url: str) -> _Cost:
    town = Town(shops, url)
    await town.visit_all(WARM_UP)
    costs = [await _cost(town, url, INTERVAL) for _ in range(3)]
    town.source.close()
    return min(costs, key=lambda cost: cost.cpu)


async def _day(shops: Sequence[Shop], url: str) -> _Cost:
    town = Town(shops, url)
    await town.visit_all(WARM_UP)
    cost = await _cost(town, url, DAY - INTERVAL)
    if any(through < town.now - DAY // 2 for through in town.progress.known.values()):
        raise RuntimeError("the absence was not read")
    town.source.close()
    return cost


async def _cost(town: Town, url: str, later: int) -> _Cost:
    before, _ = asked(url)
    with (
        _timed(PrometheusConnect, "custom_query_range") as library,
        _timed(prometheus_replies, "range_series") as columns,
    ):
        wall, cpu = time.perf_counter(), time.process_time()
        await town.visit_all(later)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    after, _ = asked(url)
    return _Cost(cpu, wall, sum(library), sum(columns), after - before)


async def _kept_bytes(shops: Sequence[Shop], url: str) -> int:
    """What a reader and a source have allocated and still hold after some ticks, without the statuses."""
    others = Town(shops, url)
    await others.visit_all(WARM_UP)
    others.source.close()
    gc.collect()
    tracemalloc.start()
    town = Town(shops, url)
    for later in (WARM_UP, INTERVAL, INTERVAL):
        await town.visit_all(later)
    town.statuses.clear()
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    town.source.close()
    return kept


@contextmanager
def _timed(owner: object, name: str) -> Iterator[list[float]]:
    """Collect the CPU seconds of each call of a function, in whatever thread it runs."""
    seconds: list[float] = []
    original = getattr(owner, name)

    def timed(*arguments: object, **options: object) -> object:
        before = time.thread_time()
        try:
            return original(*arguments, **options)
        finally:
            seconds.append(time.thread_time() - before)

    setattr(owner, name, timed)
    try:
        yield seconds
    finally:
        setattr(owner, name, original)
