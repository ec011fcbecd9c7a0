"""Reading what an overlay depends on: the rules, what fires, and whether Prometheus evaluates what was written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hypercare.domain.alert_judgement import OverlayContext
from hypercare.domain.alert_plan import AlertPlan, plan_alerts
from hypercare.domain.conditions import ConditionStatus, ConditionType, Problem
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.firing import active_since_query, firing_copies, loud_query, still_waiting
from hypercare.domain.life import Life
from hypercare.domain.liveness import (
    Live,
    Liveness,
    NotLive,
    RuleLoading,
    diagnose,
    expected_heartbeats,
    heartbeat_query,
    judge_liveness,
)
from hypercare.domain.objects import NAMESPACES, PROMETHEUS_RULES, PROMETHEUSES, ObjectRef
from hypercare.domain.overlay import HEARTBEAT, overlay_ref, owned_by, revision_of, same_overlay
from hypercare.domain.overlay_context import overlay_context
from hypercare.domain.period import Resolved
from hypercare.domain.promql_text import matcher
from hypercare.domain.samples import Answer, InstantQuery
from hypercare.domain.snapshot import Identity, Leftover, NoneWanted, NotWritten, Overlay, Stored
from hypercare.domain.source_rules import rule_seconds
from hypercare.domain.tenancy import Tenancy, tenancy_of
from hypercare.domain.tightening import FiringCopy
from hypercare.ports import ApiError, Body, MetricSource, ObjectCache, Objects

DEFAULT_INTERVAL_SECONDS = 30
"""`spec.evaluationInterval` of a Prometheus object that names none (prometheus-operator API reference)."""
_DIAGNOSE_AFTER_SECONDS = 3
_NOT_SERVED = Problem(
    "spec.protection.alerts",
    "PrometheusRuleNotServed",
    "the cluster does not serve PrometheusRule: install the CRDs of prometheus-operator, or ask for no alerts",
    stalls=True,
)


@dataclass(frozen=True)
class Subject:
    """Whose overlay is read. `live_since` is the one that status remembers, 0 for none; `now` in Unix seconds."""

    identity: Identity
    resolved: Resolved
    life: Life
    stored: Stored
    live_since: int
    now: int

    @property
    def tenancy(self) -> Tenancy:
        """Where the series of the period's namespace are."""
        return tenancy_of(self.resolved.profile.tenancy, self.identity.namespace)

    @property
    def owner(self) -> str:
        """Value of the label `hypercare` on everything the overlay makes."""
        return f"{self.identity.namespace}/{self.identity.name}"

    @property
    def unverified_seconds(self) -> int:
        """For how long the overlay has not been seen live."""
        seen = self.stored.conditions.get(ConditionType.ALERTS_TIGHTENED)
        if seen is None or seen.condition.status is ConditionStatus.TRUE:
            return 0
        return self.now - seen.since


class OverlayReader:
    """Reads the overlay of one period at a time.

    A proof of life is good for one evaluation interval; it is forgotten with the period. `seen_live` is told how many
    seconds a new revision waited for its first proof.
    """

    def __init__(self, objects: Objects, cache: ObjectCache, seen_live: Callable[[float], None]) -> None:
        self._objects = objects
        self._cache = cache
        self._seen_live = seen_live
        self._proofs: dict[str, tuple[str, int, Live]] = {}

    def forget(self, uid: str) -> None:
        """Drop what is known of a period that is gone."""
        self._proofs.pop(uid, None)

    async def read(self, subject: Subject, source: MetricSource) -> Overlay:
        """Plan the overlay and say how far it is in effect."""
        ref = overlay_ref(subject.identity.namespace, subject.identity.name)
        found = self._cache.find(ref)
        present: Body = found if found is not None and owned_by(found, subject.identity.uid) else {}
        plan = await self._plan(subject, present, source)
        state = await self._state(subject, present, plan, source)
        live_since = subject.live_since
        if isinstance(state, Live) and not live_since:
            live_since = await self._first_heartbeat(subject, source)
        return Overlay(plan, state, live_since, self._default_interval())

    async def _state(
        self, subject: Subject, present: Body, plan: AlertPlan, source: MetricSource
    ) -> Liveness | NotWritten | NoneWanted | Leftover:
        if plan.overlay is None:
            return Leftover() if present else NoneWanted()
        if not present or not same_overlay(plan.overlay, present):
            return NotWritten()
        return await self._liveness(subject, present, source)

    async def _plan(self, subject: Subject, present: Body, source: MetricSource) -> AlertPlan:
        protection = subject.resolved.spec.alerts
        if protection.requested and not self._cache.served(PROMETHEUS_RULES):
            return AlertPlan(None, (), (), (_NOT_SERVED,))
        rules = self._cache.select(PROMETHEUS_RULES, subject.identity.namespace)
        context = self._context(subject, present)
        plan = plan_alerts(protection, rules, context)
        unchanged = plan.overlay is not None and same_overlay(plan.overlay, present)
        if not present or unchanged or subject.life.closed:
            return plan
        firing = await self._firing(subject, plan, source)
        return plan_alerts(protection, rules, replace(context, firing=firing)) if firing else plan

    def _context(self, subject: Subject, present: Body) -> OverlayContext:
        life = subject.life
        strength = 0 if life.closed else life.strength
        interval = self._default_interval()
        context = overlay_context(subject.identity, subject.resolved, life.run.id, strength, interval)
        return replace(context, present=present)

    async def _firing(self, subject: Subject, plan: AlertPlan, source: MetricSource) -> Mapping[str, FiringCopy]:
        copies = await source.instant(InstantQuery(active_since_query(subject.owner), subject.now))
        originals = await source.instant(InstantQuery(loud_query(subject.tenancy), subject.now))
        firing = firing_copies(plan.watched, copies, originals, subject.now)
        if subject.life.strength > 0:
            return firing
        return still_waiting(plan.watched, firing, subject.now - subject.life.strength_since)

    async def _liveness(self, subject: Subject, present: Body, source: MetricSource) -> Liveness:
        uid, revision = subject.identity.uid, revision_of(present)
        proof = self._proofs.get(uid)
        interval = subject.resolved.profile.evaluation.interval
        if proof is not None and proof[0] == revision and subject.now - proof[1] < interval:
            return proof[2]
        expected = expected_heartbeats(present, self._default_interval())
        answer = await source.instant(InstantQuery(heartbeat_query(present), subject.now))
        verdict = judge_liveness(expected, answer, subject.now, subject.resolved.profile.evaluation.delay)
        match verdict:
            case Live():
                if proof is None or proof[0] != revision:
                    self._seen_live(float(subject.unverified_seconds))
                self._proofs[uid] = (revision, subject.now, verdict)
                return verdict
            case NotLive():
                self._proofs.pop(uid, None)
                return await self._diagnosed(subject, present, verdict)

    async def _diagnosed(self, subject: Subject, present: Body, verdict: NotLive) -> NotLive:
        waiting = subject.unverified_seconds
        if waiting < _DIAGNOSE_AFTER_SECONDS:
            return verdict
        try:
            namespace = await self._objects.get(ObjectRef(NAMESPACES, "", subject.identity.namespace))
        except ApiError:
            return verdict
        loading = RuleLoading(
            prometheuses=self._cache.select(PROMETHEUSES),
            namespace=subject.identity.namespace,
            namespace_labels=namespace["metadata"].get("labels", {}),
            waiting_seconds=waiting,
        )
        return diagnose(present, verdict, loading)

    async def _first_heartbeat(self, subject: Subject, source: MetricSource) -> int:
        """When all groups of this run had been evaluated first: from the data, so that a restart changes nothing."""
        labels = f"{matcher('hypercare', '=', subject.owner)},{matcher('hypercare_run', '=', subject.life.run.id)}"
        span = max(60, subject.now - subject.life.run.created_at + 60)
        first = f"min by (hypercare_group) (min_over_time({HEARTBEAT}{{{labels}}}[{span}s]))"
        answer = await source.instant(InstantQuery(f"max({first})", subject.now))
        if isinstance(answer, Answer) and answer.series:
            return int(answer.series[0].samples[-1].value)
        return 0

    def _default_interval(self) -> int:
        """The longest evaluation interval of the Prometheus objects: a longer wait proves no less."""
        intervals = [
            _interval(Field("spec", body.get("spec", {})).get("evaluationInterval"))
            for body in self._cache.select(PROMETHEUSES)
        ]
        return max(intervals, default=DEFAULT_INTERVAL_SECONDS)


def _interval(field: Field) -> int:
    try:
        return rule_seconds(field) or DEFAULT_INTERVAL_SECONDS
    except InvalidField:
        return DEFAULT_INTERVAL_SECONDS
