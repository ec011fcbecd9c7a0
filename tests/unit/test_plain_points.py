"""Points that are plainly good are the very points that a closer look finds good."""

from dataclasses import replace
from math import inf, nan, nextafter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypercare.domain.evidence import value_marks
from hypercare.domain.evidence.bounds import (
    Above,
    AtLeast,
    AtMost,
    Below,
    Between,
    Bound,
    Equals,
    good_range,
    proves_nothing,
    satisfied,
)
from hypercare.domain.evidence.criteria import Criterion, QueryKind, RatioKind, Regression
from hypercare.domain.evidence.points import Good, Point
from hypercare.domain.evidence.value_marks import ValueQuestions, mark_values_at
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, Result, Sample, Series, Unanswered

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 4.999, 5.0, 5.001, -7.0, 1e308, -1e308, inf, -inf, nan])
LIMITS = st.one_of(st.sampled_from([0.0, 1.0, 5.0, -7.0]), st.floats(-1e6, 1e6))
BOUNDS: st.SearchStrategy[Bound] = st.one_of(
    LIMITS.map(Above),
    LIMITS.map(Below),
    LIMITS.map(AtLeast),
    LIMITS.map(AtMost),
    LIMITS.map(Equals),
    st.tuples(LIMITS, LIMITS).map(lambda pair: Between(min(pair), max(pair))),
)
TIMES = range(10, 60, 10)
# Most answers must have one series that is mostly good, or nothing would be plainly so.
USUAL_BOUNDS: st.SearchStrategy[Bound] = st.sampled_from([Below(5), AtMost(5), Above(0), Between(0, 5), Equals(1)])
USUAL = st.sampled_from([1.0, 1.0, 1.0, 4.999, 5.0, 0.0, 9.0, inf, nan, None])
COLUMN = st.lists(USUAL, min_size=len(TIMES), max_size=len(TIMES))
COLUMNS = st.one_of(st.lists(COLUMN, min_size=1, max_size=1), st.lists(COLUMN, max_size=2))
FAILED = QueryFailed(FailureKind.TIMEOUT, "late")


@given(BOUNDS, st.one_of(NUMBERS, st.floats()))
def test_the_good_range_is_what_satisfies_and_proves_something(bound: Bound, value: float) -> None:
    low, high = good_range(bound)
    assert (low <= value <= high) is (satisfied(bound, value) and not proves_nothing(bound, value))


@pytest.mark.parametrize(
    ("bound", "best", "beyond"),
    [
        (Above(5), nextafter(5, inf), 5.0),
        (Below(5), nextafter(5, -inf), 5.0),
        (AtLeast(5), 5.0, nextafter(5, -inf)),
        (AtMost(5), 5.0, nextafter(5, inf)),
        (Between(1, 5), 5.0, nextafter(5, inf)),
        (Equals(5), 5.0, nextafter(5, inf)),
    ],
)
def test_the_good_range_ends_at_the_bound(bound: Bound, best: float, beyond: float) -> None:
    low, high = good_range(bound)
    assert low <= best <= high
    assert not low <= beyond <= high


def answered(columns: list[list[float | None]], labels: dict[str, str]) -> Answer:
    return Answer(
        tuple(
            Series(
                {**labels, **({"pod": str(number)} if number else {})},
                tuple(Sample(time, value) for time, value in zip(TIMES, column, strict=True) if value is not None),
            )
            for number, column in enumerate(columns)
        )
    )


ANSWERS = st.builds(answered, COLUMNS, st.sampled_from([{}, {"job": "a"}]))
HOLES = st.sampled_from([(), (), (), *((Unanswered(time, time, FAILED),) for time in TIMES)])
RESULTS: st.SearchStrategy[Result] = st.builds(lambda answer, holes: replace(answer, unanswered=holes), ANSWERS, HOLES)
QUERIES = st.builds(QueryKind, st.just("value"), USUAL_BOUNDS, st.sampled_from([1, 1, 2]))
RATIOS = st.builds(RatioKind, st.just("value"), st.just("total"), USUAL_BOUNDS, st.sampled_from([0.0, 1.0]))
REGRESSIONS = st.sampled_from([None, None, Regression(Above(1.0), 60), Regression(Below(1.0), 60)])


@settings(max_examples=300)
@given(
    st.one_of(QUERIES, RATIOS),
    REGRESSIONS,
    st.sampled_from(["", "coverage"]),
    st.fixed_dictionaries({"value": RESULTS, "total": RESULTS, "coverage": RESULTS}),
)
@example(QueryKind("value", Below(5), 1), None, "coverage", dict.fromkeys(("value", "total", "coverage"), FAILED))
def test_a_closer_look_finds_the_same(
    kind: QueryKind | RatioKind, regression: Regression | None, coverage: str, results: dict[str, Result]
) -> None:
    criterion = Criterion("c", kind, 600, 0.95, 60)
    if regression is not None:
        criterion = replace(criterion, regression=regression)
    asked = ValueQuestions("value", "total" if isinstance(kind, RatioKind) else "", coverage, "", "", 0)
    found = mark_values_at(criterion, asked, results, TIMES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_marks, "_plainly_good", lambda *_: {})
        assert mark_values_at(criterion, asked, results, TIMES) == found


@pytest.mark.parametrize("kind", [QueryKind("value", Below(5)), RatioKind("value", "total", Below(5), 0.0)])
def test_what_no_fresh_sample_covers_is_not_good(kind: QueryKind | RatioKind) -> None:
    asked = ValueQuestions("value", "total" if isinstance(kind, RatioKind) else "", "coverage", "", "", 0)
    healthy, gap = answered([[1.0] * 5], {}), answered([[1.0, None, 1.0, None, 1.0]], {})
    results: dict[str, Result] = {"value": healthy, "total": healthy, "coverage": gap}
    found = mark_values_at(Criterion("c", kind, 600, 0.95, 60), asked, results, TIMES)
    assert [isinstance(point.mark, Good) for point in found] == [True, False, True, False, True]


def test_a_healthy_criterion_is_plainly_good_everywhere() -> None:
    criterion = Criterion("c", QueryKind("value", Below(5)), 600, 0.95, 60)
    asked = ValueQuestions("value", "", "coverage", "", "", 0)
    healthy = answered([[1.0] * len(TIMES)], {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_marks, "_point", None)
        found = mark_values_at(criterion, asked, {"value": healthy, "coverage": healthy}, TIMES)
    assert [point.time for point in found] == list(TIMES)
    assert all(isinstance(point, Point) and isinstance(point.mark, Good) for point in found)
