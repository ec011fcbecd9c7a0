"""A backtest says what the loop would have said: at any visit, about any data, and therefore in the end."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from hypercare.domain.backtest.criterion import Span, Trace, first_met, seen_by, stretches
from hypercare.domain.evidence.judgement import Judgement, Verdict
from tests.unit.backtests import START, STEP, Visits, given, histories, resolved
from tests.unit.prometheus_answers import Source

VALUES: Mapping[str, float | None] = {"g": 10.0, "b": 1.0, "r": -5.0, "m": None, "n": nan}
RUNS = st.lists(st.tuples(st.sampled_from("gggbbrmmn"), st.integers(1, 9)), min_size=1, max_size=14)
CRITERION: dict[str, Any] = {
    "name": "orders",
    "query": "x",
    "above": 5,
    "sustainedFor": "3m",
    "coverage": "60%",
    "maxGap": "1m",
}


def recorded(text: str) -> Source:
    """A sample per letter from START on; the last one lasts."""
    return lambda time: VALUES[text[min(len(text) - 1, max(0, (time - START) // STEP))]]


def series(runs: Sequence[tuple[str, int]]) -> str:
    return "".join(letter * count for letter, count in runs)


CRITERIA = st.fixed_dictionaries(
    {
        "allowBad": st.sampled_from(["0%", "20%"]),
        "regression": st.sampled_from([None, {"below": 0, "for": "1m"}]),
        "activeWhen": st.sampled_from([None, {"query": "open", "above": 5}]),
    }
)
EVALUATIONS = st.fixed_dictionaries(
    {
        "delay": st.sampled_from(["0", "30s", "45s", "2m"]),
        "maxDelay": st.sampled_from(["0", "1m", "5m"]),
        "freshness": st.just("30s"),
    }
)


@settings(deadline=None, max_examples=100)
@generated(
    orders=RUNS,
    active=st.lists(st.tuples(st.sampled_from("gggbm"), st.integers(1, 9)), min_size=1, max_size=8),
    pauses=st.lists(st.integers(1, 400), min_size=1, max_size=40),
    criterion=CRITERIA,
    evaluation=EVALUATIONS,
)
def test_at_any_visit_it_says_what_the_loop_says(
    orders: list[tuple[str, int]],
    active: list[tuple[str, int]],
    pauses: list[int],
    criterion: dict[str, Any],
    evaluation: Mapping[str, str],
) -> None:
    period = resolved([CRITERION | criterion], evaluation)
    metrics: dict[str, Source] = {"open": recorded(series(active)), "x": recorded(series(orders))}
    visits = [START + sum(pauses[: index + 1]) for index in range(len(pauses))]
    (history,) = histories(given(period, max(60, visits[-1] - START)), metrics)
    loop = Visits(period, metrics)
    for visit in visits:
        (judgement,) = loop.at(visit)
        seen = seen_by(history.trace, visit, period.profile.evaluation)
        assert (seen.verdict, seen.regressed) == (judgement.verdict, judgement.regressed), visit - START


def said(verdict: Verdict, reason: str) -> Judgement:
    return Judgement(verdict, reason, f"because of {reason}", 0, 0)


def trace(*steps: tuple[int, Judgement], through: int) -> Trace:
    (criterion,) = resolved([CRITERION]).spec.criteria
    return Trace(criterion, said(Verdict.UNKNOWN, "WarmingUp"), steps, (), through)


COLLECTING = said(Verdict.UNKNOWN, "Collecting")
VIOLATED = said(Verdict.UNMET, "BoundViolated")
RECENTLY = said(Verdict.UNMET, "RecentlyViolated")
SUSTAINED = said(Verdict.MET, "Sustained")


def test_stretches_of_one_verdict_are_joined_and_say_for_how_long_each_reason_held() -> None:
    steps = ((100, COLLECTING), (160, VIOLATED), (190, RECENTLY), (220, VIOLATED), (250, RECENTLY), (400, SUSTAINED))
    found = stretches(trace(*steps, through=460), Span(0, 500))
    assert [(each.start, each.end, each.judgement.verdict, each.judgement.reason) for each in found] == [
        (0, 160, Verdict.UNKNOWN, "WarmingUp"),
        (160, 400, Verdict.UNMET, "BoundViolated"),
        (400, 460, Verdict.MET, "Sustained"),
    ]
    assert found[0].reasons == (("WarmingUp", 100), ("Collecting", 60))
    assert found[1].reasons == (("BoundViolated", 60), ("RecentlyViolated", 180))
    assert first_met(found) == 400


def test_a_verdict_that_came_with_the_last_point_is_told() -> None:
    found = stretches(trace((0, COLLECTING), (60, SUSTAINED), through=60), Span(0, 60))
    assert [(each.start, each.seconds) for each in found] == [(0, 60), (60, 0)]
    assert first_met(found) == 60


def test_without_any_point_only_the_waiting_is_told() -> None:
    (found,) = stretches(trace(through=0), Span(50, 500))
    assert (found.start, found.end, found.judgement.reason) == (50, 50, "WarmingUp")
    assert first_met((found,)) is None


@pytest.mark.parametrize(
    ("verdicts", "seen"),
    [
        ((SUSTAINED, SUSTAINED, SUSTAINED), "Sustained"),
        ((SUSTAINED, SUSTAINED, VIOLATED), "BoundViolated"),
        ((SUSTAINED, VIOLATED, COLLECTING), "BoundViolated"),
        ((VIOLATED, COLLECTING, COLLECTING), "BoundViolated"),
        ((SUSTAINED, COLLECTING, SUSTAINED), "Collecting"),
        ((COLLECTING, SUSTAINED, SUSTAINED), "Collecting"),
    ],
)
def test_bad_points_are_told_at_once_and_met_needs_what_is_final(
    verdicts: tuple[Judgement, Judgement, Judgement], seen: str
) -> None:
    """At START + 60, points through START - 60 are final (then comes a hole), those through START + 30 old enough."""
    final, settled, newest = verdicts
    (criterion,) = resolved([CRITERION]).spec.criteria
    steps = ((START - 90, final), (START - 30, settled), (START + 60, newest))
    found = Trace(criterion, COLLECTING, steps, (START - 30,), START + 60)
    period = resolved([CRITERION], {"maxDelay": "5m"})
    assert seen_by(found, START + 60, period.profile.evaluation).reason == seen
