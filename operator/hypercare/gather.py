"""The only reader of a visit: from the watch cache and Prometheus to a frozen snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hypercare.capacity_reader import CapacityReader
from hypercare.domain.conditions import Problem, read_conditions
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.endpoint_failures import access_problems
from hypercare.domain.fields import Field
from hypercare.domain.life.facts import Life
from hypercare.domain.life.rollout import Target, combined, rollout_of
from hypercare.domain.life.window import parse_time
from hypercare.domain.objects import TARGETS, ObjectRef
from hypercare.domain.period import Resolved
from hypercare.domain.samples import QueryFailed
from hypercare.domain.snapshot import Identity, Snapshot, Stored
from hypercare.domain.status import read_timeline
from hypercare.domain.subject import Subject
from hypercare.evidence_reader import EvidenceReader
from hypercare.overlay.inhibition import InhibitionReader
from hypercare.overlay.reader import OverlayReader
from hypercare.ports import Body, MetricSource, ObjectCache, RuleSource


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
    capacity: CapacityReader


class Gatherer:
    """Reads everything a visit decides on."""

    def __init__(self, cache: ObjectCache, sources: Sources, readers: Readers) -> None:
        self._cache = cache
        self._sources = sources
        self._overlays = readers.overlays
        self._inhibitions = readers.inhibitions
        self._evidence = readers.evidence
        self._capacity = readers.capacity

    def source(self, resolved: Resolved) -> MetricSource:
        """The Prometheus of a period's profile."""
        return self._sources.source(resolved.profile.endpoint)

    def forget(self, ref: ObjectRef, uid: str) -> None:
        """Drop what is kept of a period that is gone."""
        self._overlays.forget(uid)
        self._inhibitions.forget(uid)
        self._evidence.forget(ref, uid)
        self._capacity.forget(uid)

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
            capacity=await self._capacity.read(subject, status, source),
            readings=await self._evidence.read(subject, overlay, status, source),
            stored=stored,
            now=now,
            access_problems=access_problems(profile, await self._sources.failure(profile.endpoint)),
        )

    def _workload(self, identity: Identity, target: Target) -> Body | None:
        return self._cache.find(ObjectRef(TARGETS[target.kind], identity.namespace, target.name))


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
