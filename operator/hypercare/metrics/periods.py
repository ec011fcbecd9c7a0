"""What the operator knows of each open period, for Prometheus, on a path of its own (`/metrics/periods`).

The operator's own metrics have few series, whatever the cluster does. These are labelled by namespace and period, so
whoever wants them scrapes them: some tens of series for each period that is not over, and none for one that is. Of
more than `MOST_PERIODS` the newest are told, and how many are not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from hypercare.adapters.cache import reference
from hypercare.domain.evidence.bounds import Above, AtLeast, AtMost, Below, Between, Bound, Equals
from hypercare.domain.evidence.criteria import Criterion, QueryKind, RatioKind
from hypercare.domain.evidence.fold import Measured
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.life.facts import CLOSED, Phase
from hypercare.domain.objects import PERIODS, ObjectRef, Resource
from hypercare.domain.snapshot import Reading
from hypercare.metrics.form import GaugeMetric, Label
from hypercare.ports import Body

MOST_PERIODS = 500
_PERIOD = (Label("namespace"), Label("period"))
_CRITERION = (*_PERIOD, Label("criterion"))
_OUTCOMES = ("tightened", "untouched")
_REPLICAS = ("original", "floor", "ready")

PHASE = GaugeMetric(
    "hypercare_period_phase", "The phase of a period; always 1.", (*_PERIOD, Label("phase", tuple(Phase)))
)
STRENGTH = GaugeMetric("hypercare_period_strength_ratio", "How strong the protection is, from 0 to 1.", _PERIOD)
ALERTS = GaugeMetric(
    "hypercare_period_alerts",
    "Selected alerts by what became of them: tightened or untouched.",
    (*_PERIOD, Label("outcome", _OUTCOMES)),
)
REPLICAS = GaugeMetric(
    "hypercare_period_replicas",
    "Replicas of a target: original minimum, floor that is wanted now, and how many are ready.",
    (*_PERIOD, Label("target"), Label("what", _REPLICAS)),
)
VERDICT = GaugeMetric(
    "hypercare_criterion_verdict",
    "The verdict on an exit criterion; always 1.",
    (*_CRITERION, Label("verdict", tuple(Verdict))),
)
VALUE = GaugeMetric(
    "hypercare_criterion_value",
    "The last value of an exit criterion, in its own unit; absent while it has none.",
    _CRITERION,
)
BOUND = GaugeMetric(
    "hypercare_criterion_bound",
    "What the value of an exit criterion must stay above (lower) or below (upper).",
    (*_CRITERION, Label("side", ("lower", "upper"))),
)
STREAK = GaugeMetric(
    "hypercare_criterion_streak_ratio",
    "How much of sustainedFor an exit criterion has been good for, from 0 to 1.",
    _CRITERION,
)
LEFT_OUT = GaugeMetric("hypercare_periods_left_out", "Open periods that are not told here.")
METRICS = (PHASE, STRENGTH, ALERTS, REPLICAS, VERDICT, VALUE, BOUND, STREAK, LEFT_OUT)


class Watches(Protocol):
    """Where the periods are."""

    def select(self, resource: Resource) -> Sequence[Body]:
        """All objects of a resource."""
        ...


@dataclass(frozen=True)
class _Judged:
    """What is told of a criterion: its verdict, its last value, the bounds it is held against, how far it got."""

    name: str
    verdict: str
    value: tuple[float, ...]
    bounds: Mapping[str, float]
    streak: float


class PeriodMetrics(Collector):
    """Computed when it is scraped: no series outlives its period."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._judged: dict[ObjectRef, tuple[_Judged, ...]] = {}
        self._periods: Callable[[], Sequence[Body]] = tuple
        self.registry.register(self)

    def describe_periods(self, watches: Watches) -> None:
        """Tell of the periods of these watches from now on."""
        self._periods = lambda: watches.select(PERIODS)

    def judged(self, period: ObjectRef, readings: Sequence[Reading]) -> None:
        """Note what a visit found out about the criteria of a running window."""
        self._judged[period] = tuple(_note(each) for each in readings)

    def forget(self, period: ObjectRef) -> None:
        """The period is gone."""
        self._judged.pop(period, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics of all open periods."""
        bodies = [body for body in self._periods() if body.get("status", {}).get("phase") not in CLOSED]
        told = sorted(bodies, key=lambda body: str(body["metadata"].get("creationTimestamp", "")))[-MOST_PERIODS:]
        seen = {reference(PERIODS, body): body.get("status", {}) for body in told}
        self._judged = {ref: judged for ref, judged in self._judged.items() if ref in seen}
        yield LEFT_OUT.single(len(bodies) - len(told))
        yield from _standing(seen)
        yield from _evidence({ref: self._judged[ref] for ref in seen if ref in self._judged})


def _standing(seen: Mapping[ObjectRef, Body]) -> Iterator[GaugeMetricFamily]:
    yield PHASE.family(
        ((*_of(ref), str(status.get("phase", Phase.PENDING.value))), 1.0) for ref, status in seen.items()
    )
    yield STRENGTH.family((_of(ref), status.get("strength", 0) / 100) for ref, status in seen.items())
    yield ALERTS.family(
        ((*_of(ref), outcome), float(status.get("alerts", {}).get(outcome, 0)))
        for ref, status in seen.items()
        for outcome in _OUTCOMES
    )
    # A target may have a row for an object of before, too: the last one counts.
    yield REPLICAS.family(
        ((*_of(ref), str(row.get("target", "")), what), float(row[what]))
        for ref, status in seen.items()
        for row in status.get("scaling") or ()
        for what in _REPLICAS
        if isinstance(row.get(what), int)
    )


def _evidence(judged: Mapping[ObjectRef, Sequence[_Judged]]) -> Iterator[GaugeMetricFamily]:
    found = [((*_of(ref), each.name), each) for ref, criteria in judged.items() for each in criteria]
    yield VERDICT.family(((*labels, each.verdict), 1.0) for labels, each in found)
    yield VALUE.family((labels, value) for labels, each in found for value in each.value)
    yield BOUND.family(((*labels, side), bound) for labels, each in found for side, bound in each.bounds.items())
    yield STREAK.family((labels, each.streak) for labels, each in found)


def _note(reading: Reading) -> _Judged:
    judgement = reading.judgement
    good, left = judgement.met_for_seconds, judgement.remaining_seconds
    return _Judged(
        name=reading.criterion.name,
        verdict=judgement.verdict.value,
        value=(judgement.last.value,) if isinstance(judgement.last, Measured) else (),
        bounds=_bounds(reading.criterion),
        streak=good / (good + left) if good + left else 1.0,
    )


def _bounds(criterion: Criterion) -> Mapping[str, float]:
    match criterion.kind:
        case QueryKind(bound=bound) | RatioKind(bound=bound):
            return _sides(bound)
        case _:
            return {}


def _sides(bound: Bound) -> Mapping[str, float]:
    match bound:
        case Above(limit) | AtLeast(limit):
            return {"lower": limit}
        case Below(limit) | AtMost(limit):
            return {"upper": limit}
        case Between(low, high):
            return {"lower": low, "upper": high}
        case Equals(wanted):
            return {"lower": wanted, "upper": wanted}


def _of(ref: ObjectRef) -> tuple[str, str]:
    return ref.namespace, ref.name
