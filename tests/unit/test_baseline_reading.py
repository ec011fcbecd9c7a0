"""Reading `baseline`: which bins are asked for, what is missing, when there is a verdict; only the data decides."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypercare.domain.evidence.baseline import BaselineKind, Comparison, Direction, Statistic
from hypercare.domain.evidence.baseline_bins import Bin
from hypercare.domain.evidence.baseline_reading import (
    BaselineReading,
    BaselineState,
    evaluate_baseline,
    history_baseline,
    plan_baseline,
)
from hypercare.domain.evidence.context import Context, NoEvidence, Outcome
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import EvidenceState, Measured
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.reading import evaluate, replay
from hypercare.domain.evidence.reading import plan as plan_any
from hypercare.domain.evidence.status import read_state, render_evidence, render_state
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.report.facts import asked_of
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, RangeQuery, Result, Unanswered
from tests.unit.criteria import parse
from tests.unit.evidence_contexts import context as any_context
from tests.unit.prometheus_answers import DOWN, Source, answer, constant

DAY, BIN = 86400, 300
NOW = 1_800_000_000
STARTED = NOW - 36_000
KIND = BaselineKind("sum(x)", BIN)
CRITERION = Criterion("latency", KIND, 6 * 3600, 0.95, 600)
WINDOW = 72
COVERED = constant(1)
NOTHING = NoEvidence()


def fine(time: int) -> float:
    """Values that vary, and do so before the start as after it."""
    return 10 + time // BIN % 7


def context(now: int = NOW, **changes: Any) -> Context:
    return any_context(now, **{"started_at": STARTED} | changes)


def plan(at: Context, stored: object = NOTHING, criterion: Criterion = CRITERION) -> BaselineReading:
    assert isinstance(criterion.kind, BaselineKind)
    return plan_baseline(criterion, criterion.kind, stored, at)


Answers = Callable[[RangeQuery], Result]


def by_expression(values: Source | QueryFailed, covered: Source | QueryFailed = COVERED) -> Answers:
    def answered(query: RangeQuery) -> Result:
        source = covered if query.expr.startswith("count(count_over_time(") else values
        return source if isinstance(source, QueryFailed) else answer(query, source, ("pod",))

    return answered


def visit(
    answers: Answers, at: Context | None = None, stored: object = NOTHING, criterion: Criterion = CRITERION
) -> Outcome[BaselineState, Bin]:
    reading = plan(at or context(), stored, criterion)
    return evaluate_baseline(reading, {query: answers(query) for query in reading.queries})


def worse_after(moment: int, by: float) -> Source:
    return lambda time: (10 + time // BIN % 7) * (by if time > moment else 1)


def changed(**changes: Any) -> Criterion:
    return replace(CRITERION, kind=replace(KIND, **changes))


# --- what is asked for -----------------------------------------------------------------------------------------------


def written(**changes: Any) -> Any:
    return parse(**{"query": None, "above": None, "baseline": {"query": "sum(x)"}, "sustainedFor": "6h"} | changes)


def test_a_criterion_may_be_a_baseline() -> None:
    found = written()
    assert (found.kind, found.kind_name, found.max_gap_seconds) == (KIND, "baseline", 600)
    wide = written(baseline={"query": "sum(rate(x[30m]))"}, sustainedFor="30h")
    assert (wide.kind.bin_seconds, wide.max_gap_seconds) == (1800, 1800)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"below": 1}, "below"),
        ({"minSeries": 2}, "minSeries"),
        ({"allowBad": "1%"}, "allowBad"),
        ({"activeWhen": {"query": "up", "above": 0}}, "activeWhen"),
        ({"regression": {"above": 1, "for": "1m"}}, "regression"),
    ],
)
def test_what_has_no_meaning_for_a_baseline_is_refused(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidField, match="is not used with baseline") as refused:
        written(**changes)
    assert refused.value.path == f"spec.exitCriteria[0].{path}"


def test_reports_say_what_was_compared() -> None:
    assert asked_of(CRITERION) == (
        "sum(x)",
        "p95 at most 10% above that of the same hours of the 7d before the start",
    )
    either = asked_of(changed(direction=Direction.EITHER, min_delta=0.5))
    assert either[1].startswith("p95 at most 10% and 0.5 away from that of")


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_the_query_and_its_companion_are_asked_on_the_grid_of_bins_now_and_in_the_past() -> None:
    past = (STARTED - 7 * DAY - WINDOW * BIN, STARTED, BIN)
    queries = {(query.expr, (query.start, query.end, query.step)) for query in plan(context()).queries}
    value, companion = 'sum(x{namespace="shop"})', 'count(count_over_time(x{namespace="shop"}[120s]))'
    newest = (STARTED + BIN, NOW - 300, BIN)
    assert queries == {(value, newest), (companion, newest), (value, past), (companion, past)}


def test_the_past_is_asked_in_the_same_words_at_every_visit() -> None:
    first, later = plan(context()), plan(context(NOW + 5 * DAY + 17))
    assert first.past == later.past


def test_bins_that_read_the_old_release_or_what_was_before_a_hotfix_do_not_count() -> None:
    wide = replace(CRITERION, kind=BaselineKind("sum(rate(x[30m]))", 1800))
    assert plan(context(), criterion=wide).times.start == STARTED + 1800
    assert plan(context(started_at=STARTED + 60), criterion=wide).times.start == STARTED + 3600
    assert plan(context(floor=NOW - 9000), criterion=wide).times.start == NOW - 9000 + 1800


def test_the_next_visit_reads_the_window_and_what_is_new() -> None:
    state = visit(by_expression(fine)).state
    times = plan(context(NOW + 3600), state).times
    assert (times.start, times[-1]) == (NOW - 300 - (WINDOW - 1) * BIN, NOW + 3600 - 300)


def test_before_the_first_bin_nothing_is_asked() -> None:
    wide = replace(CRITERION, kind=BaselineKind("sum(rate(x[30m]))", 1800))
    reading = plan(context(STARTED + 600), criterion=wide)
    found = evaluate_baseline(reading, {})
    assert reading.queries == ()
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "WarmingUp")
    assert found.state.final_through == STARTED + 570


# --- the verdict -----------------------------------------------------------------------------------------------------


def test_what_is_as_before_is_met_and_says_with_what_it_was_compared() -> None:
    found = visit(by_expression(fine))
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.MET, "WithinBaseline")
    assert found.judgement.message == (
        "p95 of the last 6h is 16; the median of 7 references is 16, so at most 17.6 is allowed"
    )
    assert (found.judgement.met_for_seconds, found.judgement.remaining_seconds) == (6 * 3600, 0)
    assert found.judgement.coverage == 1.0
    assert found.judgement.last == Measured(16, "", NOW - 300)
    assert found.state.compared == Comparison(16, 16, -inf, 16 + 16 * 0.1, 7)


def test_what_has_become_worse_is_unmet() -> None:
    found = visit(by_expression(worse_after(STARTED, 1.2)))
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNMET, "OutsideBaseline")
    assert found.judgement.message.startswith("p95 of the last 6h is 19.2; the median of 7 references is 16")
    assert (found.judgement.met_for_seconds, found.judgement.remaining_seconds) == (0, 6 * 3600)


@pytest.mark.parametrize(
    ("direction", "by", "verdict", "says"),
    [
        ("Decrease", 1.2, "Met", "so at least 14.4 is needed"),
        ("Decrease", 0.8, "Unmet", "so at least 14.4 is needed"),
        ("Increase", 0.8, "Met", "so at most 17.6 is allowed"),
        ("Either", 0.8, "Unmet", "so at most 17.6 and at least 14.4 are allowed"),
        ("Either", 1.2, "Unmet", "so at most 17.6 and at least 14.4 are allowed"),
        ("Either", 1.05, "Met", "so at most 17.6 and at least 14.4 are allowed"),
    ],
)
def test_directions(direction: str, by: float, verdict: str, says: str) -> None:
    found = visit(by_expression(worse_after(STARTED, by)), criterion=changed(direction=Direction(direction)))
    assert found.judgement.verdict.value == verdict
    assert says in found.judgement.message


def test_only_the_hours_of_the_day_that_match_are_compared() -> None:
    # Twice as much in the second half of each day: the window lies in one half, and so do its references.
    def halves(time: int) -> float:
        return 20 if (time - NOW) % DAY > DAY / 2 else 10

    assert visit(by_expression(halves)).judgement.verdict is Verdict.MET
    assert visit(by_expression(lambda time: 20 if time > STARTED else halves(time + 43200))).judgement.verdict is (
        Verdict.UNMET
    )


@pytest.mark.parametrize(
    ("after", "reason", "met_for", "remaining"),
    [(600, "Collecting", 600, 21000), (6 * 3600 - 300, "Collecting", 21300, 300)],
)
def test_until_the_window_is_full_nothing_is_compared(after: int, reason: str, met_for: int, remaining: int) -> None:
    found = visit(by_expression(worse_after(STARTED, 5)), context(STARTED + after + 30))
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, reason)
    assert (found.judgement.met_for_seconds, found.judgement.remaining_seconds) == (met_for, remaining)


def absent(*stretches: range, otherwise: Source = fine) -> Source:
    return lambda time: None if any(time in each for each in stretches) else otherwise(time)


def several(time: int) -> Mapping[tuple[str, ...], float]:
    return {("a",): 1.0, ("b",): 2.0}


@pytest.mark.parametrize(
    ("answers", "reason", "says"),
    [
        (by_expression(absent(range(NOW - 600, NOW + 1))), "NoData", "no series"),
        (by_expression(constant(nan)), "NotANumber", "NaN"),
        (by_expression(constant(inf)), "InfiniteValue", "infinite"),
        (by_expression(several), "TooManySeries", "2 series: a baseline compares one, so aggregate the query"),
        (by_expression(fine, absent(range(NOW - 600, NOW + 1))), "ScrapeGap", "no fresh samples"),
        (by_expression(fine, DOWN), "PrometheusUnreachable", "cannot be reached"),
        (by_expression(DOWN), "PrometheusUnreachable", "cannot be reached"),
        # Three bins on end are missing, and only ten minutes may be.
        (by_expression(absent(range(NOW - 3600, NOW - 2700, 1))), "EvidenceGaps", "15m of the last 6h are missing"),
        # Four of 72 are missing, and only 5 % may be.
        (
            by_expression(absent(*(range(NOW - hours * 3600, NOW - hours * 3600 + 1) for hours in (1, 2, 3, 4)))),
            "EvidenceGaps",
            "20m of the last 6h are missing",
        ),
    ],
)
def test_what_is_missing_now_is_unknown(answers: Answers, reason: str, says: str) -> None:
    found = visit(answers)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, reason)
    assert says in found.judgement.message


def test_at_least_fifty_bins_must_be_there_whatever_coverage_asks_for() -> None:
    lenient = replace(CRITERION, coverage=0.5, max_gap_seconds=7200)
    with_50, with_49 = (absent(range(NOW - 9000, NOW - 9000 + count * BIN, BIN)) for count in (22, 23))
    assert visit(by_expression(with_50), criterion=lenient).judgement.verdict is Verdict.MET
    found = visit(by_expression(with_49), criterion=lenient).judgement
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "TooFewBins")
    assert found.message == "49 bins of the window are present, at least 50 are needed"


def test_three_references_are_enough_and_two_are_not() -> None:
    def since(days: int) -> Source:
        return absent(range(NOW - days * DAY - 6 * 3600), otherwise=worse_after(STARTED, 1.2))

    assert visit(by_expression(since(3))).judgement.verdict is Verdict.UNMET
    found = visit(by_expression(since(2))).judgement
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "TooFewReferences")
    assert found.message.startswith("2 of 7 references can be used, at least 3 are needed: 0 of the 72 bins of")


def test_a_reference_with_too_many_holes_is_not_used() -> None:
    nights = [range(NOW - day * DAY - 6 * 3600, NOW - day * DAY - 5 * 3600) for day in (1, 2, 3)]
    found = visit(by_expression(absent(*nights)))
    assert isinstance(found.state.compared, Comparison)
    assert found.state.compared.references == 4


@pytest.mark.parametrize("expression", ["sum(", "count("])
def test_a_past_that_was_not_answered_is_no_missing_past(expression: str) -> None:
    def answers(query: RangeQuery) -> Result:
        if query.start < STARTED and query.expr.startswith(expression):
            return DOWN
        return by_expression(fine)(query)

    assert visit(answers).judgement.reason == "PrometheusUnreachable"


def test_one_stretch_of_the_past_that_was_not_answered_is_none_either() -> None:
    def answers(query: RangeQuery) -> Result:
        found = by_expression(fine)(query)
        if query.start < STARTED and isinstance(found, Answer):
            hole = Unanswered(NOW - 3 * DAY - 3600, NOW - 3 * DAY, QueryFailed(FailureKind.TIMEOUT, "too slow"))
            return replace(found, unanswered=(hole,))
        return found

    assert visit(answers).judgement.reason == "PrometheusTimeout"


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_young_hole_stops_finality_and_completes_nothing() -> None:
    newest = by_expression(absent(range(NOW - 300, NOW - 299)))
    found = visit(newest)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "NoData")
    assert found.state.final_through == NOW - 330
    # Behind a bin that is present the hole is tolerated, as it would be if it stayed, but it is not final yet.
    behind = by_expression(absent(range(NOW - 600, NOW - 599)))
    held = visit(behind, context(NOW - 1))
    assert (held.judgement.verdict, held.state.final_through) == (Verdict.MET, NOW - 630)
    assert visit(behind, context(NOW), held.state).state.final_through == NOW - 30


def test_all_that_is_settled_is_final_between_two_bins_too() -> None:
    assert visit(by_expression(fine), context(NOW + 200)).state.final_through == NOW + 150


def test_an_outage_costs_nothing() -> None:
    state = visit(by_expression(fine)).state
    during = visit(by_expression(DOWN, DOWN), context(NOW + 7200), state)
    assert (during.judgement.reason, during.state) == ("PrometheusUnreachable", state)
    after = visit(by_expression(fine), context(NOW + 7260), during.state)
    assert (after.judgement.verdict, after.state.final_through) == (Verdict.MET, NOW + 7230)


def test_what_asks_for_something_else_starts_anew_and_keeps_its_past() -> None:
    state = visit(by_expression(fine)).state
    for other in (changed(tolerance=0.5), changed(statistic=Statistic.MEAN), changed(direction=Direction.EITHER)):
        found = visit(by_expression(fine), context(NOW + 60), state, other)
        assert (found.judgement.verdict, found.state.floor) == (Verdict.UNKNOWN, NOW + 30)
        assert plan(context(NOW + 60), state, other).past == plan(context()).past


def test_the_state_of_another_kind_starts_anew() -> None:
    found = visit(by_expression(fine), stored=EvidenceState("d", NOW - 60))
    assert (found.judgement.verdict, found.state.floor) == (Verdict.UNKNOWN, NOW - 30)


def test_a_hotfix_restarts_the_window() -> None:
    state = visit(by_expression(fine)).state
    found = visit(by_expression(fine), context(floor=NOW - 3600), state)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "Collecting")


def test_the_history_tells_each_bin_as_if_it_were_the_last() -> None:
    reading = plan(context())
    results = {query: by_expression(worse_after(NOW - 7200, 1.5))(query) for query in reading.queries}
    told = dict(history_baseline(reading, results))
    assert list(told) == list(reading.times)
    for time in (*reading.times[:3], *reading.times[60:]):
        live = visit(by_expression(worse_after(NOW - 7200, 1.5)), context(time + 30))
        assert told[time] == live.judgement
    assert told[reading.times[-1]].verdict is Verdict.UNMET


def test_changes_of_the_verdict_belong_to_the_bin_they_come_with() -> None:
    answers = by_expression(worse_after(NOW - 7200, 1.5))
    first = visit(answers, context(NOW - 7200))
    later = visit(answers, context(), first.state)
    assert [change.verdict for change in later.changes] == [Verdict.MET, Verdict.UNMET]
    told = dict(history_baseline(plan(context()), {query: answers(query) for query in plan(context()).queries}))
    turned = next(time for time, judgement in told.items() if judgement.verdict is Verdict.UNMET)
    assert later.changes[-1].time == turned


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**30), st.lists(st.integers(60, 20_000), max_size=5))
def test_the_same_data_gives_the_same_verdict_however_often_one_looked(seed: int, pauses: list[int]) -> None:
    def noisy(time: int) -> float | None:
        number = (time // BIN * 2654435761 + seed) % 97
        return None if number < 3 else 10 + number / 20

    lenient = replace(CRITERION, coverage=0.8)
    at_once = visit(by_expression(noisy), criterion=lenient)
    state: object = NoEvidence()
    now = STARTED
    for pause in pauses:
        now += pause
        if now < NOW:
            state = visit(by_expression(noisy), context(now), state, lenient).state
    live = visit(by_expression(noisy), context(), state, lenient)
    assert live.judgement == at_once.judgement
    # What was compared last is for people, and whoever looked earlier may have seen an earlier one.
    assert replace(live.state, compared=at_once.state.compared) == at_once.state


# --- the seam and the status -----------------------------------------------------------------------------------------


def test_the_loop_reads_a_baseline_like_every_other_kind() -> None:
    reading = plan_any(CRITERION, NoEvidence(), context())
    results = {query: by_expression(worse_after(NOW - 7200, 1.5))(query) for query in reading.queries}
    outcome, steps = replay(reading, results)
    assert outcome == evaluate(reading, results) == visit(by_expression(worse_after(NOW - 7200, 1.5)))
    assert dict(steps)[NOW - 300] == outcome.judgement


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("floor", [0, NOW - 30_000])
@pytest.mark.parametrize("at", [STARTED + 60, STARTED + 3600, NOW])
def test_storing_the_state_and_reading_it_again_changes_nothing(direction: Direction, floor: int, at: int) -> None:
    state = visit(by_expression(fine), context(at, floor=floor), criterion=changed(direction=direction)).state
    assert read_state(Field("status", render_state(state))) == state


def test_what_people_see_of_a_baseline() -> None:
    found = render_evidence(CRITERION, visit(by_expression(fine)))
    assert (found["kind"], found["last"], found["metFor"]) == ("baseline", 16, "6h")
    assert found["baseline"] == {"references": 7, "median": 16, "upper": 16 + 16 * 0.1}
    assert "gaps" not in found


def test_before_anything_was_compared_the_status_says_so() -> None:
    found = render_evidence(CRITERION, visit(by_expression(fine), context(STARTED + 3600)))
    assert found["baseline"] == {"references": 0}
    assert "last" not in found


def test_a_damaged_status_starts_anew() -> None:
    written = render_state(visit(by_expression(fine)).state)
    assert read_state(Field("status", written | {"baseline": {"references": "many"}})) == NoEvidence()
