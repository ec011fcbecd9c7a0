"""Backtests for tests: a history in memory, read as the command reads it, and the loop's visits over the same."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypercare.adapters.credentials import ANONYMOUS
from hypercare.cli.backtest.input import BacktestInput
from hypercare.cli.backtest.reader import History, read_histories
from hypercare.cli.progress import Progress
from hypercare.domain.backtest.criterion import Span
from hypercare.domain.evidence.context import Context, NoEvidence
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.judgement import Judgement
from hypercare.domain.evidence.quiet import NoOverlay, Watch, Whose
from hypercare.domain.evidence.reading import State, evaluate, plan
from hypercare.domain.period import Resolved, resolve
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import RangeQuery, Result
from hypercare.domain.snapshot import Identity
from tests.unit.prometheus_answers import Source, answer

START = 1_800_000_000
STEP = 30


class Recorded:
    """A Prometheus that answers each metric by a function of time; companions are answered like the query."""

    def __init__(self, metrics: Mapping[str, Source]) -> None:
        self._metrics = metrics

    async def range(self, query: RangeQuery) -> Result:
        return self.answer(query)

    def answer(self, query: RangeQuery) -> Result:
        """What `range` answers."""
        source = next(source for name, source in self._metrics.items() if name in query.expr)
        return answer(query, source, labels=("pod",))

    async def instant(self, query: object) -> Result:
        raise AssertionError("a backtest asks for ranges only")


def resolved(
    criteria: Sequence[Mapping[str, Any]], evaluation: Mapping[str, Any] | None = None, **spec: Any
) -> Resolved:
    """A period with these criteria, merged with a profile of this evaluation."""
    period = {
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {
            "release": {"version": "2.4.0"},
            "targets": [{"kind": "Deployment", "name": "checkout"}],
            "exitCriteria": list(criteria),
            **spec,
        },
    }
    profile = {"spec": {"prometheus": {"url": "http://p"}, "evaluation": dict(evaluation or {})}}
    found = resolve(period, profile)
    assert isinstance(found, Resolved), found
    return found


def given(period: Resolved, seconds: int) -> BacktestInput:
    """A backtest from START on."""
    span = Span(START, START + seconds)
    return BacktestInput(
        identity=Identity("shop", "checkout", "backtest", 1),
        resolved=period,
        credentials=ANONYMOUS,
        context=context(without_delays(period), span.end),
        span=span,
        has_rules=False,
        notes=(),
    )


def context(period: Resolved, now: int) -> Context:
    """What evidence depends on at a visit."""
    return Context(
        now=now,
        evaluation=period.profile.evaluation,
        tenancy=Tenancy("namespace", "shop"),
        whose=Whose("shop", "checkout", "backtest"),
        started_at=START,
        floor=0,
        watch=Watch((), NoOverlay()),
    )


def histories(asked: BacktestInput, metrics: Mapping[str, Source]) -> tuple[History, ...]:
    """Read all criteria as the command does."""
    names = [each.name for each in asked.resolved.spec.criteria]
    progress = Progress(names, asked.span.start, asked.span.end, clock=lambda: 0.0)
    return asyncio.run(read_histories(asked, Recorded(metrics), progress))


class Visits:
    """What the loop says of each criterion, visit after visit; samples are there as soon as they are taken."""

    def __init__(self, period: Resolved, metrics: Mapping[str, Source]) -> None:
        self._period = period
        self._source = Recorded(metrics)
        self._stored: dict[str, State | NoEvidence] = {}

    def at(self, visit: int) -> list[Judgement]:
        """Visit once (Unix seconds, never going back)."""
        return [self._judge(criterion, visit) for criterion in self._period.spec.criteria]

    def _judge(self, criterion: Criterion, visit: int) -> Judgement:
        reading = plan(criterion, self._stored.get(criterion.name, NoEvidence()), context(self._period, visit))
        outcome = evaluate(reading, {query: self._source.answer(query) for query in reading.queries})
        self._stored[criterion.name] = outcome.state
        return outcome.judgement


def without_delays(period: Resolved) -> Resolved:
    """The same, with all points final at once."""
    evaluation = replace(period.profile.evaluation, delay=0, max_delay=0)
    return replace(period, profile=replace(period.profile, evaluation=evaluation))
