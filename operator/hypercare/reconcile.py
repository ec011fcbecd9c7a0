"""One visit to one period: gather, decide, apply, render.

A transition is stored in the status before anything it causes is written, in a visit of its own. Every status write
names the resourceVersion it was decided on, so a decision on an outdated object, or one that arrives late, is refused.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypercare.authors import AuthorCheck
from hypercare.claims import ClaimKeeper
from hypercare.domain.announcements import Announcement, announce
from hypercare.domain.assessment import Before, assess
from hypercare.domain.authorship import bounded_by
from hypercare.domain.conditions import ConditionType, Observed, Problem, read_conditions, stamp, unknown
from hypercare.domain.decide import Decision, decide, works
from hypercare.domain.fields import InvalidField
from hypercare.domain.findings import Findings
from hypercare.domain.life.facts import Life, Phase, Transition
from hypercare.domain.life.transitions import begin
from hypercare.domain.objects import PERIODS, PROFILES, ObjectRef
from hypercare.domain.period import Resolved, profile_name, resolve
from hypercare.domain.rendering import render_begun, render_refused, render_status, significant
from hypercare.domain.snapshot import Snapshot
from hypercare.domain.status import TimelineEntry, Unvisited, read_life
from hypercare.domain.visits import next_visit, progress_seconds
from hypercare.gather import Gatherer
from hypercare.overlay.writer import OverlayWriter, Owner
from hypercare.ports import ApiError, Body, Conflict, Events, Forbidden, NotFound, ObjectCache, Objects
from hypercare.queue import After, Done, Outcome
from hypercare.report_writer import ReportWriter

_AT_ONCE = After(0.0)
_AGAIN = After(0.5)
_ALERTS, _SCALING = "spec.protection.alerts", "spec.protection.scaling"
_MUTING = "spec.protection.alerts.inhibitOriginals"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hands:
    """Everything that a visit writes with."""

    objects: Objects
    cache: ObjectCache
    events: Events
    overlays: OverlayWriter
    inhibitions: OverlayWriter
    claims: ClaimKeeper
    reports: ReportWriter


class PeriodReconciler:
    """Visits periods by their reference. `clock` returns Unix seconds.

    Between visits it remembers only when a status was last written, and what the gatherer's readers hold; all of it is
    lost in a restart without consequence.
    """

    def __init__(self, gatherer: Gatherer, hands: Hands, authors: AuthorCheck, clock: Callable[[], float]) -> None:
        self._gatherer = gatherer
        self._authors = authors
        self._hands = hands
        self._clock = clock
        self._written: dict[str, int] = {}
        self._uids: dict[ObjectRef, str] = {}

    async def visit(self, ref: ObjectRef) -> Outcome:
        """Visit once and say when to come back.

        Raises:
            ApiError: the API server did not answer, or refuses what it should not; the queue backs off.
        """
        try:
            body = self._hands.cache.find(ref)
        except Forbidden as refusal:
            await self._stand_by(ref, refusal)
            raise
        if body is None or body["metadata"].get("deletionTimestamp"):
            self._forget(ref)
            return Done()
        if self._uids.get(ref) not in {None, body["metadata"]["uid"]}:
            self._forget(ref)
        self._uids[ref] = body["metadata"]["uid"]
        try:
            return await self._visit(ref, body, int(self._clock()))
        except Conflict:
            return _AGAIN
        except NotFound:
            self._forget(ref)
            return Done()

    async def _visit(self, ref: ObjectRef, body: Body, now: int) -> Outcome:
        profile = self._hands.cache.find(ObjectRef(PROFILES, "", profile_name(body)))
        match resolve(body, profile):
            case Problem() as problem:
                return await self._refuse(ref, body, problem, now)
            case resolved:
                return await self._work(ref, body, bounded_by(resolved, self._authors.of(body)), now)

    async def _stand_by(self, ref: ObjectRef, refusal: Forbidden) -> None:
        """Say why nothing is done in a namespace of which something may not be seen."""
        body = self._hands.cache.seen(ref)
        if body is not None:
            message = f"nothing is done in this namespace: {refusal.advised}"
            problem = Problem("metadata.namespace", "Forbidden", message, stalls=True)
            await self._refuse(ref, body, problem, int(self._clock()))

    async def _work(self, ref: ObjectRef, body: Body, resolved: Resolved, now: int) -> Outcome:
        try:
            life = read_life(body.get("status", {}))
        except InvalidField as error:
            advice = f"{error.message}; somebody has edited the status: delete and re-create the period"
            return await self._refuse(ref, body, Problem(error.path, "InvalidStatus", advice, stalls=True), now)
        if isinstance(life, Unvisited):
            return await self._begin(ref, body, resolved, now)
        snapshot = await self._gatherer.gather(body, resolved, life, now)
        decision = decide(snapshot)
        if decision.transition is not None:
            return await self._advance(ref, body, snapshot, decision, decision.transition)
        findings = await self._apply(snapshot, decision.findings)
        return await self._settle(ref, body, snapshot, findings)

    async def _begin(self, ref: ObjectRef, body: Body, resolved: Resolved, now: int) -> Outcome:
        transition = begin(resolved.spec.plan, body["metadata"]["uid"], now)
        await self._start_run(ref, body, transition.life, TimelineEntry(now, transition.reason, transition.message))
        return _AT_ONCE

    async def _start_run(
        self, ref: ObjectRef, body: Body, life: Life, entry: TimelineEntry, reports: tuple[str, ...] = ()
    ) -> None:
        conditions = [unknown(kind, "RunStarted") for kind in ConditionType]
        generation = body["metadata"]["generation"]
        status = {
            **render_begun(life, stamp(conditions, {}, generation, entry.time), generation, entry),
            "acceptedGeneration": self._authors.of(body).accepted,
            # What is raised outlives the run that raised it.
            "scaling": body.get("status", {}).get("scaling", []),
            "reports": list(reports),
        }
        await self._store(ref, body, status, entry.time)
        await self._tell(body, life, (Announcement(entry.reason, entry.message),))

    async def _advance(
        self, ref: ObjectRef, body: Body, snapshot: Snapshot, decision: Decision, transition: Transition
    ) -> Outcome:
        """Store a transition, and nothing else; what it causes is written from the next visit on."""
        now = snapshot.now
        entry = TimelineEntry(now, transition.reason, transition.message)
        if transition.life.run.id != snapshot.life.run.id:
            if decision.supersedes:
                snapshot = await self._report(snapshot, superseded=True)
            await self._start_run(ref, body, transition.life, entry, snapshot.stored.reports)
            return _AT_ONCE
        findings = replace(decision.findings, life=transition.life)
        moved = replace(snapshot, life=transition.life)
        news = Announcement(entry.reason, entry.message, warning=_alarming(transition.life))
        await self._write(ref, body, moved, findings, news)
        return _AT_ONCE

    async def _apply(self, snapshot: Snapshot, findings: Findings) -> Findings:
        """Make the protections what they should be; problems of writing join the findings."""
        identity = snapshot.identity
        owner = Owner(identity.namespace, identity.name, identity.uid)
        if snapshot.life.closed:
            # An overlay that was on its way when the operator that sent it was killed may appear after the end.
            problems = await self._write_alerts(owner, (), ())
            return replace(findings, alert_problems=findings.alert_problems + problems)
        if not works(snapshot):
            return findings
        problems = await self._write_alerts(owner, snapshot.overlay.objects, snapshot.inhibition.objects)
        capacity = snapshot.capacity
        claims = self._hands.claims.keep(identity.namespace, identity.uid, capacity.plan.requests, capacity.rows)
        unclaimed = await _attempted(_SCALING, claims)
        return replace(
            findings,
            alert_problems=findings.alert_problems + problems,
            scaling_problems=findings.scaling_problems + unclaimed,
        )

    async def _write_alerts(
        self, owner: Owner, overlay: Sequence[Body], inhibition: Sequence[Body]
    ) -> tuple[Problem, ...]:
        # First, so that nothing mutes an original longer than its copy is there.
        muting = await _attempted(_MUTING, self._hands.inhibitions.converge(owner, inhibition))
        return await _attempted(_ALERTS, self._hands.overlays.converge(owner, overlay)) + muting

    async def _settle(self, ref: ObjectRef, body: Body, snapshot: Snapshot, findings: Findings) -> Outcome:
        if snapshot.life.closed and not snapshot.stored.report:
            snapshot = await self._report(snapshot)
        await self._write(ref, body, snapshot, findings)
        seconds = next_visit(snapshot, findings)
        return Done() if seconds is None else After(seconds)

    async def _report(self, snapshot: Snapshot, *, superseded: bool = False) -> Snapshot:
        """Write the report of the run; one that fails is told and never blocks anything."""
        stored = await self._hands.reports.write(snapshot, self._gatherer.source(snapshot.resolved), superseded)
        return replace(snapshot, stored=stored)

    async def _write(
        self,
        ref: ObjectRef,
        body: Body,
        snapshot: Snapshot,
        findings: Findings,
        *news: Announcement,
    ) -> None:
        """Write the status if it says something new, then tell what is new: `news`, and what has become so."""
        conditions = assess(findings, self._before(snapshot))
        told = _once(announce(snapshot, findings, conditions), news)
        entries = tuple(
            TimelineEntry(snapshot.now if each.at is None else each.at, each.reason, each.message)
            for each in told
            if each.lasting
        )
        status = render_status(snapshot, findings, conditions, snapshot.stored.timeline + entries)
        if self._is_news(body, status, snapshot):
            await self._store(ref, body, status, snapshot.now)
        await self._tell(body, findings.life, told)

    def _before(self, snapshot: Snapshot) -> Before:
        return Before(
            conditions=snapshot.stored.conditions,
            spec_changed=snapshot.stored.observed_generation != snapshot.identity.generation,
            interval=snapshot.resolved.profile.evaluation.interval,
            now=snapshot.now,
        )

    def _is_news(self, body: Body, status: Mapping[str, Any], snapshot: Snapshot) -> bool:
        stored = body.get("status", {})
        # What is over makes no progress.
        if snapshot.life.closed or significant(stored) != significant(status):
            return bool(stored != status)
        # After a start progress waits as well: a write for each of a thousand periods would hold up what is news.
        since = snapshot.now - self._written.setdefault(snapshot.identity.uid, snapshot.now)
        return stored != status and since >= progress_seconds(snapshot)

    async def _refuse(self, ref: ObjectRef, body: Body, problem: Problem, now: int) -> Outcome:
        """Say what keeps the period from being worked for; nothing else is written, and its life stands still."""
        stored = body.get("status", {})
        before = read_conditions(stored)
        status = render_refused(stored, problem, body["metadata"]["generation"], now)
        status["acceptedGeneration"] = self._authors.of(body).accepted
        if stored != status:
            await self._store(ref, body, status, now)
            if _is_new(problem, before):
                await self._hands.events.post(body, warning=True, reason=problem.reason, message=str(problem))
        return Done()

    async def _store(self, ref: ObjectRef, body: Body, status: Mapping[str, Any], now: int) -> None:
        metadata = body["metadata"]
        identity = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion")}
        applied = {"apiVersion": PERIODS.api_version, "kind": PERIODS.kind, "metadata": identity, "status": status}
        self._hands.cache.store(PERIODS, await self._hands.objects.apply_status(ref, applied))
        self._written[metadata["uid"]] = now

    async def _tell(self, body: Body, life: Life, told: Sequence[Announcement]) -> None:
        for each in told:
            _logger.info(each.message, extra={"run": life.run.id, "reason": each.reason})
            await self._hands.events.post(body, warning=each.warning, reason=each.reason, message=each.message)

    def _forget(self, ref: ObjectRef) -> None:
        uid = self._uids.pop(ref, None)
        if uid is not None:
            self._written.pop(uid, None)
            self._gatherer.forget(ref, uid)
            self._hands.overlays.forget(uid)
            self._hands.inhibitions.forget(uid)


async def _attempted(path: str, work: Awaitable[tuple[Problem, ...]]) -> tuple[Problem, ...]:
    """One lever that cannot be moved keeps neither the other one nor the status from being written."""
    try:
        return await work
    except Forbidden as error:
        message = f"the operator's account may not do this: {error.advised}"
        return (Problem(path, "Forbidden", message, stalls=True),)
    except ApiError as error:
        message = f"the API server did not take a change, which is tried again: {error.message}"
        return (Problem(path, "WriteFailed", message, stalls=False),)


def _once(became: Sequence[Announcement], news: Sequence[Announcement]) -> tuple[Announcement, ...]:
    """All of it, without a transition whose reason is told already by the condition that it made true."""
    told = {each.reason for each in became}
    return (*became, *(each for each in news if each.reason not in told))


def _alarming(life: Life) -> bool:
    return life.phase in {Phase.DECISION_NEEDED, Phase.ENDED}


def _is_new(problem: Problem, before: Mapping[ConditionType, Observed]) -> bool:
    seen = before.get(ConditionType.STALLED)
    return seen is None or seen.condition.reason != problem.reason
