"""Reading the capacity of a period: what is wanted of which objects, and where each stands.

Almost everything is in the watch cache. Two things are asked for: the peak before the run, once in a run, and Events,
while replicas that are wanted are not ready and no object says why.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.capacity.disruption import plan_disruption
from hypercare.domain.capacity.hold import Hold, Refusal, hold_name
from hypercare.domain.capacity.hold_record import read_hold
from hypercare.domain.capacity.peak import peak_of, peak_query
from hypercare.domain.capacity.quantity import Peak, SeenPeak
from hypercare.domain.capacity.readiness import WAITING
from hypercare.domain.capacity.scalers import Scaler, scaler_of
from hypercare.domain.capacity.scaling import Claimant, ScalingPlan, plan_scaling, rule_for
from hypercare.domain.capacity.scaling_rows import read_rows
from hypercare.domain.capacity.scaling_status import CapacityView, scaling_rows
from hypercare.domain.capacity.wishes import ReplicaWish
from hypercare.domain.fields import InvalidField
from hypercare.domain.life.facts import stepping_down
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import EVENTS, HOLDS
from hypercare.domain.period import Mode
from hypercare.domain.snapshot import Capacity
from hypercare.domain.subject import Subject
from hypercare.ports import ApiError, Body, MetricSource, ObjectCache, Objects

EVENTS_PAUSE_SECONDS = 10
PEAK_PAUSE_SECONDS = 60
_WARNINGS = "type=Warning"
Refusals = Callable[[str], Mapping[str, Refusal]]


@dataclass(frozen=True)
class _Read:
    """What was found out, and when (Unix seconds)."""

    at: int
    peak: SeenPeak | Refusal


class CapacityReader:
    """Reads one period at a time. `refusals(namespace)` is what keeps objects from being changed, by hold."""

    def __init__(self, objects: Objects, cache: ObjectCache, refusals: Refusals) -> None:
        self._objects = objects
        self._cache = cache
        self._refusals = refusals
        self._peaks: dict[tuple[str, str, Target], _Read] = {}
        self._events: dict[str, tuple[int, Sequence[Body]]] = {}

    def forget(self, uid: str) -> None:
        """Drop what is kept of a period that is gone."""
        self._peaks = {key: read for key, read in self._peaks.items() if key[0] != uid}

    async def read(self, subject: Subject, status: Body, source: MetricSource) -> Capacity:
        """Plan the claims, and tell where every object stands."""
        identity, spec = subject.identity, subject.resolved.spec
        objects = CapacityObjects({each: self._cache.select(each, identity.namespace) for each in RESOURCES})
        holds = dict(self._holds(identity.namespace))
        peaks = await self._read_peaks(subject, source, holds, objects)
        claimant = _claimant(subject)
        plan = plan_scaling(spec.scaling, spec.targets, objects, claimant, peaks)
        plan += plan_disruption(spec.disruption, spec.targets, objects, claimant)
        view = CapacityView(holds, objects, self._refusals(identity.namespace), subject.now)
        remembered = read_rows(status)
        rows = scaling_rows(plan, identity.uid, view, remembered)
        if any(row.reason == WAITING for row in rows):
            events = await self._read_events(identity.namespace, subject.now)
            rows = scaling_rows(plan, identity.uid, replace(view, events=events), remembered)
        return Capacity(plan if not subject.life.closed else ScalingPlan(), rows, peaks)

    async def _read_peaks(
        self, subject: Subject, source: MetricSource, holds: Mapping[str, Hold], objects: CapacityObjects
    ) -> Mapping[str, SeenPeak | Refusal]:
        """The peak of each target whose floor that is; what a claim of this run says already is not asked again."""
        rules = subject.resolved.spec.scaling
        asking = [
            target
            for target in subject.resolved.spec.targets
            if (rule := rule_for(rules, target.name)) is not None and isinstance(rule.floor, Peak)
        ]
        claimed = {target: _claimed(target, subject, holds, objects) for target in asking}
        return {target.name: claimed[target] or await self._read_peak(target, subject, source) for target in asking}

    async def _read_peak(self, target: Target, subject: Subject, source: MetricSource) -> SeenPeak | Refusal:
        run = subject.life.run
        key = (subject.identity.uid, run.id, target)
        read = self._peaks.get(key)
        if read is not None and (isinstance(read.peak, SeenPeak) or subject.now - read.at < PEAK_PAUSE_SECONDS):
            return read.peak
        query = peak_query(target, subject.tenancy, run.created_at)
        peak = query if isinstance(query, Refusal) else peak_of(target, await source.instant(query))
        self._peaks[key] = _Read(subject.now, peak)
        return peak

    async def _read_events(self, namespace: str, now: int) -> Sequence[Body]:
        """The warnings of a namespace, listed now and then; none where they may not be read."""
        at, events = self._events.get(namespace, (0, ()))
        if not 0 <= now - at < EVENTS_PAUSE_SECONDS:
            try:
                events = await self._objects.list(EVENTS, namespace, fields=_WARNINGS)
            except ApiError:
                events = ()
            self._events[namespace] = (now, events)
        return events

    def _holds(self, namespace: str) -> Iterator[tuple[str, Hold]]:
        for body in self._cache.select(HOLDS, namespace):
            name = body["metadata"]["name"]
            try:
                yield name, read_hold(name, body.get("spec"))
            except InvalidField:
                # Told by whoever visits the hold.
                continue


def _claimant(subject: Subject) -> Claimant:
    identity, life, resolved = subject.identity, subject.life, subject.resolved
    enforced = resolved.spec.mode is Mode.ENFORCE and not life.closed
    return Claimant(
        period=identity.name,
        uid=identity.uid,
        run=life.run.id,
        strength=life.strength if enforced else 0,
        max_floor=resolved.profile.limits.max_floor,
        relaxing=stepping_down(life),
    )


def _claimed(target: Target, subject: Subject, holds: Mapping[str, Hold], objects: CapacityObjects) -> SeenPeak | None:
    """The peak that this run's claim on the target's scaler carries."""
    scaler = scaler_of(target, objects)
    if not isinstance(scaler, Scaler):
        return None
    hold = holds.get(hold_name(scaler.object.kind, scaler.object.name))
    claim = hold.claim_of(subject.identity.uid) if hold is not None and hold.object == scaler.object else None
    if claim is None or claim.run != subject.life.run.id or not isinstance(claim.wish, ReplicaWish):
        return None
    return claim.wish.floor if isinstance(claim.wish.floor, SeenPeak) else None
