"""A Prometheus in memory: implements `hypercare.ports.MetricSource`, remembers what it was asked, and can fail."""

from collections.abc import Callable

from hypercare.domain.alerts.loaded_rules import LoadedResult, LoadedRules, RulesQuery
from hypercare.domain.alerts.overlay import HEARTBEAT, revision_of
from hypercare.domain.samples import Answer, InstantQuery, QueryFailed, RangeQuery, Result, Sample, Series
from hypercare.ports import Body
from tests.unit.prometheus_answers import Source, answer

NEVER = float("inf")


class FakePrometheus:
    """Evaluates the overlay that `rules` returns from `live_from` on, and what `values` says of metrics.

    A metric answers every expression that its name occurs in, so companions of a query are answered like the query.
    `down` is the answer to everything while it is set; `broken` is raised, as no source ever should.
    """

    def __init__(self, rules: Callable[[], Body | None] = lambda: None) -> None:
        self._rules = rules
        self.live_from: float = NEVER
        self.values: dict[str, Source] = {}
        self.down: QueryFailed | None = None
        self.broken: Exception | None = None
        self.loaded: LoadedResult = LoadedRules(())
        self.asked: list[RangeQuery | InstantQuery] = []
        self.asked_rules: list[RulesQuery] = []
        self.closed = False

    def close(self) -> None:
        self.closed = True

    async def range(self, query: RangeQuery) -> Result:
        return self._answer(query, query)

    async def instant(self, query: InstantQuery) -> Result:
        time = int(query.time)
        return self._answer(query, RangeQuery(query.expr, time, time, 1))

    async def rules(self, query: RulesQuery) -> LoadedResult:
        self.asked_rules.append(query)
        return self.down or self.loaded

    def _answer(self, asked: RangeQuery | InstantQuery, query: RangeQuery) -> Result:
        self.asked.append(asked)
        if self.broken is not None:
            raise self.broken
        if self.down is not None:
            return self.down
        if query.expr.startswith(HEARTBEAT):
            return Answer(tuple(self._heartbeats(query)))
        if HEARTBEAT in query.expr and isinstance(asked, InstantQuery):
            first = (Series({}, (Sample(query.start, self.live_from),)),)
            return Answer(first if self.live_from <= query.start else ())
        found = next((source for name, source in self.values.items() if name in query.expr), None)
        return answer(query, found) if found else Answer(())

    def _heartbeats(self, query: RangeQuery) -> list[Series]:
        overlay = self._rules()
        if overlay is None or query.start < self.live_from or revision_of(overlay) not in query.expr:
            return []
        groups = [group["name"] for group in overlay["spec"]["groups"]]
        return [Series({"hypercare_group": name}, (Sample(query.start, query.start),)) for name in groups]
