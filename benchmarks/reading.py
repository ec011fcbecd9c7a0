"""Reading evidence: what a tick and an absence cost, and how much of that is the client library's.

It is the operator's own reader and source, against a Prometheus in another process. What a whole visit costs, with the
API server, the overlay and the status, is in docs/operations.md.
"""

import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_api_client import PrometheusConnect

from benchmarks.measure import Finding, cpu_seconds
from benchmarks.prometheus_server import answer, asked, prometheus_process
from benchmarks.shops import DAY, INTERVAL, STARTED, STEP, Shop, Town, shop
from hypercare.adapters.prometheus_answers import range_series

PER_PERIOD, NAMESPACES = 5, 10
CRITERIA = 1000
ABSENT = 200
KEPT = 400
WARM_UP = 600
_REQUESTS = 100
_TICK_POINTS, _DAY_POINTS = INTERVAL // STEP + 1, DAY // STEP


@dataclass(frozen=True)
class _Cost:
    """CPU and wall seconds of one round of visits, and the requests that it took."""

    cpu: float
    wall: float
    requests: int


def read_evidence() -> tuple[Finding, ...]:
    """Reading evidence: periods of five criteria, each asked with a companion, a point each 30 s, a tick each 60 s."""
    with prometheus_process() as url:
        return (*_ticks(url), *_absence(url), *_memory(url))


def _ticks(url: str) -> tuple[Finding, ...]:
    shared, distinct = (asyncio.run(_tick(_shops(CRITERIA, names), url)) for names in (NAMESPACES, CRITERIA))
    library = _library_seconds(url, _TICK_POINTS) * distinct.requests
    where = f"for {CRITERIA} criteria in {NAMESPACES} namespaces: it and its companion"
    return (
        Finding(shared.requests / (NAMESPACES * PER_PERIOD), "requests per expression", f"in a tick, {where}"),
        Finding(shared.cpu / CRITERIA * 1e3, "ms per criterion", "and tick, there"),
        Finding(distinct.cpu / shared.cpu, "times that", "where no two criteria ask the same"),
        Finding(library / distinct.cpu * 100, "% of which", "is the client library: HTTP and JSON"),
        Finding(distinct.cpu / INTERVAL * 100, "% of one core", f"live, {CRITERIA} criteria, no two the same"),
    )


def _absence(url: str) -> tuple[Finding, ...]:
    cost = asyncio.run(_day(_shops(ABSENT, ABSENT), url))
    library, columns = _library_seconds(url, _DAY_POINTS), _columns_seconds(_DAY_POINTS)
    return (
        Finding(cost.wall * CRITERIA / ABSENT, "seconds", f"to read a day of {CRITERIA} criteria, no two the same"),
        Finding(cost.cpu / ABSENT / _DAY_POINTS * 1e6, "us per point", "and criterion, its companion included"),
        Finding(library * cost.requests / cost.cpu * 100, "% of which", "is the client library"),
        Finding(columns * cost.requests / cost.cpu * 100, "% of which", "is putting the answers into columns"),
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
    wall, cpu = time.perf_counter(), time.process_time()
    await town.visit_all(later)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    after, _ = asked(url)
    return _Cost(cpu, wall, after - before)


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


def _library_seconds(url: str, points: int) -> float:
    """CPU of the client library alone for one answer."""
    client = PrometheusConnect(url=url)
    first = datetime.fromtimestamp(STARTED, UTC)
    last = datetime.fromtimestamp(STARTED + (points - 1) * STEP, UTC)
    seconds = cpu_seconds(
        lambda: [client.custom_query_range(f"up{n}", first, last, str(STEP)) for n in range(_REQUESTS)], runs=3
    )
    return seconds / _REQUESTS


def _columns_seconds(points: int) -> float:
    """CPU of making columns of one answer."""
    body = answer(STARTED, STARTED + (points - 1) * STEP, STEP)
    rows = json.loads(body)["data"]["result"]
    seconds = cpu_seconds(lambda: [range_series(rows, STEP) for _ in range(_REQUESTS)], runs=3)
    return seconds / _REQUESTS
