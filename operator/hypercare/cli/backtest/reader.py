"""Reading the history of criteria: chunk by chunk, as the loop catches up after an absence, all criteria at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypercare.cli.backtest.input import BacktestInput
from hypercare.cli.failures import CommandFailed
from hypercare.cli.progress import Progress
from hypercare.domain.backtest.bound_choice import Seen, can_choose, see
from hypercare.domain.backtest.criterion import Trace
from hypercare.domain.evidence.context import Context, NoEvidence, Waiting
from hypercare.domain.evidence.criteria import AlertsKind, Criterion, Regression
from hypercare.domain.evidence.grid import GridPoint
from hypercare.domain.evidence.judgement import Judgement, Regressed, Step, Verdict
from hypercare.domain.evidence.points import Point
from hypercare.domain.evidence.reading import Evaluated, Reading, State, plan, replay
from hypercare.domain.evidence.streak_reading import StreakReading
from hypercare.domain.evidence.verdict_history import CATCHING_UP
from hypercare.domain.samples import ENDPOINT_FAILURES, Answer, QueryFailed, RangeQuery, Result
from hypercare.ports import MetricSource

RULES_NOT_GIVEN = "RulesNotGiven"
"""The one reason that only a backtest has."""
_WITHOUT_RULES = Waiting(RULES_NOT_GIVEN, "Which alerts must be quiet is not known: pass their rules with --rules")
_NO_POINT = Waiting("WarmingUp", "Warming up: no range may reach back behind the start")


# Without a `repr`: asyncio.run makes that of its result, in a message that nobody sees, and here that takes seconds.
@dataclass(frozen=True, repr=False)
class History:
    """What was read for one criterion: what was said, the final points, and what other bounds would need of them."""

    trace: Trace
    points: tuple[GridPoint, ...]
    seen: tuple[Seen, ...]


async def read_histories(given: BacktestInput, source: MetricSource, progress: Progress) -> tuple[History, ...]:
    """Read the history of every criterion.

    Raises:
        CommandFailed: Prometheus did not answer.
    """
    criteria = given.resolved.spec.criteria
    return tuple(await asyncio.gather(*(_read(each, given, source, progress) for each in criteria)))


async def _read(criterion: Criterion, given: BacktestInput, source: MetricSource, progress: Progress) -> History:
    if isinstance(criterion.kind, AlertsKind) and not given.has_rules:
        return History(_trace(criterion, [], given.span.end, (), _WITHOUT_RULES), (), ())
    collected = _Collected(criterion)
    stored: State | NoEvidence = NoEvidence()
    while True:
        reading, outcome = await collected.chunk(stored, given.context, source)
        progress.through(criterion.name, _end(reading, given.context))
        if outcome.judgement.reason != CATCHING_UP:
            return collected.history()
        stored = outcome.state


class _Collected:
    """What the chunks of one criterion have given so far."""

    def __init__(self, criterion: Criterion) -> None:
        self._criterion = criterion
        self._steps: list[Step] = []
        self._points: list[GridPoint] = []
        self._seen: list[Seen] = []

    async def chunk(
        self, stored: State | NoEvidence, context: Context, source: MetricSource
    ) -> tuple[Reading, Evaluated]:
        """Read on from what is stored."""
        reading = plan(self._criterion, stored, context)
        results = await _ask(reading.queries, source)
        self._refuse(results)
        outcome, steps = replay(reading, results)
        self._steps += steps
        self._freshen(outcome)
        final = [point for point in outcome.points if point.time <= outcome.state.final_through]
        self._points += final
        if isinstance(reading, StreakReading) and can_choose(self._criterion):
            self._seen += see(reading, [point for point in final if isinstance(point, Point)], results)
        return reading, outcome

    def _freshen(self, outcome: Evaluated) -> None:
        """What was said last is said again with the numbers of the last point."""
        through, said = outcome.state.final_through, outcome.judgement
        if self._steps and _says(self._steps[-1][1]) == _says(said):
            self._steps.append((through, said))

    def _refuse(self, results: Mapping[RangeQuery, Result]) -> None:
        """What was not answered at all may well be there: a verdict without it would be a guess."""
        for result in results.values():
            match result:
                case QueryFailed() as failure if failure.kind in ENDPOINT_FAILURES:
                    raise CommandFailed(f"criterion {self._criterion.name}: {failure.message}")
                case Answer(unanswered=holes):
                    for hole in holes:
                        if hole.failure.kind in ENDPOINT_FAILURES:
                            raise CommandFailed(f"criterion {self._criterion.name}: {hole.failure.message}")

    def history(self) -> History:
        """Everything."""
        through = self._points[-1].time if self._points else 0
        missing = tuple(point.time for point in self._points if point.missing)
        trace = _trace(self._criterion, self._steps, through, missing, _NO_POINT)
        return History(trace, tuple(self._points), tuple(self._seen))


def _trace(
    criterion: Criterion, steps: Sequence[Step], through: int, missing: tuple[int, ...], before: Waiting
) -> Trace:
    return Trace(
        criterion=criterion,
        before=replace(before.judgement(criterion.sustained_seconds), regressed=_not_known(criterion)),
        steps=tuple(steps),
        missing=missing,
        final_through=through,
    )


def _says(judgement: Judgement) -> tuple[Verdict, str, Regressed]:
    return judgement.verdict, judgement.reason, judgement.regressed


def _not_known(criterion: Criterion) -> Regressed:
    return Regressed.UNKNOWN if isinstance(criterion.regression, Regression) else Regressed.NOT_ASKED


def _end(reading: Reading, context: Context) -> int:
    return max((query.end for query in reading.queries), default=context.now)


async def _ask(queries: Sequence[RangeQuery], source: MetricSource) -> Mapping[RangeQuery, Result]:
    return dict(zip(queries, await asyncio.gather(*(source.range(query) for query in queries)), strict=True))
