"""What is asked of history about one alert, and what makes an answer unreadable.

Questions are range queries on the grid of the alert's group, kept in the tenant's namespace. An answer with a hole is
no answer: a fire may be in the hole.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from hypercare.domain.alerts.preflight import Candidate, NoHistory
from hypercare.domain.alerts.replay import Grid, Instances, Times, instances
from hypercare.domain.durations import format_duration
from hypercare.domain.promql.tenancy import Tenancy, confine
from hypercare.domain.samples import ENDPOINT_FAILURES, Answer, FailureKind, QueryFailed, RangeQuery, Result

DAY = 86_400
MAX_INSTANCES = 1000
"""Of an alert that was true for more label sets than that, episodes are not told apart."""
_PASSING = ENDPOINT_FAILURES | {FailureKind.PARTIAL_ANSWER}

T = TypeVar("T")
Asking = Generator[tuple[RangeQuery, ...], Mapping[RangeQuery, Result], T]
"""A verdict in the making: gives questions, and goes on with their results."""


class Unreadable(Exception):
    """History cannot be read; `again` says whether it may be at another time."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.verdict = NoHistory(message, again)


@dataclass(frozen=True)
class Moment:
    """Before when history is read, in Unix seconds (the start of the run), and where the tenant's series are."""

    before: int
    tenancy: Tenancy


@dataclass(frozen=True)
class Stretch:
    """The time before a run that is read, for one alert.

    Attributes:
        moment: The start of the run, and whose series are read.
        seconds: How much of the time before counts.
        interval: Evaluation interval of the alert's group, in seconds.
        lead_seconds: How much earlier a replay begins, so that what had been active before is known; whole hours, so
            that alerts with other `for`s ask the same, and a day at most.
    """

    moment: Moment
    seconds: int
    interval: int
    lead_seconds: int

    @classmethod
    def of(cls, candidate: Candidate, moment: Moment, seconds: int) -> "Stretch":
        """What is read for an alert."""
        lead = min(DAY, -(-candidate.original_for_seconds // 3600) * 3600)
        return cls(moment, seconds, candidate.interval_seconds, lead)

    @property
    def grid(self) -> Grid:
        """The points of a replay, its lead included."""
        end = self.moment.before - self.moment.before % self.interval
        points = (self.seconds + self.lead_seconds) // self.interval + 1
        return Grid(end - (points - 1) * self.interval, self.interval, points)

    @property
    def shifted(self) -> Grid:
        """The same, each point half an interval earlier."""
        return replace(self.grid, start=self.grid.start - (self.interval - self.interval // 2))

    @property
    def counted(self) -> Times:
        """The points that count, of either grid."""
        return self.grid.last(self.seconds)

    def ask(self, expr: str, grid: Grid) -> RangeQuery:
        """A question about the tenant's series."""
        return grid.query(confine(expr, self.moment.tenancy))


def answered(result: Result) -> Answer:
    """The answer.

    Raises:
        Unreadable: there is none, or not to all of the question.
    """
    match result:
        case QueryFailed() as failure:
            raise _failed(failure)
        case Answer(_, _, (hole, *_)):
            raise _failed(hole.failure)
        case Answer(_, (warning, *_)):
            raise Unreadable(f"its history was answered in part: {warning}", again=True)
    return result


def read_instances(result: Result, grid: Grid) -> Instances:
    """Where an alert's expression has results.

    Raises:
        Unreadable: there is no answer, or too much of one.
    """
    answer = answered(result)
    if len(answer.series) > MAX_INSTANCES:
        many = len(answer.series)
        raise Unreadable(f"its condition was true for {many} label sets, of which at most {MAX_INSTANCES} are replayed")
    return instances(answer, grid)


def positive(result: Result, grid: Grid) -> Times:
    """The points at which a count is above 0.

    Raises:
        Unreadable: there is no answer.
    """
    found = 0
    for series in answered(result).series:
        found |= grid.times([sample for sample in series.samples if sample.value > 0])
    return found


def before_the_release(seconds: int) -> str:
    """The stretch in words."""
    return f"in the {'24h' if seconds == DAY else format_duration(seconds)} before the release"


def _failed(failure: QueryFailed) -> Unreadable:
    return Unreadable(f"its history could not be read: {failure.message}", again=failure.kind in _PASSING)
