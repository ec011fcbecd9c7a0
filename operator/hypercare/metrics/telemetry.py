"""What the operator measures of itself, for Prometheus.

Every label has few values by design: phases, verdicts, kinds, verbs, outcomes; never a period, namespace, query or URL
(`period_metrics` has those, on a path of its own). Here is what is counted and timed; `present_metrics` has the rest.
"""

import logging
import time
from collections.abc import Callable, Container, Sequence

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from hypercare.adapters.alertmanager import ASKED, RequestOutcome
from hypercare.adapters.kubernetes import Request
from hypercare.domain.objects import HOLDS, PERIODS
from hypercare.domain.samples import FailureKind, QueryFailed, Result
from hypercare.domain.snapshot import Reading
from hypercare.metrics.form import CounterMetric, HistogramMetric, Label
from hypercare.metrics.periods import PeriodMetrics
from hypercare.metrics.present import Loop, PresentMetrics, Watches
from hypercare.ports import ApiError
from hypercare.queue import Failed, Key, Outcome

ANSWERED = "Answered"
_KIND = Label("kind", (PERIODS.kind, HOLDS.kind))
_VERB = Label("verb", ("get", "list", "create", "update", "patch", "apply", "delete", "discover"))

VISITS = HistogramMetric("hypercare_reconcile_seconds", "Duration of one visit of an object, in seconds.", (_KIND,))
ERRORS = CounterMetric(
    "hypercare_reconcile_errors_total",
    "Visits that failed, by the class of the error (Conflict, Unavailable, Forbidden ...).",
    (_KIND, Label("error", about="the class of the error")),
)
PROMETHEUS_REQUESTS = HistogramMetric(
    "hypercare_prometheus_request_seconds",
    "Duration of one question to Prometheus until it is answered, in seconds, also where the answer was at hand "
    "because another period had asked in the same tick.",
    (Label("query", ("range", "instant", "rules")), Label("outcome", (ANSWERED, *FailureKind))),
)
ALERTMANAGER_REQUESTS = HistogramMetric(
    "hypercare_alertmanager_request_seconds",
    "Duration of one request to Alertmanager, in seconds.",
    (Label("request", ASKED), Label("outcome", tuple(RequestOutcome))),
)
API_REQUESTS = CounterMetric(
    "hypercare_api_requests_total",
    "Requests to the API server that ended, by status code (0 without an answer).",
    (_VERB, Label("resource", about="the plural, empty where the path names none"), Label("code", about="HTTP status")),
)
API_SECONDS = HistogramMetric(
    "hypercare_api_request_seconds", "Duration of one request to the API server, in seconds.", (_VERB,)
)
LIVE_DELAY = HistogramMetric(
    "hypercare_live_check_delay_seconds",
    "Time from writing an overlay until Prometheus was seen evaluating it, in seconds.",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)
METRICS = (VISITS, ERRORS, LIVE_DELAY, PROMETHEUS_REQUESTS, ALERTMANAGER_REQUESTS, API_REQUESTS, API_SECONDS)
_logger = logging.getLogger("hypercare.loop")
_without_created: Callable[[], None] = disable_created_metrics


class Telemetry:
    """The counters and histograms, and the observers that feed them. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        # A second series for each counter, only to say when it began, would double what is stored.
        _without_created()
        self.registry = CollectorRegistry()
        self.periods = PeriodMetrics()
        self._clock = clock
        self._final_through: dict[Key, int] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._visits = VISITS.histogram(self.registry)
        self._errors = ERRORS.counter(self.registry)
        self._queries = PROMETHEUS_REQUESTS.histogram(self.registry)
        self._looks = ALERTMANAGER_REQUESTS.histogram(self.registry)
        self._requests = API_REQUESTS.counter(self.registry)
        self._api_seconds = API_SECONDS.histogram(self.registry)
        self._live = LIVE_DELAY.histogram(self.registry)

    def visited(self, key: Key, outcome: Outcome | Failed, seconds: float) -> None:
        """Count one visit of the loop, and log it where it failed."""
        kind = key.resource.kind
        self._visits.labels(kind).observe(seconds)
        if not isinstance(outcome, Failed):
            return
        error = outcome.error
        self._errors.labels(kind, type(error).__name__).inc()
        extra = {"reason": type(error).__name__}
        match error:
            case ApiError():
                _logger.warning("Could not reconcile %s: %s", key, error.advised, extra=extra)
            case TimeoutError():
                _logger.error("Gave up a visit of %s after %.0f s", key, seconds, extra=extra)
            case _:
                _logger.error("Could not reconcile %s: %s", key, error, extra=extra, exc_info=error)

    def requested(self, request: Request, status: int, seconds: float) -> None:
        """Count one request to the API server."""
        self._requests.labels(request.verb, request.resource, str(status)).inc()
        self._api_seconds.labels(request.verb).observe(seconds)

    def queried(self, query: str, result: Result, seconds: float) -> None:
        """Count one request to Prometheus; `query` is `range`, `instant` or `rules`."""
        outcome = result.kind.value if isinstance(result, QueryFailed) else ANSWERED
        self._queries.labels(query, outcome).observe(seconds)

    def looked(self, request: str, outcome: RequestOutcome, seconds: float) -> None:
        """Count one request to Alertmanager; `request` is the last part of its path. Called from any thread."""
        self._looks.labels(request, outcome.value).observe(seconds)

    def seen_live(self, seconds: float) -> None:
        """Record how long Prometheus took to evaluate a new overlay."""
        self._live.observe(seconds)

    def evaluated(self, period: Key, readings: Sequence[Reading]) -> None:
        """Note what the evidence of a running window says, and through which point all of it is final."""
        self._final_through[period] = min(each.final_through for each in readings)
        self.periods.judged(period, readings)

    def forget(self, period: Key) -> None:
        """Stop measuring the evidence of a period that is over or gone."""
        self._final_through.pop(period, None)
        self.periods.forget(period)

    def evidence_age(self, running: Container[Key]) -> float:
        """Age in seconds of the oldest evidence of the running windows; 0 where none runs. Forgets all others."""
        self._final_through = {key: point for key, point in self._final_through.items() if key in running}
        oldest = min(self._final_through.values(), default=None)
        return max(0.0, self._clock() - oldest) if oldest is not None else 0.0

    def describe(self, loop: Loop, watches: Watches) -> None:
        """Add the metrics of the present state to each scrape."""
        self.registry.register(PresentMetrics(loop, watches, self.evidence_age))
        self.periods.describe_periods(watches)
