"""One period whose evidence is read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypercare.adapters.cache import WatchCache
from hypercare.domain.life.facts import Life
from hypercare.domain.objects import PERIODS, PROMETHEUS_RULES, ObjectRef
from hypercare.domain.samples import RangeQuery
from hypercare.domain.snapshot import Overlay, Reading
from hypercare.domain.subject import Subject
from hypercare.evidence_reader import EvidenceReader
from tests.unit.api_server import FakeApiServer
from tests.unit.lives import ACTIVE, HOUR, QUIET
from tests.unit.loop import Observer
from tests.unit.metric_source import FakePrometheus
from tests.unit.prometheus_answers import Source, constant
from tests.unit.snapshots import IDENTITY, LIVE_OVERLAY, UNTOLD, resolved

REF = ObjectRef(PERIODS, "shop", "checkout")
ERRORS = {"name": "errors", "query": "errors", "below": 5, "sustainedFor": "10m"}
QUICK = {"evaluation": {"step": "30s", "interval": "60s", "delay": "30s", "maxDelay": "2m"}}
STARTED = replace(ACTIVE, started_at=QUIET - HOUR)


def spike(at: int) -> Source:
    """Calm but for one point."""
    return lambda time: 9 if time == at else 1


class Shop:
    """One period whose evidence is read; `status` is what the last visit stored."""

    def __init__(self, *criteria: Mapping[str, Any]) -> None:
        self.criteria = list(criteria or (ERRORS,))
        self.server = FakeApiServer()
        self.cache = WatchCache((PROMETHEUS_RULES,), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.prometheus = FakePrometheus()
        self.prometheus.values["errors"] = constant(1)
        self.observer = Observer()
        self.status: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        self.reader = EvidenceReader(self.cache, self.observer)

    async def read(
        self,
        now: int = QUIET,
        life: Life = STARTED,
        generation: int = 3,
        *,
        stored: bool = True,
        mode: str = "Enforce",
        overlay: Overlay = LIVE_OVERLAY,
    ) -> tuple[Reading, ...]:
        identity = replace(IDENTITY, generation=generation)
        spec = resolved(QUICK, exitCriteria=self.criteria, mode=mode)
        subject = Subject(identity, spec, life, UNTOLD, 0, now)
        self.prometheus.asked.clear()
        readings = await self.reader.read(subject, overlay, self.status, self.prometheus)
        if stored:
            self.status = {"criteria": [dict(each.stored) for each in readings]}
        return readings

    @property
    def asked(self) -> list[RangeQuery]:
        return [query for query in self.prometheus.asked if isinstance(query, RangeQuery)]
