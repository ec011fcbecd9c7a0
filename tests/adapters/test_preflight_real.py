"""Copies are tried on days of history in a real Prometheus: incidents, seasons, gaps, NaN, and what is new or gone.

What fires when is held against the alerting rules of Prometheus itself, as promtool runs them.
"""

import asyncio
import math
import random
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.adapters.prometheus import PrometheusSource
from hypercare.domain.alerts.judgement import inputs_of
from hypercare.domain.alerts.preflight import Candidate, NoHistory, Preflight, Tried, WouldFire
from hypercare.domain.alerts.protection import Calibrated, Tighten
from hypercare.domain.alerts.replay import Grid, evaluations, held, instances
from hypercare.domain.alerts.syntax import read_alert
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule, move_threshold
from hypercare.domain.alerts.tightening import ForRule, MovedThreshold
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Answer, RangeQuery, Result
from hypercare.overlay.history import HistoryReader
from tests.adapters.real_prometheus import History, backfill, prometheus
from tests.cluster.programs import find_programs

pytestmark = pytest.mark.cluster

MINUTE, HOUR, DAY = 60, 3600, 86_400
BEFORE = 1_750_000_200
SHOP = {"namespace": "shop"}
TENANCY = Tenancy("namespace", "shop")
FIFTH = ThresholdRule(Fraction(1, 5))
DAILY_PEAK = 0.3

Value = Callable[[int], float | None]


def ago(hours: float) -> int:
    """That long before the release, in Unix seconds."""
    return BEFORE - round(hours * HOUR)


def bursts(normal: float, high: float, *starts: float, minutes: int) -> Value:
    """A value that is high for some minutes, from so many hours before the release each."""
    spans = [range(ago(start), ago(start) + minutes * MINUTE) for start in starts]
    return lambda moment: high if any(moment in span for span in spans) else normal


def daily(moment: int) -> float:
    """From 0.1 to 0.3, with its peak once a day."""
    return 0.2 + 0.1 * math.sin(moment / DAY * 2 * math.pi)


def except_at(value: Value, high: float, *starts: float, minutes: int) -> Value:
    other = bursts(0.0, 1.0, *starts, minutes=minutes)
    return lambda moment: high if other(moment) else value(moment)


def without(value: Value, *gaps: range) -> Value:
    return lambda moment: None if any(moment in gap for gap in gaps) else value(moment)


def within(value: Value, start: int, end: int = BEFORE + HOUR) -> Value:
    return lambda moment: value(moment) if start <= moment < end else None


def spare(moment: int) -> float:
    """From 80 to 100."""
    return 100 * daily(moment) + 70


def failures(moment: int) -> float:
    """One in a hundred requests, and half of that more or less in the course of a day."""
    return 0.1 * (moment - ago(240)) + 0.05 * DAY / (2 * math.pi) * (1 - math.cos(moment / DAY * 2 * math.pi))


def today(name: str, value: Value, **labels: str) -> History:
    """A metric of which a little more than the day before the release is known."""
    return History(name, SHOP | labels, within(value, ago(26)), MINUTE)


DAY_BEFORE = (
    today("steps", bursts(0.0, 0.045, 20, 15, 10, 5, minutes=12)),
    today("single", bursts(0.0, 0.045, 10, minutes=12)),
    today("late", bursts(0.0, 0.046, 0.25, minutes=30)),
    today("brief", bursts(0.0, 9.0, 20, 15, 10, 5, 2, minutes=7)),
    today("joined", bursts(0.0, 9.0, 20, 15, 10, 5, minutes=30)),
    today("shared", bursts(0.0, 9.0, 20, 15, 10, 5, minutes=30), pod="a"),
    today("shared", bursts(0.0, 0.045, 20, 15, 10, 5, minutes=30), pod="b"),
    today("fresh", within(lambda _: 0.0, ago(2))),
    today("loud", within(bursts(0.0, 9.0, 1.5, 1, minutes=7), ago(2))),
    today("gone", within(lambda _: 0.0, ago(26), ago(24.2))),
    today("nightly", without(lambda _: 0.0, range(ago(12), ago(8)))),
    today("torn", without(bursts(0.0, 9.0, 5, minutes=24), range(ago(5) + 5 * MINUTE, ago(5) + 15 * MINUTE))),
    today("undefined", lambda _: math.nan),
    today("flapping", without(lambda _: 1.0, *(range(ago(h), ago(h) + 12 * MINUTE) for h in (20, 15, 10)))),
)
WEEK_BEFORE = (
    History("season", SHOP, daily, MINUTE),
    History("season", {"namespace": "other"}, lambda _: 0.49, 5 * MINUTE),
    History("incident", SHOP, except_at(daily, 5.0, 72, minutes=60), MINUTE),
    History("unusual", SHOP, except_at(daily, 0.42, 120, minutes=12), MINUTE),
    History("spare", SHOP, except_at(except_at(spare, 5.0, 72, minutes=60), 61.0, 50, minutes=4), MINUTE),
    History("between", SHOP, lambda moment: 99.0 if moment % MINUTE else 80.0, MINUTE // 2),
    History("requests_total", SHOP, lambda moment: 10.0 * (moment - ago(240)), MINUTE),
    History("failures_total", SHOP, failures, MINUTE),
    History("young", SHOP, within(lambda _: 0.1, ago(120)), 5 * MINUTE),
    History("unscraped", SHOP, without(lambda _: 0.1, range(ago(100), ago(88))), 5 * MINUTE),
    History("broken", SHOP, bursts(0.1, 9.0, 100, minutes=600), 5 * MINUTE),
)
RATIO = "sum(rate(failures_total[5m])) / sum(rate(requests_total[5m]))"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    backfill(folder, (*DAY_BEFORE, *WEEK_BEFORE, *TRACES), range(ago(7 * 24 + 2), BEFORE + HOUR))
    with prometheus(folder, {}) as running:
        yield running.url


def candidate(expr: str, threshold: ThresholdRule | Calibrated = FIFTH, for_seconds: int = 10 * MINUTE) -> Candidate:
    inputs = inputs_of(read_alert(expr, frozenset({"namespace"})))
    rule = ForRule(Tighten(shorten_for=0.5, allow_unrestored=True))
    return Candidate(expr, expr, for_seconds, MINUTE, rule, threshold, inputs)


def read(url: str, *asked: Candidate) -> list[Preflight]:
    async def verdicts() -> list[Preflight]:
        source = PrometheusSource(Endpoint(url=url))
        try:
            found = await HistoryReader().read(asked, BEFORE, TENANCY, source)
        finally:
            source.close()
        return [found[each.rule_id] for each in asked]

    return asyncio.run(verdicts())


def answer(url: str, query: RangeQuery) -> Answer:
    async def asked() -> Result:
        source = PrometheusSource(Endpoint(url=url))
        try:
            return await source.range(query)
        finally:
            source.close()

    found = asyncio.run(asked())
    assert isinstance(found, Answer)
    return found


@pytest.mark.parametrize(
    ("expr", "strongest", "fires"),
    [
        pytest.param("season > 0.5", 100, 0, id="a daily season; that another tenant is loud does not matter"),
        pytest.param(f"{RATIO} > 0.05", 100, 0, id="a share of counters"),
        pytest.param("single > 0.05", 100, 1, id="one episode"),
        pytest.param("steps > 0.05", 50, 0, id="four episodes, up to nine tenths of the bound"),
        pytest.param("late > 0.05", 25, 0, id="nearly there at the release"),
        pytest.param("joined > 5.5", 100, 0, id="episodes that the original joins"),
        pytest.param("shared > 0.05", 50, 0, id="a pod that is nearly as loud as another one"),
        pytest.param("nightly > 50.5", 100, 0, id="four hours without data"),
        pytest.param("undefined > 50.5", 100, 0, id="nothing but NaN"),
        pytest.param("absent(gone)", 0, 0, id="missing all day: the original fires as well"),
    ],
)
def test_a_copy_is_as_strong_as_it_would_have_been_quiet(server: str, expr: str, strongest: int, fires: int) -> None:
    (verdict,) = read(server, candidate(expr))

    assert isinstance(verdict, Tried), verdict
    assert (verdict.threshold, verdict.strongest, verdict.fires) == (FIFTH, strongest, fires)
    assert f"{fires} time" in verdict.told


@pytest.mark.parametrize(
    ("expr", "fires", "told"),
    [
        pytest.param("brief > 5.5", 5, "as written for 5m: 5 times", id="too short for the original"),
        pytest.param("torn > 5.5", 2, "as written for 5m: 2 times", id="a gap cuts an incident in two"),
        pytest.param("absent(flapping)", 3, "as written for 5m would have fired 3 times", id="missing now and then"),
        pytest.param("loud > 5.5", 2, "there is data for 8% of that time", id="new, and noisy from the beginning"),
    ],
)
def test_what_would_have_been_noise_has_no_copy(server: str, expr: str, fires: int, told: str) -> None:
    (verdict,) = read(server, candidate(expr))

    assert isinstance(verdict, WouldFire), verdict
    assert verdict.fires == fires
    assert told in verdict.message


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        pytest.param("fresh > 50.5", "there is data behind it for 8% of the time", id="two hours old"),
        pytest.param("gone > 50.5", "there is data behind it for 0% of the time", id="its series have vanished"),
        pytest.param("never > 50.5", "there is data behind it for 0% of the time", id="there never was any"),
        pytest.param("shared / on (namespace) shared > 1.5", "its history could not be read: ", id="no valid match"),
    ],
)
def test_without_history_nothing_is_said(server: str, expr: str, message: str) -> None:
    (verdict,) = read(server, candidate(expr))

    assert isinstance(verdict, NoHistory), verdict
    assert verdict.message.startswith(message)
    assert not verdict.again


@pytest.mark.parametrize(
    ("expr", "bound"),
    [
        pytest.param("season > 0.5", 1.1 * DAILY_PEAK, id="above the daily peak"),
        pytest.param("incident > 0.5", 1.1 * DAILY_PEAK, id="the incident does not count"),
        pytest.param("unusual > 0.5", 1.1 * 0.42, id="an unusual hour does, five days ago"),
        pytest.param("spare < 60.5", 0.9 * 80, id="from below; a dip that is over before the for does not count"),
        pytest.param("60.5 > spare", 0.9 * 80, id="from below, the constant first"),
        pytest.param("season > 0.5 unless season > 1000", 1.1 * DAILY_PEAK, id="beside others"),
        pytest.param(f"{RATIO} > 0.05", 0.015 + 0.1 * 0.035, id="a share of counters"),
    ],
)
def test_a_bound_is_read_from_a_week(server: str, expr: str, bound: float) -> None:
    (verdict,) = read(server, candidate(expr, Calibrated(Fraction(1, 10))))

    assert isinstance(verdict, Tried), verdict
    assert isinstance(verdict.threshold.override, Fraction), verdict.told
    assert float(verdict.threshold.override) == pytest.approx(bound, rel=0.01)
    assert (verdict.strongest, verdict.fires) == (100, 0)
    assert "was read from history" in verdict.told


@pytest.mark.parametrize(
    ("expr", "for_seconds", "told"),
    [
        pytest.param("between > 100.5", 0, "on a grid shifted by half an interval", id="loud between the points"),
        pytest.param("young > 0.5", 600, "its values begin 5d", id="five days old"),
        pytest.param("unscraped > 0.5", 600, "it has values for only 92.9% of the time", id="half a day missing"),
        pytest.param("broken > 0.5", 600, "it was firing, or within 30m of it, for 6.5%", id="a night of incident"),
        pytest.param("shared / on (namespace) shared > 1.5", 600, "", id="no valid match"),
    ],
)
def test_otherwise_the_threshold_stays(server: str, expr: str, for_seconds: int, told: str) -> None:
    (verdict,) = read(server, candidate(expr, Calibrated(), for_seconds))

    match verdict:
        case Tried():
            assert (verdict.threshold, verdict.strongest) == (KEEP_THRESHOLDS, 0)
            assert told
            assert told in verdict.told
        case _:
            assert isinstance(verdict, NoHistory)
            assert not told


def test_a_calibrated_copy_has_no_result_in_a_week_but_in_the_incident(server: str) -> None:
    """Asked of Prometheus directly, sample by sample."""
    (verdict,) = read(server, candidate("incident > 0.5", Calibrated()))
    assert isinstance(verdict, Tried)
    moved = move_threshold("incident > 0.5", verdict.threshold, 100)
    assert isinstance(moved, MovedThreshold)

    found = answer(server, RangeQuery(moved.expr, ago(7 * 24), BEFORE, MINUTE // 2))

    times = [sample.time for series in found.series for sample in series.samples]
    # A sample is looked at for five minutes after the last one of its kind, unless another one follows.
    assert (min(times), max(times)) == (ago(72), ago(71) - MINUTE // 2)


# ---- What fires when, as Prometheus' own alerting rules have it -----------------------------------------------------

TRACE_MINUTES = 240
TRACE_START = ago(10)
TRACE_GRID = Grid(TRACE_START, MINUTE, TRACE_MINUTES)
PODS = ("a", "b", "c")
RULES = {
    "Original": ("trace > 5", 600),
    "Copy": ("trace > 4", 300),
    "Uneven": ("trace > 4", 150),
    "AtOnce": ("trace > 4", 0),
    "Below": ("trace < 2", 420),
    "Summed": ("sum by (namespace) (trace) > 12", 180),
}


def trace(pod: str) -> list[float | None]:
    """Values around the bounds, with gaps longer and shorter than the lookback, and NaN."""
    chance = random.Random(f"preflight-{pod}")
    values: list[float | None] = []
    while len(values) < TRACE_MINUTES:
        level = chance.choice([1.0, 3.0, 4.0, 4.5, 5.5, 5.5, 5.5, math.nan, None])
        values += [level] * chance.choice([1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 20])
    return values[:TRACE_MINUTES]


def traced(values: Sequence[float | None]) -> Value:
    at = dict(zip(range(TRACE_START, TRACE_START + TRACE_MINUTES * MINUTE, MINUTE), values, strict=True))
    return at.get


TRACES = tuple(History("trace", SHOP | {"pod": pod}, traced(trace(pod)), MINUTE) for pod in PODS)


def replayed(url: str) -> dict[str, dict[frozenset[tuple[str, str]], int]]:
    """By rule and instance, when it fires."""
    return {
        name: {
            labels: held(active, evaluations(for_seconds, MINUTE))
            for labels, active in instances(answer(url, TRACE_GRID.query(expr)), TRACE_GRID).items()
        }
        for name, (expr, for_seconds) in RULES.items()
    }


def promtool(folder: Path, firing: Mapping[str, Mapping[frozenset[tuple[str, str]], int]]) -> str:
    """What promtool finds wrong with the claim that this is when its rules fire."""
    rules = [{"alert": name, "expr": expr, "for": f"{seconds}s"} for name, (expr, seconds) in RULES.items()]
    series = [
        {
            "series": f'trace{{namespace="shop",pod="{pod}"}}',
            "values": " ".join("_" if value is None else str(value).replace("nan", "NaN") for value in trace(pod)),
        }
        for pod in PODS
    ]
    claims = [
        {
            "eval_time": f"{minute}m",
            "alertname": name,
            "exp_alerts": [{"exp_labels": dict(labels)} for labels, times in each.items() if times >> minute & 1],
        }
        for name, each in firing.items()
        for minute in range(TRACE_MINUTES)
    ]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": claims}
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "g", "interval": "1m", "rules": rules}]}))
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "test.yaml").write_text(yaml.safe_dump(document))
    command: list[str | Path] = [find_programs()["promtool"], "test", "rules", "test.yaml"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def test_a_replay_fires_when_the_rule_does(server: str, tmp_path: Path) -> None:
    firing = replayed(server)

    assert promtool(tmp_path, firing) == ""
    assert all(any(each.values()) for each in firing.values())


def test_one_evaluation_more_or_less_would_be_noticed(server: str, tmp_path: Path) -> None:
    firing = replayed(server)
    labels, times = max(firing["Copy"].items(), key=lambda each: each[1].bit_count())
    earlier: Any = firing | {"Copy": firing["Copy"] | {labels: times & (times << 1)}}

    assert "Copy" in promtool(tmp_path, earlier)
