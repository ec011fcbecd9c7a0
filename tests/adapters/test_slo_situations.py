"""What `slo` makes of rates, and of what Sloth and Pyrra record: history by promtool, judged as the loop judges it.

Names and labels are those of slok/sloth (examples/_gen/getting-started.yml) and pyrra-dev/pyrra (slo/rules.go,
GenericRules, and slo/rules_test.go).
"""

from collections.abc import Callable, Iterator
from math import nan
from typing import Any

import pytest

from hypercare.domain.evidence.budget import BudgetPoint, BudgetState, Spent
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Missing
from hypercare.domain.evidence.reading import Evaluated, State
from hypercare.domain.profile import Evaluation
from tests.adapters.evidence_visits import judged
from tests.adapters.real_prometheus import History, always, backfill, prometheus
from tests.unit.evidence_contexts import context

pytestmark = pytest.mark.cluster

START = 1_750_000_200
HOUR = 3600
END = START + 2 * HOUR
OUTAGE = range(START + 1800, START + 1920)
"""Two minutes in which every request fails."""
GAP = range(START + HOUR, START + HOUR + 240)
SHOP = {"namespace": "shop"}
EVALUATION = Evaluation(step=30, interval=60, delay=0, freshness=120, max_delay=600)
SLOTH = {
    "namespace": "shop",
    "owner": "myteam",
    "repo": "myorg/myservice",
    "tier": "2",
    "sloth_id": "myservice-requests-availability",
    "sloth_service": "myservice",
    "sloth_slo": "requests-availability",
}

Value = Callable[[int], float | None]


def counted(per_second: float, bad: range = range(0), in_bad: float = 0.0) -> Value:
    """A counter that rises steadily, and in a stretch of time at another rate."""

    def value(moment: int) -> float:
        inside = max(0, min(moment, bad.stop) - bad.start) if bad else 0
        return per_second * (moment - START + 1000) + (in_bad - per_second) * inside

    return value


def restarting(per_second: float) -> Value:
    """A counter that begins at zero every twenty minutes."""
    return lambda moment: per_second * ((moment - START) % 1200)


def but(stretch: range, otherwise: Value) -> Value:
    """Nothing is scraped in a stretch of time."""
    return lambda moment: None if moment in stretch else otherwise(moment)


def requests(name: str, good: Value, failed: Value | None = None, **labels: str) -> Iterator[History]:
    yield History(name, SHOP | labels | {"code": "200"}, good)
    if failed is not None:
        yield History(name, SHOP | labels | {"code": "500"}, failed)


def sloth(service: str, long: Value, short: Value, objective: float = 0.9990000000000001) -> Iterator[History]:
    labels = SLOTH | {"sloth_service": service}
    for window, value in {"1h": long, "5m": short}.items():
        yield History(f"slo:sli_error:ratio_rate{window}", labels | {"sloth_window": window}, value)
    yield History("slo:objective:ratio", labels, always(objective))


def pyrra(name: str, requested: Value, failed: Value | None, objective: float = 0.99) -> Iterator[History]:
    labels = SHOP | {"slo": name}
    yield History("pyrra_objective", labels, always(objective))
    yield History("pyrra_window", labels, always(2419200))
    yield History("pyrra_requests:rate5m", labels, requested)
    if failed is not None:
        yield History("pyrra_errors:rate5m", labels, failed)


def history() -> Iterator[History]:
    """What services counted, and what tools recorded."""
    yield from requests("healthy_total", counted(10))
    yield from requests("half_total", counted(99.95, OUTAGE, 99.95), counted(0.05))
    yield from requests("burst_total", counted(100, OUTAGE, 0), counted(0, OUTAGE, 100))
    yield from requests("rare_total", counted(0.1))
    for code, rate in {"200": 10.0, "500": 0.005}.items():
        yield History("reset_total", SHOP | {"code": code}, restarting(rate))
    yield from requests("gap_total", but(GAP, counted(10)))
    yield History("healthy_total", {"namespace": "other", "code": "500"}, counted(1000))
    yield from sloth("myservice", always(0.0005), always(0.0002))
    yield from sloth("burning", always(0.0005), lambda moment: 0.01 if moment >= END - 60 else 0.0002)
    yield from sloth("worn", always(0.0011), always(0.0002))
    yield from sloth("idle", always(nan), always(nan))
    yield from pyrra("monitoring-http-errors", always(200), always(1))
    yield from pyrra("monitoring-http-slow", always(200), always(2.2))
    yield from pyrra("without-errors", always(200), None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that holds the history."""
    folder = tmp_path_factory.mktemp("slo") / "history"
    backfill(folder, history(), range(START - 900, END + 1))
    with prometheus(folder, {}) as running:
        yield running.url


def visit(url: str, now: int = END, *, max_gap: str = "3m", stored: State | None = None, **slo: Any) -> Evaluated:
    at = context(now, evaluation=EVALUATION, started_at=START)
    return judged(url, {"slo": {"over": "1h", **slo}, "maxGap": max_gap}, at, stored)


def of(metric: str) -> dict[str, Any]:
    """Errors and total of a counter."""
    total = f"sum(rate({metric}[5m]))"
    return {"objective": 99.9, "errors": total.replace("[", '{code=~"5.."}['), "total": total}


def verdict(found: Evaluated) -> tuple[Verdict, str]:
    return found.judgement.verdict, found.judgement.reason


def missing(found: Evaluated) -> dict[int, str]:
    """By time, why points are missing."""
    return {
        point.time: point.mark.reason.value
        for point in found.points
        if isinstance(point, BudgetPoint) and isinstance(point.mark, Missing)
    }


def test_a_healthy_service_without_any_error_series_keeps_its_budget(server: str) -> None:
    found = visit(server, **of("healthy_total"))
    assert verdict(found) == (Verdict.MET, "WithinBudget")
    assert found.judgement.message == "The error budget burns at 0 over 1h and 0 over 5m; at most 1 is allowed"


def test_half_of_what_the_objective_allows_burns_at_one_half(server: str) -> None:
    found = visit(server, **of("half_total"))
    assert verdict(found) == (Verdict.MET, "WithinBudget")
    assert "burns at 0.5 over 1h and 0.5 over 5m" in found.judgement.message
    assert verdict(visit(server, maxBurn=0.4, **of("half_total"))) == (Verdict.UNMET, "BudgetBurning")


def test_two_minutes_of_failure_burn_the_budget_of_an_hour_until_it_has_passed(server: str) -> None:
    """Two minutes of one hour are 1 of 30: 33 times what 99.9 % allows, and 0.33 times what 90 % does."""
    for now, expected in ((OUTAGE.start, Verdict.UNKNOWN), (OUTAGE.stop + 60, Verdict.UNMET), (END, Verdict.MET)):
        assert visit(server, now, **of("burst_total")).judgement.verdict is expected
    spent = [
        point.mark
        for point in visit(server, START + HOUR + 300, **of("burst_total")).points
        if isinstance(point, BudgetPoint) and isinstance(point.mark, Spent)
    ]
    assert sum(each.errors for each in spent) / sum(each.allowed for each in spent) == pytest.approx(33.3, rel=0.05)


def test_the_short_window_sees_what_the_average_of_an_hour_hides(server: str) -> None:
    """An objective of 90 % is kept over the hour, and burnt twice too fast in the minutes around the failure."""
    slack = of("burst_total") | {"objective": 90}
    assert visit(server, OUTAGE.stop + 60, **slack).judgement.verdict is Verdict.UNMET
    later = visit(server, START + HOUR + 300, **slack)
    assert verdict(later) == (Verdict.MET, "WithinBudget")


def test_a_service_that_is_hardly_used_proves_nothing(server: str) -> None:
    """363 events in an hour and the part that is being filled, of which 99.9 % allows 0.363 to fail."""
    found = visit(server, **of("rare_total"))
    assert verdict(found) == (Verdict.UNKNOWN, "TooFewEvents")
    assert found.judgement.message.startswith("The objective allows 0.363 errors among the events of 1h; fewer than 3")
    assert verdict(visit(server, **(of("rare_total") | {"objective": 99}))) == (Verdict.MET, "WithinBudget")


def test_counters_that_begin_at_zero_again_change_nothing(server: str) -> None:
    found = visit(server, **of("reset_total"))
    assert verdict(found) == (Verdict.MET, "WithinBudget")
    assert "burns at 0.5 over 1h" in found.judgement.message


def test_a_scrape_gap_is_a_hole_although_the_rate_bridges_it(server: str) -> None:
    found = visit(server, GAP.stop + 600, **of("gap_total"))
    assert missing(found) == dict.fromkeys(range(GAP.start + 120, GAP.stop, EVALUATION.step), "ScrapeGap")
    assert verdict(found) == (Verdict.MET, "WithinBudget")
    assert verdict(visit(server, GAP.stop + 600, max_gap="1m", **of("gap_total"))) == (Verdict.UNKNOWN, "EvidenceGaps")


def test_what_sloth_recorded_is_judged_over_its_own_windows(server: str) -> None:
    found = visit(server, sloth={"service": "myservice", "slo": "requests-availability"})
    assert verdict(found) == (Verdict.MET, "WithinBudget")
    assert "burns at 0.5 over 1h and 0.2 over 5m" in found.judgement.message


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("burning", (Verdict.UNMET, "BudgetBurning")),
        ("worn", (Verdict.UNMET, "BudgetBurning")),
        # Sloth divides 0 by 0 while there is no traffic.
        ("idle", (Verdict.UNKNOWN, "NotANumber")),
        ("unknown", (Verdict.UNKNOWN, "NoData")),
    ],
)
def test_what_sloth_recorded_of_a_service_in_trouble(server: str, service: str, expected: tuple[Verdict, str]) -> None:
    assert verdict(visit(server, sloth={"service": service, "slo": "requests-availability"})) == expected


def test_an_objective_of_ones_own_takes_the_place_of_the_recorded_one(server: str) -> None:
    which = {"service": "worn", "slo": "requests-availability"}
    assert visit(server, sloth=which, objective=99).judgement.verdict is Verdict.MET
    assert visit(server, pyrra={"name": "monitoring-http-errors"}, objective=99.9).judgement.verdict is Verdict.UNMET


def test_what_pyrra_recorded_is_judged_like_rates(server: str) -> None:
    found = visit(server, pyrra={"name": "monitoring-http-errors"})
    assert verdict(found) == (Verdict.MET, "WithinBudget")
    assert "burns at 0.5 over 1h and 0.5 over 5m" in found.judgement.message
    assert verdict(visit(server, pyrra={"name": "monitoring-http-slow"})) == (Verdict.UNMET, "BudgetBurning")
    assert verdict(visit(server, pyrra={"name": "without-errors"})) == (Verdict.UNKNOWN, "NoData")


def test_an_operator_that_was_away_for_a_while_comes_to_the_same_sums(server: str) -> None:
    at_once = visit(server, **of("half_total"))
    midway = visit(server, START + HOUR + 317, **of("half_total"))
    later = visit(server, stored=midway.state, **of("half_total"))
    assert isinstance(later.state, BudgetState)
    assert isinstance(at_once.state, BudgetState)
    assert (later.state.ledger, later.state.presence) == (at_once.state.ledger, at_once.state.presence)
    assert later.judgement.message == at_once.judgement.message
