"""What the operator measures of itself, for Prometheus.

Every label has few values by design: phases, verdicts, kinds, verbs, outcomes; never a period, namespace, query or URL
(`period_metrics` has those, on a path of its own).
What describes the present state (periods, holds, queue) is computed when it is scraped: no series outlives its cause.
"""

import logging
import time
from collections import Counter as Tally
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from hypercare import __version__
from hypercare.adapters.cache import reference
from hypercare.adapters.kubernetes import Request
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.unknown_causes import Cause, cause_of
from hypercare.domain.life.facts import Phase
from hypercare.domain.objects import HOLDS, PERIODS, Resource
from hypercare.domain.samples import QueryFailed, Result
from hypercare.domain.snapshot import Reading
from hypercare.period_metrics import PeriodMetrics
from hypercare.ports import ApiError, Body
from hypercare.queue import Failed, Key, Outcome

ANSWERED = "Answered"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LIVE_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_OVER = frozenset({Phase.COMPLETED.value, Phase.ENDED.value})
_OTHER = "other"
_KINDS = ("query", "ratio", "alerts", "slo", "baseline", "workload", "runs", _OTHER)
# The phases in which evidence is read.
_RUNNING = frozenset(Phase) - _OVER - {Phase.PENDING.value, Phase.SUSPENDED.value}
_logger = logging.getLogger("hypercare.loop")
_without_created: Callable[[], None] = disable_created_metrics


class Loop(Protocol):
    """What is measured of the due-queue."""

    @property
    def depth(self) -> int:
        """Keys that are scheduled or being visited."""
        ...

    @property
    def running(self) -> int:
        """Visits under way."""
        ...

    @property
    def lateness(self) -> float:
        """Seconds by which the loop is behind."""
        ...


class Watches(Protocol):
    """What is measured of the cache."""

    @property
    def lag(self) -> float:
        """Seconds for which the watches have owed the echo of a write."""
        ...

    def select(self, resource: Resource) -> Sequence[Body]:
        """All objects of a resource."""
        ...


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
        self._visits = Histogram(
            "hypercare_reconcile_seconds",
            "Duration of one visit of an object, in seconds.",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._errors = Counter(
            "hypercare_reconcile_errors_total",
            "Visits that failed, by the class of the error (Conflict, Unavailable, Forbidden ...).",
            ["kind", "error"],
            registry=self.registry,
        )
        self._queries = Histogram(
            "hypercare_prometheus_request_seconds",
            "Duration of one question to Prometheus, answered from the same tick or by a request, in seconds.",
            ["query", "outcome"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "hypercare_api_requests_total",
            "Requests to the API server that ended, by status code (0 without an answer).",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self._api_seconds = Histogram(
            "hypercare_api_request_seconds",
            "Duration of one request to the API server, in seconds.",
            ["verb"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._live = Histogram(
            "hypercare_live_check_delay_seconds",
            "Time from writing an overlay until Prometheus was seen evaluating it, in seconds.",
            buckets=_LIVE_SECONDS,
            registry=self.registry,
        )

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
        """Count one request to Prometheus; `query` is `range` or `instant`."""
        outcome = result.kind.value if isinstance(result, QueryFailed) else ANSWERED
        self._queries.labels(query, outcome).observe(seconds)

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
        self.registry.register(_Present(self, loop, watches))
        self.periods.describe_periods(watches)


@dataclass(frozen=True)
class _Present(Collector):
    telemetry: Telemetry
    loop: Loop
    watches: Watches

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Compute the metrics of the present state."""
        yield from self._state()
        yield _number("hypercare_queue_depth", "Objects that are scheduled or being visited.", self.loop.depth)
        yield _number("hypercare_queue_running", "Visits under way.", self.loop.running)
        yield _number("hypercare_queue_late_seconds", "By how many seconds the loop is behind.", self.loop.lateness)
        yield _number(
            "hypercare_watch_lag_seconds",
            "For how many seconds a watch has owed the echo of one of the operator's writes.",
            self.watches.lag,
        )
        yield _number(
            "hypercare_evaluation_age_seconds",
            "Age in seconds of the oldest evidence of any running window.",
            self.telemetry.evidence_age(self._running()),
        )

    def _running(self) -> frozenset[Key]:
        periods = self.watches.select(PERIODS)
        return frozenset(reference(PERIODS, period) for period in periods if _phase(period) in _RUNNING)

    def _state(self) -> Iterator[GaugeMetricFamily]:
        periods = self.watches.select(PERIODS)
        phases = dict.fromkeys((phase.value for phase in Phase), 0) | Tally(_phase(period) for period in periods)
        states = dict.fromkeys(("claimed", "contested", "restoring"), 0)
        states |= Tally(_hold_state(hold) for hold in self.watches.select(HOLDS))
        yield _family(
            "hypercare_build_info", "The version that is running; always 1.", ["version"], {(__version__,): 1}
        )
        yield _family("hypercare_periods", "Periods by phase.", ["phase"], _by_one(phases))
        yield from _criteria([each for period in periods for each in _open_criteria(period)])
        yield _family("hypercare_holds", "Changed objects by state.", ["state"], _by_one(states))


def _criteria(criteria: Sequence[Body]) -> Iterator[GaugeMetricFamily]:
    verdicts: dict[tuple[str, ...], int] = dict.fromkeys(product(Verdict, _KINDS), 0)
    verdicts |= Tally((_verdict(each), _kind(each)) for each in criteria)
    unknown = [each for each in criteria if _verdict(each) is Verdict.UNKNOWN]
    causes: dict[str, int] = dict.fromkeys(Cause, 0)
    causes |= Tally(cause_of(str(each.get("reason", ""))) for each in unknown)
    yield _family(
        "hypercare_criteria",
        "Exit criteria of periods that are not over, by verdict and kind.",
        ["verdict", "kind"],
        verdicts,
    )
    yield _family(
        "hypercare_criteria_unknown",
        "Exit criteria of periods that are not over and whose verdict is Unknown, by what keeps it so.",
        ["cause"],
        _by_one(causes),
    )
    yield _number(
        "hypercare_criteria_regressed",
        "Exit criteria of periods that are not over that are past their regression bound.",
        sum(each.get("regressed") is True for each in criteria),
    )


def _family(name: str, text: str, labels: Sequence[str], values: Mapping[tuple[str, ...], int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for of, count in values.items():
        family.add_metric(of, count)
    return family


def _by_one(counts: Mapping[str, int]) -> Mapping[tuple[str, ...], int]:
    return {(value,): count for value, count in counts.items()}


def _number(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _phase(period: Body) -> str:
    phase = str(period.get("status", {}).get("phase", ""))
    return phase if phase in set(Phase) else Phase.PENDING.value


def _open_criteria(period: Body) -> Sequence[Body]:
    return () if _phase(period) in _OVER else period.get("status", {}).get("criteria") or ()


def _verdict(criterion: Body) -> Verdict:
    verdict = criterion.get("verdict")
    return Verdict(verdict) if verdict in set(Verdict) else Verdict.UNKNOWN


def _kind(criterion: Body) -> str:
    kind = str(criterion.get("kind", ""))
    return kind if kind in _KINDS else _OTHER


def _hold_state(hold: Body) -> str:
    spec = hold.get("spec", {})
    if spec.get("contested"):
        return "contested"
    return "claimed" if spec.get("claims") else "restoring"
