"""Replaying rules on sets of points comes to the same as living through them."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.alerts.replay import (
    Grid,
    Replayed,
    count_episodes,
    evaluations,
    fires_alone,
    held,
    instances,
    joined,
    widened,
)
from hypercare.domain.samples import Answer, Column, Sample, Series
from tests.unit.preflight_worlds import simulated

FLAGS = st.lists(st.booleans(), min_size=1, max_size=60)
SOMETIMES = st.lists(st.sampled_from([True, True, True, False]), min_size=1, max_size=60)


def times(flags: list[bool]) -> int:
    return sum(1 << index for index, each in enumerate(flags) if each)


def flags(found: int, points: int) -> list[bool]:
    return [bool(found >> index & 1) for index in range(points)]


def stretches(given_flags: list[bool]) -> list[list[int]]:
    grouped = groupby(enumerate(given_flags), key=lambda each: each[1])
    return [[index for index, _ in group] for on, group in grouped if on]


@given(SOMETIMES, st.integers(0, 900), st.sampled_from([1, 15, 30, 60]))
def test_it_fires_where_the_rule_would(active: list[bool], for_seconds: int, interval: int) -> None:
    fires = held(times(active), evaluations(for_seconds, interval))

    assert flags(fires, len(active)) == simulated(active, for_seconds, interval)
    assert fires >> len(active) == 0


@given(SOMETIMES, FLAGS)
def test_stretches_are_joined_by_one_seed_in_them(given_flags: list[bool], seeds: list[bool]) -> None:
    count = len(given_flags)
    among = [on and any(seeds[index : index + 1]) for index, on in enumerate(given_flags)]
    held_by = [each for each in stretches(given_flags) if any(among[index] for index in each)]

    found = joined(times(given_flags), times(among))

    assert flags(found, count) == [any(index in each for each in held_by) for index in range(count)]
    assert count_episodes(times(given_flags)) == len(stretches(given_flags))


@given(FLAGS, st.integers(0, 5), st.integers(0, 5))
def test_widened_times_are_those_near_to_one(given_flags: list[bool], before: int, after: int) -> None:
    count = len(given_flags)
    near = [any(given_flags[max(0, index - after) : index + before + 1]) for index in range(count)]

    assert flags(widened(times(given_flags), before, after), count) == near


@given(st.lists(st.tuples(SOMETIMES, FLAGS), min_size=1, max_size=3), st.integers(0, 4), st.integers(0, 4))
def test_a_copy_fires_alone_in_episodes_that_its_original_never_joins(
    pods: list[tuple[list[bool], list[bool]]], intervals: int, longer: int
) -> None:
    points = min(len(each) for pod in pods for each in pod)
    within = (1 << points) - 1 & ~0b111
    copies, originals, alone, at_end = {}, {}, set[int](), False
    for number, (wide, narrow) in enumerate(pods):
        copy = wide[:points]
        original = [one and other for one, other in zip(copy, narrow, strict=False)]
        key = frozenset({("pod", str(number))})
        copies[key], originals[key] = times(copy), times(original)
        copy_fires = simulated(copy, intervals, 1)
        original_fires = simulated(original, intervals + longer, 1)
        for episode in stretches(copy_fires):
            if not any(original_fires[index] for index in episode):
                alone.update(index for index in episode if index > 2)
        at_end = at_end or (points > 3 and copy_fires[-1] and not original_fires[-1])

    found = fires_alone(Replayed(copies, intervals), Replayed(originals, intervals + longer), within)

    assert flags(found.times, points) == [index in alone for index in range(points)]
    assert found.fires == len(stretches([index in alone for index in range(points)]))
    assert found.at_end == at_end


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        pytest.param([1000, 1030, 1060], 0b111, id="all points"),
        pytest.param([1030], 0b010, id="one point"),
        pytest.param([970, 1060, 1090], 0b100, id="what lies outside of the grid does not count"),
        pytest.param([1015, 1045], 0b011, id="a server that moves the points of a range hits the same ones"),
        pytest.param([], 0, id="none"),
    ],
)
@pytest.mark.parametrize("column", [True, False])
def test_samples_are_points_of_the_grid(moments: list[int], expected: int, column: bool) -> None:
    samples = [Sample(moment, float("nan")) for moment in moments]

    assert Grid(1000, 30, 3).times(Column.of(samples) if column else samples) == expected


def test_a_range_of_times_is_a_stretch() -> None:
    grid = Grid(1000, 30, 5)
    column = Column.of([Sample(0, 1.0)] * 3)
    inside, beyond = Column(range(1030, 1120, 30), column.values), Column(range(1090, 1180, 30), column.values)

    assert (grid.times(inside), grid.times(beyond)) == (0b01110, 0b11000)
    assert (grid.times(Column(range(970, 1060, 30), column.values)), grid.last(60)) == (0b00011, 0b11100)


def test_values_are_taken_at_chosen_points() -> None:
    samples = [Sample(moment, float(moment)) for moment in (970, 1000, 1030, 1060, 1090)]

    assert Grid(1000, 30, 3).select(samples, 0b110) == [1030.0, 1060.0]


def test_an_instance_has_no_metric_name() -> None:
    both = Answer(
        (
            Series({"__name__": "a", "pod": "x"}, (Sample(1000, 1.0),)),
            Series({"__name__": "b", "pod": "x"}, (Sample(1030, 1.0),)),
        )
    )

    assert instances(both, Grid(1000, 30, 2)) == {frozenset({("pod", "x")}): 0b11}


def test_an_alarm_begins_with_its_condition_and_other_stretches_are_none() -> None:
    original = Replayed({frozenset(): 0b0011_0111_1001}, 2)

    assert (original.alarmed, original.firing) == (0b0000_0111_1000, 0b0000_0110_0000)
