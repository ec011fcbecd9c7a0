"""What holds on every way through the life table."""

from dataclasses import replace
from itertools import cycle

from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.life.calendars import Always
from hypercare.domain.life.due import next_change
from hypercare.domain.life.facts import RUNNING, Exit, Outcome, Phase, Visit
from hypercare.domain.life.transitions import advance
from tests.unit.journeys import HAPPENINGS, Happening, happened, journeys, settle
from tests.unit.lives import DAY, HOUR


@given(journeys())
def test_strength_and_extensions_stay_in_their_bounds(visit: Visit) -> None:
    life = visit.life
    assert 0 <= life.strength <= 100
    assert 0 <= life.extensions_used <= 3
    assert (life.phase is Phase.SUSPENDED) == (life.resume is not None)
    assert (life.phase is Phase.RELAXING or life.closed) <= (life.outcome is not None)
    assert life.closed <= (life.strength == 0)


@given(journeys(), HAPPENINGS)
def test_what_is_watched_has_the_strength_of_its_stage(visit: Visit, happening: Happening) -> None:
    after = settle(happened(visit, happening))
    if after.life.phase in RUNNING:
        stage = after.plan.stage(after.life.stage)
        assert stage is not None
        assert stage.strength == after.life.strength


@given(journeys(), HAPPENINGS)
def test_only_met_or_an_edit_of_the_spec_lowers_a_running_window(visit: Visit, happening: Happening) -> None:
    """Unknown and unmet never weaken a protection: not by a stage, not by a guard that comes back."""
    bad = replace(happening, exit=Exit.UNMET if happening.exit is Exit.MET else happening.exit)
    found = advance(happened(visit, replace(bad, version=visit.life.run.version)))
    if found and visit.life.phase in RUNNING:
        assert found.life.strength >= visit.life.strength
    if found and found.reason == "RelaxingReverted":
        assert found.life.strength >= visit.life.strength


@given(journeys(), st.lists(st.tuples(HAPPENINGS, st.integers(0, HOUR)), min_size=1))
def test_a_started_period_ends_whatever_the_criteria_say(visit: Visit, happenings: list[tuple[Happening, int]]) -> None:
    """Promise 11. Visits are as late as they like; suspending and the criteria do as they like."""
    if visit.life.started_at is None:
        return
    version, window, relax = visit.life.run.version, visit.plan.window, visit.plan.relax
    steps = -(-100 // relax.step) + 1
    wait = relax.every_seconds + (0 if isinstance(relax.during, Always) else 5 * DAY) + HOUR
    bound = max(visit.now, visit.hard_end) + 2 * (window.hold_seconds + HOUR) + steps * wait
    for happening, late in cycle(happenings):
        when = next_change(visit.life, visit.plan, visit.now)
        if visit.life.closed:
            break
        if when is None:
            # Nothing but the restoring is left, which is looked at until it is done.
            assert visit.life.strength == 0
            when = visit.now
        assert when <= bound
        again = replace(happening, later=when - visit.now + late, restored=True, version=version)
        visit = settle(happened(visit, again))
    assert visit.life.phase is (Phase.COMPLETED if visit.life.outcome is Outcome.MET else Phase.ENDED)
