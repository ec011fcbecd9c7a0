"""One request to a Prometheus-compatible endpoint, with prometheus-api-client, and every way in which it can fail.

What the client does not do, the session under it does: no redirects (a query must not end up elsewhere), a limit on the
size of an answer, a limit on the time of the whole answer, and keeping what the client drops (warnings, error types).
The client's default of three retries makes a timeout of one second ten seconds long, so there are none.
"""

import io
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as ReadTimeout
from urllib3.util import Retry

from hypercare.domain.samples import (
    Answer,
    FailureKind,
    InstantQuery,
    QueryFailed,
    RangeQuery,
    Result,
    Sample,
    Series,
    Unanswered,
)

MAX_ANSWER_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_MESSAGE_LENGTH = 300
# Without read=False a read timeout comes back as a connection error, as if the endpoint could not be reached.
_NO_RETRIES = Retry(total=0, read=False)


class _AnswerTooLarge(Exception):
    pass


class _AnswerTooSlow(Exception):
    pass


@dataclass
class _Record:
    """What the last response of this thread was."""

    status: int = 0
    body: bytes = b""
    location: str = ""


class RecordingSession(requests.Session):
    """A session with limits that remembers, per thread, what it has received."""

    def __init__(self, timeout_seconds: float, max_bytes: int) -> None:
        super().__init__()
        # Proxies and .netrc of the environment have no say in where a query and its credentials go.
        self.trust_env = False
        self._timeout = timeout_seconds
        self._max_bytes = max_bytes
        self._seen = threading.local()

    @property
    def record(self) -> _Record:
        """The last response of the calling thread."""
        found = getattr(self._seen, "record", None)
        return found if isinstance(found, _Record) else _Record()

    def forget(self) -> None:
        """Start anew for the calling thread."""
        self._seen.record = _Record()

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request and read its answer within the limits."""
        self.forget()
        deadline = time.monotonic() + self._timeout
        response = super().request(*args, **{**kwargs, "stream": True, "allow_redirects": False})
        try:
            body = b"".join(self._within_limits(response, deadline))
        finally:
            response.close()
        response.raw = io.BytesIO(body)
        self._seen.record = _Record(response.status_code, body, response.headers.get("Location", ""))
        return response

    def _within_limits(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        size = 0
        for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > self._max_bytes:
                raise _AnswerTooLarge(f"the answer has more than {self._max_bytes // 1024} KiB")
            if time.monotonic() > deadline:
                raise _AnswerTooSlow("the answer took too long to arrive")
            yield chunk


@dataclass(frozen=True)
class Reply:
    """A result, and whether a part of the range may be answered better than the whole (warnings, failed evaluation)."""

    result: Result
    divisible: bool = False


class Requester:
    """Sends single requests to one endpoint; blocks, and may be used from several threads."""

    def __init__(self, url: str, timeout_seconds: float, max_bytes: int = MAX_ANSWER_BYTES) -> None:
        self._session = RecordingSession(timeout_seconds, max_bytes)
        self._client = PrometheusConnect(url=url, session=self._session, retry=_NO_RETRIES, timeout=timeout_seconds)
        self._host = urlsplit(url).hostname or url
        self._server_timeout = {"timeout": f"{timeout_seconds:g}s"}

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def ask(self, query: RangeQuery | InstantQuery) -> Reply:
        """Ask once."""
        try:
            rows = self._rows(query)
            return _understood(rows, query, self._session.record.body)
        except PrometheusApiClientException:
            return self._refused(self._session.record)
        except (requests.Timeout, ReadTimeout, _AnswerTooSlow):
            return self._failed(FailureKind.TIMEOUT, "did not answer in time")
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError, OverflowError):
            return self._failed(FailureKind.INVALID_ANSWER, "did not answer like a Prometheus API")
        except _AnswerTooLarge as error:
            return self._failed(FailureKind.INVALID_ANSWER, f"sent too much: {error}")
        except requests.ConnectionError:
            return self._failed(FailureKind.UNREACHABLE, "cannot be reached")
        except HTTPError:
            return self._failed(FailureKind.INVALID_ANSWER, "broke off in the middle of its answer")
        except requests.RequestException as error:
            return self._failed(FailureKind.UNREACHABLE, f"cannot be asked ({type(error).__name__})")

    def _rows(self, query: RangeQuery | InstantQuery) -> Any:
        self._session.forget()
        match query:
            case RangeQuery(expr, start, end, step):
                first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
                return self._client.custom_query_range(expr, first, last, str(step), dict(self._server_timeout))
            case InstantQuery(expr, moment):
                return self._client.custom_query(expr, {"time": moment, **self._server_timeout})

    def _refused(self, record: _Record) -> Reply:
        kind, text = _error_of(record.body)
        match record.status:
            case 400 | 422:
                return Reply(QueryFailed(FailureKind.BAD_QUERY, text or "the query is refused"), kind == "execution")
            case status if 300 <= status < 400:
                target = urlsplit(record.location).hostname or "somewhere else"
                return self._failed(FailureKind.REFUSED, f"redirects to {target}, which is not followed")
            case 503 | 504 if kind == "timeout" or record.status == 504:
                return self._failed(FailureKind.TIMEOUT, f"gave up on the query: {text or 'timeout'}")
            case status:
                return self._failed(
                    FailureKind.REFUSED, f"answered with status {status}" + (f": {text}" if text else "")
                )

    def _failed(self, kind: FailureKind, what: str) -> Reply:
        return Reply(QueryFailed(kind, f"Prometheus at {self._host} {what}"))


def _error_of(body: bytes) -> tuple[str, str]:
    """Type and text of an API error; both empty for anything else, such as a page of a proxy."""
    try:
        found = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    return str(found.get("errorType", "")), str(found.get("error", ""))[:_MESSAGE_LENGTH]


def _understood(rows: Any, query: RangeQuery | InstantQuery, body: bytes) -> Reply:
    warnings = _warnings(body)
    if isinstance(query, InstantQuery):
        return Reply(Answer(tuple(_instant_series(rows)), warnings))
    series = tuple(
        Series(_labels(row), tuple(_sample(pair) for pair in row["values"])) for row in rows if "values" in row
    )
    answer = Answer(series, warnings, tuple(_histograms(rows)))
    return Reply(answer, divisible=bool(warnings))


def _warnings(body: bytes) -> tuple[str, ...]:
    # The client has parsed the body already; most answers have no warnings, and need not be parsed again.
    if b'"warnings"' not in body:
        return ()
    found = json.loads(body).get("warnings") or ()
    return tuple(str(warning)[:_MESSAGE_LENGTH] for warning in found)


def _instant_series(rows: Any) -> Iterator[Series]:
    # A scalar or a string comes as a bare pair, a vector as a list of objects.
    if rows and not isinstance(rows[0], dict):
        yield Series({}, (_sample(rows),))
        return
    for row in rows:
        if "value" in row:
            yield Series(_labels(row), (_sample(row["value"]),))


def _labels(row: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in row["metric"].items()}


def _sample(pair: Sequence[Any]) -> Sample:
    moment, value = pair
    sample = Sample(float(moment), float(value))
    if not isfinite(sample.time):
        raise ValueError("a sample without a time")
    return sample


def _histograms(rows: Sequence[Mapping[str, Any]]) -> Iterator[Unanswered]:
    failure = QueryFailed(FailureKind.NATIVE_HISTOGRAM, "the result is a native histogram, which has no single value")
    for moment in sorted({round(float(pair[0])) for row in rows for pair in row.get("histograms", ())}):
        yield Unanswered(moment, moment, failure)
