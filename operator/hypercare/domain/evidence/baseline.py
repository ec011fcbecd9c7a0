"""The criterion kind `baseline`: is a statistic of the newest window as it was at such hours before the run?

The window is made of bins, each as wide as what the query reads, so that neighbours share no samples. The reference
windows are as long, end at the same hour of day (of the week, where `against` holds three weeks) before the run began,
and share no bins. Outside of the baseline is only what is beyond the tolerance around their median and beyond every
one of them: an unchanged system is like one more reference, so at most one look in (number of references + 1) is
wrong, however much the values scatter and hang together. Hours are those of UTC: a change of the clocks shifts them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from statistics import median

from hypercare.domain.durations import format_duration
from hypercare.domain.fields import Field
from hypercare.domain.promql.fields import parse_expression, parse_finite
from hypercare.domain.promql.syntax import look_behind, parse

LEAST_BINS = 50
"""So many bins must be present on each side: fewer say little about a tail."""
LEAST_REFERENCES = 3
_NARROWEST_BIN = 300
_DAY, _WEEK = 86400, 7 * 86400
_DEFAULT_AGAINST = _WEEK
_LONGEST_AGAINST = 8 * _WEEK
_DEFAULT_TOLERANCE = 0.1


class Statistic(StrEnum):
    """What a window of bins is summed up as.

    A quantile is the least bin that so many are not above. Interpolated, a bin within the limits that is missing could
    pull it down, and missing data must never help.
    """

    MEAN = "mean"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    MAX = "max"

    def of(self, values: Sequence[float]) -> float:
        """The statistic of at least one value."""
        match self:
            case Statistic.MEAN:
                return sum(value / len(values) for value in values)
            case Statistic.MAX:
                return max(values)
        return sorted(values)[-(-int(self.value[1:]) * len(values) // 100) - 1]


class Direction(StrEnum):
    """Which change is a change for the worse."""

    INCREASE = "Increase"
    DECREASE = "Decrease"
    EITHER = "Either"


@dataclass(frozen=True)
class BaselineKind:
    """A query whose one series is compared with its own past. `tolerance` is a share, `min_delta` in its unit."""

    query: str
    bin_seconds: int
    against_seconds: int = _DEFAULT_AGAINST
    statistic: Statistic = Statistic.P95
    direction: Direction = Direction.INCREASE
    tolerance: float = _DEFAULT_TOLERANCE
    min_delta: float = 0.0

    def bins(self, sustained_seconds: int) -> int:
        """How many bins a window has."""
        return -(-sustained_seconds // self.bin_seconds)

    def stride(self, sustained_seconds: int) -> int:
        """The distance of references in seconds: a day or a week, or so many of them that windows do not overlap."""
        period = _WEEK if self.against_seconds >= LEAST_REFERENCES * _WEEK else _DAY
        return period * -(-self.bins(sustained_seconds) * self.bin_seconds // period)

    def reference_ends(self, end: int, sustained_seconds: int, started_at: int) -> range:
        """When the references of the window that ends at `end` end, the newest first (Unix seconds)."""
        stride = self.stride(sustained_seconds)
        newest = end - max(1, -(-(end - started_at) // stride)) * stride
        return range(newest, started_at - self.against_seconds, -stride)


@dataclass(frozen=True)
class Comparison:
    """The statistic of the newest window, and between which limits it may lie; infinite where there is none."""

    current: float
    median: float
    lower: float
    upper: float
    references: int

    @property
    def within(self) -> bool:
        """Whether nothing has changed for the worse."""
        return self.lower <= self.current <= self.upper


def compare(kind: BaselineKind, current: float, references: Sequence[float]) -> Comparison:
    """Compare the statistic of the newest window with those of at least one reference."""
    middle = median(references)
    # Not median x (1 + tolerance), which goes the wrong way below zero.
    margin = abs(middle) * kind.tolerance + kind.min_delta
    rises = kind.direction is not Direction.DECREASE
    falls = kind.direction is not Direction.INCREASE
    return Comparison(
        current=current,
        median=middle,
        lower=min(middle - margin, *references) if falls else -inf,
        upper=max(middle + margin, *references) if rises else inf,
        references=len(references),
    )


def described(kind: BaselineKind) -> tuple[str, str]:
    """What is asked, and the bound in words, for reports."""
    way = {Direction.INCREASE: "above", Direction.DECREASE: "below", Direction.EITHER: "away from"}[kind.direction]
    beyond = f"{kind.tolerance:.0%}" + (f" and {kind.min_delta:g}" if kind.min_delta else "")
    past = f"the same hours of the {format_duration(kind.against_seconds)} before the start"
    return kind.query, f"{kind.statistic.value} at most {beyond} {way} that of {past}"


def parse_baseline(field: Field, sustained: Field) -> BaselineKind:
    """Read `baseline` of a criterion; `sustained` is its `sustainedFor`.

    Raises:
        InvalidField: with the path, also for PromQL that cannot be read, and for what could never be judged.
    """
    query = parse_expression(field.get("query"))
    against = field.get("against")
    kind = BaselineKind(
        query=query,
        bin_seconds=max(look_behind(parse(query)), _NARROWEST_BIN),
        against_seconds=against.seconds(_DEFAULT_AGAINST),
        statistic=field.get("statistic").choice(Statistic, Statistic.P95),
        direction=field.get("direction").choice(Direction, Direction.INCREASE),
        tolerance=field.get("tolerance").share(_DEFAULT_TOLERANCE),
        min_delta=parse_finite(field.get("minDelta"), 0.0),
    )
    if kind.min_delta < 0:
        raise field.get("minDelta").error("must not be negative")
    _check_lengths(kind, sustained, against)
    return kind


def _check_lengths(kind: BaselineKind, sustained: Field, against: Field) -> None:
    least = LEAST_BINS * kind.bin_seconds
    if sustained.seconds() < least:
        what = f"a baseline compares at least {LEAST_BINS} bins of {format_duration(kind.bin_seconds)}"
        raise sustained.error(f"must be at least {format_duration(least)} here: {what}")
    if kind.against_seconds > _LONGEST_AGAINST:
        raise against.error(f"must be at most {format_duration(_LONGEST_AGAINST)}")
    stride = kind.stride(sustained.seconds())
    if kind.against_seconds < LEAST_REFERENCES * stride:
        what = f"{LEAST_REFERENCES} references of sustainedFor, {format_duration(stride)} apart, must fit in"
        raise against.error(f"must be at least {format_duration(LEAST_REFERENCES * stride)}: {what}")
