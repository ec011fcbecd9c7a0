"""What can be the case on a visit, as changes to a visit on which nothing is the case."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypercare.domain.life.calendars import Calendar
from hypercare.domain.life.facts import Exit, Life, Visit
from hypercare.domain.life.rollout import Rollout
from hypercare.domain.life.window import Stage, StartAt, StartImmediately
from tests.unit.lives import (
    HOUR,
    MINUTE,
    QUIET,
    RELEASE,
    T0,
    UNVERSIONED,
    WINDOW,
    quiet_visit,
)

Trigger = Callable[[Visit], Visit]


def at(now: int, exit_: Exit = Exit.UNKNOWN) -> Trigger:
    return lambda visit: replace(visit, facts=replace(visit.facts, now=now, exit=exit_))


def released(name: str, version: str) -> Trigger:
    release = replace(RELEASE, name=name, version=version)
    return lambda visit: replace(visit, plan=replace(visit.plan, release=release))


def rollout(found: Rollout) -> Trigger:
    return lambda visit: replace(visit, facts=replace(visit.facts, rollout=found))


def suspend(wanted: bool) -> Trigger:
    return lambda visit: replace(visit, plan=replace(visit.plan, suspend=wanted))


def staged(*stages: Stage) -> Trigger:
    return lambda visit: replace(visit, plan=replace(visit.plan, stages=stages))


def hard_end_moved(visit: Visit) -> Visit:
    return replace(visit, plan=replace(visit.plan, window=replace(WINDOW, duration_seconds=48 * HOUR)))


def protected(visit: Visit) -> Visit:
    return replace(visit, facts=replace(visit.facts, protected=True))


def restored(visit: Visit) -> Visit:
    return replace(visit, facts=replace(visit.facts, restored=True))


def settled(visit: Visit) -> Visit:
    life = replace(visit.life, rollout_since=QUIET - MINUTE)
    return rollout(UNVERSIONED)(replace(visit, life=life))


def catching_up(visit: Visit) -> Visit:
    return replace(visit, facts=replace(visit.facts, catching_up=True))


def unguarded(visit: Visit) -> Visit:
    return replace(visit, plan=replace(visit.plan, relax=replace(visit.plan.relax, guard=False)))


def outside(visit: Visit) -> Visit:
    """Only the hour after the next one is open."""
    begin_ = datetime.fromtimestamp(visit.now, UTC).replace(minute=0, second=0) + timedelta(hours=1)
    hours = Calendar(frozenset(range(7)), begin_.time(), (begin_ + timedelta(hours=1)).time(), ZoneInfo("UTC"))
    return replace(visit, plan=replace(visit.plan, relax=replace(visit.plan.relax, during=hours)))


def both(first: Trigger, second: Trigger) -> Trigger:
    return lambda visit: second(first(visit))


def visit_of(life: Life, *triggers: Trigger) -> Visit:
    visit = quiet_visit(life)
    for trigger in triggers:
        visit = trigger(visit)
    return visit


def starting(start: StartAt | StartImmediately) -> Trigger:
    return lambda visit: replace(visit, plan=replace(visit.plan, window=replace(WINDOW, start=start)))


STEP_DUE = QUIET + 30 * MINUTE
STAGE_DUE = T0 + 6 * HOUR
PLANNED_END = T0 + 12 * HOUR
EXTENDED_END = T0 + 14 * HOUR
HARD_END = T0 + 16 * HOUR
LET_GO = T0 + 20 * HOUR
