"""What happens to evidence while Prometheus is in trouble: told within seconds, never met, and healed by itself.

Each trouble comes over a period that is protected and whose criteria are met; what a period finds at its start is in
test_bad_input.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from tests.adapters.real_prometheus import Server, prometheus
from tests.cluster.cluster import Cluster
from tests.cluster.lives.endpoint import LAG_SECONDS, WARNING, Endpoint, Trouble
from tests.cluster.lives.expectations import LASTING, met, promised
from tests.cluster.lives.history import History, Version
from tests.cluster.lives.place import Place
from tests.cluster.lives.scenarios import Results, Scenarios
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
scenarios = Scenarios(at_once=6)
CRITERIA = ("errors", "quiet")
# interval + step + delay of the profile, and five more.
TOLD_SECONDS = 1 + 1 + 1 + 5
DOWN_SECONDS = 7
GAUGE = 'max by (service) (queue_oldest_age_seconds{service="checkout"})'
TOLERANT = {"maxGap": "15s", "coverage": "25%", "sustainedFor": "20s"}


def _trouble(place: Place, trouble: Trouble, reason: str, *words: str) -> None:
    """All is met, then trouble: Unknown for this reason, no exit, and met again once it is over."""
    with Endpoint(place.cluster.prometheus_url) as endpoint, place.watch("period") as period:
        place.profile({}, endpoint.url)
        place.period(**LASTING)
        period.until("all are met", _all_met, 60)
        endpoint.have(trouble)
        began = time.time()
        stale = period.until(f"stale by {reason}", lambda each: _stale(each, reason), promised(TOLD_SECONDS))
        print(f"{trouble.name}: told after {stale.at - began:.1f} s")
        unknown = period.until("nothing is known", _nothing_known, promised(TOLD_SECONDS))
        for name in CRITERIA:
            told = unknown.criterion(name)
            assert told["reason"] == reason, told
            assert all(word in told["message"] for word in words), told
        time.sleep(3)
        _nothing_was_met(period, unknown)
        endpoint.have(Trouble.NONE)
        period.until("it heals by itself", lambda each: _all_met(each) and each.holds("EvidenceFresh"), 60)
        _each_change_is_told_once(place, period.latest)


def _all_met(version: Version) -> bool:
    return all(met(name, version) for name in CRITERIA)


def _nothing_known(version: Version) -> bool:
    return all(version.verdict(name) == "Unknown" for name in CRITERIA)


def _stale(version: Version, reason: str) -> bool:
    fresh = version.condition("EvidenceFresh")
    return bool((fresh["status"], fresh["reason"]) == ("False", reason))


def _nothing_was_met(period: History, unknown: Version) -> None:
    assert not any(met(name, each) for each in period.since(unknown.at) for name in CRITERIA)
    assert not any(each.holds("ExitCriteriaMet") for each in period.since(unknown.at))
    assert period.latest.phase == "Active"


def _each_change_is_told_once(place: Place, version: Version) -> None:
    changes = [each for each in version.status["timeline"] if each["reason"].startswith("Criterion")]
    for name in CRITERIA:
        told = [each["reason"] for each in changes if each["message"].startswith(f"{name} ")]
        assert told == ["CriterionMet", "CriterionUnknown", "CriterionMet"]
    # They are posted after the status is written.
    expected = sorted(each["message"] for each in changes)
    place.cluster.wait_until("each is told as an Event", lambda: _told(place) == expected, timeout=15)


def _told(place: Place) -> list[str]:
    events = [each for each in place.all("event") if each["reason"].startswith("Criterion")]
    return sorted(str(each["message"])[:256] for each in events)


@scenarios.add
def too_many_requests(place: Place) -> None:
    _trouble(place, Trouble.THROTTLES, "PrometheusRefused", "status 429", "after 1s")


@scenarios.add
def an_answer_that_ends_in_the_middle(place: Place) -> None:
    _trouble(place, Trouble.TRUNCATES, "InvalidAnswer", "did not answer like a Prometheus")


@scenarios.add
def a_server_error(place: Place) -> None:
    _trouble(place, Trouble.FAILS, "PrometheusRefused", "status 500")


@scenarios.add
def a_partial_answer(place: Place) -> None:
    _trouble(place, Trouble.WARNS, "PartialAnswer", WARNING)


@scenarios.add
def a_slow_one(place: Place) -> None:
    """Slow is no trouble as long as it answers in time: nothing becomes unknown."""
    with Endpoint(place.cluster.prometheus_url) as endpoint, place.watch("period") as period:
        place.profile({}, endpoint.url)
        place.period(**LASTING)
        settled = period.until("all are met", _all_met, 60)
        endpoint.have(Trouble.LAGS)
        time.sleep(8 * LAG_SECONDS)
        assert all(_all_met(each) for each in period.since(settled.at))
        assert period.latest.holds("EvidenceFresh")


@scenarios.add
def a_prometheus_that_is_down(place: Place) -> None:
    """Some seconds without a scrape, which lookback hides: too long for one criterion, tolerated by the other.

    In mode Observe, for the rules of the overlay are evaluated by the Prometheus of the cluster, not by this one.
    """
    with _own_prometheus(place) as server, place.watch("period") as period:
        place.profile({}, server.url)
        strict = {"name": "strict", "query": GAUGE, "below": 60, "sustainedFor": "10s"}
        tolerant = {"name": "tolerant", "query": GAUGE, "below": 60, **TOLERANT}
        place.period(mode="Observe", exitCriteria=[strict, tolerant], **LASTING)
        period.until("both are met", lambda each: met("strict", each) and met("tolerant", each), 60)
        server.stop()
        down = period.until("stale", lambda each: _stale(each, "PrometheusUnreachable"), promised(TOLD_SECONDS))
        time.sleep(DOWN_SECONDS)
        assert not any(met(name, each) for each in period.since(down.at) for name in ("strict", "tolerant"))
        server.start()
        up = time.time()
        tolerated = period.until("the tolerant streak went on", lambda each: met("tolerant", each), 20)
        assert tolerated.verdict("strict") == "Unknown"
        gaps = period.until("the gap is seen", lambda each: each.criterion("strict")["reason"] == "EvidenceGaps", 10)
        assert "are missing" in gaps.criterion("strict")["message"]
        whole = period.until("a new streak is whole", lambda each: met("strict", each), 30)
        assert whole.at - up >= 5
        assert whole.holds("EvidenceFresh")


def _own_prometheus(place: Place) -> AbstractContextManager[Server]:
    target = place.cluster.shop_url.removeprefix("http://")
    job = {
        "job_name": "shop",
        "honor_labels": True,
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [{"targets": [target]}],
    }
    return prometheus(place.cluster.directory / f"prometheus-{place.namespace}", {"scrape_configs": [job]})


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, cluster: Cluster, operator: OperatorProcess) -> Iterator[Results]:
    yield from scenarios.play(request, cluster, operator)


@pytest.mark.parametrize("scenario", scenarios.names)
def test_outage(scenario: str, playing: Results) -> None:
    playing[scenario].result()
