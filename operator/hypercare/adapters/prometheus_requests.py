"""One request to a Prometheus-compatible endpoint, with prometheus-api-client, and every way in which it can fail.

The client's default of three retries makes a timeout of one second ten seconds long, so there are none.
"""

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as ReadTimeout

from hypercare.adapters.credentials import Credentials
from hypercare.adapters.prometheus_replies import Reply, refused, understood
from hypercare.adapters.prometheus_session import (
    NO_RETRIES,
    AnswerTooLarge,
    AnswerTooSlow,
    RecordingSession,
    transport,
)
from hypercare.domain.alerts.loaded_rules import LoadedResult, LoadedRules, RulesQuery, read_loaded_rules
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.fields import InvalidField
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, RangeQuery

T = TypeVar("T")
MAX_ANSWER_BYTES = 32 * 1024 * 1024
# With TLS 1.3 a client learns of a missing certificate only after its handshake, if the alert is not lost.
_BROKEN_OFF = (ssl.SSLError, ConnectionResetError, BrokenPipeError)
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})


class Requester:
    """Sends single requests to one endpoint; blocks, and may be used from several threads.

    Raises:
        InvalidCredentials: a client certificate cannot be used.
    """

    def __init__(self, endpoint: Endpoint, credentials: Credentials, max_bytes: int = MAX_ANSWER_BYTES) -> None:
        url, timeout = endpoint.url, endpoint.timeout_seconds
        connection = transport(endpoint, credentials)
        self._url, self._timeout = url.rstrip("/"), timeout
        self._credentials = credentials
        self._session = RecordingSession(endpoint, credentials, max_bytes)
        self._client = PrometheusConnect(url=url, session=self._session, retry=NO_RETRIES, timeout=timeout)
        # In place of the one that the client has mounted at the same prefix.
        self._session.mount(url, connection)
        self._name = f"Prometheus at {urlsplit(url).hostname or url}"
        self._server_timeout = {"timeout": f"{timeout:g}s"}
        self._secure = url.startswith("https://")

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def ask(self, query: RangeQuery | InstantQuery) -> Reply:
        """Ask once."""
        reply = self._asked(query)
        redact = self._credentials.redact
        match reply.result:
            case QueryFailed(_, message) as failure:
                return replace(reply, result=replace(failure, message=redact(message)))
            case Answer(_, warnings) as answer if warnings:
                return replace(reply, result=replace(answer, warnings=tuple(map(redact, warnings))))
            case _:
                return reply

    def rules(self, query: RulesQuery) -> LoadedResult:
        """Ask which rules are loaded."""
        redact = self._credentials.redact
        match self._loaded(query):
            case Reply(result=QueryFailed(kind, message)):
                return QueryFailed(kind, redact(message))
            case Reply():
                return QueryFailed(FailureKind.INVALID_ANSWER, f"{self._name} did not answer like a Prometheus API")
            case loaded:
                return loaded

    def _loaded(self, query: RulesQuery) -> LoadedRules | Reply:
        parameters = [("exclude_alerts", "true")]
        parameters += [("rule_group[]", group) for group in query.groups]
        parameters += [("rule_name[]", rule) for rule in query.rules]

        def ask() -> LoadedRules | Reply:
            self._session.forget()
            response = self._session.get(f"{self._url}/api/v1/rules", params=parameters, timeout=self._timeout)
            if response.status_code != HTTPStatus.OK:
                return refused(self._session.record, self._name)
            return read_loaded_rules(json.loads(self._session.record.body), query)

        return self._failing(ask)

    def _asked(self, query: RangeQuery | InstantQuery) -> Reply:
        return self._failing(lambda: understood(self._rows(query), query, self._session.record.body))

    def _failing(self, ask: Callable[[], T]) -> T | Reply:
        """Ask, and make a reply of everything that can go wrong."""
        try:
            return ask()
        except PrometheusApiClientException:
            return refused(self._session.record, self._name)
        except (requests.Timeout, ReadTimeout, AnswerTooSlow):
            return self._failed(FailureKind.TIMEOUT, "did not answer in time")
        except (
            InvalidField,
            KeyError,
            IndexError,
            TypeError,
            ValueError,
            AttributeError,
            RecursionError,
            OverflowError,
        ):
            return self._failed(FailureKind.INVALID_ANSWER, "did not answer like a Prometheus API")
        except AnswerTooLarge as error:
            return self._failed(FailureKind.INVALID_ANSWER, f"sent too much: {error}")
        except (requests.RequestException, HTTPError) as error:
            return self._not_connected(error)

    def _not_connected(self, error: requests.RequestException | HTTPError) -> Reply:
        broken = next((each for each in _causes(error) if isinstance(each, _BROKEN_OFF)), None)
        if broken is not None and self._secure:
            return self._failed(FailureKind.UNREACHABLE, f"cannot be reached over TLS: {_tls_reason(broken)}")
        if isinstance(error, requests.ConnectionError):
            return self._failed(FailureKind.UNREACHABLE, "cannot be reached")
        if isinstance(error, HTTPError):
            return self._failed(FailureKind.INVALID_ANSWER, "broke off in the middle of its answer")
        return self._failed(FailureKind.UNREACHABLE, f"cannot be asked ({type(error).__name__})")

    def _rows(self, query: RangeQuery | InstantQuery) -> Any:
        self._session.forget()
        match query:
            case RangeQuery(expr, start, end, step):
                first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
                return self._client.custom_query_range(expr, first, last, str(step), dict(self._server_timeout))
            case InstantQuery(expr, moment):
                return self._client.custom_query(expr, {"time": moment, **self._server_timeout})

    def _failed(self, kind: FailureKind, what: str) -> Reply:
        return Reply(QueryFailed(kind, f"{self._name} {what}"))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: requests and urllib3 keep the cause in `args` and `reason`."""
    pending: list[BaseException] = [error]
    seen: set[int] = set()
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        wrapped = (*each.args, getattr(each, "reason", None), each.__cause__, each.__context__)
        pending.extend(inner for inner in wrapped if isinstance(inner, BaseException))


def _tls_reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    reason = (isinstance(error, ssl.SSLError) and error.reason) or "connection closed"
    if reason in _NO_TLS:
        return "it does not speak TLS at this port"
    reason = reason.replace("_", " ").lower()
    return f"it broke off ({reason}); it may ask for a client certificate, or for another one"
