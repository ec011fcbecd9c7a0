"""A Prometheus on loopback that answers range queries by a function of time for each metric, and remembers requests."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import listening
from tests.unit.prometheus_answers import Source


@dataclass
class RangeServer:
    """Where it answers, what it knows, and what it was asked."""

    url: str
    metrics: Mapping[str, Source]
    status: int = 200
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def reply(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        """Answer one request."""
        self.headers.append(dict(handler.headers.items()))
        asked = {key: values[0] for key, values in parse_qs(urlsplit(handler.path).query).items()}
        source = next((source for name, source in self.metrics.items() if name in asked["query"]), None)
        series = [] if source is None else [{"metric": {}, "values": list(_values(source, asked))}]
        return self.status, json.dumps({"status": "success", "data": _matrix(series)}).encode()


def _matrix(series: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resultType": "matrix", "result": [each for each in series if each["values"]]}


def _values(source: Source, asked: Mapping[str, str]) -> Iterator[list[Any]]:
    start, end, step = (int(float(asked[name])) for name in ("start", "end", "step"))
    for time in range(start, end + 1, step):
        value = source(time)
        if isinstance(value, int | float):
            yield [time, str(value)]


@contextmanager
def range_server(metrics: Mapping[str, Source]) -> Iterator[RangeServer]:
    """Serve until the block ends."""
    found = RangeServer("", metrics)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = found.reply(self)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with listening(Handler) as port:
        found.url = f"http://127.0.0.1:{port}"
        yield found
