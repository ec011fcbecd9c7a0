"""From the rows that a Prometheus API answers to series, with as few objects as possible.

An answer has thousands of samples, and an object for each of them is most of what reading it costs. So values go into
arrays at once, and the times of samples that are evenly spaced, as nearly all are, become a `range`. What is not like
a Prometheus API raises KeyError, TypeError, ValueError or AttributeError.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from operator import eq
from typing import Any

from hypercare.domain.samples import Column, FailureKind, QueryFailed, Series, Unanswered

_NATIVE_HISTOGRAM = QueryFailed(
    FailureKind.NATIVE_HISTOGRAM, "the result is a native histogram, which has no single value"
)


def range_series(rows: Sequence[Mapping[str, Any]], step: int) -> tuple[Series, ...]:
    """The series of a range query whose points are `step` seconds apart."""
    return tuple(Series(_labels(row), _column(row["values"], step)) for row in rows if "values" in row)


def instant_series(rows: Any) -> Iterator[Series]:
    """The series of an instant query: a scalar or a string comes as a bare pair, a vector as a list of objects."""
    if rows and not isinstance(rows[0], dict):
        yield Series({}, _column([rows], 1))
        return
    for row in rows:
        if "value" in row:
            yield Series(_labels(row), _column([row["value"]], 1))


def histograms(rows: Sequence[Mapping[str, Any]]) -> Iterator[Unanswered]:
    """The points whose value is a native histogram, which cannot be compared with a bound."""
    for moment in sorted({round(float(pair[0])) for row in rows for pair in row.get("histograms", ())}):
        yield Unanswered(moment, moment, _NATIVE_HISTOGRAM)


def _labels(row: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in row["metric"].items()}


def _column(pairs: Sequence[Sequence[Any]], step: int) -> Column:
    times = array("d", [float(time) for time, _ in pairs])
    values = array("d", [float(value) for _, value in pairs])
    return Column(_spaced(times, step), values)


def _spaced(times: "array[float]", step: int) -> Sequence[float]:
    """The times as a range where they are whole seconds and a `step` apart, else as they are."""
    if not all(map(isfinite, times)):
        raise ValueError("a sample without a time")
    if not times:
        return times
    grid = range(int(times[0]), int(times[0]) + len(times) * step, step)
    return grid if all(map(eq, grid, times)) else times
