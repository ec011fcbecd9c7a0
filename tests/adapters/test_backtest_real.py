"""A backtest against a real Prometheus says what the loop would have said there, visit by visit, and in the end."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.adapters.prometheus import PrometheusSource
from hypercare.cli.backtest.command import BacktestArguments
from hypercare.cli.backtest.input import BacktestInput, read_input
from hypercare.cli.backtest.reader import History as Read
from hypercare.cli.backtest.reader import read_histories
from hypercare.cli.progress import Progress
from hypercare.domain.backtest.criterion import seen_by
from hypercare.domain.evidence.context import NoEvidence
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.reading import State, evaluate, plan
from hypercare.domain.timestamps import timestamp
from tests.adapters.real_prometheus import History, backfill, prometheus
from tests.unit.kubectl_hypercare import run

pytestmark = pytest.mark.cluster

START = 1_750_000_200
END = START + 4 * 3600
SHOP = {"namespace": "shop"}
GAP = range(START + 10005, START + 10590)
SLOW = range(START + 1500, START + 1560)
FLASH = range(START + 5000, START + 5040)


def scraped(value: Callable[[int], float]) -> Callable[[int], float | None]:
    return lambda moment: None if moment in GAP else value(moment)


def requests(moment: int) -> float:
    return (moment - START + 3600) * 10.0


def failures(moment: int) -> float:
    """One in a thousand, and every second request in five minutes of it."""
    burst = min(300, max(0, moment - START - 4000))
    return (moment - START + 3600) * 0.01 + burst * 5.0


HISTORY = (
    History("http_requests_total", SHOP | {"code": "200"}, scraped(requests)),
    History("http_requests_total", SHOP | {"code": "500"}, scraped(failures)),
    History("latency_seconds", SHOP, scraped(lambda moment: 0.9 if moment in SLOW else 0.2)),
    History("latency_seconds", {"namespace": "other"}, lambda _: 99.0),
    History("queue", SHOP, scraped(lambda _: 7.0)),
    History(
        "ALERTS",
        SHOP | {"alertname": "Stuck", "severity": "critical", "alertstate": "firing"},
        lambda moment: 1.0 if moment in FLASH else None,
        every=5,
    ),
)
ERRORS = 'http_requests_total{code="500"}'
CRITERIA: list[dict[str, Any]] = [
    {
        "name": "errors",
        "ratio": {"errors": f"sum(rate({ERRORS}[2m]))", "total": "sum(rate(http_requests_total[2m]))"},
        "below": 0.02,
        "sustainedFor": "10m",
        "regression": {"above": 0.2, "for": "1m"},
    },
    {"name": "latency", "query": "max(latency_seconds)", "below": 0.5, "sustainedFor": "15m"},
    {"name": "quiet", "alerts": {"severities": ["critical"]}, "sustainedFor": "10m"},
    {
        "name": "budget",
        "slo": {
            "objective": 99,
            "errors": f"sum(rate({ERRORS}[2m]))",
            "total": "sum(rate(http_requests_total[2m]))",
            "over": "1h",
        },
    },
]
RULES = {
    "groups": [
        {"name": "g", "rules": [{"alert": "Stuck", "expr": "queue > 100", "labels": {"severity": "critical"}}]},
    ]
}
PERIOD = {
    "kind": "HypercarePeriod",
    "metadata": {"name": "checkout", "namespace": "shop"},
    "spec": {
        "release": {"version": "2.4.0"},
        "targets": [{"kind": "Deployment", "name": "checkout"}],
        "window": {"duration": "3h", "extension": {"by": "30m", "limit": 1}},
        "stages": [{"name": "only", "strength": 50, "minDuration": "10m"}],
        "relax": {"step": 25, "every": "5m"},
        "protection": {"alerts": {"from": [{"selector": {}}]}},
        "exitCriteria": CRITERIA,
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    backfill(folder, HISTORY, range(START - 900, END + 1))
    with prometheus(folder, {}) as running:
        yield running.url


@pytest.fixture(scope="module")
def asked(server: str, tmp_path_factory: pytest.TempPathFactory) -> BacktestArguments:
    folder = tmp_path_factory.mktemp("files")
    return BacktestArguments(
        files=[written(folder, "period.yaml", PERIOD)],
        prometheus=server,
        start=timestamp(START),
        end=timestamp(END),
        rules=[written(folder, "rules.yaml", RULES)],
    )


def written(folder: Path, name: str, document: Mapping[str, Any]) -> str:
    (folder / name).write_text(yaml.safe_dump(dict(document)))
    return str(folder / name)


async def read(given: BacktestInput) -> tuple[Read, ...]:
    source = PrometheusSource(given.resolved.profile.endpoint)
    try:
        return await read_histories(given, source, Progress([], START, END))
    finally:
        source.close()


async def visit(given: BacktestInput, criterion: Criterion, moments: Sequence[int]) -> dict[int, Judgement]:
    """What the loop says of a criterion, visit after visit, at a server that has the samples up to each of them."""
    source = PrometheusSource(given.resolved.profile.endpoint)
    stored: State | NoEvidence = NoEvidence()
    said = {}
    try:
        for moment in moments:
            context = replace(given.context, now=moment, evaluation=given.resolved.profile.evaluation)
            reading = plan(criterion, stored, context)
            answers = await asyncio.gather(*(source.range(query) for query in reading.queries))
            outcome = evaluate(reading, dict(zip(reading.queries, answers, strict=True)))
            stored, said[moment] = outcome.state, outcome.judgement
        return said
    finally:
        source.close()


@pytest.mark.parametrize("name", [criterion["name"] for criterion in CRITERIA])
def test_at_every_visit_it_says_what_the_loop_says(asked: BacktestArguments, name: str) -> None:
    given = read_input(asked, END + 3600)
    evaluation = given.resolved.profile.evaluation
    (trace,) = [each.trace for each in asyncio.run(read(given)) if each.trace.criterion.name == name]
    # Not on the grid, and not at one distance.
    moments = [START + offset + offset % 7 for offset in range(40, END - START - 10, 97)]
    live = asyncio.run(visit(given, trace.criterion, [*moments, END]))
    seen = {moment: seen_by(trace, moment, evaluation) for moment in live}
    assert {moment: each.verdict for moment, each in seen.items()} == {m: each.verdict for m, each in live.items()}
    # Before the first point, nothing is asked yet.
    asked_from = trace.steps[0][0]
    assert {m: seen[m].regressed for m in seen if m >= asked_from} == {
        m: each.regressed for m, each in live.items() if m >= asked_from
    }
    assert {each.verdict for each in live.values()} >= {Verdict.MET, Verdict.UNMET, Verdict.UNKNOWN}


def test_the_command_tells_the_whole_story(asked: BacktestArguments) -> None:
    ran = run(
        "backtest",
        *("-f", asked.files[0], "--rules", *(asked.rules or []), "--prometheus", asked.prometheus),
        *("--from", asked.start, "--to", asked.end, "-o", "json"),
    )
    found = json.loads(ran.out)
    told = {
        each["name"]: [(part["verdict"], part["reason"], part["from"]) for part in each["intervals"]]
        for each in found["criteria"]
    }
    assert told["latency"] == [
        ("Unknown", "Collecting", timestamp(START)),
        ("Met", "Sustained", timestamp(START + 900 - 30)),
        ("Unmet", "BoundViolated", timestamp(SLOW.start)),
        ("Met", "Sustained", timestamp(SLOW.stop + 900 - 30)),
        # The last scrape is fresh for two minutes; of the fifteen after the gap, half a minute may be missing.
        ("Unknown", "ScrapeGap", timestamp(GAP.start - 15 + 120)),
        ("Met", "Sustained", timestamp(GAP.stop - 30 + 900 - 30)),
    ]
    assert [verdict for verdict, _, _ in told["quiet"]] == ["Unknown", "Met", "Unmet", "Met", "Unknown", "Met"]
    quiet = next(each for each in found["criteria"] if each["name"] == "quiet")
    assert "Stuck" in quiet["intervals"][2]["message"]
    assert (ran.code, found["relaxes"]) == (0, True)
