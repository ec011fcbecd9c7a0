"""Judging a criterion as the loop does, against a real server: parsed, planned, read through the adapter, evaluated."""

import asyncio
from collections.abc import Mapping
from typing import Any

from hypercare.adapters.prometheus import PrometheusSource
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.evidence.context import Context, NoEvidence
from hypercare.domain.evidence.criterion_field import parse_criterion
from hypercare.domain.evidence.points import Bad, Good, Mark, Missing, Point
from hypercare.domain.evidence.reading import Evaluated, State, evaluate, plan
from hypercare.domain.fields import Field
from hypercare.domain.samples import RangeQuery, Result


def judged(url: str, spec: Mapping[str, Any], context: Context, stored: State | NoEvidence | None = None) -> Evaluated:
    """Visit a criterion at `context.now`, going on from what an earlier visit stored."""
    reading = plan(parse_criterion(Field("criterion", {"name": "c", **spec})), stored or NoEvidence(), context)
    return evaluate(reading, asyncio.run(_read(url, reading.queries)))


async def _read(url: str, queries: tuple[RangeQuery, ...]) -> Mapping[RangeQuery, Result]:
    source = PrometheusSource(Endpoint(url))
    try:
        results = await asyncio.gather(*(source.range(query) for query in queries))
    finally:
        source.close()
    return dict(zip(queries, results, strict=True))


def points(outcome: Evaluated) -> list[Point]:
    """The points that were read."""
    return [point for point in outcome.points if isinstance(point, Point)]


def marks(outcome: Evaluated) -> dict[int, str]:
    """By time, what became of each point: its reason where it is missing."""
    return {point.time: named(point.mark) for point in points(outcome)}


def named(mark: Mark) -> str:
    """The mark's name, or its reason where it is missing."""
    return mark.reason.value if isinstance(mark, Missing) else type(mark).__name__


def worst_values(outcome: Evaluated) -> set[float]:
    """All values that were judged."""
    return {point.mark.worst.value for point in points(outcome) if isinstance(point.mark, Good | Bad)}


def times_of(outcome: Evaluated, mark: str) -> list[int]:
    """When the points had this mark."""
    return [time for time, found in marks(outcome).items() if found == mark]
