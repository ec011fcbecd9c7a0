"""The seam: what is asked when, which points are final, and how evidence goes on after anything."""

from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypercare.domain.evidence.context import MAX_POINTS, Context, NoEvidence, Outcome
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import EvidenceState
from hypercare.domain.evidence.judgement import Regressed, Verdict
from hypercare.domain.evidence.points import Bad, Good, Idle, Missing, MissingReason, Point
from hypercare.domain.evidence.quiet import Whose
from hypercare.domain.evidence.status import read_state, render_evidence, render_state
from hypercare.domain.evidence.streak_reading import StreakReading, evaluate_streak, plan_streak
from hypercare.domain.fields import Field
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import FailureKind, QueryFailed
from tests.unit.criteria import parse
from tests.unit.evidence_contexts import EVALUATION, NOW, STARTED, context, dead_since
from tests.unit.prometheus_answers import DOWN, Source, answers, constant

VALUE, COVERAGE = "sum(x", "count(count_over_time("
FINE: Mapping[str, Source | QueryFailed] = {VALUE: constant(10), COVERAGE: constant(1)}


def criterion(**changes: Any) -> Criterion:
    found = parse(**{"sustainedFor": "1h"} | changes)
    assert isinstance(found, Criterion)
    return found


def visit(
    what: Criterion, at: Context, sources: Mapping[str, Source | QueryFailed], stored: EvidenceState | None = None
) -> Outcome[EvidenceState, Point]:
    reading = plan_streak(what, stored or NoEvidence(), at)
    return evaluate_streak(reading, answers(reading, sources))


def test_queries_are_confined_and_lie_on_the_grid() -> None:
    reading = plan_streak(criterion(), NoEvidence(), context(NOW + 7))
    assert [query.expr for query in reading.queries] == [
        'sum(x{namespace="shop"})',
        'count(count_over_time(x{namespace="shop"}[120s]))',
    ]
    assert {(query.start, query.end, query.step) for query in reading.queries} == {(STARTED, NOW, 30)}


def test_a_healthy_hour_is_met_and_all_but_the_newest_points_are_final() -> None:
    found = visit(criterion(), context(), FINE)
    assert (found.judgement.verdict, found.judgement.coverage) == (Verdict.MET, 1.0)
    assert found.judgement.message == "Values were above 5 for 1h"
    assert found.state.final_through == NOW - 30
    assert found.points[-1].time == NOW


def test_the_next_visit_reads_on_after_the_last_final_point() -> None:
    state = visit(criterion(), context(), FINE).state
    reading = plan_streak(criterion(), state, context(NOW + 60))
    assert (reading.start, reading.end) == (NOW, NOW + 60)


def test_nothing_is_asked_twice_where_nothing_new_can_be() -> None:
    state = visit(criterion(), context(), FINE).state
    reading = plan_streak(criterion(), state, context(NOW - 20))
    assert reading.queries == ()
    assert evaluate_streak(reading, {}).judgement.verdict is Verdict.MET


@pytest.mark.parametrize(
    ("query", "warm_up"), [("sum(x)", 0), ("sum(xs offset 10m)", 600), ("sum(max_over_time(rate(x[5m])[1h:1m]))", 3900)]
)
def test_points_that_read_the_old_release_do_not_count(query: str, warm_up: int) -> None:
    reading = plan_streak(criterion(query=query), NoEvidence(), context())
    assert reading.start == STARTED + warm_up


def test_before_the_first_point_can_count_it_is_warming_up() -> None:
    found = visit(criterion(query="sum(rate(x[1h]))"), context(STARTED + 60), {})
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "WarmingUp")


def test_a_criterion_that_asks_for_something_else_starts_anew() -> None:
    state = visit(criterion(), context(), FINE).state
    found = visit(criterion(above=6), context(NOW + 60), FINE, state)
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.state.main.floor == NOW + 30
    assert (found.judgement.met_for_seconds, found.judgement.remaining_seconds) == (0, 3600)


@pytest.mark.parametrize(
    "change",
    [
        {"evaluation": replace(EVALUATION, step=15)},
        {"tenancy": Tenancy("exported_namespace", "shop")},
        {"evaluation": replace(EVALUATION, freshness=300)},
    ],
)
def test_another_grid_or_tenant_label_is_another_question(change: dict[str, Any]) -> None:
    state = visit(criterion(), context(), FINE).state
    assert visit(criterion(), context(NOW + 60, **change), FINE, state).judgement.verdict is Verdict.UNKNOWN


def test_a_hotfix_restarts_every_streak() -> None:
    state = visit(criterion(regression={"below": 1, "for": "5m"}), context(), FINE).state
    found = visit(criterion(regression={"below": 1, "for": "5m"}), context(NOW + 60, floor=NOW - 600), FINE, state)
    assert (found.judgement.verdict, found.judgement.met_for_seconds) == (Verdict.UNKNOWN, 630)


def test_a_young_hole_stops_finality_before_it_and_late_data_fills_it() -> None:
    late = {VALUE: dead_since(NOW - 300), COVERAGE: constant(1)}
    found = visit(criterion(), context(), late)
    assert found.state.final_through == NOW - 330
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "NoData")
    healed = visit(criterion(), context(NOW + 60), FINE, found.state)
    assert healed.state.final_through == NOW + 30
    assert healed.judgement.verdict is Verdict.MET


def test_a_hole_older_than_late_data_may_take_becomes_final() -> None:
    found = visit(criterion(), context(), {VALUE: dead_since(NOW - 3000), COVERAGE: constant(1)})
    assert found.state.final_through == NOW - 600
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "NoData")


@pytest.mark.parametrize(
    "kind", [FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.REFUSED, FailureKind.INVALID_ANSWER]
)
def test_what_was_not_answered_is_never_final_so_an_outage_costs_nothing(kind: FailureKind) -> None:
    state = visit(criterion(), context(), FINE).state
    down = QueryFailed(kind, "down")
    during = visit(criterion(), context(NOW + 7200), {VALUE: down, COVERAGE: down}, state)
    assert (during.judgement.verdict, during.judgement.reason) == (Verdict.UNKNOWN, kind.value)
    assert during.state == state
    after = visit(criterion(), context(NOW + 7260), FINE, during.state)
    assert (after.judgement.verdict, after.state.final_through) == (Verdict.MET, NOW + 7230)


def test_a_query_that_the_server_cannot_evaluate_becomes_final_for_it_was_answered() -> None:
    bad = QueryFailed(FailureKind.BAD_QUERY, "many-to-many matching not allowed")
    found = visit(criterion(), context(), {VALUE: bad, COVERAGE: constant(1)})
    assert (found.judgement.reason, found.judgement.message) == ("InvalidPromQL", "many-to-many matching not allowed")
    assert found.state.final_through == NOW - 600


def test_the_newest_points_tell_a_breach_before_they_are_final() -> None:
    state = visit(criterion(), context(), FINE).state
    breach = {VALUE: constant(3), COVERAGE: constant(1)}
    found = visit(criterion(), context(NOW + 1), breach, state)
    assert found.state.final_through == NOW - 30
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNMET, "BoundViolated")
    assert found.judgement.message == "3 is not above 5"


def test_a_long_absence_is_caught_up_in_pieces_and_nothing_is_met_until_then() -> None:
    long_ago = NOW - 2 * MAX_POINTS * 30
    found = visit(criterion(), context(started_at=long_ago), FINE)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "CatchingUp")
    assert found.state.final_through == long_ago + (MAX_POINTS - 1) * 30
    for _ in range(2):
        found = visit(criterion(), context(started_at=long_ago), FINE, found.state)
    assert (found.judgement.verdict, found.state.final_through) == (Verdict.MET, NOW - 30)


# --- what a point is -------------------------------------------------------------------------------------------------


def newest(what: Criterion, sources: Mapping[str, Source | QueryFailed]) -> Any:
    return visit(what, context(), sources).points[-1]


@pytest.mark.parametrize(
    ("value", "covered", "expected"),
    [
        (10, 1, Good),
        (3, 1, Bad),
        (None, 1, MissingReason.NO_DATA),
        (nan, 1, MissingReason.NOT_A_NUMBER),
        # The value is there, by lookback or a bridging range, but nothing has been scraped.
        (10, None, MissingReason.SCRAPE_GAP),
        # Stale data speaks against, never in favour.
        (3, None, Bad),
    ],
)
def test_a_query_point(value: float | None, covered: float | None, expected: object) -> None:
    mark = newest(criterion(), {VALUE: constant(value), COVERAGE: constant(covered)}).mark
    assert (mark.reason if isinstance(mark, Missing) else type(mark)) == expected


def test_a_failing_companion_makes_a_good_value_missing() -> None:
    mark = newest(criterion(), {VALUE: constant(10), COVERAGE: DOWN}).mark
    assert mark == Missing(FailureKind.UNREACHABLE, DOWN.message)


RATIO = {"query": None, "above": None, "below": 0.01, "ratio": {"errors": "sum(e)", "total": "sum(t)", "minTotal": 1}}


@pytest.mark.parametrize(
    ("errors", "total", "covered", "expected"),
    [
        (None, 100, 1, Good),
        (0.5, 100, 1, Good),
        (5, 100, 1, Bad),
        (None, 1, 1, MissingReason.LOW_TRAFFIC),
        (None, None, 1, MissingReason.NO_DATA),
        (None, 100, None, MissingReason.SCRAPE_GAP),
    ],
)
def test_a_ratio_point(errors: float | None, total: float | None, covered: float | None, expected: object) -> None:
    sources = {"sum(e": constant(errors), "sum(t": constant(total), COVERAGE: constant(covered)}
    mark = newest(criterion(**RATIO), sources).mark
    assert (mark.reason if isinstance(mark, Missing) else type(mark)) == expected


def test_a_ratio_is_covered_by_its_total_alone() -> None:
    companions = [
        q.expr for q in plan_streak(criterion(**RATIO), NoEvidence(), context()).queries if COVERAGE in q.expr
    ]
    assert companions == ['count(count_over_time(t{namespace="shop"}[120s]))']


ACTIVE, ACTIVE_COVERAGE = "sum(shop_open", 'count(count_over_time(shop_open{namespace="shop"}'


@pytest.mark.parametrize(
    ("active", "active_covered", "value", "expected"),
    [
        (constant(1), constant(1), 10, Good),
        (constant(1), constant(1), 3, Bad),
        # A closed shop has no orders, and that is not bad.
        (constant(0), constant(1), 3, Idle),
        (constant(0), constant(1), None, Idle),
        # `hour() > 6` answers nothing where it is false.
        (constant(None), constant(1), 3, Idle),
        # Not known: never idle, never good.
        (constant(None), constant(None), 10, MissingReason.SCRAPE_GAP),
        (constant(0), constant(None), 10, MissingReason.SCRAPE_GAP),
        (constant(nan), constant(1), 10, MissingReason.NOT_A_NUMBER),
        (constant(nan), constant(1), 3, Bad),
        # A query that fails may turn out to be false later: not even bad is known.
        (DOWN, constant(1), 3, FailureKind.UNREACHABLE),
        (constant(1), DOWN, 10, FailureKind.UNREACHABLE),
    ],
)
def test_active_when(active: Source, active_covered: Source, value: float | None, expected: object) -> None:
    what = criterion(activeWhen={"query": "sum(shop_open)", "above": 0})
    sources = {ACTIVE_COVERAGE: active_covered, ACTIVE: active, VALUE: constant(value), COVERAGE: constant(1)}
    mark = newest(what, sources).mark
    assert (mark.reason if isinstance(mark, Missing) else type(mark)) == expected


def test_a_clock_needs_no_samples_to_be_active() -> None:
    what = criterion(activeWhen={"query": "hour() > 6", "above": 0})
    assert newest(what, {"hour()": constant(None), **FINE}).mark == Idle()
    assert newest(what, {"hour()": constant(7), **FINE}).mark == Good(newest(criterion(), FINE).mark.worst)


def test_a_regression_has_its_own_bound() -> None:
    what = criterion(regression={"below": 4, "for": "5m"})
    values = {VALUE: lambda time: 3 if NOW - 1200 <= time < NOW - 600 else 10, COVERAGE: constant(1)}
    during = visit(what, context(NOW - 600), values)
    assert during.judgement.regressed is Regressed.YES
    after = visit(what, context(), values, during.state)
    assert (after.judgement.regressed, after.judgement.verdict) == (Regressed.NO, Verdict.UNMET)
    assert after.state.main.floor == NOW - 630


# --- promise 8 -------------------------------------------------------------------------------------------------------


RECENTLY = NOW - 4500


def noise(seed: list[str]) -> Source:
    values: dict[str, float | None] = {"g": 10, "b": 3, "m": None, "n": nan}
    return lambda time: values[seed[(time - RECENTLY) // 30 % len(seed)]]


@settings(deadline=None)
@given(st.lists(st.sampled_from("gggggbmn"), min_size=1, max_size=40), st.lists(st.integers(30, 1500), max_size=6))
def test_the_same_samples_give_the_same_evidence_however_often_one_looked(seed: list[str], pauses: list[int]) -> None:
    what = criterion(sustainedFor="10m", coverage="80%", maxGap="2m", regression={"below": 4, "for": "1m"})
    sources = {VALUE: noise(seed), COVERAGE: constant(1)}
    backtest = visit(what, context(started_at=RECENTLY), sources)
    state: EvidenceState | None = None
    now = RECENTLY
    for pause in pauses:
        now += pause
        if now >= NOW:
            break
        found = visit(what, context(now, started_at=RECENTLY), sources, state).state
        stored = read_state(Field("status", render_state(found)))
        assert isinstance(stored, EvidenceState)
        state = stored
    live = visit(what, context(started_at=RECENTLY), sources, state)
    assert (live.judgement.verdict, live.judgement.reason) == (backtest.judgement.verdict, backtest.judgement.reason)
    assert (live.state.main, live.state.regression) == (backtest.state.main, backtest.state.regression)


# --- status ----------------------------------------------------------------------------------------------------------


def test_what_people_see_of_a_criterion() -> None:
    found = visit(criterion(), context(), {VALUE: lambda time: 10 if time < NOW else 3, COVERAGE: constant(1)})
    assert render_evidence(criterion(), found) == {
        "name": "volume",
        "kind": "query",
        "advisory": False,
        "verdict": "Unmet",
        "reason": "BoundViolated",
        "message": "3 is not above 5",
        "metFor": "0s",
        "remaining": "1h",
        "coverage": "100.0%",
        "definition": found.state.definition,
        "finalThrough": "2027-01-15T07:59:30Z",
        "gaps": "g120",
        "last": 10,
        "worst": 10,
        "worstAt": "2027-01-15T07:59:30Z",
    }


@pytest.mark.parametrize(
    "damage",
    [{"gaps": "g1x2"}, {"gaps": "g0"}, {"gaps": 5}, {"finalThrough": "soon"}, {"definition": None}, {"last": "high"}],
)
def test_a_status_that_somebody_has_damaged_starts_anew(damage: dict[str, Any]) -> None:
    stored = render_state(visit(criterion(), context(), FINE).state)
    assert read_state(Field("status", stored | damage)) == NoEvidence()


def test_without_a_status_there_is_no_evidence() -> None:
    assert read_state(Field("status")) == NoEvidence()


def reading_of(what: Criterion) -> StreakReading:
    return plan_streak(what, NoEvidence(), context())


def test_equal_criteria_of_two_periods_ask_equal_questions() -> None:
    other = replace(context(), whose=Whose("shop", "basket", "r7"))
    assert reading_of(criterion()).queries == plan_streak(criterion(), NoEvidence(), other).queries
