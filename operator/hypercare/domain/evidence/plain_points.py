"""Points that are good without more ado: one series, covered by fresh samples, and within its bound.

Nearly all points of nearly all criteria are, so these are told apart by comparing numbers before anything else is
looked at. What is not plainly good is left to `value_marks`, which comes to the same about these.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from sys import float_info

from hypercare.domain.evidence.bounds import Bound, good_range
from hypercare.domain.evidence.criteria import QueryKind, RatioKind
from hypercare.domain.evidence.points import Good, Labels, Measurement, Table


@dataclass(frozen=True)
class PlainValues:
    """The labels of the only series, and its values by time (Unix seconds); no values where it is not that simple."""

    labels: Labels = field(default_factory=dict)
    by_time: Mapping[int, float] = field(default_factory=dict)


def plain_query(kind: QueryKind, answer: Table) -> PlainValues:
    """The values of a query with one series."""
    if len(answer.columns) != 1 or answer.failures or kind.min_series > 1:
        return PlainValues()
    return PlainValues(*answer.columns[0])


def plain_ratio(kind: RatioKind, errors: Table, total: Table) -> PlainValues:
    """The quotients of a ratio with one series, where the total is large enough; without errors they are zero."""
    if len(total.columns) != 1 or len(errors.columns) > 1 or errors.failures or total.failures:
        return PlainValues()
    labels, totals = total.columns[0]
    numerators: Mapping[int, float] = {}
    for other, column in errors.columns:
        if other != labels:
            return PlainValues()
        numerators = column
    enough = kind.min_total
    return PlainValues(
        labels,
        {time: numerators.get(time, 0.0) / all_ for time, all_ in totals.items() if enough < all_ <= float_info.max},
    )


def plainly_good(values: PlainValues, fresh: Container[int], *bounds: Bound) -> dict[int, Good]:
    """The marks of the points that satisfy all bounds and are covered by fresh samples, by their times."""
    ranges = [good_range(bound) for bound in bounds]
    low, high = max(low for low, _ in ranges), min(high for _, high in ranges)
    labels = values.labels
    return {
        time: Good(Measurement(value, labels))
        for time, value in values.by_time.items()
        if low <= value <= high and time in fresh
    }
