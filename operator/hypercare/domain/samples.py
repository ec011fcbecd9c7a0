"""What a Prometheus-compatible server answered: series of samples, or a named failure. Never `None`, never a guess."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Sample:
    """A value at a time in Unix seconds. The value may be NaN or infinite."""

    time: float
    value: float


@dataclass(frozen=True)
class Series:
    """One label set with its samples, oldest first; an instant answer has exactly one sample."""

    labels: Mapping[str, str]
    samples: tuple[Sample, ...]


class FailureKind(StrEnum):
    """Why a query has no answer; values are condition-style reasons."""

    UNREACHABLE = "PrometheusUnreachable"
    TIMEOUT = "PrometheusTimeout"
    REFUSED = "PrometheusRefused"
    UNAUTHORIZED = "PrometheusUnauthorized"
    SECRET_NOT_FOUND = "SecretNotFound"
    SECRET_INVALID = "SecretInvalid"
    SECRET_FORBIDDEN = "SecretForbidden"
    SECRET_UNREADABLE = "SecretUnreadable"
    BAD_QUERY = "InvalidPromQL"
    INVALID_ANSWER = "InvalidAnswer"
    PARTIAL_ANSWER = "PartialAnswer"
    NATIVE_HISTOGRAM = "NativeHistogram"


SECRET_FAILURES = frozenset(
    {
        FailureKind.SECRET_NOT_FOUND,
        FailureKind.SECRET_INVALID,
        FailureKind.SECRET_FORBIDDEN,
        FailureKind.SECRET_UNREADABLE,
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
    """Evaluate `expr` at start, start+step, … end (Unix seconds, all aligned to `step`)."""

    expr: str
    start: int
    end: int
    step: int


@dataclass(frozen=True)
class InstantQuery:
    """Evaluate `expr` once at `time` (Unix seconds)."""

    expr: str
    time: float
