"""Evidence read from a real Prometheus: history written by promtool, judged through the adapter."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from hypercare.adapters.prometheus import PrometheusSource
from hypercare.domain.criteria import Criterion, parse_criterion
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.evidence import EvidenceState
from hypercare.domain.evidence_context import Context, NoEvidence, Outcome
from hypercare.domain.fields import Field
from hypercare.domain.judgement import Verdict
from hypercare.domain.points import Bad, Good, Mark, Missing, Point
from hypercare.domain.profile import Evaluation
from hypercare.domain.quiet import NoOverlay, OverlayLive, Watch, Whose
from hypercare.domain.samples import InstantQuery, QueryFailed
from hypercare.domain.streak_reading import evaluate_streak, plan_streak
from hypercare.domain.tenancy import Tenancy
from hypercare.domain.watched import Making, WatchedAlert
from tests.cluster.layout import free_ports
from tests.cluster.programs import find_programs

pytestmark = pytest.mark.cluster

START = 1_750_000_200
HOUR = 3600
END = START + 2 * HOUR
GAP = range(START + HOUR, START + HOUR + 240)
"""Four minutes without a scrape: shorter than the five minutes that an instant selector looks back."""
AMBIGUOUS = range(START + 600, START + 900)
FLASH = range(START + HOUR + 61, START + HOUR + 119)
"""An alert that fires between two points of a grid of a minute, on none of them."""
OURS = {"namespace": "shop", "hypercare": "shop/checkout", "hypercare_run": "r1"}
ALERT = WatchedAlert("rule", "group", "Errors", "critical", Making.TIGHTENED, 60, 30, 5, True, "errors > 1", "x")


def history() -> dict[str, list[tuple[dict[str, str], int, Callable[[int], float | None]]]]:
    """By metric name: labels, distance of samples in seconds, value at a time (None: no sample)."""

    def scraped(value: float) -> Callable[[int], float | None]:
        return lambda moment: None if moment in GAP else value

    shop, other = {"namespace": "shop"}, {"namespace": "other"}
    alert = OURS | {"hypercare_rule": "rule"}
    return {
        "orders": [(shop, 15, scraped(10)), (other, 15, lambda _: 1000)],
        "requests_total": [(shop, 15, lambda moment: float(moment - START + 1000))],
        "zero": [(shop, 15, lambda _: 0)],
        "not_a_number": [(shop, 15, lambda _: nan)],
        "foreign": [(other, 15, lambda _: 1)],
        "twice": [
            (shop | {"i": "1"}, 15, lambda _: 1),
            (shop | {"i": "2"}, 15, lambda moment: 1 if moment in AMBIGUOUS else None),
        ],
        "hypercare:overlay:live": [(OURS | {"hypercare_group": "group", "hypercare_revision": "v1"}, 5, float)],
        "hypercare:original:active": [(alert, 5, lambda moment: 1 if moment in FLASH else 0)],
        "hypercare:alert:inputs": [(alert, 5, lambda _: 3)],
        "ALERTS": [
            (
                shop | {"alertname": "Errors", "severity": "critical", "alertstate": "firing"},
                5,
                lambda moment: 1 if moment in FLASH else None,
            )
        ],
    }


def open_metrics() -> Iterator[str]:
    for name, series in history().items():
        yield f"# TYPE {name} unknown\n"
        for labels, distance, value in series:
            text = ",".join(f'{key}="{label}"' for key, label in labels.items())
            for moment in range(START - 600, END + 1, distance):
                found = value(moment)
                if found is not None:
                    yield f"{name}{{{text}}} {found} {moment}\n"
    yield "# EOF\n"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that holds the history."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    programs = find_programs()
    (folder / "history.txt").write_text("".join(open_metrics()))
    (folder / "prometheus.yml").write_text("{}")
    backfill: list[str | Path] = [
        programs["promtool"],
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        folder / "history.txt",
        folder / "data",
    ]
    subprocess.run(backfill, check=True, capture_output=True)
    port = free_ports(1)[0]
    flags = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "data",
        "storage.tsdb.retention.time": "100y",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    with (folder / "log").open("wb") as log:
        command: list[str | Path] = [programs["prometheus"], *(f"--{flag}={value}" for flag, value in flags.items())]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{url}/-/ready", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


def judged(url: str, spec: dict[str, Any], watch: Watch | None = None, step: int = 30) -> Outcome[EvidenceState, Point]:
    """Judge a criterion as a visit at END would."""
    criterion: Criterion = parse_criterion(Field("criterion", {"name": "c", "sustainedFor": "1h"} | spec))
    context = Context(
        now=END,
        evaluation=Evaluation(step=step, interval=60, delay=0, freshness=120, max_delay=600),
        tenancy=Tenancy("namespace", "shop"),
        whose=Whose("shop", "checkout", "r1"),
        started_at=START,
        floor=0,
        watch=watch or Watch((), NoOverlay()),
    )
    reading = plan_streak(criterion, NoEvidence(), context)

    async def visit() -> Outcome[EvidenceState, Point]:
        source = PrometheusSource(Endpoint(url))
        try:
            return evaluate_streak(reading, {query: await source.range(query) for query in reading.queries})
        finally:
            source.close()

    return asyncio.run(visit())


def marks(outcome: Outcome[EvidenceState, Point]) -> dict[int, str]:
    """The mark of each point: its reason where it is missing."""
    return {point.time: named(point.mark) for point in outcome.points}


def named(mark: Mark) -> str:
    return mark.reason.value if isinstance(mark, Missing) else type(mark).__name__


def test_a_scrape_gap_that_the_lookback_hides_is_found_by_the_companion(prometheus: str) -> None:
    found = marks(judged(prometheus, {"query": "sum(orders)", "above": 5}))
    gaps = [moment for moment, mark in found.items() if mark == "ScrapeGap"]
    assert set(found.values()) == {"Good", "ScrapeGap"}
    # The newest sample may be two minutes old before a point counts as uncovered.
    assert gaps == list(range(GAP.start + 120, GAP.stop, 30))


def test_other_tenants_are_out_of_reach(prometheus: str) -> None:
    everything = judged(prometheus, {"query": 'sum({__name__=~"orders|foreign"})', "above": 5})
    assert {point.mark.worst.value for point in everything.points if isinstance(point.mark, Good | Bad)} == {10}
    for query in ("sum(foreign)", 'sum(orders{namespace="other"})', 'sum({__name__=~".+",namespace!="shop"})'):
        found = judged(prometheus, {"query": query, "above": 0})
        assert (found.judgement.verdict, set(marks(found).values())) == (Verdict.UNKNOWN, {"NoData"})


def test_a_healthy_service_without_any_error_series_passes_as_a_ratio(prometheus: str) -> None:
    errors, total = 'sum(rate(requests_total{code="500"}[5m]))', "sum(rate(requests_total[5m]))"
    ratio = judged(prometheus, {"ratio": {"errors": errors, "total": total, "minTotal": 0.1}, "below": 0.01})
    assert (ratio.judgement.verdict, ratio.judgement.coverage) == (Verdict.MET, 1.0)
    plain = judged(prometheus, {"query": f"{errors} / {total}", "below": 0.01})
    assert (plain.judgement.verdict, plain.judgement.reason) == (Verdict.UNKNOWN, "NoData")


@pytest.mark.parametrize(
    ("query", "mark"),
    [
        ("sum(requests_total) / sum(zero)", "InfiniteValue"),
        ("sum(zero) / sum(zero)", "NotANumber"),
        ("sum(not_a_number)", "NotANumber"),
        ("-sum(requests_total) / sum(zero)", "Bad"),
        ("sum(nothing) or vector(7)", "Good"),
        ("absent(nothing)", "Bad"),
        ("hour() * 0 + 6", "Good"),
    ],
)
def test_values_of_every_sort(prometheus: str, query: str, mark: str) -> None:
    found = judged(prometheus, {"query": query, "above": 5})
    assert set(marks(found).values()) == {mark}


def test_a_stretch_that_cannot_be_evaluated_does_not_take_the_rest_down(prometheus: str) -> None:
    found = marks(
        judged(prometheus, {"query": "sum(orders * on () group_left () (twice + on (namespace) zero))", "above": 5})
    )
    assert {found[moment] for moment in AMBIGUOUS if moment in found} == {"InvalidPromQL"}
    assert sum(mark == "Good" for mark in found.values()) > 100


def test_an_alert_that_fires_between_two_points_of_the_grid_is_seen(prometheus: str) -> None:
    watch = Watch((ALERT,), OverlayLive(START))
    found = marks(judged(prometheus, {"alerts": {}, "sustainedFor": "10m"}, watch, step=60))
    assert [moment for moment, mark in found.items() if mark == "Bad"] == [START + HOUR + 120]
    assert set(found.values()) == {"Good", "Bad"}


def test_another_run_of_the_same_name_proves_nothing(prometheus: str) -> None:
    stranger = Watch((WatchedAlert(**{**vars(ALERT), "rule_id": "other"}),), OverlayLive(START))
    found = judged(prometheus, {"alerts": {}, "sustainedFor": "10m"}, stranger, step=60)
    assert set(marks(found).values()) == {"RulesNotEvaluated", "Bad"}


def test_errors_of_the_server_are_values(prometheus: str) -> None:
    async def ask(query: str) -> object:
        source = PrometheusSource(Endpoint(prometheus))
        try:
            return await source.instant(InstantQuery(query, END))
        finally:
            source.close()

    found = asyncio.run(ask("sum("))
    assert isinstance(found, QueryFailed)
    assert found.kind == "InvalidPromQL"
