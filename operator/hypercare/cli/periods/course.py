"""How strong the protection was, is and will be, and what ends when: the clock's side of a period.

What lies ahead is the earliest that can be, if all goes well from now on; one bad point, a hotfix or a hole in the data
moves it. Times in Unix seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypercare.cli.periods.seen import Seen
from hypercare.domain.fields import InvalidField
from hypercare.domain.life.facts import Life, Outcome, Phase, Plan
from hypercare.domain.life.window import StartAt, StartImmediately, StartOnRollout
from hypercare.domain.outlook import outlook
from hypercare.domain.status import Unvisited, read_life

_MOST_STEPS = 100


@dataclass(frozen=True)
class Stretch:
    """A time of one strength (percent)."""

    name: str
    strength: int
    start: int
    end: int


@dataclass(frozen=True)
class Moment:
    """Something that is ahead."""

    what: str
    at: int
    note: str = ""


@dataclass(frozen=True)
class Course:
    """The strengths in order, and what is ahead, soonest first; both empty where nothing is known."""

    stretches: tuple[Stretch, ...] = ()
    moments: tuple[Moment, ...] = ()


def course_of(seen: Seen, status: Mapping[str, Any], plan: Plan, now: int) -> Course:
    """Work out the course of a run from its stored life and the effective spec."""
    try:
        life = read_life(status)
    except InvalidField:
        return Course()
    if isinstance(life, Unvisited) or life.closed:
        return Course()
    needed = max((each.remaining for each in seen.criteria if not each.advisory), default=0)
    moments = sorted(_moments(life, plan, needed, now), key=lambda each: each.at)
    return Course(tuple(_stretches(life, plan, seen, now, needed)), tuple(moments))


def _stretches(life: Life, plan: Plan, seen: Seen, now: int, needed: int) -> Iterator[Stretch]:
    if life.started_at is None:
        return
    past = tuple(_past(life, plan, seen))
    yield from past
    relaxing = life.phase is Phase.RELAXING
    begun = life.strength_since if relaxing else life.stage_since
    if past:
        begun = max(begun, past[-1].end)
    if relaxing:
        yield Stretch("relaxing", life.strength, begun, now)
        yield from _relaxing(life.strength, _next_step(life, plan, now), plan)
        return
    found = outlook(life, plan, needed, now)
    until = max(now, found.relaxing_from) if found is not None else now
    ahead = list(_stages_ahead(life, plan, begun, until))
    yield from ahead
    if found is not None and ahead:
        yield from _relaxing(ahead[-1].strength, ahead[-1].end, plan)


def _past(life: Life, plan: Plan, seen: Seen) -> Iterator[Stretch]:
    """The stages before the present one, bounded by the changes that the timeline remembers."""
    names = [stage.name for stage in plan.stages]
    if life.started_at is None or life.stage not in names:
        return
    earlier = plan.stages[: names.index(life.stage)]
    changes = [each.time for each in seen.timeline if each.reason == "StageChanged" and each.time is not None]
    inner = [at for at in changes if life.started_at < at < life.stage_since][-(len(earlier) - 1) :]
    if len(earlier) < 2 or len(inner) < len(earlier) - 1:
        inner, earlier = [], earlier[-1:]
    bounds = [life.started_at, *inner, life.stage_since]
    for stage, (start, end) in zip(earlier, pairwise(bounds), strict=False):
        yield Stretch(stage.name, stage.strength, start, end)


def _stages_ahead(life: Life, plan: Plan, begun: int, until: int) -> Iterator[Stretch]:
    names = [stage.name for stage in plan.stages]
    rest = plan.stages[names.index(life.stage) + 1 :] if life.stage in names else ()
    if life.phase is Phase.EXTENDED:
        rest = ()
    end = max(until - sum(stage.min_seconds for stage in rest), begun)
    yield Stretch(life.stage, life.strength, begun, end)
    for stage in rest:
        yield Stretch(stage.name, stage.strength, end, end + stage.min_seconds)
        end += stage.min_seconds


def _relaxing(strength: int, at: int, plan: Plan) -> Iterator[Stretch]:
    """The steps down to nothing, the first of them at `at`."""
    for _ in range(_MOST_STEPS):
        strength = max(0, strength - plan.relax.step)
        if not strength:
            return
        yield Stretch("relaxing", strength, at, at + plan.relax.every_seconds)
        at += plan.relax.every_seconds


def _next_step(life: Life, plan: Plan, now: int) -> int:
    if life.last_step_at is None and life.outcome is Outcome.MET:
        return now
    return max(now, (life.last_step_at or life.phase_since) + plan.relax.every_seconds)


def _moments(life: Life, plan: Plan, needed: int, now: int) -> Iterator[Moment]:
    if life.started_at is None:
        yield from _before(life, plan)
        return
    window = plan.window
    match life.phase:
        case Phase.RELAXING:
            steps = -(-life.strength // plan.relax.step)
            first = _next_step(life, plan, now)
            yield Moment("next step down", first, "at the earliest" if plan.relax.guard else "")
            yield Moment("everything restored", first + max(0, steps - 1) * plan.relax.every_seconds, "at the earliest")
        case Phase.DECISION_NEEDED:
            yield Moment("protections are held until", life.phase_since + window.hold_seconds, "then they are relaxed")
        case _:
            found = outlook(life, plan, needed, now)
            if found is not None:
                if found.stage:
                    yield Moment(f"stage {found.stage} ends", now + found.stage_seconds, "at the earliest")
                yield Moment("relaxing begins", found.relaxing_from, "at the earliest")
            used = f"{life.extensions_used} of {window.extension_limit} extensions used"
            yield Moment("planned end", window.planned_end(life.started_at, life.extensions_used), used)
            yield Moment("hard end", window.hard_end(life.started_at), "then a person decides")


def _before(life: Life, plan: Plan) -> Iterator[Moment]:
    match plan.window.start:
        case StartAt() as start:
            yield Moment("window starts", start.at)
            if start.protect_before_seconds:
                yield Moment("protections are applied", start.protect_from)
        case StartOnRollout(timeout_seconds=timeout):
            yield Moment("window starts", life.run.created_at + timeout, "at the latest, sooner with the rollout")
        case StartImmediately():
            yield Moment("window starts", life.run.created_at)
