"""A history in memory: implements `hypercare.overlay.preflight.History` and remembers what it was asked."""

import asyncio
from collections.abc import Mapping, Sequence

from hypercare.domain.alerts.preflight import Candidate, NoHistory, Preflight
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.ports import MetricSource

NOTHING = NoHistory("nothing was recorded")


class FakeHistory:
    """Says `found` of every copy, or what `on` says of one with this text in its expression; waits while `held`."""

    def __init__(self, found: Preflight = NOTHING) -> None:
        self.found = found
        self.on: dict[str, Preflight] = {}
        self.asked: list[tuple[Candidate, ...]] = []
        self.ends: list[int] = []
        self.go = asyncio.Event()
        self.go.set()

    async def read(
        self, asked: Sequence[Candidate], before: int, tenancy: Tenancy, source: MetricSource
    ) -> Mapping[str, Preflight]:
        self.asked.append(tuple(asked))
        self.ends.append(before)
        await self.go.wait()
        return {each.rule_id: self._say(each) for each in asked}

    def _say(self, asked: Candidate) -> Preflight:
        return next((found for text, found in self.on.items() if text in asked.expr), self.found)
