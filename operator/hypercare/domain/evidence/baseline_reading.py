"""Reading the criterion kind `baseline`: bins of the newest window and of the past, and what they say.

Bins lie on a grid of their own, as wide as what the query reads, and are final by the same rules as points. Nothing is
folded: what is judged are the bins of one window, so the verdict at a bin depends on the data alone, live, after any
absence and in a backtest. The past is asked for in the same words at every visit, so that answers can be kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hypercare.domain.evidence.baseline import BaselineKind, Comparison
from hypercare.domain.evidence.baseline_bins import BaselineQuestions, Bin, ask_baseline, bin_values, bins_at
from hypercare.domain.evidence.baseline_judgement import Judge, Judged, NotCompared
from hypercare.domain.evidence.context import Context, Outcome, warming_up
from hypercare.domain.evidence.criteria import Criterion, definition_hash
from hypercare.domain.evidence.fold import Measured, NotMeasured, Shown
from hypercare.domain.evidence.grid import align_down, align_up, final_points, settled_through
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.resuming import resumed
from hypercare.domain.evidence.verdict_history import VerdictChange
from hypercare.domain.samples import RangeQuery, Result

_LOOKED_THROUGH = 288
"""How many bins at most are looked through for changes of the verdict: a day of the narrowest."""
_NOT_COMPARED = NotCompared()
_NOT_MEASURED = NotMeasured()


@dataclass(frozen=True)
class BaselineState:
    """All that is kept between visits: nothing that the next verdict depends on, but for the floor.

    Attributes:
        definition: Hash of everything that was asked; another one starts anew.
        final_through: Everything up to this time is final (Unix seconds).
        floor: Only bins that read nothing from before it count (Unix seconds); 0 for none.
        compared: The newest comparison, for people.
    """

    definition: str
    final_through: int
    floor: int = 0
    compared: Comparison | NotCompared = _NOT_COMPARED

    @classmethod
    def begun(cls, definition: str, at: int) -> "BaselineState":
        """Nothing yet; only bins that read what was after `at` (Unix seconds) will count."""
        return cls(definition, at, floor=at)

    @property
    def last(self) -> Shown:
        """The newest statistic, for people."""
        return (
            _NOT_MEASURED
            if isinstance(self.compared, NotCompared)
            else Measured(self.compared.current, "", self.final_through)
        )

    @property
    def worst(self) -> Shown:
        """None: bins add up to one statistic."""
        return _NOT_MEASURED


@dataclass(frozen=True)
class BaselineReading:
    """What one visit reads: the bins that end at `times` (none before the first can count), and those at `past`."""

    criterion: Criterion
    kind: BaselineKind
    context: Context
    state: BaselineState
    asked: BaselineQuestions
    first: int
    times: range
    past: range

    @property
    def queries(self) -> tuple[RangeQuery, ...]:
        """What to ask."""
        return (*self.asked.over(self.times), *self.asked.over(self.past)) if self.times else ()


def plan_baseline(criterion: Criterion, kind: BaselineKind, stored: object, context: Context) -> BaselineReading:
    """Decide what to read: the window that ends at the last final bin, everything since, and the past.

    Raises:
        PromQLError: only for a criterion that was not made by `parse_criterion`.
    """
    width, window = kind.bin_seconds, kind.bins(criterion.sustained_seconds)
    asked = ask_baseline(kind, context.tenancy, context.evaluation.freshness)
    definition = definition_hash(criterion, asked.value, asked.coverage)
    state = resumed(BaselineState.begun, definition, stored, context)
    state = replace(state, floor=max(state.floor, context.floor))
    first = align_up(max(context.started_at, state.floor), width) + width
    start = max(first, align_down(state.final_through, width) - (window - 1) * width)
    oldest = align_down(context.started_at - kind.against_seconds, width) - window * width
    return BaselineReading(
        criterion=criterion,
        kind=kind,
        context=context,
        state=state,
        asked=asked,
        first=first,
        times=range(start, settled_through(context.now, context.evaluation, width) + 1, width),
        past=range(oldest, align_down(context.started_at, width) + 1, width),
    )


def evaluate_baseline(reading: BaselineReading, results: Mapping[RangeQuery, Result]) -> Outcome[BaselineState, Bin]:
    """Turn answers into bins, and the windows that end with them into a verdict."""
    state, context = reading.state, reading.context
    if not reading.times:
        judgement = warming_up(reading.first).judgement(reading.criterion.sustained_seconds)
        return Outcome(replace(state, final_through=_through(reading, 0)), judgement, ())
    bins = bins_at(reading.asked, reading.times, results)
    judge = _judge(reading, results)
    final = final_points(bins, reading.times[-1], context.now, context.evaluation.max_delay)
    judged = _worse(judge.judge(bins, len(bins)), judge.judge(bins, len(final)))
    compared = state.compared if isinstance(judged.comparison, NotCompared) else judged.comparison
    through = max(state.final_through, _through(reading, len(final)))
    changes = tuple(_changes(judge, final, state.final_through))
    return Outcome(replace(state, final_through=through, compared=compared), judged.judgement, bins, changes)


def history_baseline(reading: BaselineReading, results: Mapping[RangeQuery, Result]) -> Iterator[tuple[int, Judgement]]:
    """The judgement at each new final bin (Unix seconds), as if it were the last one."""
    if not reading.times:
        return
    now, evaluation = reading.context.now, reading.context.evaluation
    final = final_points(bins_at(reading.asked, reading.times, results), now, now, evaluation.max_delay)
    judge = _judge(reading, results)
    for count, each in enumerate(final, start=1):
        if each.time > reading.state.final_through:
            yield each.time, judge.judge(final, count).judgement


def _judge(reading: BaselineReading, results: Mapping[RangeQuery, Result]) -> Judge:
    past = bin_values(reading.asked, reading.past, results)
    return Judge(reading.criterion, reading.kind, reading.context.started_at, past)


def _worse(settled: Judged, final: Judged) -> Judged:
    """Met needs both windows, so no hole that may still fill up completes it; Unmet is told at once."""
    for verdict in (Verdict.UNMET, Verdict.UNKNOWN):
        for judged in (settled, final):
            if judged.judgement.verdict is verdict:
                return judged
    return final


def _through(reading: BaselineReading, final: int) -> int:
    """Up to when everything is final: all that is settled, or what lies before the first bin that is not."""
    step = reading.context.evaluation.step
    if final < len(reading.times):
        return align_down(reading.times[final] - 1, step)
    return settled_through(reading.context.now, reading.context.evaluation, step)


def _changes(judge: Judge, final: tuple[Bin, ...], told_through: int) -> Iterator[VerdictChange]:
    """The verdict at the last bin of the visit before, and each change since."""
    told = sum(1 for each in final if each.time <= told_through)
    verdict: Verdict | None = None
    for count in range(max(told, len(final) - _LOOKED_THROUGH, 1), len(final) + 1):
        judgement = judge.judge(final, count).judgement
        if judgement.verdict is not verdict:
            verdict = judgement.verdict
            yield VerdictChange(final[count - 1].time, judgement)
