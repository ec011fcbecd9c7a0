"""The seam between the loop and the evidence: what to ask, and what the answers mean.

Per criterion and visit, with `read` being whatever fetches range queries (each distinct one once, for all periods)::

    reading = plan(criterion, stored, context)          # stored: what is in status, or NoEvidence at first
    results = {query: await read(query) for query in reading.queries}
    outcome = evaluate(reading, results)
    outcome.judgement                                   # verdict, reason, message, met_for_seconds, …
    outcome.state                                       # to be stored in status, see `status`
    outcome.points                                      # all that were read, final or not

Nothing here reads a clock: `context.now` decides. Which points are final is in `grid`, how each kind is judged in the
module of the kind.
"""

from collections.abc import Iterator, Mapping

from hypercare.domain.evidence.baseline import BaselineKind
from hypercare.domain.evidence.baseline_reading import (
    BaselineReading,
    BaselineState,
    evaluate_baseline,
    history_baseline,
    plan_baseline,
)
from hypercare.domain.evidence.budget import BudgetState
from hypercare.domain.evidence.budget_reading import BudgetReading, evaluate_budget, history_budget, plan_budget
from hypercare.domain.evidence.context import Context, NoEvidence, Outcome
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import EvidenceState
from hypercare.domain.evidence.grid import GridPoint
from hypercare.domain.evidence.judgement import Step
from hypercare.domain.evidence.run_record import RunsState
from hypercare.domain.evidence.runs import RunsKind
from hypercare.domain.evidence.runs_reading import RunsReading, evaluate_runs, history_runs, plan_runs
from hypercare.domain.evidence.slo import SloKind
from hypercare.domain.evidence.streak_reading import StreakReading, evaluate_streak, history_streak, plan_streak
from hypercare.domain.samples import RangeQuery, Result

State = EvidenceState | BudgetState | BaselineState | RunsState
Reading = StreakReading | BudgetReading | BaselineReading | RunsReading
Evaluated = Outcome[State, GridPoint]


def plan(criterion: Criterion, stored: State | NoEvidence, context: Context) -> Reading:
    """Decide what to read for a criterion, going on from what is stored.

    Raises:
        PromQLError: only for a criterion that was not made by `parse_criterion`.
    """
    match criterion.kind:
        case SloKind() as kind:
            return plan_budget(criterion, kind, stored, context)
        case BaselineKind() as kind:
            return plan_baseline(criterion, kind, stored, context)
        case RunsKind() as kind:
            return plan_runs(criterion, kind, stored, context)
    return plan_streak(criterion, stored, context)


def evaluate(reading: Reading, results: Mapping[RangeQuery, Result]) -> Evaluated:
    """Turn answers into points, final points into state, and all of it into a verdict."""
    match reading:
        case BudgetReading():
            return evaluate_budget(reading, results)
        case BaselineReading():
            return evaluate_baseline(reading, results)
        case RunsReading():
            return evaluate_runs(reading, results)
        case StreakReading():
            return evaluate_streak(reading, results)


def replay(reading: Reading, results: Mapping[RangeQuery, Result]) -> tuple[Evaluated, Iterator[Step]]:
    """Like `evaluate`; also tells the judgement after each final point, as if that had been the last one.

    Judgements come in the order of their points (Unix seconds). A point that changes nothing may be left out.
    """
    match reading:
        case BudgetReading():
            budget = evaluate_budget(reading, results)
            return budget, history_budget(reading, budget)
        case BaselineReading():
            return evaluate_baseline(reading, results), history_baseline(reading, results)
        case RunsReading():
            runs = evaluate_runs(reading, results)
            return runs, history_runs(reading, runs)
        case StreakReading():
            streak = evaluate_streak(reading, results)
            return streak, history_streak(reading, streak)
