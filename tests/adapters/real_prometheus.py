"""Real Prometheus servers on loopback, filled with history by promtool, by OTLP, or by scraping.

A server keeps its folder and its port, so it can be stopped and started again over the same data. What it answers is
read here without the project's own code, so that a test can hold one against the other.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from tests.cluster.layout import free_ports
from tests.cluster.programs import find_programs
from tests.loopback import listening

Labels = Mapping[str, str]
STARTING_SECONDS = 60
STOPPING_SECONDS = 30
FEATURES = (
    "promql-experimental-functions,promql-duration-expr,promql-extended-range-selectors,promql-binop-fill-modifiers"
)


@dataclass(frozen=True)
class History:
    """A series as it was scraped: a sample every `every` seconds, with the value at that time; None for none."""

    name: str
    labels: Labels
    value: Callable[[int], float | None]
    every: int = 15


def always(value: float) -> Callable[[int], float | None]:
    """The same value at any time."""
    return lambda _: value


@dataclass
class Server:
    """A Prometheus of its own folder and port."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers queries."""
        flags = {
            "config.file": self.folder / "prometheus.yml",
            "storage.tsdb.path": self.folder / "data",
            "storage.tsdb.retention.time": "100y",
            "web.listen-address": f"127.0.0.1:{self.port}",
            "enable-feature": FEATURES,
            **self.flags,
        }
        command: list[str | Path] = [
            find_programs()["prometheus"],
            *(f"--{name}={text}" for name, text in flags.items()),
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, "--web.enable-otlp-receiver"], stdout=log, stderr=log)
        deadline = time.monotonic() + STARTING_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urlopen(f"{self.url}/-/ready", timeout=2):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        """End it as an operator of a cluster would, and wait until it has gone."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(STOPPING_SECONDS)
            self.process = None


@contextmanager
def prometheus(folder: Path, config: Mapping[str, Any], flags: Labels = MappingProxyType({})) -> Iterator[Server]:
    """Run a server with a configuration and flags, on what is in its folder already."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(dict(config)))
    server = Server(folder, free_ports(1)[0], flags=flags)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def backfill(folder: Path, history: Iterable[History], times: range) -> None:
    """Write blocks of history for a server that is not running yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.txt").write_text("".join(_open_metrics(history, times)))
    command: list[str | Path] = [find_programs()["promtool"], "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*command, folder / "history.txt", folder / "data"], check=True, capture_output=True)


def _open_metrics(history: Iterable[History], times: range) -> Iterator[str]:
    by_name: dict[str, list[History]] = {}
    for each in history:
        by_name.setdefault(each.name, []).append(each)
    for name, many in by_name.items():
        yield f"# TYPE {json.dumps(name)} unknown\n"
        for each in many:
            pairs = (
                f"{json.dumps(label)}={json.dumps(value, ensure_ascii=False)}" for label, value in each.labels.items()
            )
            series = "{" + ",".join([json.dumps(name), *pairs]) + "}"
            for moment in range(times.start, times.stop, each.every):
                found = each.value(moment)
                if found is not None:
                    yield f"{series} {found} {moment}\n"
    yield "# EOF\n"


@dataclass(frozen=True)
class Answered:
    """What a server answered: rows of labels and samples as text, and what it warned of; or its error."""

    rows: frozenset[tuple[str, str]] = frozenset()
    error: str = ""


def ask(url: str, expr: str, moment: int) -> Answered:
    """Evaluate any expression at one time; a range of samples is an answer too."""
    try:
        with urlopen(f"{url}/api/v1/query?{urlencode({'query': expr, 'time': moment})}", timeout=20) as response:
            data = json.load(response)["data"]
    except HTTPError as error:
        return Answered(error=str(json.load(error)["error"]))
    if data["resultType"] in ("scalar", "string"):
        return Answered(frozenset({("", str(data["result"][1]))}))
    rows = ((json.dumps(row.pop("metric"), sort_keys=True), json.dumps(row, sort_keys=True)) for row in data["result"])
    return Answered(frozenset(rows))


def push(url: str, name: str, labels: Labels, samples: Mapping[int, float]) -> None:
    """Send samples of one series by OTLP, at whatever times they say."""
    points = [
        {"timeUnixNano": str(moment * 10**9), "asDouble": value, "attributes": _attributes(labels)}
        for moment, value in samples.items()
    ]
    _send(url, {"name": name, "gauge": {"dataPoints": points}})


def push_histogram(url: str, name: str, labels: Labels, moments: Iterable[int]) -> None:
    """Send a native histogram of one series by OTLP."""
    points = [
        {
            "timeUnixNano": str(moment * 10**9),
            "count": "3",
            "sum": 6.0,
            "scale": 0,
            "zeroCount": "0",
            "positive": {"offset": 0, "bucketCounts": ["1", "2"]},
            "attributes": _attributes(labels),
        }
        for moment in moments
    ]
    _send(url, {"name": name, "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": points}})


def _attributes(labels: Labels) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in labels.items()]


def _send(url: str, metric: Mapping[str, Any]) -> None:
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    request = Request(
        f"{url}/api/v1/otlp/v1/metrics",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urlopen(request, timeout=20):
        pass


@dataclass
class Exporter:
    """What a target shows when it is scraped: values by series text such as `orders{pod="a"}`; broken: an error."""

    port: int = 0
    shown: dict[str, float | Callable[[], float]] = field(default_factory=dict)
    broken: bool = False

    @property
    def address(self) -> str:
        """Where it is scraped."""
        return f"127.0.0.1:{self.port}"

    def text(self) -> str:
        """The page."""
        now = {series: value() if callable(value) else value for series, value in dict(self.shown).items()}
        return "".join(f"{series} {value}\n" for series, value in now.items())


@contextmanager
def exporting() -> Iterator[Exporter]:
    """Serve an exporter on a free loopback port until the block ends."""
    exporter = Exporter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporter.text().encode()
            self.send_response(500 if exporter.broken else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """A scrape a second is not worth a line."""

    with listening(Handler) as exporter.port:
        yield exporter
