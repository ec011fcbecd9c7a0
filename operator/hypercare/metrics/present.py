"""What describes the present state (periods, criteria, holds, queue): computed when it is scraped.

So no series outlives its cause, and every value of a label is there from the start.
"""

from collections import Counter as Tally
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from hypercare import __version__
from hypercare.adapters.cache import reference
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.unknown_causes import Cause, cause_of
from hypercare.domain.life.facts import CLOSED, Phase
from hypercare.domain.objects import HOLDS, PERIODS, Resource
from hypercare.metrics.form import GaugeMetric, Label, Sample
from hypercare.ports import Body
from hypercare.queue import Key

_OTHER = "other"
_KINDS = ("query", "ratio", "alerts", "slo", "baseline", "workload", "runs", _OTHER)
_HOLDS = ("claimed", "contested", "restoring")
# The phases in which evidence is read.
_RUNNING = frozenset(Phase) - CLOSED - {Phase.PENDING, Phase.SUSPENDED}
_CAUSES = (
    "`Endpoint` is a Prometheus that does not answer, or not all; `Query` an expression that it refuses; `Data` that "
    "nothing, or not enough, is scraped; `Rules` that quiet cannot be proven; `Time` that it is not long enough yet"
)

BUILD_INFO = GaugeMetric("hypercare_build_info", "The version that is running; always 1.", (Label("version"),))
OPEN_PERIODS = GaugeMetric("hypercare_periods", "Periods by phase.", (Label("phase", tuple(Phase)),))
CRITERIA = GaugeMetric(
    "hypercare_criteria",
    "Exit criteria of periods that are not over, by verdict and kind.",
    (Label("verdict", tuple(Verdict)), Label("kind", _KINDS)),
)
CRITERIA_UNKNOWN = GaugeMetric(
    "hypercare_criteria_unknown",
    "Exit criteria of periods that are not over and whose verdict is Unknown, by what keeps it so.",
    (Label("cause", tuple(Cause), _CAUSES),),
)
CRITERIA_REGRESSED = GaugeMetric(
    "hypercare_criteria_regressed", "Exit criteria of periods that are not over that are past their regression bound."
)
CHANGED = GaugeMetric("hypercare_holds", "Objects that are changed, by state.", (Label("state", _HOLDS),))
QUEUE_DEPTH = GaugeMetric("hypercare_queue_depth", "Objects that are scheduled or being visited.")
QUEUE_RUNNING = GaugeMetric("hypercare_queue_running", "Visits under way.")
QUEUE_LATE = GaugeMetric("hypercare_queue_late_seconds", "By how many seconds the loop is behind.")
WATCH_LAG = GaugeMetric(
    "hypercare_watch_lag_seconds",
    "For how many seconds a watch has owed the echo of one of the operator's writes.",
)
EVALUATION_AGE = GaugeMetric(
    "hypercare_evaluation_age_seconds", "Age in seconds of the oldest evidence of any running window."
)
METRICS = (
    BUILD_INFO,
    OPEN_PERIODS,
    CRITERIA,
    CRITERIA_UNKNOWN,
    CRITERIA_REGRESSED,
    CHANGED,
    EVALUATION_AGE,
    QUEUE_DEPTH,
    QUEUE_RUNNING,
    QUEUE_LATE,
    WATCH_LAG,
)


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


@dataclass(frozen=True)
class PresentMetrics(Collector):
    """The metrics of the present state. `evidence_age` is asked with the running windows, and answers in seconds."""

    loop: Loop
    watches: Watches
    evidence_age: Callable[[Container[Key]], float]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Compute them."""
        yield from self._state()
        yield QUEUE_DEPTH.single(self.loop.depth)
        yield QUEUE_RUNNING.single(self.loop.running)
        yield QUEUE_LATE.single(self.loop.lateness)
        yield WATCH_LAG.single(self.watches.lag)
        yield EVALUATION_AGE.single(self.evidence_age(self._running()))

    def _running(self) -> frozenset[Key]:
        periods = self.watches.select(PERIODS)
        return frozenset(reference(PERIODS, period) for period in periods if _phase(period) in _RUNNING)

    def _state(self) -> Iterator[GaugeMetricFamily]:
        periods = self.watches.select(PERIODS)
        yield BUILD_INFO.family([((__version__,), 1)])
        yield OPEN_PERIODS.family(_tally(Phase, map(_phase, periods)))
        yield from _criteria([each for period in periods for each in _open_criteria(period)])
        yield CHANGED.family(_tally(_HOLDS, map(_hold_state, self.watches.select(HOLDS))))


def _criteria(criteria: Sequence[Body]) -> Iterator[GaugeMetricFamily]:
    verdicts: dict[tuple[str, ...], int] = dict.fromkeys(product(Verdict, _KINDS), 0)
    verdicts |= Tally((_verdict(each), _kind(each)) for each in criteria)
    unknown = (each for each in criteria if _verdict(each) is Verdict.UNKNOWN)
    yield CRITERIA.family(verdicts.items())
    yield CRITERIA_UNKNOWN.family(_tally(Cause, (cause_of(str(each.get("reason", ""))) for each in unknown)))
    yield CRITERIA_REGRESSED.single(sum(each.get("regressed") is True for each in criteria))


def _tally(values: Sequence[str] | type[Phase] | type[Cause], found: Iterator[str]) -> Iterator[Sample]:
    counts: Mapping[str, int] = dict.fromkeys(values, 0) | Tally(found)
    return (((value,), count) for value, count in counts.items())


def _phase(period: Body) -> Phase:
    phase = period.get("status", {}).get("phase")
    return Phase(phase) if phase in set(Phase) else Phase.PENDING


def _open_criteria(period: Body) -> Sequence[Body]:
    return () if _phase(period) in CLOSED else period.get("status", {}).get("criteria") or ()


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
