"""What status remembers comes back as it was, and conditions keep their times."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.conditions import ConditionType, false, read_conditions, stamp, true
from hypercare.domain.fields import InvalidField
from hypercare.domain.life.facts import Life, Outcome, Phase
from hypercare.domain.life.release import Run
from hypercare.domain.status import (
    TIMELINE_LIMIT,
    TimelineEntry,
    Unvisited,
    read_life,
    read_timeline,
    render_life,
    render_timeline,
)

moments = st.integers(min_value=0, max_value=4_000_000_000)
maybe = st.none() | moments
words = st.text(min_size=1, max_size=20)
runs = st.builds(
    Run,
    counter=st.integers(1, 10_000),
    id=words,
    identity=words,
    version=words,
    before=st.text(max_size=20),
    created_at=moments,
    version_since=moments,
)
lives = st.builds(
    Life,
    run=runs,
    phase=st.sampled_from(Phase),
    phase_since=moments,
    stage=st.text(max_size=10),
    stage_since=moments,
    strength=st.integers(0, 100),
    strength_since=moments,
    started_at=maybe,
    extensions_used=st.integers(0, 10),
    outcome=st.none() | st.sampled_from(Outcome),
    resume=st.none() | st.sampled_from(Phase),
    last_step_at=maybe,
    rollout_since=maybe,
    streak_floor=maybe,
)


@given(lives)
def test_a_life_survives_the_status(life: Life) -> None:
    assert read_life(render_life(life)) == life


def test_an_object_without_a_run_is_unvisited() -> None:
    assert read_life({"observedGeneration": -1}) == Unvisited()


def test_a_status_that_somebody_broke_is_refused_with_its_field() -> None:
    life = Life(Run(1, "r1-a", "2", "2", "", 0, 0), Phase.ACTIVE, 0, "a", 0, 100, 0)
    with pytest.raises(InvalidField, match=r"status\.strength"):
        read_life(render_life(life) | {"strength": "full"})


def test_the_timeline_keeps_its_first_entry_and_stays_bounded() -> None:
    entries = tuple(TimelineEntry(time, "Relaxed", str(time)) for time in range(TIMELINE_LIMIT + 20))
    kept = read_timeline({"timeline": render_timeline(entries)})
    assert len(kept) == TIMELINE_LIMIT
    assert kept[0] == entries[0]
    assert kept[-1] == entries[-1]


def test_a_condition_keeps_its_time_until_its_status_flips() -> None:
    first = stamp([true(ConditionType.READY, "Protected", "a")], {}, 1, 100)
    again = stamp([true(ConditionType.READY, "Watching", "b")], read_conditions({"conditions": first}), 2, 200)
    flipped = stamp([false(ConditionType.READY, "Stalled", "c")], read_conditions({"conditions": again}), 2, 300)
    times = [bodies[0]["lastTransitionTime"] for bodies in (first, again, flipped)]
    assert times == ["1970-01-01T00:01:40Z", "1970-01-01T00:01:40Z", "1970-01-01T00:05:00Z"]
    assert again[0]["observedGeneration"] == 2
    assert again[0]["reason"] == "Watching"


def test_absent_facts_are_absent_from_the_status() -> None:
    life = Life(Run(1, "r1-a", "2", "2", "", 0, 0), Phase.ACTIVE, 0, "a", 0, 100, 0)
    assert "outcome" not in render_life(life)
    assert "outcome" in render_life(replace(life, outcome=Outcome.MET))
