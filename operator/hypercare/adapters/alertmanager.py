"""Alertmanager's HTTP API, version 2: one look at routes, silences and alerts, and every way in which it can fail.

A look is three requests, made one after the other in a thread, with a connection and credentials of their own: it
happens once per evaluation for few periods, and nothing has to be kept. An observer is told of each request.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
import yaml
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as ReadTimeout

from hypercare.adapters.credentials import ANONYMOUS, Credentials, InvalidCredentials
from hypercare.adapters.prometheus_session import AnswerTooLarge, AnswerTooSlow, RecordingSession, transport
from hypercare.domain.alerts.alertmanager_view import View, ViewFailed, read_view
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.objects import SECRETS
from hypercare.domain.samples import QueryFailed

MAX_ANSWER_BYTES = 16 * 1024 * 1024
ASKED = ("status", "silences", "alerts")
"""What a look asks for, in this order: the last part of each path."""
# Of the configuration: it is parsed in Python, and one that is larger has more routes than are judged.
MAX_CONFIG_CHARACTERS = 256 * 1024


class RequestOutcome(StrEnum):
    """What became of one request, in the words of `samples.FailureKind`."""

    ANSWERED = "Answered"
    UNREACHABLE = "AlertmanagerUnreachable"
    TIMEOUT = "AlertmanagerTimeout"
    REFUSED = "AlertmanagerRefused"
    UNAUTHORIZED = "AlertmanagerUnauthorized"
    INVALID_ANSWER = "InvalidAnswer"


RequestObserver = Callable[[str, RequestOutcome, float], None]
"""Is told of each request, in any thread: one of `ASKED`, what became of it, the seconds it took."""


class Secrets(Protocol):
    """Where credentials come from."""

    async def read(self, name: str) -> Credentials | QueryFailed:
        """Return the credentials of a Secret, or why there are none."""
        ...

    async def reread(self, name: str, refused: Credentials) -> Credentials | QueryFailed:
        """Return the credentials after an endpoint has refused some."""
        ...


class _Unusable(Exception):
    """Alertmanager answered, and not with what was asked for."""


class _Refused(_Unusable):
    """Alertmanager, or something before it, does not let the request through."""


class _Unauthorized(_Refused):
    """The credentials are refused."""


class AlertmanagerApi:
    """Looks at any Alertmanager that a profile names."""

    def __init__(self, secrets: Secrets, observer: RequestObserver) -> None:
        self._secrets = secrets
        self._observer = observer

    async def view(self, endpoint: Endpoint, namespace: str) -> View:
        """Look once, and once more if credentials are refused that have been replaced meanwhile."""
        credentials = await self._secrets.read(endpoint.secret) if endpoint.secret else ANONYMOUS
        if isinstance(credentials, QueryFailed):
            return ViewFailed(credentials.message)
        found = await asyncio.to_thread(look, endpoint, credentials, namespace, self._observer)
        if not isinstance(found, Unauthorized) or not endpoint.secret:
            return found
        renewed = await self._secrets.reread(endpoint.secret, credentials)
        if isinstance(renewed, QueryFailed) or renewed == credentials:
            return found
        return await asyncio.to_thread(look, endpoint, renewed, namespace, self._observer)


class Unauthorized(ViewFailed):
    """The Alertmanager refused the credentials."""


def look(endpoint: Endpoint, credentials: Credentials, namespace: str, observer: RequestObserver) -> View:
    """Look once; blocks."""
    name = f"Alertmanager at {urlsplit(endpoint.url).hostname or endpoint.url}"
    try:
        return _look(endpoint, credentials, namespace, observer)
    except InvalidCredentials as error:
        return ViewFailed(f"{SECRETS.kind} {endpoint.secret} {error}")
    except _Unauthorized as error:
        return Unauthorized(f"{name} {error}")
    except _Unusable as error:
        return ViewFailed(f"{name} {credentials.redact(str(error))}")
    except AnswerTooLarge as error:
        return ViewFailed(f"{name} sent too much: {error}")
    except (requests.Timeout, ReadTimeout, AnswerTooSlow):
        return ViewFailed(f"{name} did not answer in time")
    except (requests.RequestException, HTTPError) as error:
        return ViewFailed(f"{name} cannot be reached ({type(error).__name__})")


def _look(endpoint: Endpoint, credentials: Credentials, namespace: str, observer: RequestObserver) -> View:
    session = RecordingSession(endpoint, credentials, MAX_ANSWER_BYTES)
    session.mount(endpoint.url, transport(endpoint, credentials))
    with session:
        client = _Client(session, endpoint, observer)
        parameters = {"alerts": {"filter": f"namespace={json.dumps(namespace)}"}}
        status, silences, alerts = (client.get(path, parameters.get(path, {})) for path in ASKED)
    return read_view(_config(status), silences, alerts)


class _Client:
    def __init__(self, session: RecordingSession, endpoint: Endpoint, observer: RequestObserver) -> None:
        self._session = session
        self._base = f"{endpoint.url}/api/v2"
        self._timeout = endpoint.timeout_seconds
        self._observer = observer

    def get(self, path: str, parameters: Mapping[str, str]) -> Any:
        started, outcome = time.monotonic(), RequestOutcome.ANSWERED
        try:
            return self._answer(path, parameters)
        except Exception as error:
            outcome = _outcome_of(error)
            raise
        finally:
            self._observer(path, outcome, time.monotonic() - started)

    def _answer(self, path: str, parameters: Mapping[str, str]) -> Any:
        self._session.get(f"{self._base}/{path}", params=parameters, timeout=self._timeout)
        record = self._session.record
        if record.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise _Unauthorized(f"refused: {record.status}")
        if record.status != HTTPStatus.OK:
            raise _Refused(f"answered with status {record.status}")
        try:
            return json.loads(record.body)
        except (ValueError, RecursionError):
            raise _Unusable("did not answer like Alertmanager's API v2") from None


def _outcome_of(error: Exception) -> RequestOutcome:
    match error:
        case _Unauthorized():
            return RequestOutcome.UNAUTHORIZED
        case _Refused():
            return RequestOutcome.REFUSED
        case _Unusable() | AnswerTooLarge():
            return RequestOutcome.INVALID_ANSWER
        case requests.Timeout() | ReadTimeout() | AnswerTooSlow():
            return RequestOutcome.TIMEOUT
        case _:
            return RequestOutcome.UNREACHABLE


def _config(status: object) -> object:
    """The running configuration, which the status shows as YAML with its secrets left out."""
    try:
        text = Field("status", status).get("config").get("original").text()
        if len(text) > MAX_CONFIG_CHARACTERS:
            raise _Unusable("has a configuration that is too large to be judged")
        return yaml.safe_load(text)
    except (InvalidField, yaml.YAMLError, RecursionError):
        raise _Unusable("did not answer like Alertmanager's API v2") from None
