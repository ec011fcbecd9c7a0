"""A small service with real metrics, whose behaviour a test decides.

Each simulated service is a (namespace, name) pair with a steady rate of requests, a share of errors, a latency and a
queue. Counters are the integral of the rate over time, so the same behaviour gives the same rates however often it is
scraped, and no load is generated. Run as a process (`python -m tests.cluster.shop`); `Shop` steers it over HTTP.

Series, all with labels `namespace` and `service`:
    http_requests_total{code="200"|"500"}, http_request_duration_seconds (histogram), queue_oldest_age_seconds (gauge).

The same as others would show it, a Deployment of the service's name and its requests, for the indicator catalog:
    kube_deployment_status_replicas_unavailable{namespace, deployment} (kube-state-metrics),
    http_server_request_duration_seconds_count{namespace, job, http_response_status_code} (OpenTelemetry), of which the
    series of errors begins with the first one.
"""

import argparse
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
FOR_EVER = float("inf")
_NUMBERS = ("rate", "errors", "latency", "queue", "unavailable")


@dataclass(frozen=True)
class Behaviour:
    """How a service behaves.

    Requests a second, share of errors, seconds of latency, seconds of the oldest message, replicas that are missing.
    """

    rate: float = 50.0
    errors: float = 0.0
    latency: float = 0.08
    queue: float = 2.0
    unavailable: float = 0.0


@dataclass
class Service:
    """The counters of one service, advanced to the present whenever somebody looks."""

    normal: Behaviour
    updated: float
    behaviour: Behaviour = field(init=False)
    until: float = FOR_EVER
    hidden: bool = False
    good: float = 0.0
    bad: float = 0.0
    seconds: float = 0.0
    buckets: list[float] = field(default_factory=lambda: [0.0] * len(BUCKETS))

    def __post_init__(self) -> None:
        self.behaviour = self.normal

    def advance(self, now: float) -> None:
        """Count what happened up to `now`; a behaviour with an end goes back to normal exactly there."""
        if now >= self.until:
            self._count(self.until - self.updated)
            self.updated, self.until, self.behaviour = self.until, FOR_EVER, self.normal
        self._count(now - self.updated)
        self.updated = now

    def behave(self, behaviour: Behaviour, now: float, lasting: float = FOR_EVER) -> None:
        """Change the behaviour from now on, for `lasting` seconds."""
        self.advance(now)
        self.behaviour, self.until = behaviour, now + lasting

    def _count(self, seconds: float) -> None:
        requests = self.behaviour.rate * seconds
        self.bad += requests * self.behaviour.errors
        self.good += requests * (1 - self.behaviour.errors)
        self.seconds += requests * self.behaviour.latency
        for index, bound in enumerate(BUCKETS):
            if self.behaviour.latency <= bound:
                self.buckets[index] += requests


class Services:
    """All simulated services, and their exposition."""

    def __init__(self) -> None:
        self._services: dict[tuple[str, str], Service] = {}
        self._lock = threading.Lock()

    def handle(self, path: str, given: Mapping[str, str]) -> None:
        """Carry out one order; raises `KeyError` for an unknown service or order."""
        key, now = (given["namespace"], given.get("name", "checkout")), time.time()
        numbers = {name: float(given[name]) for name in _NUMBERS if name in given}
        with self._lock:
            match path:
                case "/services":
                    self._services[key] = Service(replace(Behaviour(), **numbers), now)
                case "/services/remove":
                    del self._services[key]
                case "/misbehave":
                    service = self._services[key]
                    service.behave(replace(service.normal, **numbers), now, float(given.get("for", FOR_EVER)))
                case "/behave":
                    self._services[key].behave(self._services[key].normal, now)
                case "/hide" | "/show":
                    self._services[key].hidden = path == "/hide"
                case _:
                    raise KeyError(path)

    def exposition(self) -> str:
        """The metrics page, in the Prometheus text format."""
        requests = ["# TYPE http_requests_total counter"]
        durations = ["# TYPE http_request_duration_seconds histogram"]
        queues = ["# TYPE queue_oldest_age_seconds gauge"]
        known = ["# TYPE kube_deployment_status_replicas_unavailable gauge"]
        served = ["# TYPE http_server_request_duration_seconds_count counter"]
        now = time.time()
        with self._lock:
            for (namespace, name), service in self._services.items():
                service.advance(now)
                if service.hidden:
                    continue
                labels = f'namespace="{namespace}",service="{name}"'
                requests += [f'http_requests_total{{{labels},code="200"}} {service.good:.3f}']
                requests += [f'http_requests_total{{{labels},code="500"}} {service.bad:.3f}']
                durations += _histogram(service, labels)
                queues += [f"queue_oldest_age_seconds{{{labels}}} {service.behaviour.queue}"]
                known += [_deployment(service, namespace, name)]
                served += _served(service, namespace, name)
        return "\n".join([*requests, *durations, *queues, *known, *served, ""])


def _deployment(service: Service, namespace: str, name: str) -> str:
    metric = "kube_deployment_status_replicas_unavailable"
    return f'{metric}{{namespace="{namespace}",deployment="{name}"}} {service.behaviour.unavailable:g}'


def _served(service: Service, namespace: str, name: str) -> list[str]:
    metric, labels = "http_server_request_duration_seconds_count", f'namespace="{namespace}",job="{name}"'
    counts = {"200": service.good} | ({"500": service.bad} if service.bad else {})
    return [f'{metric}{{{labels},http_response_status_code="{code}"}} {count:.3f}' for code, count in counts.items()]


def _histogram(service: Service, labels: str) -> list[str]:
    name, count = "http_request_duration_seconds", service.good + service.bad
    counts = [*zip((str(bound) for bound in BUCKETS), service.buckets, strict=True), ("+Inf", count)]
    lines = [f'{name}_bucket{{{labels},le="{bound}"}} {value:.3f}' for bound, value in counts]
    return [*lines, f"{name}_sum{{{labels}}} {service.seconds:.3f}", f"{name}_count{{{labels}}} {count:.3f}"]


class Handler(BaseHTTPRequestHandler):
    """GET /metrics for Prometheus, POST for orders with everything in the query string."""

    protocol_version = "HTTP/1.1"
    services = Services()

    def do_GET(self) -> None:
        """Answer a scrape."""
        self._answer(200, self.services.exposition())

    def do_POST(self) -> None:
        """Carry out an order."""
        split = urllib.parse.urlsplit(self.path)
        try:
            self.services.handle(split.path, dict(urllib.parse.parse_qsl(split.query)))
        except (KeyError, ValueError) as error:
            self._answer(400, f"unknown or incomplete: {error}\n")
        else:
            self._answer(200, "ok\n")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """A scrape a second is not worth a line."""

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass(frozen=True)
class Shop:
    """The running process, as tests steer it. `name` is the value of the label `service`."""

    url: str

    def add(self, namespace: str, name: str = "checkout", *, rate: float = 50.0) -> None:
        """Add a service (its counters start at zero), with a rate in requests a second."""
        self._order("/services", namespace=namespace, name=name, rate=rate)

    def remove(self, namespace: str, name: str = "checkout") -> None:
        """Forget a service; its series end at the next scrape."""
        self._order("/services/remove", namespace=namespace, name=name)

    def misbehave(self, namespace: str, name: str = "checkout", *, lasting: float = FOR_EVER, **numbers: float) -> None:
        """Change numbers of `Behaviour` for `lasting` seconds."""
        self._order("/misbehave", namespace=namespace, name=name, **{"for": lasting}, **numbers)

    def behave(self, namespace: str, name: str = "checkout") -> None:
        """Back to normal."""
        self._order("/behave", namespace=namespace, name=name)

    def hide(self, namespace: str, name: str = "checkout") -> None:
        """Stop exposing a service's series, as a broken exporter would; its traffic goes on."""
        self._order("/hide", namespace=namespace, name=name)

    def show(self, namespace: str, name: str = "checkout") -> None:
        """Expose the series again."""
        self._order("/show", namespace=namespace, name=name)

    def _order(self, path: str, **given: str | float) -> None:
        url = f"{self.url}{path}?{urllib.parse.urlencode(given)}"
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10) as answer:
            answer.read()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="A small service with real metrics.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--service", action="append", default=[], metavar="NAMESPACE/NAME")
    arguments = parser.parse_args()
    for pair in arguments.service:
        namespace, _, name = pair.partition("/")
        Handler.services.handle("/services", {"namespace": namespace, "name": name})
    ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
