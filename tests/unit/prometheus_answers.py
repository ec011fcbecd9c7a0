"""Answers of a Prometheus that exists only in a test: a function of time for each expression."""

from collections.abc import Callable, Mapping

from hypercare.domain.evidence.reading import Reading
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, RangeQuery, Result, Sample, Series

Value = float | None
Source = Callable[[int], Value | Mapping[tuple[str, ...], float]]

DOWN = QueryFailed(FailureKind.UNREACHABLE, "Prometheus at p cannot be reached")


def constant(value: Value) -> Source:
    """The same at every time; None is no series."""
    return lambda _: value


def answer(query: RangeQuery, source: Source, labels: tuple[str, ...] = ()) -> Answer:
    """Evaluate a source on the grid; several series come as a mapping from the values of `labels`."""
    samples: dict[tuple[str, ...], list[Sample]] = {}
    for time in range(query.start, query.end + 1, query.step):
        match source(time):
            case None:
                continue
            case Mapping() as row:
                for key, value in row.items():
                    samples.setdefault(key, []).append(Sample(time, value))
            case value:
                samples.setdefault((), []).append(Sample(time, value))
    return Answer(tuple(Series(dict(zip(labels, key, strict=False)), tuple(found)) for key, found in samples.items()))


def answers(reading: Reading, by_prefix: Mapping[str, Source | QueryFailed]) -> dict[RangeQuery, Result]:
    """Answer each query of a reading by the first prefix that its expression has."""
    found: dict[RangeQuery, Result] = {}
    for query in reading.queries:
        source = next(source for prefix, source in by_prefix.items() if query.expr.startswith(prefix))
        found[query] = source if isinstance(source, QueryFailed) else answer(query, source)
    return found
