"""Writing the report of a run that is over, and taking the oldest ones of its period away.

A report never blocks anything: what cannot be read becomes a note in it, and one that cannot be written is tried again.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from hypercare.domain.alerts.episodes import alert_episodes, copies_query, ended_by_removal, originals_query
from hypercare.domain.alerts.plan import plan_alerts
from hypercare.domain.alerts.watched import WatchedAlert
from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.capacity.scaling import Claimant, plan_scaling
from hypercare.domain.capacity.scaling_rows import drift, unrestored
from hypercare.domain.capacity.scaling_status import highest_floor
from hypercare.domain.life.facts import Outcome
from hypercare.domain.life.release import Release, Run
from hypercare.domain.objects import CONFIG_MAPS, PROMETHEUS_RULES, ObjectRef
from hypercare.domain.overlay_context import overlay_context
from hypercare.domain.period import Mode
from hypercare.domain.report.configmap import configmap, is_report_of
from hypercare.domain.report.facts import AlertReport, RunReport, ScalingReport, report_alerts, report_criterion
from hypercare.domain.samples import Answer, QueryFailed, RangeQuery
from hypercare.domain.snapshot import Identity, Snapshot, Stored
from hypercare.domain.timestamps import timestamp
from hypercare.ports import ApiError, Conflict, MetricSource, NotFound, ObjectCache, Objects

KEPT_REPORTS = 10
_MOST_POINTS = 2880
_logger = logging.getLogger(__name__)


class ReportWriter:
    """Writes reports. What of the oldest may not be deleted is remembered, and tried again with the next report."""

    def __init__(self, objects: Objects, cache: ObjectCache) -> None:
        self._objects = objects
        self._cache = cache
        self._left: dict[str, tuple[str, ...]] = {}

    async def write(self, snapshot: Snapshot, source: MetricSource, superseded: bool) -> Stored:
        """Write the report of the snapshot's run and return what the status is to say of reports.

        A run that is `superseded` is told as it stands; its values stay raised for the run that follows.
        """
        try:
            body = configmap(await self._compose(snapshot, source, superseded))
        except Exception:
            # Whatever is wrong with a report, the run that comes next must not wait for it.
            _logger.exception("Could not compose the report", extra={"run": snapshot.life.run.id})
            return snapshot.stored
        name, namespace = body["metadata"]["name"], snapshot.identity.namespace
        try:
            await self._objects.create(ObjectRef(CONFIG_MAPS, namespace, name), body)
        except Conflict:
            # Written before a crash: the name says which run it is about.
            _logger.debug("The report %s is there already", name)
        except ApiError as error:
            _logger.warning("Could not write the report: %s", error.advised, extra={"run": snapshot.life.run.id})
            return snapshot.stored
        reports = (*(each for each in snapshot.stored.reports if each != name), name)
        uid = snapshot.identity.uid
        left = await self._prune(snapshot.identity, (*self._left.pop(uid, ()), *reports[:-KEPT_REPORTS]))
        if left:
            self._left[uid] = left
        return replace(snapshot.stored, report=name, reports=reports[-KEPT_REPORTS:])

    async def _prune(self, identity: Identity, names: tuple[str, ...]) -> tuple[str, ...]:
        """Delete old reports and return which could not be.

        Names from a status are no proof of what they name: only a report of ours is deleted.
        """
        left = []
        for name in names:
            ref = ObjectRef(CONFIG_MAPS, identity.namespace, name)
            try:
                metadata = (await self._objects.get(ref))["metadata"]
                if is_report_of(metadata, identity.name):
                    await self._objects.delete(ref, metadata["uid"])
            except NotFound:
                continue
            except ApiError as error:
                _logger.warning("Could not delete the old report %s: %s", name, error.advised)
                left.append(name)
        return tuple(left)

    async def _compose(self, snapshot: Snapshot, source: MetricSource, superseded: bool) -> RunReport:
        life, spec, rows = snapshot.life, snapshot.resolved.spec, snapshot.capacity.rows
        alerts, notes = await self._alerts(snapshot, source)
        return RunReport(
            namespace=snapshot.identity.namespace,
            name=snapshot.identity.name,
            run_id=life.run.id,
            release=_release_of(life.run) if superseded else spec.plan.release,
            outcome=Outcome.SUPERSEDED if superseded else life.outcome or Outcome.LIMIT_REACHED,
            observe=spec.mode is Mode.OBSERVE,
            started_at=life.started_at,
            ended_at=snapshot.now if superseded else life.phase_since,
            extensions_used=life.extensions_used,
            timeline=snapshot.stored.timeline,
            criteria=tuple(report_criterion(each.criterion, each.judgement) for each in snapshot.readings),
            alerts=alerts,
            scaling=self._scaling(snapshot),
            unrestored="; ".join(part for part in (unrestored(rows), drift(rows)) if part),
            notes=notes,
        )

    async def _alerts(self, snapshot: Snapshot, source: MetricSource) -> tuple[AlertReport, tuple[str, ...]]:
        """What fired, and what is to be noted about it."""
        identity, life = snapshot.identity, snapshot.life
        spec, interval = snapshot.resolved.spec, snapshot.overlay.default_interval_seconds
        context = overlay_context(identity, snapshot.resolved, life.run.id, spec.plan.stages[0].strength, interval)
        context = replace(context, verdicts=snapshot.overlay.verdicts)
        namespaces = (identity.namespace, *spec.alerts.elsewhere)
        rules = [body for each in namespaces for body in self._cache.select(PROMETHEUS_RULES, each)]
        plan = plan_alerts(spec.alerts, rules, context)
        step = _grid(snapshot.resolved.profile.evaluation.step, plan.watched)
        span = snapshot.now - (life.started_at or life.run.created_at)
        step *= max(1, -(-span // (step * _MOST_POINTS)))
        end = snapshot.now - snapshot.now % step
        start = end - -(-span // step) * step
        fired = copies_query(context.identity.owner_text, step), originals_query(plan.watched, context.tenancy, step)
        copies, originals = [await source.range(RangeQuery(expr, start, end, step)) for expr in fired]
        if isinstance(originals, Answer) and isinstance(copies, Answer):
            histories = alert_episodes(plan.watched, originals, copies, step)
            removed = () if life.strength else ended_by_removal(histories, life.strength_since, step)
            return report_alerts(histories, plan.outcomes, step), (*_holes(originals, copies), *removed)
        failed = "; ".join(each.message for each in (originals, copies) if isinstance(each, QueryFailed))
        return replace(report_alerts((), plan.outcomes, step), unread=failed), ()

    def _scaling(self, snapshot: Snapshot) -> tuple[ScalingReport, ...]:
        identity, spec = snapshot.identity, snapshot.resolved.spec
        limit = snapshot.resolved.profile.limits.max_floor
        claimant = Claimant(identity.name, identity.uid, snapshot.life.run.id, spec.plan.stages[0].strength, limit)
        peaks = snapshot.capacity.peaks
        objects = CapacityObjects({each: self._cache.select(each, identity.namespace) for each in RESOURCES})
        claims = {
            each.object.uid: each.claim
            for each in plan_scaling(spec.scaling, spec.targets, objects, claimant, peaks).requests
        }
        return tuple(
            ScalingReport(row, highest_floor(row, claims.get(row.object.uid), objects))
            for row in snapshot.capacity.rows
        )


def _holes(*answers: Answer) -> Iterator[str]:
    """What is not known of the alerts that fired, where answers have gaps."""
    for warning in dict.fromkeys(warning for answer in answers for warning in answer.warnings):
        yield f"Alerts that fired may be missing here: {warning}"
    for part in dict.fromkeys(part for answer in answers for part in answer.unanswered):
        stretch = f"from {timestamp(part.start)} to {timestamp(part.end)}"
        yield f"Which alerts fired {stretch} is not known: {part.failure.message}"


def _release_of(run: Run) -> Release:
    """What is known of a release that the spec does not name any more."""
    return Release(run.version, name="" if run.identity == run.version else run.identity, previous=run.before)


def _grid(step: int, watched: Iterable[WatchedAlert]) -> int:
    """A multiple of the step that no evaluation interval exceeds, so that firing is seen at every point of it."""
    longest = max((alert.interval_seconds for alert in watched), default=step)
    return step * max(1, -(-longest // step))
