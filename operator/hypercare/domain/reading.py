"""The seam between the loop and the evidence: what to ask, and what the answers mean.

Per criterion and visit, with `read` being whatever fetches range queries (each distinct one once, for all periods)::

    reading = plan(criterion, stored, context)          # stored: EvidenceState, or NoEvidence at first
    results = {query: await read(query) for query in reading.queries}
    outcome = evaluate(reading, results)
    outcome.judgement                                   # verdict, reason, message, met_for_seconds, …
    outcome.state                                       # to be stored in status, see evidence_status
    outcome.points                                      # all that were read, final or not

Nothing here reads a clock: `context.now` decides. Everything that was read after the last final point is read again at
the next visit, so late samples still count.

Finality: a point is final once it is older than `delay`, for alerts also not newer than the last evaluation of the
rules. A missing point younger than `maxDelay` stops finality before it, since late data may still fill it. One whose
question was not answered at all (endpoint down, timeout) stops it for as long as that lasts: the data may well be
there, and after the outage the verdict must be the one that a backtest gives.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.conditions import timestamp
from hypercare.domain.criteria import AlertsKind, Criterion, definition_hash
from hypercare.domain.evidence import EvidenceState, Yardstick, fold, yardstick
from hypercare.domain.judgement import Judgement, Tail, Verdict, judge
from hypercare.domain.points import Missing, Point
from hypercare.domain.profile import Evaluation
from hypercare.domain.quiet import (
    NoOverlay,
    OverlayLive,
    OverlayNotLive,
    Questions,
    Subject,
    Watch,
    Whose,
    ask,
    longest_for,
    look_back,
    subjects,
)
from hypercare.domain.quiet_marks import board, mark, newest_heartbeat
from hypercare.domain.samples import RangeQuery, Result
from hypercare.domain.streaks import Streak
from hypercare.domain.tenancy import Tenancy
from hypercare.domain.value_marks import ValueQuestions, ask_values, mark_values_at

MAX_POINTS = 2880
"""How far one visit reads (a day at 30 s). After a longer absence the evidence catches up over several visits."""

OVERLAY_NOT_LIVE = "OverlayNotLive"


@dataclass(frozen=True)
class Context:
    """Everything but the criterion that evidence depends on. Times in Unix seconds.

    Attributes:
        now: The time of this visit.
        evaluation: The grid and its delays.
        tenancy: What a query may read.
        whose: The period and its run.
        started_at: When the window started: what was before it was the old release.
        floor: Only points after it count (a hotfix restarts every streak); 0 for none.
        watch: The alerts of the period.
    """

    now: int
    evaluation: Evaluation
    tenancy: Tenancy
    whose: Whose
    started_at: int
    floor: int
    watch: Watch


@dataclass(frozen=True)
class NoEvidence:
    """Nothing has been stored for this criterion in this run."""


@dataclass(frozen=True)
class AlertQuestions:
    """What is asked for an `alerts` criterion, and about which alerts."""

    chosen: tuple[Subject, ...]
    questions: Questions


@dataclass(frozen=True)
class Waiting:
    """Nothing can be read yet."""

    reason: str
    message: str


@dataclass(frozen=True)
class Reading:
    """What one visit reads for one criterion: the points from `start` through `end` (none if `end` lies before)."""

    criterion: Criterion
    context: Context
    by: Yardstick
    state: EvidenceState
    asked: ValueQuestions | AlertQuestions | Waiting
    start: int
    end: int
    queries: tuple[RangeQuery, ...]

    @property
    def times(self) -> range:
        """The points that are read."""
        return range(self.start, self.end + 1, self.by.step)


@dataclass(frozen=True)
class Outcome:
    """What one visit found out about one criterion."""

    state: EvidenceState
    judgement: Judgement
    points: tuple[Point, ...]


def plan(criterion: Criterion, stored: EvidenceState | NoEvidence, context: Context) -> Reading:
    """Decide what to read for a criterion, going on from what is stored.

    Raises:
        PromQLError: only for a criterion that was not made by `parse_criterion`.
    """
    by = yardstick(criterion, context.evaluation.step)
    asked = _ask(criterion, context)
    state = _state(stored, _definition(criterion, asked, context), context)
    warm_start = context.started_at + _warm_up(asked)
    if isinstance(asked, AlertQuestions) and isinstance(context.watch.recording, OverlayLive):
        warm_start = max(warm_start, context.watch.recording.since + _warm_up(asked))
    first = _align_up(warm_start, by.step)
    if state.final_through < first - by.step:
        # The list of marks has no gaps in time, so one that ends too early is of no use.
        emptied = (Streak(floor=each.floor, last_bad=each.last_bad) for each in (state.main, state.regression))
        main, regression = emptied
        state = replace(state, final_through=first - by.step, main=main, regression=regression)
    start = state.final_through + by.step
    end = min(_align_down(context.now, by.step), start + (MAX_POINTS - 1) * by.step)
    if start > end and context.now < first and not isinstance(asked, Waiting):
        asked = Waiting(
            "WarmingUp", f"Evidence counts from {timestamp(first)}, when nothing of the old release is read"
        )
    return Reading(criterion, context, by, state, asked, start, end, _queries(asked, (start, end, by.step)))


def evaluate(reading: Reading, results: Mapping[RangeQuery, Result]) -> Outcome:
    """Turn answers into points, final points into state, and all of it into a verdict."""
    if isinstance(reading.asked, Waiting):
        return Outcome(reading.state, _waiting(reading, reading.asked), ())
    points, evaluated_through = _points(reading, {query.expr: result for query, result in results.items()})
    delayed = _align_down(reading.context.now - reading.context.evaluation.delay, reading.by.step)
    final = _final(points, min(delayed, evaluated_through), reading.context)
    state = fold(reading.state, final, reading.by)
    judgement = judge(state, Tail(points[len(final) :], delayed), reading.by)
    if reading.end + reading.by.step <= reading.context.now and judgement.verdict is Verdict.MET:
        message = f"Read through {timestamp(reading.end)} so far, going on"
        judgement = replace(judgement, verdict=Verdict.UNKNOWN, reason="CatchingUp", message=message)
    return Outcome(state, judgement, points)


def _ask(criterion: Criterion, context: Context) -> ValueQuestions | AlertQuestions | Waiting:
    step = context.evaluation.step
    match criterion.kind:
        case AlertsKind() as kind:
            if isinstance(context.watch.recording, OverlayNotLive):
                return Waiting(OVERLAY_NOT_LIVE, "The rules that prove quiet have not been seen live yet")
            chosen = subjects(kind, context.watch)
            return AlertQuestions(chosen, ask(chosen, context.watch, context.whose, context.tenancy, step))
        case kind:
            return ask_values(kind, criterion.active_when, context.tenancy, context.evaluation.freshness)


def _warm_up(asked: ValueQuestions | AlertQuestions | Waiting) -> int:
    match asked:
        case ValueQuestions():
            return asked.look_behind
        case AlertQuestions(chosen, _):
            return longest_for(chosen)
    return 0


def _definition(criterion: Criterion, asked: ValueQuestions | AlertQuestions | Waiting, context: Context) -> str:
    """A hash of what is asked and of the grid. Which alerts are watched changes with the rules and is no part of it."""
    expressions = asked.expressions() if isinstance(asked, ValueQuestions) else ()
    observed = isinstance(criterion.kind, AlertsKind) and isinstance(context.watch.recording, NoOverlay)
    parts = repr((definition_hash(criterion), context.evaluation.step, expressions, observed))
    return hashlib.sha256(parts.encode()).hexdigest()[:12]


def _state(stored: EvidenceState | NoEvidence, definition: str, context: Context) -> EvidenceState:
    settled = _align_down(context.now - context.evaluation.delay, context.evaluation.step)
    match stored:
        case NoEvidence():
            state = EvidenceState(definition, final_through=0)
        case EvidenceState() if stored.definition == definition:
            state = stored
        case EvidenceState():
            state = EvidenceState(definition, final_through=settled).restarted(settled)
    return state.restarted(context.floor)


def _queries(asked: ValueQuestions | AlertQuestions | Waiting, grid: tuple[int, int, int]) -> tuple[RangeQuery, ...]:
    start, end, step = grid
    if start > end:
        return ()
    match asked:
        case ValueQuestions():
            return tuple(RangeQuery(expr, start, end, step) for expr in asked.expressions())
        case AlertQuestions(chosen, questions):
            earlier = _align_up(look_back(chosen), step) + step
            return tuple(RangeQuery(expr, start - earlier, end, step) for expr in questions.expressions())
    return ()


def _points(reading: Reading, results: Mapping[str, Result]) -> tuple[tuple[Point, ...], int]:
    """All points, and through when they can be final as far as the rules of alerts are concerned."""
    match reading.asked:
        case ValueQuestions() as asked if reading.times:
            return mark_values_at(reading.criterion, asked, results, reading.times), reading.end
        case AlertQuestions() as asked if reading.times:
            return _alert_points(reading, asked, results)
    return (), reading.end


def _alert_points(
    reading: Reading, asked: AlertQuestions, results: Mapping[str, Result]
) -> tuple[tuple[Point, ...], int]:
    context, step = reading.context, reading.by.step
    earlier = _align_up(look_back(asked.chosen), step) + step
    times = range(reading.start - earlier, reading.end + 1, step)
    answers = board(asked.questions, results, times, context.watch, (context.whose.namespace, step))
    kind = reading.criterion.kind
    if not isinstance(kind, AlertsKind):
        return (), reading.end
    points = tuple(Point(time, mark(asked.chosen, kind, answers, time)) for time in reading.times)
    if isinstance(context.watch.recording, NoOverlay) or not asked.chosen:
        return points, reading.end
    # Where the rules have stopped for longer than late data may take, the points are missing, and that becomes final.
    given_up = context.now - context.evaluation.max_delay
    return points, max(newest_heartbeat(asked.chosen, answers), given_up)


def _final(points: Sequence[Point], through: int, context: Context) -> tuple[Point, ...]:
    final: list[Point] = []
    for point in points:
        may_fill = point.time > context.now - context.evaluation.max_delay
        if point.time > through:
            break
        if isinstance(point.mark, Missing) and (may_fill or point.mark.unanswered):
            break
        final.append(point)
    return tuple(final)


def _waiting(reading: Reading, waiting: Waiting) -> Judgement:
    remaining = reading.by.rule.points * reading.by.step
    return Judgement(Verdict.UNKNOWN, waiting.reason, waiting.message, 0, remaining)


def _align_down(time: int, step: int) -> int:
    return time - time % step


def _align_up(time: int, step: int) -> int:
    return -(-time // step) * step
