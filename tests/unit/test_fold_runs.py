"""Runs of equal points are folded at once: the outcome is the one of point after point."""

from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.evidence.bounds import Below
from hypercare.domain.evidence.criteria import NoRegression
from hypercare.domain.evidence.fold import EvidenceState, Measured, Yardstick, fold, states
from hypercare.domain.evidence.points import (
    Bad,
    Good,
    Idle,
    Mark,
    Measurement,
    Missing,
    MissingReason,
    Point,
    Restarted,
)
from hypercare.domain.evidence.streaks import MAX_SEGMENTS, Rule, Sort, Streak, push, push_run
from hypercare.domain.samples import Column, Sample, Series

STEP = 10
RULE = st.builds(
    Rule,
    points=st.integers(1, 90),
    bad=st.integers(0, 2),
    missing=st.integers(0, 4),
    gap=st.integers(0, 3),
    restarts=st.integers(0, 3),
)
MEASUREMENT = st.builds(
    Measurement, st.sampled_from([0.0, 1.0, 2.0, 7.0, float("inf")]), st.sampled_from([{}, {"pod": "a"}, {"pod": "b"}])
)
MARK: st.SearchStrategy[Mark] = st.one_of(
    MEASUREMENT.map(Good),
    MEASUREMENT.map(Bad),
    st.builds(Restarted, st.builds(Measurement, st.integers(1, 3), st.just({}))),
    st.just(Missing(MissingReason.NO_DATA, "")),
    st.just(Idle()),
)
RUNS = st.lists(st.tuples(MARK, MARK, st.integers(1, 30)), max_size=12)


@given(RUNS, RULE, st.one_of(st.just(NoRegression()), st.builds(Rule, points=st.integers(1, 5))))
def test_a_batch_is_folded_as_its_points_are(
    runs: list[tuple[Mark, Mark, int]], rule: Rule, regression: Rule | NoRegression
) -> None:
    marks = [(mark, second) for mark, second, count in runs for _ in range(count)]
    points = [Point((index + 1) * STEP, mark, second) for index, (mark, second) in enumerate(marks)]
    by = Yardstick(STEP, rule, regression, Below(5))
    start = EvidenceState("d", 0)
    assert fold(start, points, by) == [start, *states(start, points, by)][-1]


@given(st.lists(st.tuples(st.sampled_from(Sort), st.integers(1, 5)), max_size=2 * MAX_SEGMENTS), RULE)
def test_a_list_that_overflows_forgets_the_same(runs: list[tuple[Sort, int]], rule: Rule) -> None:
    together = apart = Streak()
    time = STEP
    for sort, count in runs:
        together = push_run(together, (sort, count), time, rule, STEP)
        for _ in range(count):
            apart = push(apart, sort, time, rule, STEP)
            time += STEP
    assert together == apart


def test_a_column_is_its_samples() -> None:
    samples = (Sample(10.0, 1.0), Sample(20.0, 2.0), Sample(30.0, 3.0))
    column = Column.of(samples)
    assert tuple(column) == samples
    assert (column[-1], tuple(column[:2]), len(column)) == (samples[-1], samples[:2], 3)
    assert column == samples
    assert samples == column
    assert hash(column) == hash(samples)
    assert column != samples[:2]
    assert column != (Sample(10, 1.0), Sample(20, 2.0), Sample(30, 4.0))
    assert repr(column) == repr(samples)


def test_values_are_told_by_whole_seconds() -> None:
    assert Series({}, (Sample(9.7, 1.0), Sample(20.2, 2.0))).by_time() == {10: 1.0, 20: 2.0}


def test_of_equal_values_the_newest_is_the_worst() -> None:
    """It stays in the window longest."""
    by = Yardstick(STEP, Rule(points=9), NoRegression(), Below(5))
    marks = [Good(Measurement(value, {})) for value in (1.0, 3.0, 3.0, 2.0)]
    points = [Point((index + 1) * STEP, mark) for index, mark in enumerate(marks)]
    assert fold(EvidenceState("d", 0), points, by).worst == Measured(3.0, "", 30)
