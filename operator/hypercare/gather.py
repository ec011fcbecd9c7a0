"""The only reader of a visit: from the watch cache and Prometheus to a frozen snapshot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.capacity.disruption import plan_disruption
from hypercare.domain.capacity.hold import Hold, Refusal
from hypercare.domain.capacity.hold_record import read_hold
from hypercare.domain.capacity.scaling import Claimant, ScalingPlan, plan_scaling
from hypercare.domain.capacity.scaling_rows import read_rows
from hypercare.domain.capacity.scaling_status import CapacityView, scaling_rows
from hypercare.domain.conditions import Problem, read_conditions
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.endpoint_failures import access_problems
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.facts import Life, stepping_down
from hypercare.domain.life.rollout import Target, combined, rollout_of
from hypercare.domain.life.window import parse_time
from hypercare.domain.objects import HOLDS, TARGETS, ObjectRef
from hypercare.domain.period import Mode, Resolved
from hypercare.domain.samples import QueryFailed
from hypercare.domain.snapshot import Capacity, Identity, Snapshot, Stored
from hypercare.domain.status import read_timeline
from hypercare.evidence_reader import EvidenceReader
from hypercare.inhibition_reader import InhibitionReader
from hypercare.overlay_reader import OverlayReader, Subject
from hypercare.ports import Body, MetricSource, ObjectCache, RuleSource

Refusals = Callable[[str], Mapping[str, Refusal]]


class Sources(Protocol):
    """The Prometheus endpoints that profiles name."""

    def source(self, endpoint: Endpoint) -> RuleSource:
        """The source of an endpoint."""
        ...

    async def failure(self, endpoint: Endpoint) -> QueryFailed | None:
        """Why nothing can be asked there; None when there is nothing in the way on this side."""
        ...


@dataclass(frozen=True)
class Readers:
    """What reads the parts of a snapshot that need more than the cache."""

    overlays: OverlayReader
    inhibitions: InhibitionReader
    evidence: EvidenceReader


class Gatherer:
    """Reads everything a visit decides on. `refusals(namespace)` is what keeps objects from being changed, by hold."""

    def __init__(
        self,
        cache: ObjectCache,
        sources: Sources,
        readers: Readers,
        refusals: Refusals,
    ) -> None:
        self._cache = cache
        self._sources = sources
        self._overlays = readers.overlays
        self._inhibitions = readers.inhibitions
        self._evidence = readers.evidence
        self._refusals = refusals

    def source(self, resolved: Resolved) -> MetricSource:
        """The Prometheus of a period's profile."""
        return self._sources.source(resolved.profile.endpoint)

    def forget(self, ref: ObjectRef, uid: str) -> None:
        """Drop what is kept of a period that is gone."""
        self._overlays.forget(uid)
        self._inhibitions.forget(uid)
        self._evidence.forget(ref, uid)

    async def gather(self, body: Body, resolved: Resolved, life: Life, now: int) -> Snapshot:
        """Read once."""
        metadata, status = body["metadata"], body.get("status", {})
        identity = Identity(metadata["namespace"], metadata["name"], metadata["uid"], metadata["generation"])
        stored = _read_stored(status)
        workloads = {target: self._workload(identity, target) for target in resolved.spec.targets}
        release, profile = resolved.spec.plan.release, resolved.profile
        source = self._sources.source(resolved.profile.endpoint)
        subject = Subject(identity, resolved, life, stored, _live_since(status), now)
        replicas = {each.url: self._sources.source(each) for each in profile.replicas}
        overlay = await self._overlays.read(subject, source, replicas)
        return Snapshot(
            identity=identity,
            resolved=resolved,
            life=life,
            rollout=combined(tuple(rollout_of(target, release, found) for target, found in workloads.items())),
            target_problems=tuple(_missing(resolved, identity, workloads)),
            overlay=overlay,
            inhibition=await self._inhibitions.read(subject, overlay),
            capacity=self._capacity(subject, body),
            readings=await self._evidence.read(subject, overlay, status, source),
            stored=stored,
            now=now,
            access_problems=access_problems(profile, await self._sources.failure(profile.endpoint)),
        )

    def _workload(self, identity: Identity, target: Target) -> Body | None:
        return self._cache.find(ObjectRef(TARGETS[target.kind], identity.namespace, target.name))

    def _capacity(self, subject: Subject, body: Body) -> Capacity:
        identity, spec = subject.identity, subject.resolved.spec
        objects = CapacityObjects({each: self._cache.select(each, identity.namespace) for each in RESOURCES})
        enforced = spec.mode is Mode.ENFORCE and not subject.life.closed
        claimant = Claimant(
            period=identity.name,
            uid=identity.uid,
            run=subject.life.run.id,
            strength=subject.life.strength if enforced else 0,
            max_floor=subject.resolved.profile.limits.max_floor,
            relaxing=stepping_down(subject.life),
        )
        plan = plan_scaling(spec.scaling, spec.targets, objects, claimant)
        plan += plan_disruption(spec.disruption, spec.targets, objects, claimant)
        view = CapacityView(
            holds=dict(self._holds(identity.namespace)),
            objects=objects,
            refusals=self._refusals(identity.namespace),
            now=subject.now,
        )
        rows = scaling_rows(plan, identity.uid, view, read_rows(body.get("status", {})))
        return Capacity(plan if not subject.life.closed else ScalingPlan(), rows)

    def _holds(self, namespace: str) -> list[tuple[str, Hold]]:
        found = []
        for body in self._cache.select(HOLDS, namespace):
            name = body["metadata"]["name"]
            try:
                found.append((name, read_hold(name, body.get("spec"))))
            except InvalidField:
                # Told by whoever visits the hold.
                continue
        return found


def _missing(resolved: Resolved, identity: Identity, workloads: Mapping[Target, Body | None]) -> list[Problem]:
    return [
        Problem(
            f"spec.targets[{index}]",
            "TargetNotFound",
            f"{target.kind} {identity.namespace}/{target.name} does not exist: create it, or correct the target",
            stalls=False,
        )
        for index, target in enumerate(resolved.spec.targets)
        if workloads[target] is None
    ]


def _read_stored(status: Body) -> Stored:
    field = Field("status", status)
    return Stored(
        conditions=read_conditions(status),
        observed_generation=int(status.get("observedGeneration", -1)),
        timeline=read_timeline(status),
        alerts=status.get("alerts", {}),
        report=str(status.get("report", "")),
        reports=field.get("reports").texts(),
    )


def _live_since(status: Body) -> int:
    field = Field("status", status).get("overlay").get("liveSince")
    return parse_time(field) if field.present else 0
