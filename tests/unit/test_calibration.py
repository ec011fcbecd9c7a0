"""A bound that is read from history lies between what is normal and the original, or the threshold stays."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hypercare.domain.alerts.calibration import Refused, calibratable, calibrated_bound, extreme_expr
from hypercare.domain.alerts.comparisons import Comparison
from hypercare.domain.alerts.preflight import Candidate, NoHistory, Tried
from hypercare.domain.alerts.protection import Calibrated, Tighten
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule, move_threshold
from hypercare.domain.alerts.tightening import ForRule, MovedThreshold
from hypercare.domain.samples import FailureKind, QueryFailed
from tests.unit.preflight_worlds import BEFORE, DAY, HOUR, Values, World, simulated, verdict_on

STEP = 600
FOR, COPY_POINTS = 3 * STEP, 3
WEEK_POINTS, LEAD_POINTS = 7 * DAY // STEP + 1, HOUR // STEP
MARGIN_POINTS = 1800 // STEP
TENTH = Calibrated(Fraction(1, 10))
SLOW = QueryFailed(FailureKind.TIMEOUT, "prometheus did not answer in time")
REFUSED = QueryFailed(FailureKind.BAD_QUERY, "too many samples")


def candidate(expr: str = "load > 100.5", wish: Calibrated = TENTH, **fields: Any) -> Candidate:
    tighten = Tighten(shorten_for=0.34, min_for_seconds=0, allow_unrestored=True)
    given_fields: dict[str, Any] = {"rule_id": "a", "original_for_seconds": FOR, "interval_seconds": STEP}
    given_fields |= {"for_rule": ForRule(tighten), "inputs_expr": "(count(load) or vector(0))"}
    return Candidate(expr=expr, threshold=wish, **(given_fields | fields))


def lasting(value: Callable[[int], float], days: float = 7, step: int = STEP) -> Values:
    """The values of so many days and a little more, by the point, 0 the last; a finer step lies on the grid as well."""
    end = BEFORE - BEFORE % STEP
    points = round((days * DAY + HOUR) / step) + 1
    return {end - index * step: value(index) for index in range(points)}


def fading(index: int) -> float:
    """An incident that leaves something behind: half an hour and one point more."""
    return {True: 80.0, 500 <= index < 512: 150.0, 496 <= index < 500: 95.0}[True]


def spikes(normal: float, high: float, *ends: int, points: int) -> Callable[[int], float]:
    return lambda index: high if any(end <= index < end + points for end in ends) else normal


def except_for(values: Values, *gaps: tuple[int, int]) -> Values:
    """Without what lies so many points before the release."""
    newest = max(values)
    return {t: v for t, v in values.items() if not any(low <= (newest - t) // STEP < high for low, high in gaps)}


def bound_of(verdict: object) -> float:
    assert isinstance(verdict, Tried)
    assert isinstance(verdict.threshold.override, Fraction), verdict.told
    return float(verdict.threshold.override)


@pytest.mark.parametrize(
    ("expr", "value", "bound"),
    [
        pytest.param("load > 100.5", lambda _: 80.0, 88.0, id="a tenth above what is normal"),
        pytest.param("load > 100.5", spikes(50, 80, 500, points=3), 88.0, id="what was held for the copy's for"),
        pytest.param("load > 100.5", spikes(50, 80, 500, points=2), 55.05, id="what was not held for so long"),
        pytest.param("load > 100.5", lambda _: 0.5, 20.1, id="by four fifths at most"),
        pytest.param("load > 100.5", spikes(80, 150, 500, points=40), 88.0, id="without the original's episodes"),
        pytest.param("load > 100.5", fading, 88.0, id="without what their margin has seen begin"),
        pytest.param("load > -100.5", lambda _: -150.0, -135.0, id="below zero"),
        pytest.param("load >= 100.5", lambda _: 80.0, 88.0, id="with equality"),
        pytest.param("load < 100.5", lambda _: 150.0, 135.0, id="from below"),
        pytest.param("load < 100.5", spikes(400, 150, 500, points=3), 135.0, id="the least that was held"),
        pytest.param("load < 100.5", spikes(180, 120, 500, points=2), 162.0, id="short dips do not count"),
        pytest.param("load < 100.5", spikes(150, 1, 500, points=40), 135.0, id="without the episodes below"),
        pytest.param("load < 0.5", lambda _: 99.0, 0.9, id="a share keeps off the whole"),
        pytest.param("load > 100.5 # " + "why " * 1900, lambda _: 80.0, 88.0, id="long comments"),
    ],
)
def test_the_bound_goes_to_what_is_normal_and_some_headroom(
    expr: str, value: Callable[[int], float], bound: float
) -> None:
    world = World({"a": lasting(value)})

    assert bound_of(verdict_on(candidate(expr), world)) == pytest.approx(bound)


def test_pods_count_each_for_itself() -> None:
    """Neither holds 80 for long, and together they always do."""
    world = World({"a": lasting(spikes(50, 80, 500, points=2)), "b": lasting(spikes(50, 80, 502, points=2))})

    assert bound_of(verdict_on(candidate(), world)) == pytest.approx(55.05)


def test_the_data_behind_a_bound_is_told() -> None:
    verdict = verdict_on(candidate(), World({"a": lasting(spikes(80, 150, 500, points=12))}))

    assert isinstance(verdict, Tried)
    assert (verdict.strongest, verdict.fires, verdict.span_seconds) == (100, 0, DAY)
    assert verdict.told == (
        "> 88 was read from history: 80 was the most that was held for 19m48s in the 7d before the release, "
        "1.8% of the time left out around alerts that fired; "
        "> 88 for 19m48s would have fired 0 times in the 24h before the release"
    )


@pytest.mark.parametrize(
    ("given_candidate", "world", "told"),
    [
        pytest.param(
            candidate(),
            World({"a": lasting(lambda _: 80.0, days=5)}),
            "its values begin 5d1h before the release, and 7d are needed",
            id="five days",
        ),
        pytest.param(
            candidate(),
            World({"a": except_for(lasting(lambda _: 80.0), (300, 355))}),
            "it has values for only 94.5% of the time in the 7d before the release",
            id="a gap of nine hours",
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(spikes(80, math.nan, 300, points=55))}),
            "it has values for only 94.5% of the time",
            id="nine hours of NaN",
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(spikes(80, 150, 300, points=46))}),
            "it was firing, or within 30m of it, for 5.2% of the time in the 7d before the release",
            id="an incident of eight hours",
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(spikes(80, 150, 500, points=3))}),
            "150 was the most that was held for 19m48s in the 7d before the release, too near to its bound of 100.5",
            id="too short for the original, and above its bound",
        ),
        pytest.param(
            candidate(), World({"a": lasting(lambda _: 95.0)}), "95 was the most that was held", id="nothing to gain"
        ),
        pytest.param(
            candidate(), World({"a": lasting(lambda _: math.inf)}), "it was firing, or within 30m", id="infinite"
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(spikes(1, math.inf, 300, points=3))}),
            "its values are infinite at times",
            id="infinite for a short time",
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(lambda index: 80.0 if index % 3 else math.nan)}),
            "it has values for only 66.",
            id="never for long",
        ),
        pytest.param(
            candidate(interval_seconds=2, inputs_expr=""),
            World({}),
            "a week at its interval of 2s is too much to read",
            id="every two seconds",
        ),
        pytest.param(
            candidate(inputs_expr=""), World({}), "it has no values in the 7d before the release", id="no values"
        ),
        pytest.param(
            candidate("load > 0"), World({"a": lasting(lambda _: -1.0)}), "a share of 0 is 0", id="compared with zero"
        ),
        pytest.param(
            candidate(),
            World({"a": lasting(lambda _: 80.0)}, {"over_time": REFUSED}),
            "its history could not be read: too many samples",
            id="more than Prometheus may load",
        ),
    ],
)
def test_otherwise_the_threshold_stays_and_why_is_told(given_candidate: Candidate, world: World, told: str) -> None:
    verdict = verdict_on(given_candidate, world)

    assert isinstance(verdict, Tried)
    assert (verdict.threshold, verdict.strongest) == (KEEP_THRESHOLDS, 0)
    assert verdict.told.startswith(f"not calibrated: {told}")


def test_a_fire_between_the_points_of_the_grid_refuses() -> None:
    """Every tenth minute all is well; five minutes later it never is."""
    sees = World({"a": lasting(lambda index: 80.0 if index % 2 == 0 else 99.0, step=STEP // 2)})

    verdict = verdict_on(candidate(original_for_seconds=0), sees)

    assert isinstance(verdict, Tried)
    assert verdict.threshold == KEEP_THRESHOLDS
    assert verdict.told.startswith("not calibrated: > 88 would still have fired, on a grid shifted by half an interval")


def test_an_incident_may_be_seen_between_the_points_as_well() -> None:
    world = World({"a": lasting(lambda index: 150.0 if 1000 <= index < 1020 else 80.0, step=STEP // 2)})

    assert bound_of(verdict_on(candidate(), world)) == pytest.approx(88.0)


def test_what_lies_between_two_points_is_as_far_from_an_incident_as_the_nearer_one() -> None:
    """Half an hour and five minutes before and after the incident, and seen by nobody else."""
    incident, between = range(1000, 1011), (993, 1017)
    world = World({"a": lasting(lambda i: 150.0 if i in incident else 95.0 if i in between else 80.0, step=STEP // 2)})

    assert bound_of(verdict_on(candidate(original_for_seconds=0), world)) == pytest.approx(88.0)


def test_an_endpoint_that_does_not_answer_is_asked_again() -> None:
    world = World({"a": lasting(lambda _: 80.0)}, {"over_time": SLOW})

    assert verdict_on(candidate(), world) == NoHistory(f"its history could not be read: {SLOW.message}", again=True)


def test_a_bound_that_is_noise_today_goes_back_a_step() -> None:
    """While one pod alarms, others are not looked at; the day before the release looks at each."""
    ill, unwell = (lasting(spikes(50, high, 20, 60, points=8)) for high in (150, 90))

    verdict = verdict_on(candidate(), World({"a": ill, "b": unwell}))

    assert isinstance(verdict, Tried)
    assert verdict.strongest == 0
    assert bound_of(verdict) == pytest.approx(55.05)
    assert "> 66.4125 for 19m48s: 2 times" in verdict.told


@pytest.mark.parametrize(
    ("expr", "why"),
    [
        pytest.param("load == 1", "== has no side", id="equality"),
        pytest.param("rate(load_total[5m]) > 2 * rate(other_total[5m])", "a multiple of other series", id="a factor"),
        pytest.param("up < 1", "short of all there is", id="the whole"),
        pytest.param("http_status_code > 499.5", "codes", id="codes"),
        pytest.param("absent(load)", "missing", id="absence"),
        pytest.param("3.5 <= load < 20.5", "several deciding comparisons", id="a band"),
        pytest.param("load > 100.5 or load < 3.3", "several deciding comparisons", id="two bounds"),
        pytest.param("load > bool 5.5", "with bool", id="bool"),
    ],
)
def test_what_cannot_be_calibrated_is_named(expr: str, why: str) -> None:
    refused = calibratable(expr)

    assert isinstance(refused, Refused)
    assert why in refused.message


@pytest.mark.parametrize("operator", [">", ">=", "<", "<="])
@given(
    bound=st.fractions(-1000, 1000, max_denominator=100),
    normal=st.fractions(-2000, 2000, max_denominator=100),
    headroom=st.fractions(0, 2, max_denominator=100),
)
def test_a_bound_is_always_between(operator: str, bound: Fraction, normal: Fraction, headroom: Fraction) -> None:
    assume(bound != 0)
    found = calibratable(f"load_ratio {operator} {float(bound)}")
    assume(isinstance(found, Comparison))
    assert isinstance(found, Comparison)

    moved = calibrated_bound(found, normal, headroom)

    furthest = found.exact + abs(found.exact) * Fraction(4, 5) * (-1 if operator in (">", ">=") else 1)
    assert min(found.exact, furthest) <= moved <= max(found.exact, furthest)
    if moved != found.exact:
        assert moved >= normal if operator in (">", ">=") else moved <= normal


def stepping(levels: list[float]) -> Callable[[int], float]:
    return lambda index: levels[index] if index < len(levels) else 50.0


LEVELS = st.sampled_from([50.0, 50.0, 60.0, 75.0, 90.0, 150.0, math.nan])


@given(st.lists(st.lists(st.tuples(LEVELS, st.integers(1, 8)), max_size=12), min_size=1, max_size=2))
def test_no_stretch_of_a_week_would_have_fired_but_around_the_original(pods: list[list[tuple[float, int]]]) -> None:
    each = [[level for level, points in pod for _ in range(points)] for pod in pods]
    world = World({f"pod{number}": lasting(stepping(levels)) for number, levels in enumerate(each)})

    verdict = verdict_on(candidate(), world)

    assume(isinstance(verdict, Tried) and isinstance(verdict.threshold.override, Fraction))
    assert isinstance(verdict, Tried)
    moved = move_threshold("load > 100.5", verdict.threshold, 100)
    assert isinstance(moved, MovedThreshold)
    bound = float(moved.expr.removeprefix("load > "))
    columns = [[values[time] for time in sorted(values)] for values in world.pods.values()]
    alarmed = {
        near
        for column in columns
        for index, fires in enumerate(simulated([value > 100.5 for value in column], FOR, STEP))
        if fires
        for near in range(index - FOR // STEP - MARGIN_POINTS, index + MARGIN_POINTS + 1)
    }
    fired = {
        index
        for column in columns
        for index, fires in enumerate(simulated([value > bound for value in column], (COPY_POINTS - 1) * STEP, STEP))
        if fires
    }
    whole = {index for index in fired if not alarmed & set(range(index - COPY_POINTS + 1, index + 1))}
    assert not {index for index in whole if index >= LEAD_POINTS}


def test_the_window_has_a_point_more_than_intervals() -> None:
    assert extreme_expr("load", ">", 5, 60) == (
        "max(min_over_time(((\nload\n) >= -Inf)[330000ms:60s])"
        " and count_over_time(((\nload\n) >= -Inf)[330000ms:60s]) == 6)"
    )


def test_bounds_are_rules_for_thresholds() -> None:
    verdict = verdict_on(candidate(), World({"a": lasting(lambda _: 80.0)}))

    assert isinstance(verdict, Tried)
    assert verdict.threshold == ThresholdRule(override=Fraction(88))
