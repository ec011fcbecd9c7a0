"""Many periods whose evidence is read, without an API server: what one visit hands to the reader of evidence.

Time is what `Town.now` says, so a day passes without anybody waiting for it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypercare.adapters.cache import WatchCache
from hypercare.adapters.prometheus import PrometheusSource, Surroundings
from hypercare.domain.alerts.plan import AlertPlan
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.life.facts import Life, Phase
from hypercare.domain.life.release import new_run
from hypercare.domain.objects import PROMETHEUS_RULES, ObjectRef
from hypercare.domain.period import Resolved, resolve
from hypercare.domain.snapshot import Identity, NoneWanted, Overlay, Reading, Stored
from hypercare.domain.subject import Subject
from hypercare.evidence_reader import EvidenceReader

STEP, INTERVAL, DELAY = 30, 60, 30
DAY = 86400
STARTED = 1_800_000_000
WORKERS = 32
_EVALUATION = {"step": f"{STEP}s", "interval": f"{INTERVAL}s", "delay": f"{DELAY}s"}
_PROFILE = {"spec": {"prometheus": {"url": "http://prometheus:9090"}, "evaluation": _EVALUATION}}
_NO_OVERLAY = Overlay(AlertPlan(None, (), (), ()), NoneWanted(), 0, 30)
_UNTOLD = Stored({}, 1, (), {}, "", ())


@dataclass
class Progress:
    """How far the evidence of each period has come (Unix seconds)."""

    known: dict[str, int] = field(default_factory=dict)

    def evaluated(self, period: ObjectRef, readings: Sequence[Reading]) -> None:
        """Take note."""
        self.known[period.name] = min(each.final_through for each in readings)

    def forget(self, period: ObjectRef) -> None:
        """The period is gone."""
        self.known.pop(period.name, None)


@dataclass(frozen=True)
class Shop:
    """One period."""

    number: int
    namespace: str
    resolved: Resolved

    def subject(self, now: int) -> Subject:
        """What a visit at `now` (Unix seconds) knows."""
        name = f"period-{self.number}"
        identity = Identity(self.namespace, name, f"uid-{self.number}", 1)
        run = new_run(identity.uid, self.resolved.spec.plan.release, None, STARTED)
        life = Life(run, Phase.ACTIVE, STARTED, "intensive", STARTED, 100, STARTED, started_at=STARTED)
        return Subject(identity, self.resolved, life, _UNTOLD, 0, now)


def shop(number: int, namespace: str, metrics: Sequence[str]) -> Shop:
    """A period with one criterion for each metric."""
    criteria = [
        {"name": f"c{index}", "query": f"sum(rate({metric}[5m]))", "below": 0.05, "sustainedFor": "6h"}
        for index, metric in enumerate(metrics)
    ]
    spec: dict[str, Any] = {
        "release": {"version": "1.0.0", "name": "r"},
        "targets": [{"kind": "Deployment", "name": "checkout"}],
        "window": {"start": {"when": "RolloutComplete"}, "duration": "14d"},
        "exitCriteria": criteria,
    }
    body = {"metadata": {"name": "x", "namespace": namespace, "uid": "u", "generation": 1}, "spec": spec}
    match resolve(body, _PROFILE):
        case Resolved() as resolved:
            return Shop(number, namespace, resolved)
        case problem:
            raise ValueError(str(problem))


class Town:
    """Shops, and one reader and one source for all of them. `statuses` is what the last visit of each stored."""

    def __init__(self, shops: Sequence[Shop], url: str) -> None:
        self.now = STARTED
        self.shops = shops
        self.statuses: dict[int, Mapping[str, Any]] = {}
        self.progress = Progress()
        self._reader = EvidenceReader(WatchCache((PROMETHEUS_RULES,), lambda _: None, lambda: 0.0), self.progress)
        self.source = PrometheusSource(Endpoint(url), surroundings=Surroundings(now=lambda: self.now))

    async def visit_all(self, later: int) -> None:
        """Visit each once, so many seconds later than the last time, as many at a time as the queue does."""
        self.now += later
        workers = asyncio.Semaphore(WORKERS)

        async def visit(each: Shop) -> None:
            async with workers:
                status = self.statuses.get(each.number, {})
                readings = await self._reader.read(each.subject(self.now), _NO_OVERLAY, status, self.source)
                self.statuses[each.number] = {"criteria": [dict(reading.stored) for reading in readings]}

        await asyncio.gather(*(visit(each) for each in self.shops))
