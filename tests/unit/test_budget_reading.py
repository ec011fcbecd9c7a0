"""A `slo` criterion through the seam: what is asked when, what each answer makes of a point, and how it goes on."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypercare.domain.evidence.budget import BudgetPoint, BudgetState, Burns, Spent
from hypercare.domain.evidence.budget_reading import BudgetReading
from hypercare.domain.evidence.context import MAX_POINTS, Context, NoEvidence, Outcome
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.points import Idle, Missing, MissingReason
from hypercare.domain.evidence.reading import evaluate, plan, replay
from hypercare.domain.evidence.status import read_state, render_evidence, render_state
from hypercare.domain.fields import Field
from hypercare.domain.samples import FailureKind, QueryFailed
from tests.unit.courses import misjudged, says
from tests.unit.criteria import PYRRA, RATES, SLOTH, parse, parse_slo
from tests.unit.evidence_contexts import EVALUATION, NOW, STARTED, context, dead_since
from tests.unit.prometheus_answers import DOWN, Source, answers, constant

COVERAGE, ERRORS, TOTAL = "count(count_over_time(", "sum(rate(e", "sum(rate(t"
HOUR = parse_slo({**RATES, "over": "1h"})
Sources = Mapping[str, Source | QueryFailed]
HEALTHY: Sources = {COVERAGE: constant(1), ERRORS: constant(None), TOTAL: constant(10)}


def visit(what: Criterion, at: Context, sources: Sources, stored: object = None) -> Outcome[BudgetState, BudgetPoint]:
    state = stored if isinstance(stored, BudgetState) else NoEvidence()
    reading = plan(what, state, at)
    assert isinstance(reading, BudgetReading)
    found = evaluate(reading, answers(reading, sources))
    assert isinstance(found.state, BudgetState)
    points = tuple(point for point in found.points if isinstance(point, BudgetPoint))
    return Outcome(found.state, found.judgement, points, found.changes)


def test_a_healthy_service_without_any_error_series_is_within_budget() -> None:
    found = visit(HOUR, context(), HEALTHY)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.MET, "WithinBudget")
    assert found.judgement.message == "The error budget burns at 0 over 1h and 0 over 5m; at most 1 is allowed"
    assert (found.state.final_through, found.points[-1].time) == (NOW - 30, NOW)


def test_points_that_read_the_old_release_do_not_count() -> None:
    reading = plan(HOUR, NoEvidence(), context())
    assert isinstance(reading, BudgetReading)
    assert (reading.start, reading.end) == (STARTED + 300, NOW)
    early = visit(HOUR, context(STARTED + 60), {})
    assert (early.judgement.verdict, early.judgement.reason) == (Verdict.UNKNOWN, "WarmingUp")


def test_the_next_visit_reads_on_after_the_last_final_point() -> None:
    state = visit(HOUR, context(), HEALTHY).state
    reading = plan(HOUR, state, context(NOW + 60))
    assert isinstance(reading, BudgetReading)
    assert (reading.start, reading.end) == (NOW, NOW + 60)
    idle = plan(HOUR, state, context(NOW - 20))
    assert idle.queries == ()
    assert evaluate(idle, {}).judgement.verdict is Verdict.MET


def test_a_burst_is_told_before_it_is_final() -> None:
    state = visit(HOUR, context(), HEALTHY).state
    burst: Sources = {**HEALTHY, ERRORS: constant(5)}
    found = visit(HOUR, context(NOW + 1), burst, state)
    assert found.state.final_through == NOW - 30
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNMET, "BudgetBurning")


def test_a_young_hole_stops_finality_and_late_data_fills_it() -> None:
    late: Sources = {**HEALTHY, TOTAL: dead_since(NOW - 300)}
    found = visit(HOUR, context(), late)
    assert found.state.final_through == NOW - 330
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "NoData")
    healed = visit(HOUR, context(NOW + 60), HEALTHY, found.state)
    assert (healed.judgement.verdict, healed.state.final_through) == (Verdict.MET, NOW + 30)


def test_what_was_not_answered_is_never_final_so_an_outage_costs_nothing() -> None:
    state = visit(HOUR, context(), HEALTHY).state
    during = visit(HOUR, context(NOW + 7200), dict.fromkeys(HEALTHY, DOWN), state)
    assert (during.judgement.verdict, during.judgement.reason) == (Verdict.UNKNOWN, FailureKind.UNREACHABLE.value)
    assert during.state == state
    after = visit(HOUR, context(NOW + 7260), HEALTHY, during.state)
    assert (after.judgement.verdict, after.state.final_through) == (Verdict.MET, NOW + 7230)


def test_a_long_absence_is_caught_up_in_pieces_and_nothing_is_met_until_then() -> None:
    at = context(started_at=NOW - 2 * MAX_POINTS * 30)
    found = visit(HOUR, at, HEALTHY)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "CatchingUp")
    for _ in range(2):
        found = visit(HOUR, at, HEALTHY, found.state)
    assert (found.judgement.verdict, found.state.final_through) == (Verdict.MET, NOW - 30)


def test_a_hotfix_starts_the_window_anew_and_reads_again_what_came_after_it() -> None:
    burning: Sources = {**HEALTHY, ERRORS: lambda time: 5 if time <= NOW - 3600 else 0}
    state = visit(HOUR, context(), burning).state
    assert visit(HOUR, context(), burning, state).judgement.verdict is Verdict.UNMET
    reading = plan(HOUR, state, context(floor=NOW - 3590))
    assert isinstance(reading, BudgetReading)
    assert reading.start == NOW - 3570
    found = visit(HOUR, context(floor=NOW - 3590), burning, state)
    assert (found.judgement.verdict, found.judgement.met_for_seconds) == (Verdict.UNKNOWN, 3540)
    assert visit(HOUR, context(NOW + 60, floor=NOW - 3590), burning, found.state).judgement.verdict is Verdict.MET


@pytest.mark.parametrize(
    ("what", "change"),
    [
        (parse_slo({**RATES, "over": "1h", "objective": 99}), {}),
        (parse_slo({**RATES, "over": "1h", "maxBurn": 2}), {}),
        (HOUR, {"evaluation": replace(EVALUATION, step=15)}),
        (HOUR, {"evaluation": replace(EVALUATION, freshness=300)}),
    ],
)
def test_a_criterion_that_asks_for_something_else_starts_anew(what: Criterion, change: dict[str, Any]) -> None:
    state = visit(HOUR, context(), HEALTHY).state
    found = visit(what, context(NOW + 60, **change), HEALTHY, state)
    assert (found.judgement.verdict, found.judgement.met_for_seconds) == (Verdict.UNKNOWN, 0)


def test_what_another_kind_has_stored_under_the_name_starts_anew_and_the_other_way_round() -> None:
    query = parse(sustainedFor="1h")
    fine: Sources = {"sum(x": constant(10), COVERAGE: constant(1)}
    reading = plan(query, NoEvidence(), context())
    streak = evaluate(reading, answers(reading, fine))
    assert streak.judgement.verdict is Verdict.MET
    anew = plan(HOUR, streak.state, context(NOW + 60))
    assert evaluate(anew, answers(anew, HEALTHY)).judgement.reason == "Collecting"
    back = plan(query, visit(HOUR, context(), HEALTHY).state, context(NOW + 60))
    assert evaluate(back, answers(back, fine)).judgement.reason == "Collecting"


# --- what a point is -------------------------------------------------------------------------------------------------


def newest(what: Criterion, sources: Sources) -> object:
    mark = visit(what, context(), sources).points[-1].mark
    return mark.reason if isinstance(mark, Missing) else mark


@pytest.mark.parametrize(
    ("errors", "total", "covered", "expected"),
    [
        (0.5, 100, 1, Spent(0.5, 0.1)),
        (None, 100, 1, Spent(0, 0.1)),
        (0, 0, 1, Spent(0, 0)),
        # A latency objective counts errors as a difference of two rates, which may come out a little below 0.
        (-0.1, 100, 1, Spent(0, 0.1)),
        (None, 0, 1, Spent(0, 0)),
        (1, 0, 1, MissingReason.ERRORS_WITHOUT_TOTAL),
        (0.5, None, 1, MissingReason.NO_DATA),
        (None, None, 1, MissingReason.NO_DATA),
        (nan, 100, 1, MissingReason.NOT_A_NUMBER),
        (0.5, nan, 1, MissingReason.NOT_A_NUMBER),
        (inf, 100, 1, MissingReason.INFINITE),
        (0.5, inf, 1, MissingReason.INFINITE),
        (0.5, 100, None, MissingReason.SCRAPE_GAP),
    ],
)
def test_a_point_of_rates(errors: float | None, total: float | None, covered: float | None, expected: object) -> None:
    sources = {COVERAGE: constant(covered), ERRORS: constant(errors), TOTAL: constant(total)}
    assert newest(HOUR, sources) == expected


def test_several_series_are_summed_for_the_budget_is_that_of_the_service() -> None:
    rows: Sources = {
        COVERAGE: constant(1),
        ERRORS: lambda _: {("a",): 0.5, ("b",): 0.25},
        TOTAL: lambda _: {("a",): 60, ("b",): 30, ("c",): 10},
    }
    assert newest(HOUR, rows) == Spent(0.75, 0.1)


@pytest.mark.parametrize("which", [COVERAGE, ERRORS, TOTAL])
def test_a_question_that_fails_is_a_missing_point(which: str) -> None:
    assert newest(HOUR, {**HEALTHY, which: DOWN}) is FailureKind.UNREACHABLE


def test_while_not_active_a_point_is_idle() -> None:
    what = parse_slo({**RATES, "over": "1h"}, activeWhen={"query": "sum(shop_open)", "above": 0})
    companion = 'count(count_over_time(shop_open{namespace="shop"}'
    closed: Sources = {companion: constant(1), "sum(shop_open": constant(0), **HEALTHY}
    assert newest(what, closed) == Idle()
    assert newest(what, {**closed, "sum(shop_open": DOWN}) is FailureKind.UNREACHABLE


LONG, SHORT, OBJECTIVE = (
    "max(slo:sli_error:ratio_rate1h",
    "max(slo:sli_error:ratio_rate5m",
    "max(slo:objective:ratio",
)
SLOTH_HOUR = parse_slo({**SLOTH, "over": "1h"})
RECORDED: Sources = {COVERAGE: constant(1), LONG: constant(0.0005), SHORT: constant(0.0002), OBJECTIVE: constant(0.999)}


def test_a_point_that_sloth_recorded() -> None:
    """As recorded, rounding included: slok/sloth, examples/_gen/getting-started.yml has 0.9990000000000001."""
    found = newest(SLOTH_HOUR, {**RECORDED, OBJECTIVE: constant(0.9990000000000001)})
    assert isinstance(found, Burns)
    assert [found.long, found.short] == pytest.approx([0.5, 0.2])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({LONG: constant(nan)}, MissingReason.NOT_A_NUMBER),
        ({SHORT: constant(nan)}, MissingReason.NOT_A_NUMBER),
        ({LONG: constant(None)}, MissingReason.NO_DATA),
        # Without a recorded share of errors there is no evidence of none.
        ({SHORT: constant(None)}, MissingReason.NO_DATA),
        ({OBJECTIVE: constant(None)}, MissingReason.NO_DATA),
        ({OBJECTIVE: constant(1)}, MissingReason.NO_DATA),
        ({OBJECTIVE: constant(nan)}, MissingReason.NOT_A_NUMBER),
        ({COVERAGE: constant(None)}, MissingReason.SCRAPE_GAP),
    ],
)
def test_what_sloth_did_not_record_is_missing(change: dict[str, Source], expected: MissingReason) -> None:
    assert newest(SLOTH_HOUR, {**RECORDED, **change}) is expected


def test_sloth_is_met_when_its_window_lies_in_ours() -> None:
    """The share over an hour, an hour after the start, holds nothing of the old release."""
    before = visit(SLOTH_HOUR, context(STARTED + 3630), RECORDED)
    assert before.judgement.verdict is Verdict.MET
    assert visit(SLOTH_HOUR, context(STARTED + 3600), RECORDED).judgement.verdict is Verdict.UNKNOWN
    burning = {**RECORDED, LONG: constant(0.002)}
    assert visit(SLOTH_HOUR, context(STARTED + 3570), burning).judgement.verdict is Verdict.UNKNOWN
    # The newest point is not final, and a burst is told early.
    assert visit(SLOTH_HOUR, context(STARTED + 3600), burning).judgement.verdict is Verdict.UNMET


PYRRA_HOUR = parse_slo({**PYRRA, "over": "1h"})
GENERIC: Sources = {
    COVERAGE: constant(1),
    "max(pyrra_requests:rate5m": constant(200),
    "max(pyrra_errors:rate5m": constant(0.4),
    "max(pyrra_objective": constant(0.995),
}


def test_pyrra_is_judged_like_rates_with_the_objective_that_it_records() -> None:
    point = newest(PYRRA_HOUR, GENERIC)
    assert isinstance(point, Spent)
    assert [point.errors, point.allowed] == pytest.approx([0.4, 1.0])
    assert visit(PYRRA_HOUR, context(), GENERIC).judgement.verdict is Verdict.MET
    burning = {**GENERIC, "max(pyrra_errors:rate5m": constant(1.1)}
    assert visit(PYRRA_HOUR, context(), burning).judgement.verdict is Verdict.UNMET


def test_errors_that_pyrra_did_not_record_are_not_taken_for_none() -> None:
    """A latency objective is recorded as all minus fast requests; with no fast one there is no result at all."""
    silent = {**GENERIC, "max(pyrra_errors:rate5m": constant(None)}
    assert newest(PYRRA_HOUR, silent) is MissingReason.NO_DATA


# --- promise 8, the course of the verdict, and status ----------------------------------------------------------------

RECENTLY = NOW - 9000


def noise(seed: list[str], values: Mapping[str, float | None]) -> Source:
    return lambda time: values[seed[(time - RECENTLY) // 30 % len(seed)]]


def noisy(seed: list[str]) -> Sources:
    errors: dict[str, float | None] = {"g": None, "h": 0.0033, "b": 0.7, "m": None}
    total: dict[str, float | None] = {"g": 10, "h": 7.7, "b": 11.3, "m": None}
    return {COVERAGE: constant(1), ERRORS: noise(seed, errors), TOTAL: noise(seed, total)}


SEEDS = st.lists(st.sampled_from("ggggghhbm"), min_size=1, max_size=40)
TOLERANT = parse_slo({**RATES, "over": "1h"}, coverage="80%", maxGap="2m")


@settings(deadline=None, max_examples=50)
@given(SEEDS, st.lists(st.integers(30, 2000), max_size=6))
def test_the_same_samples_give_the_same_evidence_however_often_one_looked(seed: list[str], pauses: list[int]) -> None:
    sources = noisy(seed)
    backtest = visit(TOLERANT, context(started_at=RECENTLY), sources)
    state: object = None
    now = RECENTLY
    for pause in pauses:
        now += pause
        if now >= NOW:
            break
        state = read_state(
            Field("status", render_state(visit(TOLERANT, context(now, started_at=RECENTLY), sources, state).state))
        )
        assert isinstance(state, BudgetState)
    live = visit(TOLERANT, context(started_at=RECENTLY), sources, state)
    assert live.judgement.message == backtest.judgement.message
    assert (live.judgement.verdict, live.judgement.reason) == (backtest.judgement.verdict, backtest.judgement.reason)
    assert (live.state.ledger, live.state.presence) == (backtest.state.ledger, backtest.state.presence)


def judged_at(time: int, sources: Sources) -> Judgement:
    """What a visit says for which this is the newest final point, and the newest at all."""
    at = context(time, started_at=RECENTLY, evaluation=replace(EVALUATION, delay=0, max_delay=0))
    return visit(TOLERANT, at, sources).judgement


@settings(deadline=None, max_examples=5)
@given(SEEDS)
def test_the_course_of_the_verdict_is_what_visits_would_have_said(seed: list[str]) -> None:
    sources = noisy(seed)
    reading = plan(TOLERANT, NoEvidence(), context(started_at=RECENTLY))
    outcome, steps = replay(reading, answers(reading, sources))
    told = list(steps)
    assert misjudged(told, lambda time: judged_at(time, sources)) == []
    assert all(says(one) != says(other) for (_, one), (_, other) in pairwise(told))
    verdicts = [judgement.verdict for _, judgement in told]
    changed = [verdict for index, verdict in enumerate(verdicts) if index == 0 or verdict is not verdicts[index - 1]]
    assert [change.verdict for change in outcome.changes[1:]] == changed[changed[:1] == [Verdict.UNKNOWN] :]


def test_what_people_see_of_a_criterion() -> None:
    found = visit(HOUR, context(STARTED + 390), {**HEALTHY, ERRORS: constant(0.0025)})
    burns = "The error budget burns at 0.25 over 1h and 0.25 over 5m; at most 1 is allowed"
    assert render_evidence(HOUR, found) == {
        "name": "budget",
        "kind": "slo",
        "advisory": False,
        "verdict": "Unknown",
        "reason": "Collecting",
        "message": f"Seen for 1m30s of 1h. {burns}",
        "metFor": "1m30s",
        "remaining": "58m30s",
        "coverage": "100.0%",
        "definition": found.state.definition,
        "finalThrough": "2027-01-14T22:06:00Z",
        "gaps": "g3",
        "budget": "3;0.0075/0.03",
        "last": 0.25,
        "worst": 0.25,
        "worstAt": "2027-01-14T22:06:00Z",
    }


@pytest.mark.parametrize(
    "damage",
    ["", "x;1/2", "1", "-1;1/2", "1;1", "1;1/2/3", "1;nan/1", "1;1/inf", "1;-1/1", "1;" + ",".join(["0/1"] * 14)],
)
def test_a_status_that_somebody_has_damaged_starts_anew(damage: str) -> None:
    stored = render_state(visit(HOUR, context(), HEALTHY).state)
    assert read_state(Field("status", stored | {"budget": damage})) == NoEvidence()
