"""Reading what an overlay depends on: the rules, what fires, and whether Prometheus evaluates what was written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.alerts.judgement import OverlayContext
from hypercare.domain.alerts.left_out import Blamed, current, remembered
from hypercare.domain.alerts.liveness import (
    Live,
    Liveness,
    NotLive,
    expected_heartbeats,
    heartbeat_query,
    judge_liveness,
    of_all_replicas,
)
from hypercare.domain.alerts.overlay import HEARTBEAT, revision_of
from hypercare.domain.alerts.overlay_parts import joined, present_parts
from hypercare.domain.alerts.overlay_plan import Basis, OverlayPlan, holding, plan_overlay, same_objects
from hypercare.domain.alerts.plan import AlertPlan
from hypercare.domain.alerts.protection import AlertProtection
from hypercare.domain.alerts.source_rules import made_by_hypercare, rule_seconds
from hypercare.domain.alerts.trials import Verdicts
from hypercare.domain.alerts.verdict_memory import remembered_verdicts
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.facts import Life, Phase
from hypercare.domain.objects import PROMETHEUS_RULES, PROMETHEUSES
from hypercare.domain.overlay_context import overlay_context
from hypercare.domain.period import Mode
from hypercare.domain.promql.text import matcher
from hypercare.domain.samples import Answer, InstantQuery
from hypercare.domain.snapshot import Leftover, NoneWanted, NotWritten, Overlay
from hypercare.domain.subject import Subject
from hypercare.overlay.diagnosis import Diagnostician, Symptom
from hypercare.overlay.firing import Moment, fire_now, held_now, without_late
from hypercare.overlay.preflight import PATIENCE_SECONDS, REPORT_PATIENCE_SECONDS, History, Inquiry, Preflights
from hypercare.ports import Body, MetricSource, ObjectCache, Objects, RuleSource

DEFAULT_INTERVAL_SECONDS = 30
"""`spec.evaluationInterval` of a Prometheus object that names none (prometheus-operator API reference)."""
_DIAGNOSE_AFTER_SECONDS = 3
_NONE: Mapping[str, MetricSource] = {}
_NOT_SERVED = Problem(
    "spec.protection.alerts",
    "PrometheusRuleNotServed",
    "the cluster does not serve PrometheusRule: install the CRDs of prometheus-operator, or ask for no alerts",
    stalls=True,
)


@dataclass(frozen=True)
class Servers:
    """The endpoint of the profile, and by their URL the servers that evaluate the same rules."""

    endpoint: RuleSource
    replicas: Mapping[str, MetricSource]


@dataclass(frozen=True)
class _Planned:
    """A plan, and what it was made of; of the sources their names and versions."""

    protection: AlertProtection
    context: OverlayContext
    sources: tuple[tuple[str, str, str], ...]
    blamed: Mapping[str, Blamed]
    made: OverlayPlan

    def holds(self, basis: Basis) -> bool:
        """Whether nothing has changed that the plan was made of."""
        known = (self.protection, self.context, self.sources, self.blamed)
        return known == (basis.protection, basis.context, _versions(basis.sources), basis.blamed)


class OverlayReader:
    """Reads the overlay of one period at a time.

    A proof of life is good for one evaluation interval, a plan for as long as nothing changes that it was made of; both
    are forgotten with the period. `seen_live` is told how many seconds a new revision waited for its first proof.
    """

    def __init__(
        self, objects: Objects, cache: ObjectCache, seen_live: Callable[[float], None], history: History
    ) -> None:
        self._cache = cache
        self._seen_live = seen_live
        self._preflights = Preflights(history)
        self._diagnostician = Diagnostician(objects, cache)
        self._proofs: dict[str, tuple[str, int, Live]] = {}
        self._plans: dict[str, _Planned] = {}
        self._blamed: dict[str, dict[str, Blamed]] = {}

    def forget(self, uid: str) -> None:
        """Drop what is known of a period that is gone."""
        self._proofs.pop(uid, None)
        self._plans.pop(uid, None)
        self._blamed.pop(uid, None)
        self._preflights.forget(uid)
        self._diagnostician.forget(uid)

    async def read(self, subject: Subject, source: RuleSource, replicas: Mapping[str, MetricSource] = _NONE) -> Overlay:
        """Plan the overlay and say how far it is in effect, which all `replicas` (by URL) must show as well."""
        identity = subject.identity
        rules = self._cache.select(PROMETHEUS_RULES, identity.namespace)
        present = present_parts(rules, identity.name, identity.uid)
        basis = self._basis(subject, rules, present)
        basis = replace(basis, context=replace(basis.context, verdicts=await self._verdicts(subject, basis, source)))
        wanted = await self._wanted(subject, basis, present, source)
        state = await self._state(subject, wanted, present, Servers(source, replicas))
        live_since = subject.live_since
        if isinstance(state, Live) and not live_since:
            live_since = await self._first_heartbeat(subject, source)
        return Overlay(
            plan=wanted.plan,
            state=state,
            live_since=live_since,
            default_interval_seconds=self._default_interval(),
            objects=wanted.objects,
            verdicts=basis.context.verdicts,
            trying=self._preflights.trying(identity.uid),
        )

    async def _state(
        self, subject: Subject, wanted: OverlayPlan, present: Sequence[Body], servers: Servers
    ) -> Liveness | NotWritten | NoneWanted | Leftover:
        if not wanted.objects:
            return Leftover() if present else NoneWanted()
        if not same_objects(wanted.objects, present):
            return NotWritten()
        return await self._liveness(subject, present, servers)

    def _basis(self, subject: Subject, rules: Sequence[Body], present: Sequence[Body]) -> Basis:
        """Everything that the plan depends on, as far as it is known without asking."""
        uid, run_id, protection = subject.identity.uid, subject.life.run.id, subject.resolved.spec.alerts
        own = [body for body in rules if not made_by_hypercare(body)]
        elsewhere = (body for each in protection.elsewhere for body in self._cache.select(PROMETHEUS_RULES, each))
        blamed = {**remembered(present), **self._blamed.get(uid, {})}
        verdicts = self._preflights.known(uid, run_id, remembered_verdicts(present, run_id))
        context = replace(self._context(subject), verdicts=verdicts)
        return Basis(protection, context, [*own, *elsewhere], current(blamed, own))

    async def _verdicts(self, subject: Subject, basis: Basis, source: MetricSource) -> Verdicts:
        """What history says about the copies that there may be, as far as it is known by now."""
        life, known = subject.life, basis.context.verdicts
        reported = life.closed and subject.stored.report
        if reported or life.phase is Phase.SUSPENDED or not self._served(basis.protection):
            return known
        inquiry = Inquiry(
            uid=subject.identity.uid,
            run_id=life.run.id,
            before=life.run.created_at,
            tenancy=subject.tenancy,
            candidates=self._planned(subject.identity.uid, basis).plan.candidates,
            remembered=known,
            now=subject.now,
            patience=self._patience(life),
        )
        return await self._preflights.verdicts(inquiry, source)

    def _patience(self, life: Life) -> float:
        """For how many seconds a visit can wait for history: most of all where it is the report's last chance."""
        if life.closed:
            return REPORT_PATIENCE_SECONDS
        return 0.0 if self._preflights.crowded else PATIENCE_SECONDS

    def _served(self, protection: AlertProtection) -> bool:
        return not protection.requested or self._cache.served(PROMETHEUS_RULES)

    async def _wanted(self, subject: Subject, basis: Basis, present: Sequence[Body], source: RuleSource) -> OverlayPlan:
        if not self._served(basis.protection):
            return OverlayPlan(AlertPlan(None, (), (), (_NOT_SERVED,)), ())
        wanted = self._planned(subject.identity.uid, basis)
        if not present or subject.life.closed or same_objects(wanted.objects, present):
            return wanted
        return holding(wanted, present, await self._held(subject, wanted, joined(present), source), basis)

    def _planned(self, uid: str, basis: Basis) -> OverlayPlan:
        known = self._plans.get(uid)
        if known is not None and known.holds(basis):
            return known.made
        made = plan_overlay(basis)
        versions = _versions(basis.sources)
        self._plans[uid] = _Planned(basis.protection, basis.context, versions, basis.blamed, made)
        return made

    def _context(self, subject: Subject) -> OverlayContext:
        life = subject.life
        strength = 0 if life.closed else life.strength
        return overlay_context(subject.identity, subject.resolved, life.run.id, strength, self._default_interval())

    async def _held(self, subject: Subject, wanted: OverlayPlan, present: Body, source: RuleSource) -> frozenset[str]:
        """The copies that fire and would resolve if they were changed or taken away now."""
        if subject.resolved.spec.mode is Mode.OBSERVE:
            return frozenset()
        watched, life = wanted.plan.watched, subject.life
        fire = await fire_now(Moment(subject.owner, subject.tenancy, subject.now), watched, present, source)
        if life.strength == 0:
            fire = without_late(fire, watched, subject.now - life.strength_since)
        return await held_now(fire, present, wanted.plan.overlay or {}, subject.now, source)

    async def _liveness(self, subject: Subject, present: Sequence[Body], servers: Servers) -> Liveness:
        uid, revision, whole = subject.identity.uid, revision_of(present[0]), joined(present)
        proof = self._proofs.get(uid)
        interval = subject.resolved.profile.evaluation.interval
        if proof is not None and proof[0] == revision and subject.now - proof[1] < interval:
            return proof[2]
        verdict = await self._proven(subject, whole, servers.endpoint)
        if isinstance(verdict, Live) and servers.replicas:
            each = {url: await self._proven(subject, whole, one) for url, one in servers.replicas.items()}
            verdict = of_all_replicas(each)
        match verdict:
            case Live():
                if proof is None or proof[0] != revision:
                    self._seen_live(float(subject.unverified_seconds))
                self._proofs[uid] = (revision, subject.now, verdict)
                self._diagnostician.forget(uid)
                return verdict
            case NotLive():
                self._proofs.pop(uid, None)
                return await self._diagnosed(subject, present, verdict, servers.endpoint)

    async def _proven(self, subject: Subject, overlay: Body, source: MetricSource) -> Liveness:
        """What one server shows."""
        expected = expected_heartbeats(overlay, self._default_interval())
        answer = await source.instant(InstantQuery(heartbeat_query(overlay), subject.now))
        return judge_liveness(expected, answer, subject.now, subject.resolved.profile.evaluation.delay)

    async def _diagnosed(
        self, subject: Subject, present: Sequence[Body], verdict: NotLive, source: RuleSource
    ) -> NotLive:
        waiting = subject.unverified_seconds
        if waiting < _DIAGNOSE_AFTER_SECONDS:
            return verdict
        uid = subject.identity.uid
        symptom = Symptom(uid, subject.identity.namespace, present, verdict, waiting, subject.now)
        diagnosis = await self._diagnostician.explain(symptom, source)
        if diagnosis.blamed:
            self._blamed[uid] = {**self._blamed.get(uid, {}), **diagnosis.blamed}
        return diagnosis.verdict

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


def _versions(sources: Sequence[Body]) -> tuple[tuple[str, str, str], ...]:
    every = (body["metadata"] for body in sources)
    return tuple((each.get("namespace", ""), each["name"], str(each.get("resourceVersion", ""))) for each in every)


def _interval(field: Field) -> int:
    try:
        return rule_seconds(field) or DEFAULT_INTERVAL_SECONDS
    except InvalidField:
        return DEFAULT_INTERVAL_SECONDS
