"""What a response of a Prometheus-compatible API means: an answer, a part of one, or a refusal with its cause.

The backends differ where they fail. What is written here was read in their documentation and sources:

- Prometheus: `errorType` is `bad_data` (400), `execution` (422), `timeout` or `unavailable` (503).
- Thanos answers in part with status 200 and `warnings` (docs/components/query.md, "Partial Response").
- VictoriaMetrics as a cluster answers in part with status 200 and `"isPartial":true` beside `data`, without any warning
  ("Cluster availability"). Its `errorType` is the status as a number; 422 stands for everything that went wrong in a
  query, its timeout and its limits included, 503 for storage that cannot be reached (lib/httpserver/prometheus.go).
- Mimir names its limits `err-mimir-…` in the text of an error, with 422 or 400 (pkg/util/globalerror/user.go). A tenant
  that is not named is 401 with the plain text `no org id`; too many requests are 429.
"""

import json
import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from hypercare.adapters.prometheus_answers import histograms, instant_series, range_series
from hypercare.adapters.prometheus_session import Record
from hypercare.domain.durations import format_duration
from hypercare.domain.samples import (
    Answer,
    FailureKind,
    InstantQuery,
    QueryFailed,
    RangeQuery,
    Result,
)

MAX_WAIT_SECONDS = 300.0
"""A longer `Retry-After` is not believed."""
_STATUSES = frozenset(status.value for status in HTTPStatus)
_MESSAGE_LENGTH = 300
_PLAIN_TEXT_LENGTH = 200
_IS_PARTIAL = re.compile(rb'"isPartial"\s*:\s*true')
_PARTIAL = "isPartial: a storage node of the cluster did not answer"
# Limits on what one query may read, which a part of its range may keep.
_LIMITS = re.compile(r"err-mimir-max-|-search\.max(?!QueryDuration|QueryLen)")
_QUERY_TIMEOUT = "-search.maxQueryDuration"
# The index or a store is behind: nothing is wrong with the query.
_INCOMPLETE = ("err-mimir-bucket-index-too-old", "err-mimir-store-consistency-check-failed")


@dataclass(frozen=True)
class Reply:
    """A result, and what it says about asking again.

    `divisible`: a part of the range may be answered better than the whole (warnings, failed evaluation, limits).
    `wait_seconds`: for how long the endpoint wants to be left in peace; 0 when it does not say.
    """

    result: Result
    divisible: bool = False
    wait_seconds: float = 0.0


@dataclass(frozen=True)
class _Error:
    """What the body of a refusal says; both empty for a page of a proxy."""

    kind: str
    text: str


def understood(rows: Any, query: RangeQuery | InstantQuery, body: bytes) -> Reply:
    """The answer in `data.result` of a response with status 200."""
    warnings = _warnings(body)
    partial = (_PARTIAL,) if _is_partial(body) else ()
    if isinstance(query, InstantQuery):
        return Reply(Answer(tuple(instant_series(rows)), warnings + partial))
    answer = Answer(range_series(rows, query.step), warnings + partial, tuple(histograms(rows)))
    # A storage node that is down is missing in every part of the range, and its neighbours have enough to do.
    return Reply(answer, divisible=bool(warnings) and not partial)


def refused(record: Record, endpoint: str) -> Reply:
    """A response with any other status; `endpoint` names it in messages."""
    error = _error_of(record)
    match record.status:
        case 400 | 422:
            return _query_refused(error, endpoint)
        case 401 | 403:
            return Reply(_failed(FailureKind.UNAUTHORIZED, endpoint, f"refused: {_status(record.status)}", error))
        case status if 300 <= status < 400:
            target = urlsplit(record.location).hostname or "somewhere else"
            return Reply(_failed(FailureKind.REFUSED, endpoint, f"redirects to {target}, which is not followed"))
        case 503 | 504 if error.kind == "timeout" or record.status == 504:
            what = f"gave up on the query: {error.text or 'timeout'}"
            return Reply(_failed(FailureKind.TIMEOUT, endpoint, what))
        case 429 | 503:
            return _asked_to_wait(record, endpoint, error)
        case status:
            return Reply(_failed(FailureKind.REFUSED, endpoint, f"answered with status {status}", error))


def _query_refused(error: _Error, endpoint: str) -> Reply:
    if any(name in error.text for name in _INCOMPLETE):
        return Reply(_failed(FailureKind.REFUSED, endpoint, "cannot read all of its data", error))
    if _QUERY_TIMEOUT in error.text:
        return Reply(_failed(FailureKind.TIMEOUT, endpoint, "gave up on the query", error))
    divisible = error.kind == "execution" or _LIMITS.search(error.text) is not None
    return Reply(QueryFailed(FailureKind.BAD_QUERY, error.text or "the query is refused"), divisible)


def _asked_to_wait(record: Record, endpoint: str, error: _Error) -> Reply:
    wait = _wait_seconds(record.retry_after)
    later = f", to be asked again after {format_duration(ceil(wait))}" if wait else ""
    what = f"answered with status {record.status}{later}"
    return Reply(_failed(FailureKind.REFUSED, endpoint, what, error), wait_seconds=wait)


def _failed(kind: FailureKind, endpoint: str, what: str, error: _Error = _Error("", "")) -> QueryFailed:
    return QueryFailed(kind, f"{endpoint} {what}" + (f": {error.text}" if error.text else ""))


def _status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _wait_seconds(retry_after: str) -> float:
    """Seconds of a `Retry-After`, which is a number or a date (RFC 9110); 0 for what is neither."""
    try:
        if retry_after.isdecimal():
            wait = float(retry_after)
        else:
            wait = parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(wait, 0.0), MAX_WAIT_SECONDS)


def _error_of(record: Record) -> _Error:
    try:
        found = json.loads(record.body)
    except (ValueError, RecursionError):
        return _Error("", _plain_text(record))
    if not isinstance(found, dict):
        return _Error("", "")
    text = found.get("error", "")
    # An API front end of Google puts an object there, with the text inside.
    told = text.get("message", "") if isinstance(text, dict) else text
    return _Error(str(found.get("errorType", "")), str(told)[:_MESSAGE_LENGTH])


def _plain_text(record: Record) -> str:
    """A short line that is meant for people; pages are not, and the name of the status is known already."""
    if not record.content_type.startswith("text/plain"):
        return ""
    text = record.body.decode("utf-8", "replace").strip()
    known = text == HTTPStatus(record.status).phrase if record.status in _STATUSES else False
    return text if len(text) <= _PLAIN_TEXT_LENGTH and text.isprintable() and not known else ""


def _is_partial(body: bytes) -> bool:
    # The client has parsed the body already; nearly all answers are whole, and need not be parsed again.
    return _IS_PARTIAL.search(body) is not None and json.loads(body).get("isPartial") is True


def _warnings(body: bytes) -> tuple[str, ...]:
    if b'"warnings"' not in body:
        return ()
    found = json.loads(body).get("warnings") or ()
    return tuple(str(warning)[:_MESSAGE_LENGTH] for warning in found)
