"""A source that asks the loopback server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hypercare.adapters.prometheus import PrometheusSource, Surroundings
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.samples import RangeQuery, Result
from tests.adapters.prometheus_server import Behaviour, Parameters, Response, Served, grid, matrix, serving

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
