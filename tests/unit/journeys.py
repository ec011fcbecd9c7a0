"""Ways through the life table for properties: any plan that parsing accepts, any sequence of what visits find."""

from dataclasses import dataclass, replace
from datetime import time
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from hypercare.domain.life.calendars import Always, Calendar
from hypercare.domain.life.facts import Exit, Plan, Visit
from hypercare.domain.life.rollout import Rollout
from hypercare.domain.life.transitions import advance, begin
from hypercare.domain.life.window import Relaxation, Stage, StartAt, StartImmediately, StartOnRollout, Window
from tests.unit.lives import COMPLETE, FACTS, HOUR, PROGRESSING, RELEASE, T0, UID, UNVERSIONED

# Steps of one point from full strength, a few stages and phases, and as many again after a guard.
MOST_VISITS_AT_ONCE = 250


@dataclass(frozen=True)
class Happening:
    """What one visit finds, `later` seconds after the visit before."""

    later: int
    exit: Exit
    protected: bool
    restored: bool
    rollout: Rollout
    suspend: bool
    version: str


HAPPENINGS = st.builds(
    Happening,
    later=st.integers(0, 3 * HOUR),
    exit=st.sampled_from(Exit),
    protected=st.booleans(),
    restored=st.booleans(),
    rollout=st.sampled_from((PROGRESSING, UNVERSIONED, COMPLETE)),
    suspend=st.booleans(),
    version=st.sampled_from(("2.4.0", "2.4.0", "2.4.0", "2.4.1", "2.3.9")),
)
STARTS = st.one_of(
    st.just(StartImmediately()),
    st.builds(StartOnRollout, st.integers(0, 4 * HOUR)),
    st.builds(StartAt, st.integers(T0 - HOUR, T0 + 4 * HOUR), st.integers(0, HOUR)),
)
WINDOWS = st.builds(
    Window,
    start=STARTS,
    duration_seconds=st.integers(1, 12 * HOUR),
    extend_by_seconds=st.integers(0, 3 * HOUR),
    extension_limit=st.integers(0, 3),
    hold_seconds=st.integers(0, 6 * HOUR),
    max_seconds=st.integers(1, 24 * HOUR),
)
NIGHTS = Calendar(frozenset({0, 4}), time(22), time(1, 30), ZoneInfo("Europe/Lisbon"))
RELAXATIONS = st.builds(
    Relaxation,
    step=st.integers(1, 100),
    every_seconds=st.integers(0, 2 * HOUR),
    guard=st.booleans(),
    during=st.sampled_from((Always(), NIGHTS)),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any plan that parsing accepts: falling strengths, unique names."""
    strengths = sorted(draw(st.sets(st.integers(1, 100), min_size=1, max_size=4)), reverse=True)
    names = draw(st.permutations(("a", "b", "c", "d")))
    lengths = draw(st.lists(st.integers(0, 3 * HOUR), min_size=4, max_size=4))
    stages = tuple(Stage(*parts) for parts in zip(names, strengths, lengths, strict=False))
    return Plan(RELEASE, draw(st.booleans()), draw(WINDOWS), stages, draw(RELAXATIONS))


def happened(visit: Visit, happening: Happening) -> Visit:
    """The next visit, finding this."""
    facts = replace(
        visit.facts,
        now=visit.now + happening.later,
        exit=happening.exit,
        protected=happening.protected,
        restored=happening.restored,
        rollout=happening.rollout,
    )
    release = replace(visit.plan.release, version=happening.version)
    return replace(visit, plan=replace(visit.plan, suspend=happening.suspend, release=release), facts=facts)


def settle(visit: Visit) -> Visit:
    """Visit again and again at one moment, until nothing changes any more."""
    for _ in range(MOST_VISITS_AT_ONCE):
        found = advance(visit)
        if found is None:
            return visit
        visit = replace(visit, life=found.life)
    raise AssertionError(f"still changing after {MOST_VISITS_AT_ONCE} visits at one moment: {visit.life}")


@st.composite
def journeys(draw: st.DrawFn) -> Visit:
    """A visit somewhere on a way that began with a first visit; the spec may have changed on the way."""
    plan = draw(plans())
    visit = Visit(begin(plan, UID, T0).life, plan, replace(FACTS, now=T0))
    for happening in draw(st.lists(HAPPENINGS, max_size=12)):
        visit = settle(happened(visit, happening))
    if draw(st.booleans()):
        visit = settle(replace(visit, plan=replace(draw(plans()), release=visit.plan.release)))
    return visit
