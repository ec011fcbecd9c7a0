"""Times that are plainly quiet are the very times that a closer look finds quiet."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypercare.domain.evidence import streak_reading
from hypercare.domain.evidence.points import Good
from hypercare.domain.evidence.quiet import NoOverlay, OverlayLive, Recording
from tests.unit.evidence_contexts import NOW
from tests.unit.quiet_world import ADDED, ERRORS, GONE, LIVE, Recorded, World, quiet, visit, watching

ALERTS = (ERRORS, GONE, ADDED, replace(ERRORS, rule_id="r4", alertname="Unknowable", unprovable="it reads ALERTS"))
SLOTS = 8
# Most of it must be well, or nothing would be plainly quiet.
NUMBER = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, float("nan"), None])
FED = st.sampled_from([3.0, 3.0, 3.0, 3.0, 0.0, None])
BEAT = st.sampled_from([1.0, 1.0, 1.0, 1.0, None])
LOUD = st.sampled_from([None, None, None, None, None, 1.0])


def series(values: st.SearchStrategy[Any], *keys: tuple[str, ...]) -> st.SearchStrategy[Recorded]:
    """Series that have, at each of some times in turn, one of the values or none."""

    def recorded(columns: list[list[float | None]]) -> Recorded:
        rows = [
            {key: value for key, column in zip(keys, columns, strict=True) if (value := column[slot]) is not None}
            for slot in range(SLOTS)
        ]
        return lambda time: rows[time // 30 % SLOTS]

    column = st.lists(values, min_size=SLOTS, max_size=SLOTS)
    return st.lists(column, min_size=len(keys), max_size=len(keys)).map(recorded)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World()
    world.beats = draw(series(BEAT, ("g1",)))
    world.copy_condition = draw(series(NUMBER, ("r1",), ("r3",), ("r4",)))
    world.original_condition = draw(series(NUMBER, ("r1",), ("r2",), ("r4",)))
    world.inputs = draw(series(FED, ("r1",), ("r3",), ("r4",)))
    world.copies = draw(series(LOUD, ("r1", "firing"), ("r3", "pending")))
    world.originals = draw(
        series(
            LOUD, ("Errors", "critical", "firing", "shop"), ("Gone", "critical", "pending", ""), ("Other", "", "", "")
        )
    )
    world.observed = draw(series(NUMBER, ("active",), ("inputs",)))
    world.failing = draw(st.sampled_from(["", "", "", "ALERTS", "overlay:live"]))
    return world


@settings(max_examples=60, deadline=None)
@given(
    worlds(),
    st.lists(st.sampled_from(ALERTS), min_size=0, max_size=3, unique=True),
    st.sampled_from(["Originals", "Copies", "Both"]),
    st.sampled_from([OverlayLive(NOW - 1800), NoOverlay()]),
)
def test_a_closer_look_finds_the_same(world: World, alerts: list[Any], include: str, recording: Recording) -> None:
    what = quiet(include=include)
    at = watching(*alerts, recording=recording, started_at=NOW - 1800)
    found = visit(what, at, world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streak_reading, "plainly_quiet", lambda *_: set())
        assert visit(what, at, world) == found


@pytest.mark.parametrize("recording", [OverlayLive(LIVE), NoOverlay()], ids=["Enforce", "Observe"])
def test_healthy_alerts_are_plainly_quiet_all_the_time(recording: Recording) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streak_reading, "mark", None)
        found = visit(quiet(include="Both"), watching(ERRORS, GONE, ADDED, recording=recording), World())
    assert len(found.points) > 100
    assert all(isinstance(point.mark, Good) for point in found.points)
