"""What another bound would have changed: the same as if the criterion had had that bound, and had been read anew."""

from collections.abc import Mapping
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from hypercare.domain.backtest.bound_choice import Choice, can_choose, choices
from hypercare.domain.evidence.bounds import Above, Below
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Bad, Good, Point
from tests.unit.backtests import START, STEP, given, histories, resolved
from tests.unit.prometheus_answers import Source, Value

NUMBERS = st.sampled_from([-20.0, -1.0, 0.0, 0.004, 0.3, 1.0, 4.9, 5.0, 5.1, 12.0, 99.0, 1000.0, inf, -inf, nan])
ROWS = st.one_of(st.none(), NUMBERS, st.tuples(NUMBERS, NUMBERS))
RUNS = st.lists(st.tuples(ROWS, st.booleans(), st.integers(1, 7)), min_size=1, max_size=12)
SECONDS = 40 * STEP


def metrics(runs: list[tuple[Any, bool, int]]) -> Mapping[str, Source]:
    """The values by run, and whether they are fresh."""
    rows = [(values, fresh) for values, fresh, count in runs for _ in range(count)]

    def at(time: int) -> tuple[Any, bool]:
        return rows[min(len(rows) - 1, max(0, (time - START) // STEP))]

    def values(time: int) -> Value | Mapping[tuple[str, ...], float]:
        found = at(time)[0]
        return {(str(index),): each for index, each in enumerate(found)} if isinstance(found, tuple) else found

    return {"count_over_time": lambda time: 1 if at(time)[1] else None, "x": values}


def chosen(criterion: Mapping[str, Any], sources: Mapping[str, Source]) -> tuple[Choice, ...]:
    asked = given(resolved([criterion]), SECONDS)
    (history,) = histories(asked, sources)
    return choices(asked.resolved.spec.criteria[0], history.seen, history.trace, STEP)


def found_anew(
    criterion: Mapping[str, Any], bound: Above | Below, sources: Mapping[str, Source]
) -> tuple[int | None, float]:
    """First met, and share of bad points, of the criterion with this bound."""
    rest = {key: value for key, value in criterion.items() if key not in {"above", "below"}}
    side = "above" if isinstance(bound, Above) else "below"
    (history,) = histories(given(resolved([{**rest, side: bound.limit}]), SECONDS), sources)
    met = next((time for time, judgement in history.trace.steps if judgement.verdict is Verdict.MET), None)
    marks = [point.mark for point in history.points if isinstance(point, Point)]
    bad, good = (sum(isinstance(mark, kind) for mark in marks) for kind in (Bad, Good))
    return met, bad / (bad + good) if bad + good else 0.0


CRITERIA = st.fixed_dictionaries(
    {
        "name": st.just("c"),
        "query": st.just("x"),
        "sustainedFor": st.just("3m"),
        "coverage": st.just("70%"),
        "maxGap": st.just("1m"),
        "allowBad": st.sampled_from(["0%", "25%"]),
        "regression": st.sampled_from([None, {"above": 90, "for": "1m"}, {"below": 0, "for": "30s"}]),
        "minSeries": st.sampled_from([1, 2]),
    }
)


@settings(deadline=None, max_examples=60)
@generated(
    runs=RUNS,
    criterion=CRITERIA,
    side=st.sampled_from(["above", "below"]),
    limit=st.sampled_from([-3.0, 0.0, 0.5, 5.0, 50.0]),
)
def test_every_choice_is_what_that_bound_would_have_given(
    runs: list[tuple[Any, bool, int]], criterion: dict[str, Any], side: str, limit: float
) -> None:
    asked = criterion | {side: limit}
    found = chosen(asked, metrics(runs))
    assert [choice.bound.limit for choice in found if choice.own] == [limit]
    for choice in found:
        met, bad = found_anew(asked, choice.bound, metrics(runs))
        assert choice.first_met == met, choice.bound
        assert choice.bad_share == pytest.approx(bad), choice.bound


def steps_of(*values: float) -> Mapping[str, Source]:
    return metrics([(value, True, 1) for value in values])


def test_candidates_are_round_numbers_beyond_what_was_seen_strictest_first() -> None:
    values = [0.003 + 0.0001 * index for index in range(41)]
    found = chosen({"name": "c", "query": "x", "below": 0.01, "sustainedFor": "3m"}, steps_of(*values))
    assert [choice.bound.limit for choice in found] == [0.005, 0.008, 0.01, 0.02]
    assert found[0].bad_share > found[1].bad_share == 0


def test_candidates_for_values_that_must_stay_above_lie_below_them() -> None:
    values = [900.0 + 5 * index for index in range(41)]
    found = chosen({"name": "c", "query": "x", "above": 1000, "sustainedFor": "3m"}, steps_of(*values))
    assert [choice.bound.limit for choice in found] == [2000, 1000, 800, 500]
    assert [choice.first_met is not None for choice in found] == [False, True, True, True]


def of_limit(found: tuple[Choice, ...], limit: float) -> Choice:
    return next(choice for choice in found if choice.bound.limit == limit)


def test_a_stale_violation_is_no_success_under_a_looser_bound() -> None:
    """A bad value counts also where no fresh sample backs it; a good one does not."""
    stale = metrics([(9.0, False, 41)])
    found = chosen({"name": "c", "query": "x", "below": 5, "sustainedFor": "3m"}, stale)
    assert (of_limit(found, 5).bad_share, of_limit(found, 5).first_met) == (1.0, None)
    assert (of_limit(found, 10).bad_share, of_limit(found, 10).first_met) == (0.0, None)


def test_a_value_beside_one_that_is_not_a_number_violates_a_stricter_bound() -> None:
    found = chosen({"name": "c", "query": "x", "below": 200, "sustainedFor": "3m"}, metrics([((nan, 150.0), True, 41)]))
    assert of_limit(found, 200).bad_share == 0.0
    assert of_limit(found, 100).bad_share == 1.0


def test_a_regression_restarts_the_streak_whatever_the_bound() -> None:
    criterion = {"name": "c", "query": "x", "below": 5, "sustainedFor": "3m", "regression": {"above": 7, "for": "1m"}}
    found = chosen(criterion, steps_of(*[1.0] * 3, *[8.0] * 4, *[1.0] * 34))
    assert of_limit(found, 10).bad_share == 0.0
    assert of_limit(found, 10).first_met == of_limit(found, 5).first_met == START + 12 * STEP


@pytest.mark.parametrize("values", [[0.0] * 40, [nan] * 40])
def test_without_values_to_go_by_only_the_own_bound_and_its_neighbours_are_left(values: list[float]) -> None:
    found = chosen({"name": "c", "query": "x", "below": 0.01, "sustainedFor": "3m"}, steps_of(*values))
    assert [choice.bound.limit for choice in found] == [0.005, 0.01, 0.02]


@pytest.mark.parametrize(
    "criterion",
    [
        {"query": "x", "between": [1, 2]},
        {"query": "x", "equals": 1},
        {"alerts": {"severities": ["critical"]}},
    ],
)
def test_a_bound_with_two_sides_or_none_is_not_offered(criterion: Mapping[str, Any]) -> None:
    period = resolved([{"name": "c", "sustainedFor": "3m", **criterion}])
    assert not can_choose(period.spec.criteria[0])
    (history,) = histories(given(period, SECONDS), steps_of(1.0))
    assert history.seen == ()
