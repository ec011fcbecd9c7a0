"""The loop in one process: real reconcilers on an API server, a Prometheus and a clock that exist only in memory.

Every status is checked against the CRD when it is written, so no test can pass with one that the server would refuse,
or would not keep as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

from hypercare.adapters.cache import WatchCache
from hypercare.adapters.endpoints import Endpoints
from hypercare.adapters.secret_reader import SecretReader
from hypercare.authors import AuthorCheck
from hypercare.capacity_reader import CapacityReader
from hypercare.claims import ClaimKeeper
from hypercare.domain.alerts.overlay import owned_by
from hypercare.domain.conditions import ConditionType, Observed, read_conditions
from hypercare.domain.objects import (
    AUTOSCALERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    HOLDS,
    NAMESPACES,
    PERIODS,
    PROFILES,
    PROMETHEUS_RULES,
    ObjectRef,
)
from hypercare.domain.snapshot import Reading
from hypercare.domain.status_size import STATUS_LIMIT_BYTES, size_bytes
from hypercare.evidence_reader import EvidenceReader
from hypercare.gather import Gatherer, Readers
from hypercare.hold_reconcile import HoldReconciler, stands
from hypercare.overlay.inhibition import InhibitionReader
from hypercare.overlay.reader import OverlayReader
from hypercare.overlay.writer import INHIBITION, OverlayWriter
from hypercare.ports import ApiError, Body
from hypercare.queue import After, Outcome
from hypercare.reconcile import Hands, PeriodReconciler
from hypercare.report_writer import ReportWriter
from hypercare.subscriptions import WATCHED
from tests.unit.alert_rules import alert, rule_object
from tests.unit.alertmanagers import FakeAlertmanager
from tests.unit.api_server import FakeApiServer
from tests.unit.histories import FakeHistory
from tests.unit.lives import T0
from tests.unit.metric_source import FakePrometheus
from tests.unit.prometheus_answers import constant
from tests.unit.scaled import autoscaler
from tests.unit.schema import status_schema, violations

PERIOD = ObjectRef(PERIODS, "shop", "checkout")
PROFILE = ObjectRef(PROFILES, "", "default")
OVERLAY = ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout")
RULES = ObjectRef(PROMETHEUS_RULES, "shop", "checkout-alerts")
WORKLOAD = ObjectRef(DEPLOYMENTS, "shop", "checkout")
HPA = ObjectRef(AUTOSCALERS, "shop", "checkout")
HOLD = ObjectRef(HOLDS, "shop", "horizontalpodautoscaler-checkout")
OWN_NAMESPACE = "hypercare-system"
STATUS = f"status {PERIOD}"

PROFILE_SPEC: Mapping[str, Any] = {
    "prometheus": {"url": "http://prometheus:9090"},
    "evaluation": {"step": "5s", "interval": "5s", "delay": "0s", "freshness": "10s", "maxDelay": "1m"},
}
PERIOD_SPEC: Mapping[str, Any] = {
    "release": {"version": "2.4.0", "name": "autumn", "previous": "2.3.9"},
    "targets": [{"kind": "Deployment", "name": "checkout"}],
    "window": {
        "start": {"when": "RolloutComplete", "timeout": "10m"},
        "duration": "20m",
        "extension": {"by": "5m", "limit": 1},
        "atLimit": {"hold": "5m", "then": "Relax"},
    },
    "stages": [
        {"name": "intensive", "strength": 100, "minDuration": "20s"},
        {"name": "elevated", "strength": 50, "minDuration": "20s"},
    ],
    "relax": {"step": 25, "every": "10s", "guard": True},
    "protection": {"scaling": [{"target": "checkout", "floor": 4}]},
    "exitCriteria": [
        {"name": "errors", "query": "errors", "below": 5, "sustainedFor": "15s"},
        {"name": "cost", "query": "cost", "below": 5, "sustainedFor": "15s", "advisory": True},
    ],
}
CALM = {"errors": constant(1), "cost": constant(9)}
SELDOM: Mapping[str, Any] = {
    "evaluation": {"step": "30s", "interval": "30s", "delay": "0s", "freshness": "1m", "maxDelay": "2m"},
}
LONG: Mapping[str, Any] = {
    "stages": [{"name": "only", "strength": 100, "minDuration": "2h"}],
    "window": {"duration": "3h"},
}


class CheckedServer(FakeApiServer):
    """An API server with the CRD of periods. What is named in `refusing` (`create PrometheusRule`) fails for now."""

    def __init__(self) -> None:
        super().__init__()
        self.refusing: dict[str, ApiError] = {}

    async def apply_status(self, ref: ObjectRef, body: Body) -> Body:
        assert list(violations(status_schema("hypercareperiods"), body["status"])) == []
        assert size_bytes(body["status"]) <= STATUS_LIMIT_BYTES
        return await super().apply_status(ref, body)

    def _write(self, name: str, write: Any) -> dict[str, Any]:
        error = next((error for start, error in self.refusing.items() if name.startswith(start)), None)
        if error is None:
            return super()._write(name, write)
        self.writes.append(name)
        raise error


@dataclass
class Told:
    """The Events that were posted, as `(reason, warning)`."""

    events: list[tuple[str, bool]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    async def post(self, about: Body, *, warning: bool, reason: str, message: str) -> None:
        self.events.append((reason, warning))
        self.messages.append(message)

    @property
    def reasons(self) -> list[str]:
        return [reason for reason, _ in self.events]


@dataclass
class Observer:
    """What metrics are told of evidence."""

    known: dict[ObjectRef, int] = field(default_factory=dict)

    def evaluated(self, period: ObjectRef, readings: Sequence[Reading]) -> None:
        self.known[period] = min(each.final_through for each in readings)

    def forget(self, period: ObjectRef) -> None:
        self.known.pop(period, None)


@dataclass(frozen=True)
class Visited:
    """One visit: what was written, and the status before and after it."""

    writes: tuple[str, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def moved(self) -> bool:
        """Whether the life took a step."""
        facts = ("phase", "stage", "strength", "outcome", "run", "window", "resumePhase")
        return any(self.before.get(fact) != self.after.get(fact) for fact in facts)


class Loop:
    """One namespace with a workload, its autoscaler, an alert and a period; `start` begins a new operator process."""

    def __init__(self, profile: Mapping[str, Any] | None = None, **spec: Any) -> None:
        self.now = T0
        self.server = CheckedServer()
        self.prometheus = FakePrometheus(lambda: self.server.objects.get(OVERLAY))
        self.prometheus.values.update(CALM)
        self.prometheus.live_from = T0
        self.alertmanager = FakeAlertmanager()
        self.history = FakeHistory()
        self.told = Told()
        self.observer = Observer()
        self.visits: list[Visited] = []
        # Whether the operator enforces without the policy about authors; without it, nearly nothing would be written.
        self.waived = True
        self.server.put(ObjectRef(NAMESPACES, "", "shop"), {})
        self.server.put(PROFILE, {**PROFILE_SPEC, **(profile or {})})
        template = {"metadata": {"labels": {"app.kubernetes.io/version": "2.4.0"}}, "spec": {"containers": []}}
        self.server.put(WORKLOAD, {"replicas": 2, "template": template})
        self.server.put(HPA, autoscaler()["spec"])
        self.server.put(RULES, rule_object("checkout-alerts", alert("Errors", for_="5m"))["spec"])
        self.replicas(2)
        self.create(**spec)
        self.server.writes.clear()
        self.start()

    def create(self, **spec: Any) -> None:
        """Create the period as a pipeline does."""
        self.server.put(PERIOD, {**PERIOD_SPEC, **spec})
        self.server.set_status(PERIOD, observedGeneration=-1)

    def delete(self) -> None:
        """Delete the period; the garbage collector takes what it owns."""
        uid = self.server.objects[PERIOD]["metadata"]["uid"]
        self.server.remove(PERIOD)
        if OVERLAY in self.server.objects and owned_by(self.server.objects[OVERLAY], uid):
            self.server.remove(OVERLAY)

    def start(self) -> None:
        """A new process: nothing of an old one is left but what the API server holds."""
        self.cache = WatchCache(WATCHED, lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        clock = partial(getattr, self, "now")
        self.holds = HoldReconciler(self.server, self.cache, partial(stands, self.cache), lambda _: None, clock)
        gatherer = Gatherer(
            self.cache,
            Endpoints(lambda *_: self.prometheus, SecretReader(self.server, OWN_NAMESPACE, clock), lambda *_: None),
            Readers(
                OverlayReader(self.server, self.cache, lambda _: None, self.history),
                InhibitionReader(self.cache, self.alertmanager),
                EvidenceReader(self.cache, self.observer),
                CapacityReader(self.server, self.cache, self.holds.refusals),
            ),
        )
        hands = Hands(
            objects=self.server,
            cache=self.cache,
            events=self.told,
            overlays=OverlayWriter(self.server, self.cache, clock),
            inhibitions=OverlayWriter(self.server, self.cache, clock, INHIBITION),
            claims=ClaimKeeper(self.server, self.cache),
            reports=ReportWriter(self.server, self.cache),
        )
        self.periods = PeriodReconciler(gatherer, hands, AuthorCheck(self.cache, waived=self.waived), clock)

    async def visit(self) -> Outcome:
        """Visit the period once."""
        before, written = self.status, len(self.server.writes)
        outcome = await self.periods.visit(PERIOD)
        self.visits.append(Visited(tuple(self.server.writes[written:]), before, self.status))
        return outcome

    async def pass_time(self, seconds: int) -> None:
        """Let the world go on, visiting at once and then whenever a visit is due."""
        end = self.now + seconds
        while self.now < end:
            await self._step(end)

    async def until(self, phase: str, limit: int = 7200) -> None:
        """Let the world go on until the period is in a phase, and no further."""
        end = self.now + limit
        while self.status.get("phase") != phase:
            assert self.now < end, f"never {phase}: {self.status.get('summary')}"
            await self._step(end)

    async def _step(self, end: int) -> None:
        outcome = await self.visit()
        await self._world()
        pause = outcome.seconds if isinstance(outcome, After) else end - self.now
        self.now = min(end, self.now + ceil(pause))

    def replicas(self, count: int) -> None:
        """The workload has this many pods, all of them ready."""
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), count)
        self.server.set_status(WORKLOAD, observedGeneration=1, **counts)

    async def _world(self) -> None:
        """The rest of the cluster: holds are reconciled, and the autoscaler scales up to its floor."""
        if HOLD in self.server.objects:
            await self.holds.visit(HOLD)
        floor = self.server.objects[HPA]["spec"]["minReplicas"]
        if floor != self.server.objects[WORKLOAD]["status"]["readyReplicas"]:
            self.replicas(floor)

    @property
    def status(self) -> dict[str, Any]:
        body = self.server.objects.get(PERIOD, {})
        return dict(body.get("status", {}))

    @property
    def conditions(self) -> dict[ConditionType, Observed]:
        return read_conditions(self.status)

    def condition(self, kind: ConditionType) -> tuple[str, str]:
        """Status and reason."""
        condition = self.conditions[kind].condition
        return condition.status.value, condition.reason

    @property
    def reports(self) -> list[ObjectRef]:
        return [ref for ref in self.server.objects if ref.resource == CONFIG_MAPS]

    @property
    def floor(self) -> int:
        found: int = self.server.objects[HPA]["spec"]["minReplicas"]
        return found
