"""The Prometheus endpoints that profiles name: one source for each URL and timeout, shared by all periods.

A source owns threads and connections, so sources are bounded: the least recently used one is closed when there are too
many, which takes more endpoints than a cluster has, or profiles that are edited all the time.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hypercare.domain.samples import InstantQuery, RangeQuery, Result
from hypercare.ports import MetricSource

LIMIT = 32
QueryObserver = Callable[[str, Result, float], None]


class ClosableSource(MetricSource, Protocol):
    """A source that holds resources until it is closed."""

    def close(self) -> None:
        """Release threads and connections; does not wait for requests under way."""
        ...


@dataclass(frozen=True)
class MeteredSource:
    """Tells `observer` of each request: `range` or `instant`, the result, the seconds it took."""

    source: ClosableSource
    observer: QueryObserver

    async def range(self, query: RangeQuery) -> Result:
        """Evaluate over a grid."""
        started = time.monotonic()
        result = await self.source.range(query)
        self.observer("range", result, time.monotonic() - started)
        return result

    async def instant(self, query: InstantQuery) -> Result:
        """Evaluate once."""
        started = time.monotonic()
        result = await self.source.instant(query)
        self.observer("instant", result, time.monotonic() - started)
        return result


class Endpoints:
    """Gives the source of an endpoint; `connect` makes a new one from a URL and a timeout in seconds."""

    def __init__(self, connect: Callable[[str, int], ClosableSource], observer: QueryObserver) -> None:
        self._connect = connect
        self._observer = observer
        self._sources: OrderedDict[tuple[str, int], MeteredSource] = OrderedDict()

    def source(self, url: str, timeout_seconds: int) -> MetricSource:
        """Return the source of this endpoint, the same one each time."""
        key = (url, timeout_seconds)
        if key not in self._sources:
            self._sources[key] = MeteredSource(self._connect(url, timeout_seconds), self._observer)
            while len(self._sources) > LIMIT:
                _, dropped = self._sources.popitem(last=False)
                dropped.source.close()
        self._sources.move_to_end(key)
        return self._sources[key]

    def close(self) -> None:
        """Close all sources."""
        for metered in self._sources.values():
            metered.source.close()
        self._sources.clear()
