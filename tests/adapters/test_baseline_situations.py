"""What `baseline` makes of nine days of a real Prometheus: history written by promtool, judged as the loop judges."""

import asyncio
import math
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from hypercare.adapters.prometheus import PrometheusSource
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.evidence.context import Context, NoEvidence
from hypercare.domain.evidence.criterion_field import parse_criterion
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.reading import Evaluated, evaluate, plan, replay
from hypercare.domain.fields import Field
from hypercare.domain.profile import Evaluation
from tests.adapters.evidence_visits import judged
from tests.adapters.real_prometheus import History, always, backfill, prometheus
from tests.unit.evidence_contexts import context as any_context

pytestmark = pytest.mark.cluster

HOUR, DAY = 3600, 86400
STARTED = 1_750_000_200
END = STARTED + 7 * HOUR
BEGINNING = STARTED - 8 * DAY
SHOP = {"namespace": "shop"}
EVALUATION = Evaluation(step=30, interval=60, delay=0, freshness=150, max_delay=600)


def noisy_days(factor: float, seed: int) -> Iterator[tuple[int, float]]:
    """Latency with a season and noise that hangs together; `factor` slower from the start on."""
    random, state = Random(seed), 0.0
    for moment in range(BEGINNING, END + 1, 60):
        state = 0.95 * state + math.sqrt(1 - 0.95**2) * random.gauss(0, 1)
        season = 0.4 * math.sin(2 * math.pi * moment / DAY)
        yield moment, 0.1 * math.exp(season + 0.02 * state) * (factor if moment > STARTED else 1)


def history() -> Iterator[History]:
    """Services that changed, or did not, when the run began."""
    for name, factor in {"same": 1.0, "slower": 1.5, "faster": 0.6}.items():
        values = dict(noisy_days(factor, seed=3))
        yield History(f"latency_{name}_seconds", SHOP, values.get, every=60)
    yield History("handled_total", SHOP, handled, every=60)
    values = dict(noisy_days(1.0, seed=3))
    recent = {moment: value for moment, value in values.items() if moment > STARTED - 2 * DAY}
    yield History("latency_young_seconds", SHOP, recent.get, every=60)
    gap = range(END - 2 * HOUR, END - HOUR)
    yield History("latency_gap_seconds", SHOP, lambda m: None if m in gap else values.get(m), every=60)
    for instance in ("a", "b"):
        yield History("latency_twice_seconds", SHOP | {"pod": instance}, values.get, every=60)
    yield History("latency_elsewhere_seconds", {"namespace": "other"}, always(1), every=60)


def handled(moment: int) -> float:
    """A counter that rises by two a second, by one from the start on."""
    return 2.0 * (moment - BEGINNING) - max(0.0, moment - STARTED)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("baseline")
    # What is older than three hours can be written as blocks.
    assert time.time() - 3 * HOUR > END
    backfill(folder, history(), range(BEGINNING, END + 1))
    with prometheus(folder, {}) as running:
        yield running.url


def spec(query: str, **baseline: Any) -> dict[str, Any]:
    return {"baseline": {"query": query, **baseline}, "sustainedFor": "6h"}


def context(now: int = END) -> Context:
    return any_context(now, evaluation=EVALUATION, started_at=STARTED)


def visit(server: str, query: str, **baseline: Any) -> Evaluated:
    return judged(server, spec(query, **baseline), context())


@pytest.mark.parametrize(
    ("query", "baseline", "verdict", "reason"),
    [
        ("max(latency_same_seconds)", {}, Verdict.MET, "WithinBaseline"),
        ("max(latency_same_seconds)", {"direction": "Either"}, Verdict.MET, "WithinBaseline"),
        ("max(latency_slower_seconds)", {}, Verdict.UNMET, "OutsideBaseline"),
        ("max(latency_slower_seconds)", {"statistic": "mean", "direction": "Decrease"}, Verdict.MET, "WithinBaseline"),
        ("max(latency_faster_seconds)", {}, Verdict.MET, "WithinBaseline"),
        ("max(latency_faster_seconds)", {"direction": "Either"}, Verdict.UNMET, "OutsideBaseline"),
        ("sum(rate(handled_total[5m]))", {"direction": "Decrease"}, Verdict.UNMET, "OutsideBaseline"),
        ("sum(rate(handled_total[5m]))", {"direction": "Increase"}, Verdict.MET, "WithinBaseline"),
        # Retention, or a service, that is younger than three days.
        ("max(latency_young_seconds)", {}, Verdict.UNKNOWN, "TooFewReferences"),
        ("max(latency_gap_seconds)", {}, Verdict.UNKNOWN, "EvidenceGaps"),
        ("latency_twice_seconds", {}, Verdict.UNKNOWN, "TooManySeries"),
        ("max(latency_twice_seconds)", {}, Verdict.MET, "WithinBaseline"),
        ("max(latency_elsewhere_seconds)", {}, Verdict.UNKNOWN, "NoData"),
        ("max(latency_same_seconds) / (max(latency_same_seconds) * 0)", {}, Verdict.UNKNOWN, "InfiniteValue"),
    ],
)
def test_a_service_is_compared_with_its_own_past(
    server: str, query: str, baseline: dict[str, Any], verdict: Verdict, reason: str
) -> None:
    found = visit(server, query, **baseline).judgement
    assert (found.verdict, found.reason) == (verdict, reason)


def test_all_seven_days_are_references(server: str) -> None:
    assert "the median of 7 references" in visit(server, "max(latency_same_seconds)").judgement.message


def test_a_replay_tells_what_every_visit_would_have(server: str) -> None:
    criterion = parse_criterion(Field("criterion", {"name": "c", **spec("max(latency_slower_seconds)")}))
    reading = plan(criterion, NoEvidence(), context())

    async def answers() -> dict[Any, Any]:
        source = PrometheusSource(Endpoint(server))
        try:
            return {query: await source.range(query) for query in reading.queries}
        finally:
            source.close()

    results = asyncio.run(answers())
    outcome, steps = replay(reading, results)
    told = dict(steps)
    assert outcome == evaluate(reading, results)
    for now in (STARTED + 3 * HOUR, STARTED + 6 * HOUR, STARTED + 6 * HOUR + 1800):
        assert told[now - now % 300] == judged(server, spec("max(latency_slower_seconds)"), context(now)).judgement
    assert told[max(told)].verdict is Verdict.UNMET
