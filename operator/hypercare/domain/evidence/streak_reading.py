"""Reading the kinds of criteria whose verdict is a streak: `query`, `ratio`, `alerts` and `workload`.

Everything that was read after the last final point is read again at the next visit, so late samples still count. For
alerts no point is final that is newer than the last evaluation of the rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hypercare.domain.evidence.context import MAX_POINTS, Context, Outcome, Waiting, warming_up
from hypercare.domain.evidence.criteria import AlertsKind, Criterion, QueryKind, RatioKind, definition_hash
from hypercare.domain.evidence.fold import EvidenceState, Yardstick, yardstick
from hypercare.domain.evidence.grid import align_down, align_up, final_points, settled_through
from hypercare.domain.evidence.judged_steps import catching_up
from hypercare.domain.evidence.judgement import Step, Tail, judge
from hypercare.domain.evidence.plain_quiet import plainly_quiet
from hypercare.domain.evidence.points import Point
from hypercare.domain.evidence.quiet import (
    NoOverlay,
    OverlayLive,
    OverlayNotLive,
    Questions,
    Subject,
    ask,
    longest_for,
    look_back,
    subjects,
)
from hypercare.domain.evidence.quiet_marks import QUIET, board, mark, newest_heartbeat
from hypercare.domain.evidence.resuming import resumed
from hypercare.domain.evidence.streak_history import streak_history
from hypercare.domain.evidence.streaks import Streak
from hypercare.domain.evidence.value_marks import ValueQuestions, ask_values, mark_values_at
from hypercare.domain.evidence.verdict_history import fold_with_changes, told_early
from hypercare.domain.evidence.workload import WorkloadKind
from hypercare.domain.evidence.workload_marks import WorkloadQuestions, ask_workload, mark_workload_at
from hypercare.domain.samples import RangeQuery, Result

OVERLAY_NOT_LIVE = "OverlayNotLive"


@dataclass(frozen=True)
class AlertQuestions:
    """What is asked for an `alerts` criterion, and about which alerts."""

    chosen: tuple[Subject, ...]
    questions: Questions


Asked = ValueQuestions | AlertQuestions | WorkloadQuestions | Waiting


@dataclass(frozen=True)
class StreakReading:
    """What one visit reads for one criterion: the points from `start` through `end` (none if `end` lies before)."""

    criterion: Criterion
    context: Context
    by: Yardstick
    state: EvidenceState
    asked: Asked
    start: int
    end: int
    queries: tuple[RangeQuery, ...]

    @property
    def times(self) -> range:
        """The points that are read."""
        return range(self.start, self.end + 1, self.by.step)


def plan_streak(criterion: Criterion, stored: object, context: Context) -> StreakReading:
    """Decide what to read, going on from what is stored; what another kind has stored starts anew.

    Raises:
        PromQLError: only for a criterion that was not made by `parse_criterion`.
    """
    by = yardstick(criterion, context.evaluation.step)
    asked = _ask(criterion, context)
    definition = _definition(criterion, asked, context)
    state = resumed(EvidenceState.begun, definition, stored, context).restarted(context.floor)
    warm_start = context.started_at + _warm_up(asked)
    if isinstance(asked, AlertQuestions) and isinstance(context.watch.recording, OverlayLive):
        warm_start = max(warm_start, context.watch.recording.since + _warm_up(asked))
    first = align_up(warm_start, by.step)
    if state.final_through < first - by.step:
        # The list of marks has no gaps in time, so one that ends too early is of no use.
        emptied = (Streak(floor=each.floor, last_bad=each.last_bad) for each in (state.main, state.regression))
        main, regression = emptied
        state = replace(state, final_through=first - by.step, main=main, regression=regression)
    start = state.final_through + by.step
    end = min(align_down(context.now, by.step), start + (MAX_POINTS - 1) * by.step)
    if start > end and context.now < first and not isinstance(asked, Waiting):
        asked = warming_up(first)
    return StreakReading(criterion, context, by, state, asked, start, end, _queries(asked, (start, end, by.step)))


def evaluate_streak(reading: StreakReading, results: Mapping[RangeQuery, Result]) -> Outcome[EvidenceState, Point]:
    """Turn answers into points, final points into state, and all of it into a verdict."""
    if isinstance(reading.asked, Waiting):
        remaining = reading.by.rule.points * reading.by.step
        return Outcome(reading.state, reading.asked.judgement(remaining), ())
    points, evaluated_through = _points(reading, {query.expr: result for query, result in results.items()})
    now, evaluation = reading.context.now, reading.context.evaluation
    delayed = settled_through(now, evaluation, reading.by.step)
    final = final_points(points, min(delayed, evaluated_through), now, evaluation.max_delay)
    state, changes = fold_with_changes(reading.state, final, reading.by)
    tail = Tail(points[len(final) :], delayed)
    judgement = judge(state, tail, reading.by)
    if reading.end + reading.by.step <= now:
        return Outcome(state, catching_up(judgement, reading.end), points, changes)
    return Outcome(state, judgement, points, (*changes, *told_early(state, tail, judgement, reading.by)))


def history_streak(reading: StreakReading, outcome: Outcome[EvidenceState, Point]) -> Iterator[Step]:
    """The judgement after each final point of what was read, where it says something else than before."""
    final = [point for point in outcome.points if point.time <= outcome.state.final_through]
    return streak_history(reading.state, final, reading.by)


def _ask(criterion: Criterion, context: Context) -> Asked:
    step = context.evaluation.step
    match criterion.kind:
        case AlertsKind() as kind:
            if isinstance(context.watch.recording, OverlayNotLive):
                return Waiting(OVERLAY_NOT_LIVE, "The rules that prove quiet have not been seen live yet")
            chosen = subjects(kind, context.watch)
            return AlertQuestions(chosen, ask(chosen, context.watch, context.whose, context.tenancy, step))
        case QueryKind() | RatioKind() as kind:
            return ask_values(kind, criterion.active_when, context.tenancy, context.evaluation.freshness)
        case WorkloadKind():
            gap = criterion.max_gap_seconds
            return ask_workload(context.targets, context.tenancy, context.evaluation, gap)
    raise TypeError(f"{criterion.kind_name} is read elsewhere")


def _warm_up(asked: Asked) -> int:
    match asked:
        case ValueQuestions() | WorkloadQuestions():
            return asked.look_behind
        case AlertQuestions(chosen, _):
            return longest_for(chosen)
    return 0


def _definition(criterion: Criterion, asked: Asked, context: Context) -> str:
    """A hash of what is asked and of the grid. Which alerts are watched changes with the rules and is no part of it."""
    expressions = asked.expressions() if isinstance(asked, ValueQuestions | WorkloadQuestions) else ()
    observed = isinstance(criterion.kind, AlertsKind) and isinstance(context.watch.recording, NoOverlay)
    return definition_hash(criterion, context.evaluation.step, expressions, observed)


def _queries(asked: Asked, grid: tuple[int, int, int]) -> tuple[RangeQuery, ...]:
    start, end, step = grid
    if start > end:
        return ()
    match asked:
        case ValueQuestions() | WorkloadQuestions():
            return tuple(RangeQuery(expr, start, end, step) for expr in asked.expressions())
        case AlertQuestions(chosen, questions):
            earlier = align_up(look_back(chosen), step) + step
            return tuple(RangeQuery(expr, start - earlier, end, step) for expr in questions.expressions())
    return ()


def _points(reading: StreakReading, results: Mapping[str, Result]) -> tuple[tuple[Point, ...], int]:
    """All points, and through when they can be final as far as the rules of alerts are concerned."""
    match reading.asked:
        case ValueQuestions() as asked if reading.times:
            return mark_values_at(reading.criterion, asked, results, reading.times), reading.end
        case WorkloadQuestions() as asked if reading.times and isinstance(reading.criterion.kind, WorkloadKind):
            return mark_workload_at(reading.criterion.kind, asked, results, reading.times), reading.end
        case AlertQuestions() as asked if reading.times:
            return _alert_points(reading, asked, results)
    return (), reading.end


def _alert_points(
    reading: StreakReading, asked: AlertQuestions, results: Mapping[str, Result]
) -> tuple[tuple[Point, ...], int]:
    context, step = reading.context, reading.by.step
    earlier = align_up(look_back(asked.chosen), step) + step
    times = range(reading.start - earlier, reading.end + 1, step)
    answers = board(asked.questions, results, times, context.watch, (context.whose.namespace, step))
    kind = reading.criterion.kind
    if not isinstance(kind, AlertsKind):
        return (), reading.end
    quiet = plainly_quiet(asked.chosen, answers)
    points = tuple(
        Point(time, QUIET if time in quiet else mark(asked.chosen, kind, answers, time)) for time in reading.times
    )
    if isinstance(context.watch.recording, NoOverlay) or not asked.chosen:
        return points, reading.end
    # Where the rules have stopped for longer than late data may take, the points are missing, and that becomes final.
    given_up = context.now - context.evaluation.max_delay
    return points, max(newest_heartbeat(asked.chosen, answers), given_up)
