"""A loopback HTTP server that answers like a Prometheus, or in any way that a broken one or a proxy might."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.loopback import listening

Parameters = Mapping[str, str]


@dataclass(frozen=True)
class Response:
    """What is sent: `promised_bytes` overrides the Content-Length."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    promised_bytes: int | None = None


Behaviour = Callable[[Parameters], Response]


def matrix(rows: list[dict[str, Any]], **more: Any) -> Response:
    """A successful answer to a range query."""
    body = {"status": "success", "data": {"resultType": "matrix", "result": rows}, **more}
    return Response(body=json.dumps(body).encode())


def grid(parameters: Parameters, value: str = "1") -> list[list[Any]]:
    """The same value on every point that was asked for."""
    start, end, step = (int(parameters[name]) for name in ("start", "end", "step"))
    return [[time, value] for time in range(start, end + 1, step)]


def error(status: int, kind: str, text: str) -> Response:
    """An error as the API writes it."""
    return Response(status, json.dumps({"status": "error", "errorType": kind, "error": text}).encode())


@dataclass
class Served:
    """A running server: its URL, what it has been asked (and how), and how many requests were under way at once."""

    url: str
    asked: list[Parameters] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


Admission = Callable[[Mapping[str, str]], Response | None]


def anybody(headers: Mapping[str, str]) -> Response | None:
    """Let every request in."""
    return None


@contextmanager
def serving(
    behaviour: Behaviour, admission: Admission = anybody, tls: ssl.SSLContext | None = None
) -> Iterator[Served]:
    """Serve on a free loopback port until the block ends; `admission` says by the headers what is answered instead."""
    served = Served("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parameters = dict(parse_qsl(urlsplit(self.path).query))
            headers = dict(self.headers)
            with served.lock:
                served.asked.append(parameters)
                served.headers.append(headers)
                served.paths.append(urlsplit(self.path).path)
                served.at_once += 1
                served.most_at_once = max(served.most_at_once, served.at_once)
            try:
                self.send(admission(headers) or behaviour(parameters))
            finally:
                with served.lock:
                    served.at_once -= 1

        def send(self, response: Response) -> None:
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            promised = len(response.body) if response.promised_bytes is None else response.promised_bytes
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(response.body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Requests are kept in `asked`, not printed."""

    with listening(Handler, tls) as port:
        served.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        yield served
