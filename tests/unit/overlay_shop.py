"""One namespace whose overlay is read."""

from dataclasses import replace
from typing import Any

from hypercare.adapters.cache import WatchCache
from hypercare.domain.alerts.held_copies import copies
from hypercare.domain.conditions import ConditionType, Observed, false
from hypercare.domain.life.facts import Life
from hypercare.domain.objects import NAMESPACES, PROMETHEUS_RULES, PROMETHEUSES, ObjectRef
from hypercare.domain.samples import Answer, InstantQuery, Result, Sample, Series
from hypercare.domain.snapshot import Overlay
from hypercare.domain.subject import Subject
from hypercare.overlay.reader import OverlayReader
from hypercare.overlay.writer import OverlayWriter, Owner
from tests.unit.alert_rules import alert, rule_object
from tests.unit.api_server import FakeApiServer
from tests.unit.histories import FakeHistory
from tests.unit.lives import ACTIVE, QUIET
from tests.unit.metric_source import FakePrometheus
from tests.unit.snapshots import IDENTITY, UNTOLD, resolved

OVERLAY = ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout")
RULES = ObjectRef(PROMETHEUS_RULES, "shop", "checkout-alerts")
RELAXED = replace(ACTIVE, strength=0, strength_since=QUIET - 60)


class Firing(FakePrometheus):
    """A Prometheus in which a copy fires since `since`, and its original too if `loud`."""

    since = 0.0
    loud = False

    async def instant(self, query: InstantQuery) -> Result:
        if query.expr.startswith("ALERTS_FOR_STATE") and self.since:
            self.asked.append(query)
            labels = {"alertname": "Errors", "hypercare_rule": self.rule}
            return Answer((Series(labels, (Sample(query.time, self.since),)),))
        if query.expr.startswith("count by (alertname)") and self.loud:
            return Answer((Series({"alertname": "Errors"}, (Sample(query.time, 1),)),))
        return await super().instant(query)

    @property
    def rule(self) -> str:
        return next(iter(copies(self._rules() or {})))


class Shop:
    """One namespace with an alert and an overlay reader."""

    def __init__(self) -> None:
        self.server = FakeApiServer()
        self.server.put(ObjectRef(NAMESPACES, "", "shop"), {}, labels={"team": "shop"})
        self.server.put(RULES, rule_object("checkout-alerts", alert("Errors", for_="5m"))["spec"])
        self.cache = WatchCache((PROMETHEUS_RULES, PROMETHEUSES), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.prometheus = Firing(lambda: self.server.objects.get(OVERLAY))
        self.waits: list[float] = []
        self.history = FakeHistory()
        self.start()

    def start(self) -> None:
        self.reader = OverlayReader(self.server, self.cache, self.waits.append, self.history)

    def subject(self, life: Life = ACTIVE, **others: Any) -> Subject:
        found = Subject(IDENTITY, resolved(), life, UNTOLD, 0, QUIET)
        return replace(found, **others)

    async def read(self, life: Life = ACTIVE, **others: Any) -> Overlay:
        return await self.reader.read(self.subject(life, **others), self.prometheus)

    async def write(self, life: Life = ACTIVE, **others: Any) -> Overlay:
        """Read, write what is wanted, and read again."""
        wanted = await self.read(life, **others)
        owner = Owner(IDENTITY.namespace, IDENTITY.name, IDENTITY.uid)
        await OverlayWriter(self.server, self.cache).converge(owner, wanted.objects)
        return await self.read(life, **others)

    @property
    def asked(self) -> list[str]:
        return [query.expr for query in self.prometheus.asked]


def unverified(seconds: int) -> Any:
    """What the status remembers of an overlay that has been waited for so long."""
    condition = false(ConditionType.ALERTS_TIGHTENED, "Writing")
    return replace(UNTOLD, conditions={condition.type: Observed(condition, QUIET - seconds)})
