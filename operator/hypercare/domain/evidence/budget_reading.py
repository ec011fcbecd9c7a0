"""Reading a `slo` criterion: what one visit asks, and what the answers mean.

Everything that was read after the last final point is read again at the next visit, so late samples still count.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from hypercare.domain.evidence.budget import BudgetPoint, BudgetState, Measure, measure, states
from hypercare.domain.evidence.budget_judgement import BudgetTail, judge_budget, verdict_on
from hypercare.domain.evidence.budget_marks import BudgetQuestions, ask_budget, mark_budget_at
from hypercare.domain.evidence.context import MAX_POINTS, Context, Outcome, Waiting, warming_up
from hypercare.domain.evidence.criteria import Criterion, definition_hash
from hypercare.domain.evidence.grid import align_down, align_up, final_points, settled_through
from hypercare.domain.evidence.judged_steps import catching_up, missing_for, outlined, with_changes
from hypercare.domain.evidence.judgement import Step
from hypercare.domain.evidence.resuming import resumed
from hypercare.domain.evidence.slo import SloKind
from hypercare.domain.evidence.streaks import Streak
from hypercare.domain.samples import RangeQuery, Result


@dataclass(frozen=True)
class BudgetReading:
    """What one visit reads for one criterion: the points from `start` through `end` (none if `end` lies before)."""

    criterion: Criterion
    kind: SloKind
    context: Context
    by: Measure
    state: BudgetState
    asked: BudgetQuestions | Waiting
    start: int
    end: int
    queries: tuple[RangeQuery, ...]

    @property
    def times(self) -> range:
        """The points that are read."""
        return range(self.start, self.end + 1, self.by.step)


def plan_budget(criterion: Criterion, kind: SloKind, stored: object, context: Context) -> BudgetReading:
    """Decide what to read, going on from what is stored; what another kind has stored starts anew.

    Raises:
        PromQLError: only for a criterion that was not made by `parse_criterion`.
    """
    step = context.evaluation.step
    asked = ask_budget(kind, criterion.active_when, context.tenancy, context.evaluation.freshness)
    by = measure(criterion, kind, step, context.started_at)
    first = align_up(context.started_at + asked.look_behind, step)
    definition = definition_hash(criterion, step, asked.expressions())
    state = resumed(BudgetState.begun, definition, stored, context).restarted(context.floor, step)
    if state.final_through < first - step:
        state = BudgetState(state.definition, first - step, presence=Streak(floor=state.presence.floor))
    start = state.final_through + step
    end = min(align_down(context.now, step), start + (MAX_POINTS - 1) * step)
    if start > end and context.now < first:
        return BudgetReading(criterion, kind, context, by, state, warming_up(first), start, end, ())
    queries = tuple(RangeQuery(expr, start, end, step) for expr in asked.expressions()) if start <= end else ()
    return BudgetReading(criterion, kind, context, by, state, asked, start, end, queries)


def evaluate_budget(reading: BudgetReading, results: Mapping[RangeQuery, Result]) -> Outcome[BudgetState, BudgetPoint]:
    """Turn answers into points, final points into state, and all of it into a verdict."""
    by, now, evaluation = reading.by, reading.context.now, reading.context.evaluation
    if isinstance(reading.asked, Waiting):
        return Outcome(reading.state, reading.asked.judgement(by.rule.points * by.step), ())
    points = _points(reading, results)
    settled = settled_through(now, evaluation, by.step)
    final = final_points(points, settled, now, evaluation.max_delay)
    state, changes = with_changes(
        reading.state,
        zip(final, states(reading.state, final, by), strict=True),
        partial(verdict_on, by=by),
        partial(judge_budget, tail=BudgetTail(), by=by),
    )
    judgement = judge_budget(state, BudgetTail(points[len(final) :], settled), by)
    if points:
        judgement = missing_for(judgement, points[-1].mark)
    if reading.end + by.step <= now:
        judgement = catching_up(judgement, reading.end)
    return Outcome(state, judgement, points, changes)


def history_budget(reading: BudgetReading, outcome: Outcome[BudgetState, BudgetPoint]) -> Iterator[Step]:
    """The judgement after each final point of what was read, where it says something else than before."""
    return outlined(_judged(reading, [each for each in outcome.points if each.time <= outcome.state.final_through]))


def _judged(reading: BudgetReading, points: Sequence[BudgetPoint]) -> Iterator[Step]:
    for point, state in zip(points, states(reading.state, points, reading.by), strict=True):
        yield point.time, missing_for(judge_budget(state, BudgetTail(), reading.by), point.mark)


def _points(reading: BudgetReading, results: Mapping[RangeQuery, Result]) -> tuple[BudgetPoint, ...]:
    if isinstance(reading.asked, Waiting) or not reading.times:
        return ()
    answers = {query.expr: result for query, result in results.items()}
    return mark_budget_at(reading.criterion, reading.kind, reading.asked, answers, reading.times)
