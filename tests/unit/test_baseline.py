"""What `baseline` asks for, which references a window has, and what is outside of their limits."""

from math import inf
from statistics import median
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hypercare.domain.evidence.baseline import BaselineKind, Comparison, Direction, Statistic, compare, parse_baseline
from hypercare.domain.fields import Field, InvalidField

DAY, WEEK = 86400, 7 * 86400
STARTED = 1_800_000_000


def parsed(sustained: str = "6h", **baseline: Any) -> BaselineKind:
    field = Field("spec.exitCriteria[0]", {"baseline": {"query": "sum(x)"} | baseline, "sustainedFor": sustained})
    return parse_baseline(field.get("baseline"), field.get("sustainedFor"))


def test_the_least_that_can_be_written_compares_the_p95_with_the_same_hours_of_a_week() -> None:
    assert parsed() == BaselineKind("sum(x)", 300, WEEK, Statistic.P95, Direction.INCREASE, 0.1, 0.0)


def test_everything_spelled_out() -> None:
    found = parsed(against="21d", statistic="mean", direction="Either", tolerance="25%", minDelta=0.5)
    assert found == BaselineKind("sum(x)", 300, 3 * WEEK, Statistic.MEAN, Direction.EITHER, 0.25, 0.5)


@pytest.mark.parametrize(
    ("query", "width"),
    [("sum(x)", 300), ("sum(rate(x[1m]))", 300), ("sum(rate(x[30m]))", 1800), ("sum(rate(x[5m] offset 10m))", 900)],
)
def test_a_bin_is_as_wide_as_what_the_query_reads_and_at_least_five_minutes(query: str, width: int) -> None:
    assert parsed("3d", query=query, against="9d").bin_seconds == width


@pytest.mark.parametrize(
    ("sustained", "baseline", "path", "says"),
    [
        ("4h9m", {}, "sustainedFor", "must be at least 4h10m here: a baseline compares at least 50 bins of 5m"),
        ("10h", {"query": "sum(rate(x[15m]))"}, "sustainedFor", "must be at least 12h30m here"),
        ("6h", {"against": "2d"}, "baseline.against", "must be at least 3d: 3 references of sustainedFor, 1d apart"),
        ("6h", {"against": "57d"}, "baseline.against", "must be at most 56d"),
        # Reference windows of 36 hours lie two days apart, so that they share nothing.
        ("36h", {"against": "5d"}, "baseline.against", "must be at least 6d"),
        ("8d", {"against": "35d"}, "baseline.against", "must be at least 42d"),
        ("6h", {"statistic": "p42"}, "baseline.statistic", "is not one of mean, p50, p90, p95, p99, max"),
        ("6h", {"direction": "Up"}, "baseline.direction", "is not one of"),
        ("6h", {"tolerance": "ten"}, "baseline.tolerance", "is not a percentage"),
        ("6h", {"minDelta": -1}, "baseline.minDelta", "must not be negative"),
        ("6h", {"minDelta": inf}, "baseline.minDelta", "must be a finite number"),
        ("6h", {"query": "sum("}, "baseline.query", "InvalidPromQL"),
        ("6h", {"query": "x @ 5"}, "baseline.query", "UnsupportedPromQL"),
    ],
)
def test_what_could_never_be_judged_is_refused_with_its_path(
    sustained: str, baseline: dict[str, Any], path: str, says: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        parsed(sustained, **baseline)
    assert refused.value.path == f"spec.exitCriteria[0].{path}"
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("mean", 50.5), ("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99), ("max", 100)],
)
def test_a_quantile_is_the_least_bin_that_so_many_are_not_above(statistic: str, value: float) -> None:
    of = Statistic(statistic).of
    assert of([*range(100, 0, -1)]) == pytest.approx(value)
    assert of([7]) == 7
    assert of([1, 2]) == {"mean": 1.5, "p50": 1}.get(statistic, 2)


@pytest.mark.parametrize(("direction", "lower", "upper"), [("Increase", -inf, 12), ("Decrease", 8, inf)])
def test_a_direction_has_one_limit(direction: str, lower: float, upper: float) -> None:
    kind = BaselineKind("x", 300, direction=Direction(direction), tolerance=0.1, min_delta=1)
    assert compare(kind, 10, [10, 10, 10]) == Comparison(10, 10, lower, upper, 3)


@pytest.mark.parametrize(
    ("references", "current", "direction", "within"),
    [
        # Ten percent of tolerance around a median of 100.
        ([99, 100, 101], 110, "Increase", True),
        ([99, 100, 101], 110.1, "Increase", False),
        ([99, 100, 101], 5, "Increase", True),
        ([99, 100, 101], 90, "Decrease", True),
        ([99, 100, 101], 89.9, "Decrease", False),
        ([99, 100, 101], 500, "Decrease", True),
        ([99, 100, 101], 89.9, "Either", False),
        ([99, 100, 101], 110.1, "Either", False),
        # What was there before is never a change, however far from the median.
        ([90, 100, 140], 140, "Increase", True),
        ([90, 100, 140], 140.1, "Increase", False),
        ([60, 100, 110], 60, "Decrease", True),
        ([60, 100, 110], 59.9, "Decrease", False),
        # Below zero, more is still more: a bare median x 1.1 would refuse what has not changed.
        ([-10, -10, -10], -10, "Increase", True),
        ([-10, -10, -10], -9, "Increase", True),
        ([-10, -10, -10], -8.9, "Increase", False),
        ([-10, -10, -10], -11.1, "Decrease", False),
    ],
)
def test_limits(references: list[float], current: float, direction: str, within: bool) -> None:
    kind = BaselineKind("x", 300, direction=Direction(direction))
    assert compare(kind, current, references).within is within


NUMBERS = st.floats(-1e9, 1e9)


@given(
    NUMBERS, st.lists(NUMBERS, min_size=3, max_size=9), st.floats(0, 1), st.floats(0, 100), st.sampled_from(Direction)
)
def test_the_limits_are_what_the_rules_say_word_by_word(
    current: float, references: list[float], tolerance: float, delta: float, direction: Direction
) -> None:
    kind = BaselineKind("x", 300, direction=direction, tolerance=tolerance, min_delta=delta)
    middle = median(references)
    margin = abs(middle) * tolerance + delta
    # At the very edge two ways to compute a median may round differently.
    assume(all(abs(current - middle - side) > 1e-6 * (1 + abs(middle) + margin) for side in (margin, -margin)))
    more = current > middle + margin and current > max(references)
    less = current < middle - margin and current < min(references)
    changed = {"Increase": more, "Decrease": less, "Either": more or less}[direction.value]
    assert compare(kind, current, references).within is not changed


@given(st.lists(NUMBERS, min_size=3, max_size=9), st.sampled_from(Direction))
def test_what_is_like_a_reference_is_always_within(references: list[float], direction: Direction) -> None:
    kind = BaselineKind("x", 300, direction=direction, tolerance=0)
    assert all(compare(kind, each, references).within for each in references)


@pytest.mark.parametrize(
    ("against", "hours_after", "hours_before"),
    [
        # The same hour of each day, at most seven days before the start, never after it.
        (WEEK, 6, [18, 42, 66, 90, 114, 138, 162]),
        (WEEK, 24, [0, 24, 48, 72, 96, 120, 144]),
        (WEEK, 30, [18, 42, 66, 90, 114, 138, 162]),
        (WEEK, 300, [12, 36, 60, 84, 108, 132, 156]),
        (3 * DAY, 6, [18, 42, 66]),
        # With three weeks, the same hour of each week.
        (3 * WEEK, 6, [162, 330, 498]),
        (3 * WEEK, 200, [136, 304, 472]),
    ],
)
def test_references_end_at_the_same_hour_before_the_start(
    against: int, hours_after: int, hours_before: list[int]
) -> None:
    kind = BaselineKind("x", 300, against)
    ends = kind.reference_ends(STARTED + hours_after * 3600, 6 * 3600, STARTED)
    assert [(STARTED - end) / 3600 for end in ends] == hours_before


@given(st.integers(300, 30 * DAY), st.integers(15000, 2 * DAY), st.integers(3 * 2 * DAY, 8 * WEEK))
def test_there_are_at_least_three_references_and_no_two_share_a_bin(after: int, sustained: int, against: int) -> None:
    kind = BaselineKind("x", 300, against)
    ends = kind.reference_ends(STARTED + after, sustained, STARTED)
    assert len(ends) >= 3
    assert all(STARTED - against < end <= STARTED for end in ends)
    assert all((STARTED + after - end) % DAY == 0 for end in ends)
    assert -ends.step >= sustained


WINDOWS = st.lists(st.integers(0, 100).map(float), min_size=50, max_size=60)
KINDS = st.builds(
    BaselineKind,
    query=st.just("x"),
    bin_seconds=st.just(300),
    statistic=st.sampled_from(Statistic),
    tolerance=st.floats(0, 1),
)


def passes(kind: BaselineKind, window: list[float], references: list[float]) -> bool:
    return compare(kind, kind.statistic.of(window), references).within


@given(WINDOWS, st.lists(st.integers(0, 100).map(float), min_size=3, max_size=7), KINDS, st.integers(0, 59))
def test_a_bin_within_the_limit_that_is_missing_never_helps(
    window: list[float], references: list[float], kind: BaselineKind, index: int
) -> None:
    limit = compare(kind, 0, references).upper
    # Where the statistic is the limit itself, a sum may round to either side of it.
    assume(index < len(window) and window[index] <= limit and abs(kind.statistic.of(window) - limit) > 1e-6)
    if not passes(kind, window, references):
        assert not passes(kind, window[:index] + window[index + 1 :], references)


@given(WINDOWS, st.lists(st.integers(0, 100).map(float), min_size=3, max_size=7), KINDS, st.integers(0, 59))
def test_a_bin_that_is_worse_never_helps(
    window: list[float], references: list[float], kind: BaselineKind, index: int
) -> None:
    assume(index < len(window) and abs(kind.statistic.of(window) - compare(kind, 0, references).upper) > 1e-6)
    if not passes(kind, window, references):
        worse = [*window[:index], window[index] + 50, *window[index + 1 :]]
        assert not passes(kind, worse, references)
