"""A copy is made as strong as it would have been quiet before the release, and no stronger."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.alerts.preflight import NOT_ASKED, Candidate, NoHistory, Tried, WouldFire
from hypercare.domain.alerts.protection import Tighten
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule
from hypercare.domain.alerts.tightening import ForRule
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, RangeQuery, Result, Unanswered
from tests.unit.preflight_worlds import BEFORE, DAY, HOUR, Values, World, simulated, verdict_on

STEP = 600
FOR, COPY_FOR = 3 * STEP, 2 * STEP
FIFTH = ThresholdRule(Fraction(1, 5))
DAY_POINTS = DAY // STEP + 1
LEAD_POINTS = HOUR // STEP
DOWN = QueryFailed(FailureKind.UNREACHABLE, "prometheus cannot be reached")
REFUSED = QueryFailed(FailureKind.BAD_QUERY, "many-to-many matching not allowed")


def candidate(expr: str = "load > 50.5", threshold: ThresholdRule = FIFTH, **fields: Any) -> Candidate:
    tighten = Tighten(shorten_for=0.34, min_for_seconds=0, allow_unrestored=True)
    given_fields: dict[str, Any] = {"rule_id": "a", "original_for_seconds": FOR, "interval_seconds": STEP}
    given_fields |= {"for_rule": ForRule(tighten), "inputs_expr": "(count(load) or vector(0))"}
    return Candidate(expr=expr, threshold=threshold, **(given_fields | fields))


def lasting(days: float, value: Callable[[int], float]) -> Values:
    """The values of so many days before the release and a little lead; the value is given by the point, 0 the last."""
    points = round(days * DAY / STEP) + LEAD_POINTS + 1
    end = BEFORE - BEFORE % STEP
    return {end - index * STEP: value(index) for index in range(points)}


def spikes(normal: float, high: float, *ends: int, points: int) -> Callable[[int], float]:
    """Spikes of so many points each, that end so many points before the release."""
    return lambda index: high if any(end <= index < end + points for end in ends) else normal


def only(value: Callable[[int], float], days: float = 1) -> World:
    return World({"a": lasting(days, value)})


@pytest.mark.parametrize(
    ("world", "strongest", "fires"),
    [
        pytest.param(only(lambda _: 1.0), 100, 0, id="quiet"),
        pytest.param(only(spikes(1, 44, 20, points=4)), 100, 1, id="one episode may be"),
        pytest.param(only(spikes(1, 44, 20, 30, points=4)), 50, 0, id="two may not: the bound keeps off"),
        pytest.param(only(spikes(1, 44, 20, 30, points=2)), 100, 0, id="shorter than the copy's for"),
        pytest.param(only(spikes(1, 44, 0, points=4)), 50, 0, id="at the end"),
        pytest.param(only(spikes(1, 44, 1, points=4)), 100, 1, id="just before the end"),
        pytest.param(only(spikes(1, 50, 20, 30, points=4)), 0, 0, id="too near to the bound for any move"),
        pytest.param(only(spikes(1, 60, 20, 30, points=4)), 100, 0, id="the original fired as well"),
        pytest.param(only(spikes(1, 60, 0, points=4)), 100, 0, id="the original fires, too"),
        pytest.param(
            World({"a": lasting(1, spikes(1, 60, 20, 30, points=4)), "b": lasting(1, spikes(1, 44, 20, 30, points=4))}),
            50,
            0,
            id="the original of another pod is no excuse",
        ),
        pytest.param(
            World({"a": lasting(1, spikes(1, 44, 20, points=4)), "b": lasting(1, spikes(1, 44, 22, points=4))}),
            100,
            1,
            id="two pods at one time are one episode",
        ),
        pytest.param(only(spikes(1, 44, 10, 150, 160, points=3), 2), 100, 1, id="more than a day ago"),
        pytest.param(only(spikes(1, 60, 142, points=8)), 100, 0, id="the original has fired since the day before"),
        pytest.param(only(spikes(1, math.nan, 10, points=20)), 100, 0, id="NaN compares with nothing"),
    ],
)
def test_the_bound_moves_as_far_as_the_copy_stays_quiet(world: World, strongest: int, fires: int) -> None:
    verdict = verdict_on(candidate(), world)

    assert isinstance(verdict, Tried)
    assert (verdict.threshold, verdict.strongest, verdict.fires, verdict.span_seconds) == (FIFTH, strongest, fires, DAY)


def test_what_was_tried_is_told() -> None:
    verdict = verdict_on(candidate(), only(spikes(1, 44, 0, 30, 60, points=4)))

    assert isinstance(verdict, Tried)
    assert verdict.told == (
        "> 40.4 for 19m48s would have fired 3 times (and at its end) in the 24h before the release; "
        "> 42.925 for 19m48s: 3 times (and at its end); > 45.45 for 19m48s: 0 times"
    )


@pytest.mark.parametrize(
    ("given_candidate", "world", "fires", "told"),
    [
        pytest.param(
            candidate(),
            only(spikes(1, 60, 20, 30, 40, points=3)),
            3,
            "as written for 19m48s: 3 times",
            id="episodes that are too short for the original",
        ),
        pytest.param(
            candidate(), only(spikes(1, 60, 0, points=3)), 1, "1 time (and at its end)", id="pending at the end"
        ),
        pytest.param(
            candidate(original_for_seconds=0),
            only(spikes(1, 49.9, 20, 30, points=1)),
            2,
            "> 47.975: 2 times",
            id="without a for that could be shorter",
        ),
        pytest.param(
            candidate(),
            World(
                {"a": {t: v for t, v in lasting(1, spikes(1, 60, 5, 10, points=3)).items() if t > BEFORE - 3 * HOUR}}
            ),
            2,
            "as written for 19m48s would have fired 2 times in the 24h before the release; there is data for 12%",
            id="two noisy hours are enough to say so",
        ),
    ],
)
def test_noise_is_not_copied(given_candidate: Candidate, world: World, fires: int, told: str) -> None:
    verdict = verdict_on(given_candidate, world)

    assert isinstance(verdict, WouldFire)
    assert verdict.fires == fires
    assert told in verdict.message


@pytest.mark.parametrize(
    ("given_candidate", "world", "message", "again"),
    [
        pytest.param(
            candidate(),
            only(lambda _: 1.0, 2 / 24),
            "there is data behind it for 13% of the time in the 24h before the release, and 75% are needed",
            False,
            id="a service of this morning",
        ),
        pytest.param(candidate(), World({}), "there is data behind it for 0%", False, id="no data at all"),
        pytest.param(
            candidate(),
            World({"a": {t: v for t, v in lasting(1, lambda _: 1.0).items() if not 0 < BEFORE - t < 7 * HOUR}}),
            "there is data behind it for 72%",
            False,
            id="a gap of seven hours",
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(1, lambda _: 1.0)}, {"> 50.5": DOWN}),
            "its history could not be read: prometheus cannot be reached",
            True,
            id="the endpoint is down",
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(1, lambda _: 1.0)}, {"count": DOWN}),
            "its history could not be read: prometheus cannot be reached",
            True,
            id="its input is not answered",
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(1, lambda _: 1.0)}, {"> 40.4": REFUSED}),
            "its history could not be read: many-to-many matching not allowed",
            False,
            id="the copy cannot be evaluated",
        ),
        pytest.param(
            candidate(),
            World({str(pod): {BEFORE: 60.0, BEFORE - HOUR: 60.0} for pod in range(1001)}),
            "its condition was true for 1001 label sets, of which at most 1000 are replayed",
            False,
            id="too many instances",
        ),
        pytest.param(
            candidate("load @ 1000 > 50.5"),
            World({}),
            "its expression cannot be replayed: the @ modifier",
            False,
            id="a fixed time in the expression",
        ),
        pytest.param(
            candidate("load offset -1h > 50.5"),
            World({}),
            "its expression cannot be replayed: a negative offset",
            False,
            id="what was not known yet",
        ),
        pytest.param(
            candidate("info(load) > 50.5"), World({}), "its expression cannot be replayed", False, id="not confined"
        ),
    ],
)
def test_history_that_cannot_be_read_is_named(
    given_candidate: Candidate, world: World, message: str, again: bool
) -> None:
    verdict = verdict_on(given_candidate, world)

    assert isinstance(verdict, NoHistory)
    assert verdict.message.startswith(message)
    assert verdict.again is again


class Torn(World):
    """A world of which only a part is ever told."""

    def answer(self, query: RangeQuery) -> Result:
        result = super().answer(query)
        return replace(result, warnings=("a store did not answer",)) if isinstance(result, Answer) else result


class Holed(World):
    """A world that is not told about at one time."""

    def answer(self, query: RangeQuery) -> Result:
        result = super().answer(query)
        holes = (Unanswered(BEFORE, BEFORE, REFUSED),)
        return replace(result, unanswered=holes) if isinstance(result, Answer) else result


@pytest.mark.parametrize(
    ("world", "verdict"),
    [
        pytest.param(
            Torn({"a": lasting(1, lambda _: 1.0)}),
            NoHistory("its history was answered in part: a store did not answer", again=True),
            id="a partial response",
        ),
        pytest.param(
            Holed({"a": lasting(1, lambda _: 1.0)}),
            NoHistory(f"its history could not be read: {REFUSED.message}"),
            id="a time that is not answered",
        ),
    ],
)
def test_a_hole_in_an_answer_is_no_quiet(world: World, verdict: NoHistory) -> None:
    assert verdict_on(candidate(), world) == verdict


def test_an_alert_without_input_needs_none() -> None:
    world = World({}, {})
    absent = candidate("load < 2", KEEP_THRESHOLDS, inputs_expr="")

    verdict = verdict_on(absent, world)

    assert verdict == Tried(
        KEEP_THRESHOLDS, 0, 0, DAY, "as written for 19m48s would have fired 0 times in the 24h before the release"
    )


def test_nothing_is_asked_where_nothing_would_change() -> None:
    world = World({})

    assert verdict_on(candidate("load == 5", original_for_seconds=0), world) == NOT_ASKED
    assert world.asked == []


LEVELS = st.sampled_from([1.0, 1.0, 1.0, 41.0, 43.0, 46.0, 48.0, 60.0, math.nan])
HISTORIES = st.lists(st.lists(st.tuples(LEVELS, st.integers(1, 12)), min_size=1, max_size=20), min_size=1, max_size=2)


def drawn(pods: list[list[tuple[float, int]]]) -> World:
    """Stretches of one level each, the last one first."""

    def value(levels: list[float]) -> Callable[[int], float]:
        return lambda index: levels[index] if index < len(levels) else 1.0

    each = [[level for level, points in pod for _ in range(points)] for pod in pods]
    return World({f"pod{number}": lasting(1, value(levels)) for number, levels in enumerate(each)})


def alone_by_hand(world: World, bound: float) -> tuple[int, bool]:
    """In how many episodes of the day a copy with this bound fires alone, and whether at the end."""
    alone, at_end = [False] * DAY_POINTS, False
    for values in world.pods.values():
        column = [values[time] for time in sorted(values)]
        copy = simulated([value > bound for value in column], round(0.66 * FOR), STEP)
        original = simulated([value > 50.5 for value in column], FOR, STEP)
        at_end = at_end or (copy[-1] and not original[-1])
        for on, group in groupby(enumerate(copy), key=lambda each: each[1]):
            stretch = [index for index, _ in group]
            if on and not any(original[index] for index in stretch):
                for index in stretch:
                    if index >= LEAD_POINTS:
                        alone[index - LEAD_POINTS] = True
    return sum(1 for on, _ in groupby(alone) if on), at_end


@given(HISTORIES)
def test_the_strongest_quiet_version_is_found_and_no_noisy_one(pods: list[list[tuple[float, int]]]) -> None:
    world = drawn(pods)
    bounds = {100: 40.4, 75: 42.925, 50: 45.45, 25: 47.975, 0: 50.5}
    by_hand = {strength: alone_by_hand(world, bound) for strength, bound in bounds.items()}
    quiet = [strength for strength, (fires, at_end) in by_hand.items() if fires <= 1 and not at_end]
    covered = sum(any(t in values for values in world.pods.values()) for t in range(BEFORE - DAY, BEFORE + 1, STEP))

    verdict = verdict_on(candidate(), world)

    assert covered == DAY_POINTS
    match verdict:
        case Tried():
            assert (verdict.strongest, verdict.fires) == (max(quiet), by_hand[max(quiet)][0])
        case WouldFire():
            assert quiet == []
            assert verdict.fires == by_hand[0][0]
        case _:
            pytest.fail(str(verdict))
