"""The due-queue is asked for every moment at which the clock alone changes a life."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hypercare.domain.life.due import next_change
from hypercare.domain.life.facts import Life, Outcome, Phase, Plan, Visit
from hypercare.domain.life.transitions import advance
from hypercare.domain.life.window import StartAt, StartImmediately
from tests.unit.journeys import HAPPENINGS, NIGHTS, Happening, happened, journeys, settle
from tests.unit.lives import (
    ACTIVE,
    COMPLETED,
    DAY,
    DECISION_NEEDED,
    ENDED,
    EXTENDED,
    HOUR,
    LAST_STAGE,
    MINUTE,
    PENDING,
    PLAN,
    PREPARING,
    QUIET,
    RELAX,
    RELAXING_MET,
    RELAXING_OTHER,
    T0,
    WINDOW,
    suspended,
)


@dataclass(frozen=True)
class Case:
    """What the queue is asked for at `now`."""

    sentence: str
    life: Life
    plan: Plan
    expected: int | None
    now: int = QUIET


AT = replace(PLAN, window=replace(WINDOW, start=StartAt(QUIET + HOUR, 10 * MINUTE)))
AT_ONCE = replace(PLAN, window=replace(WINDOW, start=StartImmediately()))
AT_NIGHT = replace(PLAN, relax=replace(RELAX, during=NIGHTS))
ROLLED_BACK_EARLY = replace(PENDING, phase=Phase.RELAXING, phase_since=QUIET, outcome=Outcome.ROLLED_BACK)

CASES = (
    Case("A rollout is waited for until its timeout.", PENDING, PLAN, QUIET + 30 * MINUTE),
    Case("A rollout without a version settles.", replace(PENDING, rollout_since=QUIET), PLAN, QUIET + MINUTE),
    Case("Before a set start, protecting ahead comes first.", PENDING, AT, QUIET + 50 * MINUTE),
    Case("Once protecting ahead, the start is next.", PENDING, AT, QUIET + HOUR, QUIET + 50 * MINUTE),
    Case("Starting immediately waits for no clock.", PENDING, AT_ONCE, None),
    Case("Preparing takes ten minutes at most.", PREPARING, PLAN, QUIET + 5 * MINUTE),
    Case("A stage lasts its minDuration.", ACTIVE, PLAN, QUIET + HOUR),
    Case("After the stage's minDuration comes the planned end.", ACTIVE, PLAN, T0 + 12 * HOUR, QUIET + HOUR),
    Case("After the planned end comes the hard end.", LAST_STAGE, PLAN, T0 + 16 * HOUR, T0 + 12 * HOUR),
    Case("An extension moves the planned end.", EXTENDED, PLAN, T0 + 14 * HOUR, QUIET + HOUR),
    Case("A decision is waited for as long as the hold.", DECISION_NEEDED, PLAN, QUIET + 3 * HOUR),
    Case("The next step is due after `every`.", RELAXING_MET, PLAN, QUIET + 30 * MINUTE),
    Case(
        "The first step of a rollback is due after `every`.",
        replace(RELAXING_OTHER, phase_since=QUIET, last_step_at=None),
        PLAN,
        QUIET + HOUR,
    ),
    Case("A rollback before the start comes down as well.", ROLLED_BACK_EARLY, PLAN, QUIET + HOUR),
    Case("A guard that waits lets go after the hold.", RELAXING_MET, PLAN, T0 + 20 * HOUR, T0 + 16 * HOUR),
    Case("A suspended run ends its window all the same.", suspended(ACTIVE), PLAN, T0 + 16 * HOUR),
    Case("What is suspended before its start waits for people.", suspended(PENDING), PLAN, None),
    Case("A completed run waits for a release.", COMPLETED, PLAN, None),
    Case("An ended run waits for a release.", ENDED, PLAN, None),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_next_change(case: Case) -> None:
    assert next_change(case.life, case.plan, case.now) == case.expected


def test_relaxing_outside_of_its_hours_asks_for_the_next_opening() -> None:
    """T0 is a Friday morning; the nights of Fridays and Mondays are open."""
    opening = T0 + 14 * HOUR
    life = replace(RELAXING_MET, started_at=T0 - 10 * DAY, last_step_at=T0)
    assert not NIGHTS.contains(opening - 1)
    assert NIGHTS.contains(opening)
    assert next_change(life, AT_NIGHT, T0 + 2 * HOUR) == opening


def test_a_clock_in_the_past_is_never_asked_for() -> None:
    assert next_change(ACTIVE, PLAN, T0 + 100 * DAY) is None


def _later(visit: Visit, now: int) -> Visit:
    return replace(visit, facts=replace(visit.facts, now=now))


@given(journeys(), HAPPENINGS, st.integers(1, 2 * DAY), st.booleans())
def test_no_change_by_the_clock_is_missed(visit: Visit, happening: Happening, later: int, near: bool) -> None:
    """Whatever the clock changes at a later moment, the queue was asked for that moment or one before it."""
    calm = settle(happened(visit, happening))
    asked = next_change(calm.life, calm.plan, calm.now)
    # Just before the moment asked for is where a missed one would show.
    now = asked - 1 if near and asked is not None else calm.now + later
    assume(now > calm.now)
    if advance(_later(calm, now)):
        assert asked is not None
        assert asked <= now


@given(journeys())
def test_only_what_lies_ahead_is_asked_for(visit: Visit) -> None:
    asked = next_change(visit.life, visit.plan, visit.now)
    assert asked is None or asked > visit.now
