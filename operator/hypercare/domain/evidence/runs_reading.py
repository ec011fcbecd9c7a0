"""Reading a `runs` criterion: what one visit asks of kube-state-metrics, and what the answers mean.

Everything that was read after the last final point is read again at the next visit, so late samples still count.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from hypercare.domain.evidence.context import MAX_POINTS, Context, Outcome
from hypercare.domain.evidence.criteria import Criterion, definition_hash
from hypercare.domain.evidence.grid import align_down, align_up, final_points, settled_through
from hypercare.domain.evidence.judged_steps import catching_up, missing_for, outlined, with_changes
from hypercare.domain.evidence.judgement import Step
from hypercare.domain.evidence.resuming import resumed
from hypercare.domain.evidence.run_marks import RunQuestions, ask_runs, mark_runs_at
from hypercare.domain.evidence.run_record import RunRule, RunsPoint, RunsState, states
from hypercare.domain.evidence.runs import RunsKind
from hypercare.domain.evidence.runs_judgement import RunsTail, judge_runs, verdict_on
from hypercare.domain.samples import RangeQuery, Result


@dataclass(frozen=True)
class RunsReading:
    """What one visit reads for one criterion: the points from `start` through `end` (none if `end` lies before)."""

    criterion: Criterion
    context: Context
    rule: RunRule
    state: RunsState
    asked: RunQuestions
    start: int
    end: int

    @property
    def times(self) -> range:
        """The points that are read."""
        return range(self.start, self.end + 1, self.rule.step)

    @property
    def queries(self) -> tuple[RangeQuery, ...]:
        """What to ask."""
        expressions = self.asked.expressions() if self.times else ()
        return tuple(RangeQuery(expr, self.start, self.end, self.rule.step) for expr in expressions)


def plan_runs(criterion: Criterion, kind: RunsKind, stored: object, context: Context) -> RunsReading:
    """Decide what to read, going on from what is stored; what another kind has stored starts anew."""
    step = context.evaluation.step
    asked = ask_runs(kind, context.tenancy, context.evaluation.freshness)
    definition = definition_hash(criterion, step, asked.expressions())
    state = resumed(RunsState.begun, definition, stored, context).restarted(context.floor)
    before = align_up(context.started_at, step) - step
    if state.final_through < before:
        state = RunsState(state.definition, before, floor=state.floor, last_seen=before)
    start = state.final_through + step
    end = min(align_down(context.now, step), start + (MAX_POINTS - 1) * step)
    rule = RunRule(kind, step, criterion.max_gap_seconds, context.started_at)
    return RunsReading(criterion, context, rule, state, asked, start, end)


def evaluate_runs(reading: RunsReading, results: Mapping[RangeQuery, Result]) -> Outcome[RunsState, RunsPoint]:
    """Turn answers into points, final points into state, and all of it into a verdict."""
    rule, now, evaluation = reading.rule, reading.context.now, reading.context.evaluation
    answers = {query.expr: result for query, result in results.items()}
    points = mark_runs_at(rule.kind, reading.asked, answers, reading.times) if reading.times else ()
    settled = settled_through(now, evaluation, rule.step)
    final = final_points(points, settled, now, evaluation.max_delay)
    state, changes = with_changes(
        reading.state,
        zip(final, states(reading.state, final, rule), strict=True),
        partial(verdict_on, rule=rule),
        partial(judge_runs, tail=RunsTail(), rule=rule),
    )
    judgement = judge_runs(state, RunsTail(points[len(final) :], settled), rule)
    if points:
        judgement = missing_for(judgement, points[-1].mark)
    if reading.end + rule.step <= now:
        judgement = catching_up(judgement, reading.end)
    return Outcome(state, judgement, points, changes)


def history_runs(reading: RunsReading, outcome: Outcome[RunsState, RunsPoint]) -> Iterator[Step]:
    """The judgement after each final point of what was read, where it says something else than before."""
    return outlined(_judged(reading, [each for each in outcome.points if each.time <= outcome.state.final_through]))


def _judged(reading: RunsReading, points: Sequence[RunsPoint]) -> Iterator[Step]:
    for point, state in zip(points, states(reading.state, points, reading.rule), strict=True):
        yield point.time, missing_for(judge_runs(state, RunsTail(), reading.rule), point.mark)
