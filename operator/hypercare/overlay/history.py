"""Reading the history before a run: how far each alert may be tightened without having been noise before the release.

What is asked and what follows from it is pure (`domain.alerts.rehearsal`); here it is asked, a few questions at a time
and for one period after the other, so that evidence gets its turn at the same endpoint, also when a thousand periods
begin at once. Each question is asked once per reading. The source divides long ranges into requests that Prometheus
accepts.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from weakref import WeakValueDictionary

from hypercare.domain.alerts.history import Moment
from hypercare.domain.alerts.preflight import Candidate, NoHistory, Preflight
from hypercare.domain.alerts.rehearsal import rehearse
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Answer, RangeQuery, Result
from hypercare.ports import MetricSource

READ_SECONDS = 60.0
"""What is not reached by then is left for another time: the caller must not wait for an endpoint in trouble."""
AT_A_TIME = 4
"""Questions under way at an endpoint; the source has twice as many places."""
_NOT_IN_TIME = NoHistory(f"its history was not read within {READ_SECONDS:g}s", again=True)

Group = Sequence[Candidate]


class HistoryReader:
    """Tries copies on history."""

    def __init__(self) -> None:
        # Each lock is there for as long as somebody reads or waits.
        self._turns: WeakValueDictionary[MetricSource, asyncio.Lock] = WeakValueDictionary()

    async def read(
        self, asked: Sequence[Candidate], before: int, tenancy: Tenancy, source: MetricSource
    ) -> Mapping[str, Preflight]:
        """The verdict on each candidate, by rule id.

        Args:
            asked: The alerts to be tried; each rule id once.
            before: The start of the run in Unix seconds. History ends there, so a restart finds the same.
            tenancy: Where the series of the period's namespace are: expressions are confined to it.
            source: Where to ask. Whatever it cannot answer becomes `NoHistory`; nothing is raised.
        """
        turn = self._turns.setdefault(source, asyncio.Lock())
        async with turn:
            return await _read(asked, Moment(before, tenancy), source)


async def _read(asked: Sequence[Candidate], moment: Moment, source: MetricSource) -> Mapping[str, Preflight]:
    questions = _Questions(source)
    verdicts: dict[str, Preflight] = {}
    groups = iter(_alike(asked))
    work = [
        asyncio.create_task(_examine(groups, moment, questions, verdicts)) for _ in range(min(AT_A_TIME, len(asked)))
    ]
    try:
        if work:
            done, _ = await asyncio.wait(work, timeout=READ_SECONDS)
            for each in done:
                each.result()
    finally:
        for each in work:
            each.cancel()
        questions.close()
    return {each.rule_id: verdicts.get(each.rule_id, _NOT_IN_TIME) for each in asked}


class _Questions:
    """What has been asked in one reading. Long answers are kept for as long as alerts need them that are alike."""

    def __init__(self, source: MetricSource) -> None:
        self._source = source
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._asked: dict[RangeQuery, asyncio.Task[Result]] = {}

    async def ask(self, queries: Iterable[RangeQuery]) -> Mapping[RangeQuery, Result]:
        """The results."""
        queries = tuple(queries)
        for query in queries:
            if query not in self._asked:
                self._asked[query] = asyncio.create_task(self._result(query))
        return {query: await self._asked[query] for query in queries}

    def forget(self, queries: Iterable[RangeQuery]) -> None:
        """Drop the answers of more than one series: others may ask for the same counts, not for the same instances."""
        for query in queries:
            match self._asked[query].result() if query in self._asked else None:
                case Answer(series) if len(series) > 1:
                    del self._asked[query]

    def close(self) -> None:
        """Wait for no answer any more."""
        for task in self._asked.values():
            task.cancel()

    async def _result(self, query: RangeQuery) -> Result:
        async with self._places:
            return await self._source.range(query)


def _alike(asked: Sequence[Candidate]) -> Iterable[Group]:
    """Alerts of one expression and interval, which ask the same."""
    groups: dict[tuple[str, int], list[Candidate]] = defaultdict(list)
    for each in asked:
        groups[each.expr, each.interval_seconds].append(each)
    return groups.values()


async def _examine(
    groups: Iterator[Group], moment: Moment, questions: _Questions, verdicts: dict[str, Preflight]
) -> None:
    """Reach verdicts on one group after the other, until none is left."""
    for group in groups:
        used: set[RangeQuery] = set()
        for candidate in group:
            verdicts[candidate.rule_id] = await _verdict(candidate, moment, questions, used)
            # What is known already is not waited for, and others want their turn.
            await asyncio.sleep(0)
        questions.forget(used)


async def _verdict(candidate: Candidate, moment: Moment, questions: _Questions, used: set[RangeQuery]) -> Preflight:
    making = rehearse(candidate, moment)
    try:
        wanted = next(making)
        while True:
            used.update(wanted)
            wanted = making.send(await questions.ask(wanted))
    except StopIteration as reached:
        verdict: Preflight = reached.value
        return verdict
