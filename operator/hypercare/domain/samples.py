"""What a Prometheus-compatible server answered: series of samples, or a named failure. Never `None`, never a guess."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import overload


@dataclass(frozen=True)
class Sample:
    """A value at a time in Unix seconds. The value may be NaN or infinite."""

    time: float
    value: float


class Column(Sequence[Sample]):
    """Samples in two columns, made into `Sample`s only where one is looked at.

    A day of points takes 25 KiB so, and ten times that as objects. Columns are never changed. Samples that are evenly
    spaced have a `range` of whole seconds for their times.
    """

    __slots__ = ("times", "values")

    def __init__(self, times: Sequence[float], values: "array[float]") -> None:
        self.times = times
        self.values = values

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> "Column":
        """Put samples into columns."""
        every = tuple(samples)
        times = array("d", (each.time for each in every))
        return cls(times, array("d", (each.value for each in every)))

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Sample]:
        return map(Sample, self.times, self.values)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> "Column": ...
    def __getitem__(self, index: int | slice) -> "Sample | Column":
        if isinstance(index, slice):
            return Column(self.times[index], self.values[index])
        return Sample(self.times[index], self.values[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(Sample.__eq__, self, other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


@dataclass(frozen=True)
class Series:
    """One label set with its samples, oldest first; an instant answer has exactly one sample."""

    labels: Mapping[str, str]
    samples: Sequence[Sample]

    def by_time(self) -> dict[int, float]:
        """The values by whole Unix seconds."""
        column = self.samples if isinstance(self.samples, Column) else Column.of(self.samples)
        times = column.times if isinstance(column.times, range) else map(round, column.times)
        return dict(zip(times, column.values, strict=True))


class FailureKind(StrEnum):
    """Why a query has no answer; values are condition-style reasons."""

    UNREACHABLE = "PrometheusUnreachable"
    TIMEOUT = "PrometheusTimeout"
    REFUSED = "PrometheusRefused"
    UNAUTHORIZED = "PrometheusUnauthorized"
    CREDENTIALS_NOT_FOUND = "SecretNotFound"
    CREDENTIALS_INVALID = "SecretInvalid"
    CREDENTIALS_FORBIDDEN = "SecretForbidden"
    CREDENTIALS_UNREADABLE = "SecretUnreadable"
    BAD_QUERY = "InvalidPromQL"
    INVALID_ANSWER = "InvalidAnswer"
    PARTIAL_ANSWER = "PartialAnswer"
    NATIVE_HISTOGRAM = "NativeHistogram"


SECRET_FAILURES = frozenset(
    {
        FailureKind.CREDENTIALS_NOT_FOUND,
        FailureKind.CREDENTIALS_INVALID,
        FailureKind.CREDENTIALS_FORBIDDEN,
        FailureKind.CREDENTIALS_UNREADABLE,
    }
)
"""The endpoint was not asked, for there are no credentials for it."""
ENDPOINT_FAILURES = SECRET_FAILURES | {
    FailureKind.UNREACHABLE,
    FailureKind.TIMEOUT,
    FailureKind.REFUSED,
    FailureKind.UNAUTHORIZED,
    FailureKind.INVALID_ANSWER,
}
"""These are about the endpoint; the others are about a question or its answer."""


@dataclass(frozen=True)
class QueryFailed:
    """The query was not answered; `message` is for people and holds no credentials."""

    kind: FailureKind
    message: str


@dataclass(frozen=True)
class Unanswered:
    """A stretch of a range, from `start` through `end` (Unix seconds), that has no usable answer."""

    start: int
    end: int
    failure: QueryFailed


@dataclass(frozen=True)
class Answer:
    """An answer to all of the question but the `unanswered` stretches of it.

    `warnings` taint the whole answer: a Thanos partial response is HTTP 200 with a warning. A source that has found out
    which stretches are tainted reports these as unanswered instead.
    """

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()


Result = Answer | QueryFailed


@dataclass(frozen=True)
class RangeQuery:
    """Evaluate `expr` at start, start+step, … end (Unix seconds, all aligned to `step`).

    An answer that was asked for at or after `since` (Unix seconds) will do; without it, only one from just now.
    """

    expr: str
    start: int
    end: int
    step: int
    since: float = field(default=inf, compare=False)


@dataclass(frozen=True)
class InstantQuery:
    """Evaluate `expr` once at `time` (Unix seconds)."""

    expr: str
    time: float
