"""A way to Prometheus that a test can break: what a profile names as its URL, on a port of its own."""

import http.client
import json
import threading
import time
import urllib.parse
from enum import Enum, auto
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from tests.cluster.layout import free_ports

TIMEOUT_SECONDS = 15.0
LAG_SECONDS = 0.7
WARNING = "remote read of store-2 failed"


class Trouble(Enum):
    """What is wrong with the endpoint."""

    NONE = auto()
    REFUSES = auto()
    HANGS = auto()
    FAILS = auto()
    IS_NO_PROMETHEUS = auto()
    THROTTLES = auto()
    TRUNCATES = auto()
    WARNS = auto()
    LAGS = auto()
    KNOWS_NO_RULES = auto()


_INSTEAD = {
    Trouble.FAILS: (500, "text/plain", b"out of memory"),
    Trouble.IS_NO_PROMETHEUS: (200, "text/html", b"<html><body>Please log in</body></html>"),
    Trouble.THROTTLES: (429, "text/plain", b"too many requests"),
}


def _instead(trouble: Trouble, path: str) -> tuple[int, str, bytes] | None:
    """What is answered without asking anybody."""
    if trouble is Trouble.KNOWS_NO_RULES and path.startswith("/api/v1/rules"):
        return (404, "text/plain", b"404 page not found")
    return _INSTEAD.get(trouble)


class Endpoint:
    """Passes requests on to Prometheus, except while it has a `Trouble`. Use as a context manager.

    Attributes:
        url: What a profile names.
        asked: When requests have come, in Unix seconds.

    With a `ruler_url`, that server is asked about rules, as Thanos asks a ruler that keeps no results itself.
    """

    def __init__(self, prometheus_url: str, trouble: Trouble = Trouble.NONE, ruler_url: str = "") -> None:
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self.asked: list[float] = []
        self.upstream = urllib.parse.urlsplit(prometheus_url).netloc
        self.ruler = urllib.parse.urlsplit(ruler_url or prometheus_url).netloc
        self.trouble = trouble
        self.closing = threading.Event()
        self._server: _Server | None = None

    def __enter__(self) -> "Endpoint":
        self.have(self.trouble)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop_listening()

    def have(self, trouble: Trouble) -> None:
        """Break, or heal with `Trouble.NONE`; answers that hang stay so until then."""
        self.closing.set()
        self.closing = threading.Event()
        self.trouble = trouble
        if trouble is Trouble.REFUSES:
            self._stop_listening()
        elif self._server is None:
            self._server = _Server(("127.0.0.1", self._port), _handler(self))
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _stop_listening(self) -> None:
        self.closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    block_on_close = False


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Tests look at what comes out, not at lines."""

        def _serve(self, body: bytes) -> None:
            endpoint.asked.append(time.time())
            trouble = endpoint.trouble
            if trouble is Trouble.HANGS:
                endpoint.closing.wait(TIMEOUT_SECONDS)
            elif instead := _instead(trouble, self.path):
                self._answer(*instead)
            else:
                time.sleep(LAG_SECONDS if trouble is Trouble.LAGS else 0)
                self._pass_on(body, trouble)

        def _pass_on(self, body: bytes, trouble: Trouble) -> None:
            upstream = endpoint.ruler if self.path.startswith("/api/v1/rules") else endpoint.upstream
            connection = http.client.HTTPConnection(upstream, timeout=TIMEOUT_SECONDS)
            kept = {name: self.headers[name] for name in ("Content-Type",) if name in self.headers}
            connection.request(self.command, self.path, body or None, kept)
            with connection.getresponse() as answer:
                self._answer(answer.status, answer.headers["Content-Type"], _spoilt(answer.read(), trouble))
            connection.close()

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _spoilt(body: bytes, trouble: Trouble) -> bytes:
    match trouble:
        case Trouble.TRUNCATES:
            return body[: len(body) // 2]
        case Trouble.WARNS:
            return json.dumps({**json.loads(body), "warnings": [WARNING]}).encode()
    return body
