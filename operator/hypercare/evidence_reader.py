"""Reading the evidence of a period: one round of range queries per evaluation interval, each distinct one once.

A tick is read and judged as of its beginning, whenever in it a visit comes, so all periods of a tick ask the same and
share the answers (docs/decisions/0016). Between two ticks, and after a status write that failed, the outcome in memory
counts. It is what the status holds, or a little ahead of it; after a restart the fold goes on from the status and
arrives at the same place.

What is far behind is read a piece at each visit, one visit right after the other, so that others get their turn.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypercare.domain.alerts.source_rules import MANAGED_BY, MANAGER
from hypercare.domain.evidence.advice import advised
from hypercare.domain.evidence.context import Context, NoEvidence
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import EvidenceState
from hypercare.domain.evidence.grid import align_down
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.quiet import NoOverlay, OverlayLive, OverlayNotLive, Recording, Watch, Whose
from hypercare.domain.evidence.reading import Evaluated, State, evaluate, plan
from hypercare.domain.evidence.status import read_state, render_evidence
from hypercare.domain.evidence.verdict_history import CATCHING_UP, Told, VerdictChange, joined, untold
from hypercare.domain.fields import Field
from hypercare.domain.life.facts import Phase
from hypercare.domain.life.window import parse_time
from hypercare.domain.objects import PERIODS, PROMETHEUS_RULES, ObjectRef
from hypercare.domain.period import Mode
from hypercare.domain.samples import FailureKind, QueryFailed, RangeQuery, Result
from hypercare.domain.snapshot import Overlay, Reading
from hypercare.domain.subject import Subject
from hypercare.domain.timestamps import timestamp
from hypercare.ports import Body, EvidenceObserver, MetricSource, ObjectCache

READ_SECONDS = 60.0
"""What is not answered by then is missing for now: the rest of the visit must not wait for an endpoint in trouble."""
_NAMES_LAST_SECONDS = 30
_TOO_LATE = QueryFailed(FailureKind.TIMEOUT, f"Prometheus did not answer everything within {READ_SECONDS:g}s")


@dataclass(frozen=True)
class _Tick:
    """What was found out at one tick: for which spec and run, and as of when (Unix seconds).

    `unfinished` are the criteria that came further, and for which there is more to read at once.
    """

    generation: int
    run: str
    now: int
    outcomes: Mapping[str, Evaluated]
    unfinished: frozenset[str]


class EvidenceReader:
    """Reads the criteria of one period at a time."""

    def __init__(self, cache: ObjectCache, observer: EvidenceObserver) -> None:
        self._cache = cache
        self._observer = observer
        self._ticks: dict[str, _Tick] = {}
        self._names: tuple[int, frozenset[str]] = (0, frozenset())

    def forget(self, ref: ObjectRef, uid: str) -> None:
        """Drop what is kept of a period that is gone."""
        self._ticks.pop(uid, None)
        self._observer.forget(ref)

    async def read(self, subject: Subject, overlay: Overlay, status: Body, source: MetricSource) -> tuple[Reading, ...]:
        """Judge every criterion of a started, open run that is not suspended; of any other, tell what is stored."""
        life, criteria = subject.life, subject.resolved.spec.criteria
        stored = {each.get("name").text(): each for each in Field("status", status).get("criteria").items()}
        if life.started_at is None:
            return ()
        if life.closed or life.phase is Phase.SUSPENDED:
            return tuple(_remembered(each, stored[each.name]) for each in criteria if each.name in stored)
        context = self._context(subject, overlay, life.started_at)
        tick = await self._tick(subject, context, stored, source)
        readings = tuple(_reading(each, tick, context, stored.get(each.name)) for each in criteria)
        ref = ObjectRef(PERIODS, subject.identity.namespace, subject.identity.name)
        if readings:
            self._observer.evaluated(ref, readings)
        return readings

    async def _tick(
        self, subject: Subject, context: Context, stored: Mapping[str, Field], source: MetricSource
    ) -> _Tick:
        """Read what this tick has not read yet."""
        identity, run = subject.identity, subject.life.run.id
        last = self._ticks.get(identity.uid)
        known: Mapping[str, Evaluated] = last.outcomes if last is not None and last.run == run else {}
        outcomes: dict[str, Evaluated] = {}
        if last is not None and (last.generation, last.run, last.now) == (identity.generation, run, context.now):
            outcomes |= {name: outcome for name, outcome in known.items() if name not in last.unfinished}
        criteria = [each for each in subject.resolved.spec.criteria if each.name not in outcomes]
        plans = [plan(each, _state(each, known, stored), context) for each in criteria]
        results = await _fetch({query for each in plans for query in each.queries}, source, context.now)
        unfinished = set()
        for each in plans:
            name = each.criterion.name
            outcome = evaluate(each, {query: results[query] for query in each.queries})
            if outcome.judgement.reason == CATCHING_UP and outcome.state.final_through > each.state.final_through:
                unfinished.add(name)
            # The points of a day, kept for each criterion until the next tick, would be most of the memory in use.
            outcomes[name] = replace(_with_untold(outcome, known.get(name)), points=())
            # Judging a day takes a while, in which others would wait for their turn.
            await asyncio.sleep(0)
        tick = _Tick(identity.generation, run, context.now, outcomes, frozenset(unfinished))
        self._ticks[identity.uid] = tick
        return tick

    def _context(self, subject: Subject, overlay: Overlay, started_at: int) -> Context:
        identity, evaluation = subject.identity, subject.resolved.profile.evaluation
        return Context(
            now=align_down(subject.now, evaluation.interval),
            evaluation=evaluation,
            tenancy=subject.tenancy,
            whose=Whose(identity.namespace, identity.name, subject.life.run.id),
            started_at=started_at,
            floor=subject.life.streak_floor or 0,
            watch=Watch(overlay.plan.watched, _recording(subject, overlay), self._unique_names(subject.now)),
            targets=subject.resolved.spec.targets,
        )

    def _unique_names(self, now: int) -> frozenset[str]:
        """Names of alerts that only one rule of the cluster has; copies of ours do not count."""
        read_at, names = self._names
        if now - read_at >= _NAMES_LAST_SECONDS:
            seen: dict[str, int] = {}
            for body in self._cache.select(PROMETHEUS_RULES):
                for name in _alert_names(body):
                    seen[name] = seen.get(name, 0) + 1
            names = frozenset(name for name, count in seen.items() if count == 1)
            self._names = (now, names)
        return names


def _recording(subject: Subject, overlay: Overlay) -> Recording:
    if subject.resolved.spec.mode is Mode.OBSERVE:
        return NoOverlay()
    return OverlayLive(overlay.live_since) if overlay.live_since else OverlayNotLive()


def _state(criterion: Criterion, known: Mapping[str, Evaluated], stored: Mapping[str, Field]) -> State | NoEvidence:
    if criterion.name in known:
        return known[criterion.name].state
    return read_state(stored[criterion.name]) if criterion.name in stored else NoEvidence()


async def _fetch(queries: set[RangeQuery], source: MetricSource, since: int) -> Mapping[RangeQuery, Result]:
    """Ask for what was not asked for since then (Unix seconds), by anyone."""
    if not queries:
        return {}
    asked = {query: asyncio.create_task(source.range(replace(query, since=since))) for query in queries}
    try:
        await asyncio.wait(asked.values(), timeout=READ_SECONDS)
        return {query: task.result() if task.done() else _TOO_LATE for query, task in asked.items()}
    finally:
        for task in asked.values():
            task.cancel()


def _with_untold(outcome: Evaluated, last: Evaluated | None) -> Evaluated:
    """Keep the changes of the last tick, too: if the status could not be written then, they are not told yet."""
    return replace(outcome, changes=joined(last.changes if last is not None else (), outcome.changes))


def _reading(criterion: Criterion, tick: _Tick, context: Context, stored: Field | None) -> Reading:
    outcome = _advised(tick.outcomes[criterion.name])
    settled = context.now - context.evaluation.delay
    before = _told(stored) if stored is not None else Told(Verdict.UNKNOWN, 0)
    through = max(outcome.state.final_through, context.started_at)
    news = untold(before, outcome.changes, VerdictChange(through, outcome.judgement))
    since = news[-1].time if news else before.since or context.now
    rendered: dict[str, Any] = {**render_evidence(criterion, outcome), "since": timestamp(since)}
    return Reading(
        criterion=criterion,
        judgement=outcome.judgement,
        final_through=outcome.state.final_through,
        late_seconds=max(0, settled - outcome.state.final_through),
        stored=rendered,
        changes=news,
        unfinished=criterion.name in tick.unfinished,
    )


def _advised(outcome: Evaluated) -> Evaluated:
    return replace(outcome, judgement=advised(outcome.judgement))


def _told(stored: Field) -> Told:
    since = stored.get("since")
    return Told(
        verdict=stored.get("verdict").choice(Verdict, Verdict.UNKNOWN),
        since=parse_time(since) if since.present else 0,
        reason=stored.get("reason").text(""),
    )


def _remembered(criterion: Criterion, stored: Field) -> Reading:
    """What status says of a criterion that is not read any more."""
    state = read_state(stored)
    shown = EvidenceState("", 0) if isinstance(state, NoEvidence) else state
    judgement = Judgement(
        verdict=stored.get("verdict").choice(Verdict, Verdict.UNKNOWN),
        reason=stored.get("reason").text("-"),
        message=stored.get("message").text("-"),
        met_for_seconds=stored.get("metFor").seconds(0),
        remaining_seconds=stored.get("remaining").seconds(0),
        last=shown.last,
        worst=shown.worst,
    )
    body = stored.value if isinstance(stored.value, Mapping) else {}
    return Reading(criterion, judgement, shown.final_through, 0, body)


def _alert_names(body: Body) -> list[str]:
    if body["metadata"].get("labels", {}).get(MANAGED_BY) == MANAGER:
        return []
    groups = body.get("spec", {}).get("groups") or ()
    return [str(rule["alert"]) for group in groups for rule in group.get("rules") or () if "alert" in rule]
