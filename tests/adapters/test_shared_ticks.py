"""One request per distinct question and tick, counted at the server, however many periods ask."""

import asyncio
from dataclasses import replace

from hypercare.adapters.cache import WatchCache
from hypercare.adapters.prometheus import PrometheusSource, Surroundings
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.objects import PROMETHEUS_RULES
from hypercare.domain.snapshot import Reading
from hypercare.domain.subject import Subject
from hypercare.evidence_reader import EvidenceReader
from tests.adapters.prometheus_server import Parameters, Response, Served, grid, matrix, serving
from tests.unit.lives import ACTIVE, HOUR, QUIET
from tests.unit.loop import Observer
from tests.unit.snapshots import IDENTITY, LIVE_OVERLAY, UNTOLD, resolved

PERIODS = 200
METRICS = ("errors", "latency", "cost", "queue", "restarts")
CRITERIA = [{"name": each, "query": each, "below": 5, "sustainedFor": "10m"} for each in METRICS]
QUICK = {"evaluation": {"step": "30s", "interval": "60s", "delay": "30s", "maxDelay": "2m"}}
SPEC = resolved(QUICK, exitCriteria=CRITERIA)
LIFE = replace(ACTIVE, started_at=QUIET - HOUR)


def healthy(parameters: Parameters) -> Response:
    return matrix([{"metric": {"job": "checkout"}, "values": grid(parameters)}])


def broken(_: Parameters) -> Response:
    return Response(422, b'{"status": "error", "errorType": "bad_data", "error": "too many brackets"}')


class Town:
    """Many periods of one namespace, read by one reader; the visits of a tick take most of it."""

    def __init__(self, url: str) -> None:
        self.reader = EvidenceReader(WatchCache((PROMETHEUS_RULES,), lambda _: None, lambda: 0.0), Observer())
        self.now = QUIET
        self.source = PrometheusSource(Endpoint(url), surroundings=Surroundings(now=lambda: self.now))

    async def tick(self, start: int) -> list[Reading]:
        found: list[Reading] = []
        for second, numbers in enumerate(batched(range(PERIODS), 4)):
            self.now = start + second
            for readings in await asyncio.gather(*(self.visit(number) for number in numbers)):
                found.extend(readings)
        return found

    async def visit(self, number: int) -> tuple[Reading, ...]:
        identity = replace(IDENTITY, name=f"p{number}", uid=f"u{number}")
        subject = Subject(identity, SPEC, LIFE, UNTOLD, 0, self.now)
        return await self.reader.read(subject, LIVE_OVERLAY, {}, self.source)


def batched(numbers: range, size: int) -> list[range]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def distinct(served: Served) -> int:
    return len({tuple(sorted(each.items())) for each in served.asked})


async def test_a_thousand_criteria_ask_each_expression_once_in_a_tick() -> None:
    with serving(healthy) as served:
        town = Town(served.url)
        for number in (1, 2, 3):
            found = await town.tick(QUIET + number * 60)
            assert len(found) == PERIODS * len(METRICS) == 1000
            assert {each.judgement.verdict for each in found} == {Verdict.MET}
            # The expression and its companion.
            assert len(served.asked) == distinct(served) == number * 2 * len(METRICS)
        town.source.close()


async def test_an_expression_that_is_refused_is_asked_once_in_a_tick_too() -> None:
    with serving(broken) as served:
        town = Town(served.url)
        found = await town.tick(QUIET)
        town.source.close()
    assert {each.judgement.verdict for each in found} == {Verdict.UNKNOWN}
    assert len(served.asked) == distinct(served) == 2 * len(METRICS)
