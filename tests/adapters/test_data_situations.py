"""What becomes of every situation that data can be in: history written by promtool, judged as the loop judges it.

Each test is named in the table of docs/evidence.md.
"""

import time
from collections.abc import Callable, Iterator
from math import inf, nan
from typing import Any

import pytest

from hypercare.domain.evidence.context import Context
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Bad
from hypercare.domain.evidence.reading import Evaluated
from hypercare.domain.profile import Evaluation
from tests.adapters.evidence_visits import judged, marks, points, times_of, worst_values
from tests.adapters.real_prometheus import History, always, backfill, prometheus, push, push_histogram
from tests.cluster.layout import free_ports
from tests.unit.evidence_contexts import context as any_context

pytestmark = pytest.mark.cluster

START = 1_750_000_200
HOUR = 3600
END = START + 2 * HOUR
GAP = range(START + HOUR, START + HOUR + 240)
"""Four minutes without a scrape: shorter than the five minutes that an instant selector looks back."""
TROUBLE = range(START + 600, START + 900)
NIGHT = range(START + 1200, START + 3000)
EVALUATION = Evaluation(step=30, interval=60, delay=0, freshness=120, max_delay=600)
SHOP = {"namespace": "shop"}


def within(stretch: range, value: float, otherwise: float | None) -> Callable[[int], float | None]:
    """One value in a stretch of time, another outside."""
    return lambda moment: value if moment in stretch else otherwise


def scraped(value: float) -> Callable[[int], float | None]:
    """A value, but for the gap."""
    return lambda moment: None if moment in GAP else value


def history() -> Iterator[History]:
    """What the tenant's metrics were."""
    yield History("orders", SHOP, scraped(10))
    for pod, value in {"a": always(1), "b": within(TROUBLE, 7, 2), "c": within(TROUBLE, 6, 3)}.items():
        yield History("queue", SHOP | {"pod": pod}, value)
    for zone, value in {"east": always(1), "west": lambda moment: 1 if moment < START + HOUR else None}.items():
        yield History("zone_ready", SHOP | {"zone": zone}, value)
    yield from churning_pods()
    yield History("partly", SHOP | {"pod": "a"}, always(1))
    yield History("partly", SHOP | {"pod": "b"}, within(TROUBLE, nan, 1))
    yield History("broken", SHOP, always(nan))
    yield History("plus_infinity", SHOP, always(inf))
    yield History("zero", SHOP, always(0))
    yield History("restarting_total", SHOP, lambda moment: float((moment - START) % 1500))
    yield History("requests_total", SHOP | {"code": "200"}, lambda moment: 10.0 * (moment - START + 1000))
    yield History("checkout_total", SHOP, lambda moment: 0.01 * (moment - START + 1000))
    yield History("checkout_errors_total", SHOP | {"code": "500"}, lambda moment: 0.001 * (moment - START + 1000))
    # One target that two scrape jobs have found.
    for job in ("web", "web-again"):
        yield History("served_total", SHOP | {"job": job}, lambda moment: float(moment - START + 1000))
        yield History("served_errors_total", SHOP | {"job": job}, lambda moment: 0.001 * (moment - START + 1000))
    yield History("owner", SHOP | {"owner": "1"}, always(1))
    yield History("owner", SHOP | {"owner": "2"}, within(TROUBLE, 1, None))
    yield History("open", SHOP, within(NIGHT, 0, 1))
    yield History("sales", SHOP, within(NIGHT, 0, 50))
    yield History("open_unless_unknown", SHOP, lambda moment: None if moment in NIGHT else 1)


def churning_pods() -> Iterator[History]:
    """A pod every ten minutes that lives for twelve, with a counter that begins at zero."""
    for number, born in enumerate(range(START - 1200, END, 600)):
        alive = range(born, born + 720)

        def served(moment: int, alive: range = alive) -> float | None:
            return 5.0 * (moment - alive.start) if moment in alive else None

        yield History("pod_requests_total", SHOP | {"pod": f"web-{number}"}, served)
        yield History("pod_load", SHOP | {"pod": f"web-{number}"}, within(alive, 0.5, None))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that holds the history."""
    folder = tmp_path_factory.mktemp("situations") / "history"
    backfill(folder, history(), range(START - 600, END + 1))
    with prometheus(folder, {}) as running:
        yield running.url


def context(now: int = END, started_at: int = START, evaluation: Evaluation = EVALUATION) -> Context:
    return any_context(now, evaluation=evaluation, started_at=started_at)


def visit(url: str, **spec: Any) -> Evaluated:
    return judged(url, {"sustainedFor": "1h"} | spec, context())


def on_grid(stretch: range) -> list[int]:
    """The points of the grid in a stretch."""
    return [moment for moment in range(START, END + 1, EVALUATION.step) if moment in stretch]


def test_every_one_of_several_series_must_satisfy_the_bound_and_the_worst_is_named(server: str) -> None:
    found = visit(server, query="queue", below=5)
    assert set(marks(found).values()) == {"Good", "Bad"}
    assert times_of(found, "Bad") == on_grid(TROUBLE)
    assert {dict(p.mark.worst.series)["pod"] for p in points(found) if isinstance(p.mark, Bad)} == {"b"}


def test_a_series_that_vanishes_is_missing_where_min_series_asks_for_it(server: str) -> None:
    asked = {"query": "zone_ready", "equals": 1}
    assert times_of(visit(server, **asked, minSeries=2), "TooFewSeries") == on_grid(range(START + HOUR + 285, END + 1))
    assert visit(server, **asked).judgement.verdict is Verdict.MET


@pytest.mark.parametrize(
    "asked", [{"query": "sum(rate(pod_requests_total[2m]))", "above": 1}, {"query": "pod_load", "below": 1}]
)
def test_pods_that_come_and_go_leave_no_holes(server: str, asked: dict[str, Any]) -> None:
    found = visit(server, **asked)
    assert (set(marks(found).values()), found.judgement.verdict) == ({"Good"}, Verdict.MET)


def test_nan_in_one_of_several_series_is_missing(server: str) -> None:
    found = visit(server, query="partly", below=5)
    assert (set(marks(found).values()), times_of(found, "NotANumber")) == ({"Good", "NotANumber"}, on_grid(TROUBLE))
    assert visit(server, query="broken", below=5).judgement.reason == "NotANumber"


@pytest.mark.parametrize(
    ("asked", "mark"),
    [
        ({"query": "plus_infinity", "above": 5}, "InfiniteValue"),
        ({"query": "plus_infinity", "below": 5}, "Bad"),
        ({"query": "-plus_infinity", "below": 5}, "InfiniteValue"),
        ({"query": "orders / zero", "above": 5}, "InfiniteValue"),
        ({"query": "zero / zero", "equals": 0}, "NotANumber"),
    ],
)
def test_an_infinity_never_passes(server: str, asked: dict[str, Any], mark: str) -> None:
    found = marks(visit(server, **asked))
    assert {found[moment] for moment in on_grid(TROUBLE)} == {mark}


@pytest.mark.parametrize("query", ["nothing", "sum(rate(nothing[5m]))", "sum(orders) / sum(nothing)", "orders > 11"])
def test_an_empty_answer_is_missing_and_never_met(server: str, query: str) -> None:
    found = visit(server, query=query, below=5)
    assert {mark for time, mark in marks(found).items() if time not in GAP} == {"NoData"}
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "NoData")


def test_a_partial_answer_is_missing_and_only_as_far_as_it_is_partial(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is older than the local data is asked of a remote storage, which is down: a warning, and status 200."""
    folder = tmp_path_factory.mktemp("partial") / "data"
    # A server takes its own data for whole from four hours after its beginning.
    backfill(folder, [History("zero", SHOP, always(0))], range(START - 4 * HOUR, END + 1))
    dead = f"http://127.0.0.1:{free_ports(1)[0]}/read"
    earlier = context(started_at=START - 1800)
    with prometheus(folder, {"remote_read": [{"url": dead}]}) as running:
        found = judged(running.url, {"query": "zero", "below": 5, "sustainedFor": "1h"}, earlier)
    partial = times_of(found, "PartialAnswer")
    assert partial == [*range(START - 1800, partial[-1] + 1, 30)]
    # An instant selector reads five minutes back, and the doubtful part is narrowed down by halves.
    assert START + 300 <= partial[-1] < START + 1200
    assert times_of(found, "Good") == [*range(partial[-1] + 30, END + 1, 30)]
    assert found.judgement.verdict is Verdict.MET


def test_a_counter_that_is_reset_makes_no_bad_point(server: str) -> None:
    found = visit(server, query="rate(restarting_total[2m])", between=[0.5, 1.5])
    assert (set(marks(found).values()), found.judgement.verdict) == ({"Good"}, Verdict.MET)
    assert "Bad" in marks(visit(server, query="delta(restarting_total[2m])", above=0)).values()


@pytest.mark.parametrize(
    "query", ["sum(orders)", "max_over_time(orders[10m])", "orders and on (namespace) zero == 0", "orders + zero"]
)
def test_a_scrape_gap_that_lookback_and_ranges_hide_is_missing(server: str, query: str) -> None:
    found = visit(server, query=query, above=5)
    assert set(marks(found).values()) == {"Good", "ScrapeGap"}
    # The newest sample may be as old as `freshness` before a point counts as uncovered.
    assert times_of(found, "ScrapeGap") == on_grid(range(GAP.start + 120, GAP.stop))


def test_a_scrape_gap_shorter_than_the_freshness_is_no_hole(server: str) -> None:
    loose = Evaluation(step=30, interval=60, delay=0, freshness=260, max_delay=600)
    found = judged(server, {"query": "sum(orders)", "above": 5, "sustainedFor": "1h"}, context(evaluation=loose))
    assert set(marks(found).values()) == {"Good"}


def test_a_stale_value_past_the_bound_is_bad_and_not_missing(server: str) -> None:
    assert set(marks(visit(server, query="sum(orders)", below=5)).values()) == {"Bad"}


def test_a_healthy_service_without_any_error_series_passes_as_a_ratio(server: str) -> None:
    errors, total = 'sum(rate(requests_total{code=~"5.."}[5m]))', "sum(rate(requests_total[5m]))"
    ratio = visit(server, ratio={"errors": errors, "total": total}, below=0.01)
    assert (ratio.judgement.verdict, ratio.judgement.coverage, worst_values(ratio)) == (Verdict.MET, 1.0, {0})
    plain = visit(server, query=f"{errors} / {total}", below=0.01)
    assert (plain.judgement.verdict, plain.judgement.reason) == (Verdict.UNKNOWN, "NoData")


@pytest.mark.parametrize(
    ("ratio", "reason"),
    [
        ({"errors": "sum(nothing)", "total": "sum(rate(checkout_total[5m]))", "minTotal": 0.1}, "LowTraffic"),
        ({"errors": "sum(nothing)", "total": "sum(zero)"}, "LowTraffic"),
        ({"errors": "sum(rate(checkout_errors_total[5m]))", "total": "sum(nothing)"}, "NoData"),
        (
            {
                "errors": "sum by (code) (rate(checkout_errors_total[5m]))",
                "total": "sum by (namespace) (rate(checkout_total[5m]))",
            },
            "ErrorsWithoutTotal",
        ),
    ],
)
def test_a_ratio_without_traffic_without_total_or_of_labels_that_do_not_match_is_missing(
    server: str, ratio: dict[str, Any], reason: str
) -> None:
    found = visit(server, ratio=ratio, below=0.5)
    assert (found.judgement.verdict, set(marks(found).values())) == (Verdict.UNKNOWN, {reason})


def test_a_constant_in_the_place_of_missing_data_always_counts_and_a_product_with_the_total_does_not(
    server: str,
) -> None:
    assert set(marks(visit(server, query="sum(nothing) or vector(0)", below=1)).values()) == {"Good"}
    honest = visit(server, query="sum(nothing) or 0 * sum(orders)", below=1)
    assert times_of(honest, "ScrapeGap") == on_grid(range(GAP.start + 120, GAP.stop))


def test_absence_that_is_asked_for_needs_no_data(server: str) -> None:
    assert set(marks(visit(server, query="absent(nothing)", equals=1)).values()) == {"Good"}
    assert set(marks(visit(server, query="count(absent(zero)) or vector(0)", equals=0)).values()) == {"Good"}


def test_a_join_that_finds_duplicates_is_missing_while_it_does_and_does_not_take_the_rest_down(server: str) -> None:
    found = visit(server, query="zero + on (namespace) group_left () owner", above=0)
    assert {marks(found)[moment] for moment in on_grid(TROUBLE)} == {"InvalidPromQL"}
    assert len(times_of(found, "Good")) > 150


def test_a_target_that_is_scraped_twice_counts_twice_in_a_sum_and_not_in_a_ratio(server: str) -> None:
    served, errors = "sum(rate(served_total[5m]))", "sum(rate(served_errors_total[5m]))"
    assert {round(value, 9) for value in worst_values(visit(server, query=served, below=5))} == {2}
    ratio = visit(server, ratio={"errors": errors, "total": served}, below=0.01)
    assert {round(value, 9) for value in worst_values(ratio)} == {0.001}


def test_what_the_server_refuses_is_missing_with_its_words(server: str) -> None:
    found = visit(server, query='label_replace(zero, "x", "$1", "namespace", "(")', below=5)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "InvalidPromQL")
    assert "invalid regular expression" in found.judgement.message


def test_a_server_that_is_not_there_is_missing_and_nothing_becomes_final() -> None:
    found = visit(f"http://127.0.0.1:{free_ports(1)[0]}", query="zero", below=5)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "PrometheusUnreachable")
    assert found.state.final_through < START


def test_idle_hours_neither_count_nor_break_anything(server: str) -> None:
    asked = {"query": "sales", "above": 10}
    active = visit(server, **asked, activeWhen={"query": "open", "above": 0})
    assert (active.judgement.verdict, times_of(active, "Idle")) == (Verdict.MET, on_grid(NIGHT))
    assert times_of(visit(server, **asked), "Bad") == on_grid(NIGHT)


def test_an_active_when_that_is_not_known_is_missing(server: str) -> None:
    found = visit(server, query="zero", below=5, activeWhen={"query": "open_unless_unknown", "above": 0})
    assert times_of(found, "ScrapeGap") == on_grid(range(NIGHT.start + 120, NIGHT.stop))
    assert set(marks(found).values()) == {"Good", "ScrapeGap"}


def test_what_the_old_release_left_behind_in_a_range_is_not_counted(server: str) -> None:
    asked = {"query": "max_over_time(queue[10m])", "below": 5, "sustainedFor": "30m"}
    found = judged(server, asked, context(started_at=TROUBLE.stop))
    assert min(marks(found)) == TROUBLE.stop + 600
    assert (set(marks(found).values()), found.judgement.verdict) == ({"Good"}, Verdict.MET)


NOW = int(time.time()) // 30 * 30
"""Pushed samples are of today: what is older than the server accepts would be dropped."""
HOLE = range(NOW - 480, NOW - 180)
OLD_HOLE = range(NOW - 2400, NOW - 1500)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that accepts samples which come late."""
    folder = tmp_path_factory.mktemp("receiver") / "data"
    with prometheus(folder, {"storage": {"tsdb": {"out_of_order_time_window": "3h"}}}) as running:
        yield running.url


def pushed(hole: range = range(0), value: float = 1) -> dict[int, float]:
    return {moment: value for moment in range(NOW - 3600, NOW + 1, 15) if moment not in hole}


def today(now: int = NOW) -> Context:
    return context(now=now, started_at=NOW - 3000)


def test_late_data_fills_a_hole_that_is_younger_than_max_delay(receiver: str) -> None:
    asked = {"query": "late_soon", "below": 5, "sustainedFor": "30m"}
    push(receiver, "late_soon", SHOP, pushed(HOLE))
    before = judged(receiver, asked, today())
    assert (before.judgement.verdict, before.judgement.reason) == (Verdict.UNKNOWN, "EvidenceGaps")
    assert before.state.final_through < HOLE.start + 120
    push(receiver, "late_soon", SHOP, dict.fromkeys(HOLE[::15], 1.0))
    after = judged(receiver, asked, today(NOW + 30), before.state)
    assert (after.judgement.verdict, set(marks(after).values())) == (Verdict.MET, {"Good"})


def test_data_that_is_later_than_max_delay_leaves_the_hole_as_it_was(receiver: str) -> None:
    asked = {"query": "late_too_late", "below": 5, "sustainedFor": "45m"}
    push(receiver, "late_too_late", SHOP, pushed(OLD_HOLE))
    before = judged(receiver, asked, today())
    assert before.state.final_through > OLD_HOLE.stop
    push(receiver, "late_too_late", SHOP, dict.fromkeys(OLD_HOLE[::15], 1.0))
    after = judged(receiver, asked, today(NOW + 30), before.state)
    assert (after.judgement.verdict, after.judgement.reason) == (Verdict.UNKNOWN, "EvidenceGaps")


def test_late_data_that_is_bad_counts_where_the_point_was_missing(receiver: str) -> None:
    asked = {"query": "late_and_bad", "below": 5, "sustainedFor": "30m"}
    push(receiver, "late_and_bad", SHOP, pushed(HOLE))
    before = judged(receiver, asked, today())
    push(receiver, "late_and_bad", SHOP, dict.fromkeys(HOLE[::15], 9.0))
    after = judged(receiver, asked, today(NOW + 30), before.state)
    assert (after.judgement.verdict, times_of(after, "Bad")) == (
        Verdict.UNMET,
        [*range(HOLE.start + 120, HOLE.stop, 30)],
    )


def test_a_native_histogram_is_missing_and_its_quantile_is_a_value(receiver: str) -> None:
    push_histogram(receiver, "duration", SHOP, pushed())
    plain = judged(receiver, {"query": "duration", "below": 5, "sustainedFor": "30m"}, today())
    assert (plain.judgement.verdict, set(marks(plain).values())) == (Verdict.UNKNOWN, {"NativeHistogram"})
    quantile = judged(
        receiver, {"query": "histogram_quantile(0.9, duration)", "below": 5, "sustainedFor": "30m"}, today()
    )
    assert (quantile.judgement.verdict, set(marks(quantile).values())) == (Verdict.MET, {"Good"})
