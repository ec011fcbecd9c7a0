"""The HTTP session under the Prometheus client: what it sends of itself, whom it trusts, and its limits.

What the client does not do is done here: no redirects (a query and its credentials must not end up elsewhere), a limit
on the size of an answer, a limit on the time of the whole answer, and keeping what the client drops.
"""

import io
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from hypercare.adapters.credentials import CERTIFICATE, ClientCertificate, Credentials, InvalidCredentials
from hypercare.adapters.tls import tls_context
from hypercare.domain.endpoint import Endpoint

_CHUNK_BYTES = 64 * 1024
# Without read=False a read timeout comes back as a connection error, as if the endpoint could not be reached.
NO_RETRIES = Retry(total=0, read=False)


class AnswerTooLarge(Exception):
    """The answer has more bytes than are read."""


class AnswerTooSlow(Exception):
    """The answer began in time and did not end in time."""


@dataclass(frozen=True)
class Record:
    """What the last response of this thread was; `headers` have the names in lower case."""

    status: int = 0
    body: bytes = b""
    location: str = ""
    retry_after: str = ""
    content_type: str = ""


class RecordingSession(requests.Session):
    """A session with credentials and limits that remembers, per thread, what it has received."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials, max_bytes: int) -> None:
        super().__init__()
        # Proxies and .netrc of the environment have no say in where a query and its credentials go.
        self.trust_env = False
        self.headers.update(endpoint.headers)
        if credentials.header:
            self.headers["Authorization"] = credentials.header
        self._timeout = endpoint.timeout_seconds
        self._max_bytes = max_bytes
        self._seen = threading.local()

    @property
    def record(self) -> Record:
        """The last response of the calling thread."""
        found = getattr(self._seen, "record", None)
        return found if isinstance(found, Record) else Record()

    def forget(self) -> None:
        """Start anew for the calling thread."""
        self._seen.record = Record()

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
        headers = response.headers
        self._seen.record = Record(
            response.status_code,
            body,
            headers.get("Location", ""),
            headers.get("Retry-After", ""),
            headers.get("Content-Type", ""),
        )
        return response

    def _within_limits(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        size = 0
        for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > self._max_bytes:
                raise AnswerTooLarge(f"the answer has more than {self._max_bytes // 1024} KiB")
            if time.monotonic() > deadline:
                raise AnswerTooSlow("the answer took too long to arrive")
            yield chunk


class Transport(HTTPAdapter):
    """Connects with one TLS context, and nothing but what that trusts; requests would add the public authorities."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=NO_RETRIES)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make all connections with the context."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Name the host only: which certificates count is in the context."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the connection to the context."""


def transport(endpoint: Endpoint, credentials: Credentials) -> HTTPAdapter:
    """How the endpoint is connected to.

    Raises:
        InvalidCredentials: the client's certificate and key cannot be used, or not over http.
    """
    if endpoint.url.startswith("https://"):
        return Transport(tls_context(endpoint.ca_bundle, credentials.certificate))
    if isinstance(credentials.certificate, ClientCertificate):
        raise InvalidCredentials(f"has a client certificate ({CERTIFICATE}), which an http address never asks for")
    return HTTPAdapter(max_retries=NO_RETRIES)
