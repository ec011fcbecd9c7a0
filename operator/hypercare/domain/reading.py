"""The seam between the loop and the evidence: what to ask, and what the answers mean.

Per criterion and visit, with `read` being whatever fetches range queries (each distinct one once, for all periods)::

    reading = plan(criterion, stored, context)          # stored: what is in status, or NoEvidence at first
    results = {query: await read(query) for query in reading.queries}
    outcome = evaluate(reading, results)
    outcome.judgement                                   # verdict, reason, message, met_for_seconds, …
    outcome.state                                       # to be stored in status, see evidence_status
    outcome.points                                      # all that were read, final or not

Nothing here reads a clock: `context.now` decides. Which points are final is in `grid`, how each kind is judged in the
module of the kind.
"""

from collections.abc import Iterator, Mapping

from hypercare.domain.criteria import Criterion
from hypercare.domain.evidence import EvidenceState
from hypercare.domain.evidence_context import Context, NoEvidence, Outcome
from hypercare.domain.grid import GridPoint
from hypercare.domain.samples import RangeQuery, Result
from hypercare.domain.streak_history import Step
from hypercare.domain.streak_reading import StreakReading, evaluate_streak, history_streak, plan_streak

State = EvidenceState
Reading = StreakReading
Evaluated = Outcome[State, GridPoint]


def plan(criterion: Criterion, stored: State | NoEvidence, context: Context) -> Reading:
    """Decide what to read for a criterion, going on from what is stored.

    Raises:
        PromQLError: only for a criterion that was not made by `parse_criterion`.
    """
    return plan_streak(criterion, stored, context)


def evaluate(reading: Reading, results: Mapping[RangeQuery, Result]) -> Evaluated:
    """Turn answers into points, final points into state, and all of it into a verdict."""
    return evaluate_streak(reading, results)


def replay(reading: Reading, results: Mapping[RangeQuery, Result]) -> tuple[Evaluated, Iterator[Step]]:
    """Like `evaluate`; also tells the judgement after each final point, as if that had been the last one.

    Judgements come in the order of their points (Unix seconds). A point that changes nothing may be left out.
    """
    outcome = evaluate_streak(reading, results)
    return outcome, history_streak(reading, outcome)
