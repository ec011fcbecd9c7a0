"""What cannot work: told as a condition with the field and what to do, within seconds, and healed with its cause."""

import time
from collections.abc import Iterator

import pytest

from hypercare.overlay.preflight import PATIENCE_SECONDS
from tests.cluster.cluster import Cluster
from tests.cluster.lives.endpoint import Endpoint, Trouble
from tests.cluster.lives.expectations import LASTING, await_protection, met, promised, protected, restored
from tests.cluster.lives.history import History, Version
from tests.cluster.lives.place import (
    ERRORS_CRITERION,
    OVERLAY,
    PERIOD,
    QUEUE_STUCK,
    SPEC,
    Place,
)
from tests.cluster.lives.scenarios import Results, Scenarios
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
scenarios = Scenarios(at_once=4)  # for what is told within seconds
SECONDS = 5.0
# What the first visit waits for history, and then the profile's prometheus.timeout for the proof of life.
TIMEOUT_SECONDS = PATIENCE_SECONDS + 3.0
ADDED = {
    "alert": "CheckoutTrafficGone",
    "expr": 'sum by (service) (rate(http_requests_total{service="checkout"}[5s])) < 1',
    "for": "10s",
    "runbook": "https://runbooks.example/shop/checkout-traffic",
    "owner": "team-shop",
}


def told(period: History, kind: str, reason: str, seconds: float = SECONDS) -> Version:
    """Wait for a condition that is not True, for this reason."""
    return period.until(f"{kind} says {reason}", lambda each: _says(each, kind, reason), promised(seconds))


def _says(version: Version, kind: str, reason: str) -> bool:
    return version.condition(kind)["reason"] == reason and not version.holds(kind)


def stalled(period: History, reason: str) -> Version:
    """Wait until the period is Stalled for this reason, and so not Ready."""
    found = period.until(
        f"stalled by {reason}", lambda each: each.condition("Stalled")["reason"] == reason, promised(SECONDS)
    )
    assert (found.holds("Stalled"), found.holds("Ready")) == (True, False)
    return found


def _endpoint_in_trouble(place: Place, trouble: Trouble, reason: str, seconds: float, words: str) -> None:
    with Endpoint(place.cluster.prometheus_url, trouble) as endpoint, place.watch("period") as period:
        place.profile({}, endpoint.url)
        began = time.time()
        place.period(**LASTING)
        found = told(period, "AlertsTightened", reason, seconds)
        print(f"{reason}: told after {found.at - began:.1f} s")
        _names_the_endpoint(place, found, "AlertsTightened", words)
        stale = told(period, "EvidenceFresh", reason, 20)
        _names_the_endpoint(place, stale, "EvidenceFresh", words)
        period.until("capacity is raised all the same", lambda each: each.holds("ScalingRaised"))
        assert not any(met(name, each) for each in period.versions for name in ("errors", "quiet"))
        endpoint.have(Trouble.NONE)
        period.until("it heals by itself", lambda each: protected(each) and each.holds("EvidenceFresh"), 60)
        period.until("the evidence is there", lambda each: met("errors", each) and met("quiet", each), 60)


def _names_the_endpoint(place: Place, version: Version, kind: str, words: str) -> None:
    message = version.condition(kind)["message"]
    assert message.startswith(f"HypercareProfile/{place.namespace}: spec.prometheus.url: ")
    assert words in message


@scenarios.add
def a_prometheus_that_refuses(place: Place) -> None:
    _endpoint_in_trouble(place, Trouble.REFUSES, "PrometheusUnreachable", SECONDS, "cannot be reached")


@scenarios.add
def a_prometheus_that_hangs(place: Place) -> None:
    _endpoint_in_trouble(place, Trouble.HANGS, "PrometheusTimeout", TIMEOUT_SECONDS + 2, "did not answer in time")


@scenarios.add
def a_prometheus_that_fails(place: Place) -> None:
    _endpoint_in_trouble(place, Trouble.FAILS, "PrometheusRefused", SECONDS, "answered with status 500")


@scenarios.add
def a_page_instead_of_a_prometheus(place: Place) -> None:
    _endpoint_in_trouble(place, Trouble.IS_NO_PROMETHEUS, "InvalidAnswer", SECONDS, "did not answer like a Prometheus")


@scenarios.add
def a_prometheus_that_is_away_for_a_while(place: Place) -> None:
    with Endpoint(place.cluster.prometheus_url) as endpoint, place.watch("period") as period:
        place.profile({}, endpoint.url)
        place.period(**LASTING)
        period.until("both are met", lambda each: met("errors", each) and met("quiet", each))
        endpoint.have(Trouble.REFUSES)
        gone = period.until("nothing is known any more", _knows_nothing, 15)
        assert not gone.holds("EvidenceFresh")
        time.sleep(3)
        assert not any(met(name, each) for each in period.since(gone.at) for name in ("errors", "quiet"))
        assert (period.latest.phase, period.latest.holds("ExitCriteriaMet")) == ("Active", False)
        endpoint.have(Trouble.NONE)
        period.until("it recovers by itself", lambda each: each.holds("EvidenceFresh") and each.holds("Ready"), 60)
        period.until("the evidence is there again", lambda each: met("errors", each) and met("quiet", each), 60)


def _knows_nothing(version: Version) -> bool:
    return {version.verdict(name) for name in ("errors", "quiet")} == {"Unknown"}


@scenarios.add
def a_profile_that_does_not_exist(place: Place) -> None:
    place.api.request("DELETE", f"/apis/hypercare.dev/v1alpha1/hypercareprofiles/{place.namespace}")
    with place.watch("period") as period:
        place.period(**LASTING)
        message = stalled(period, "ProfileNotFound").condition("Stalled")["message"]
        assert message.startswith(f"spec.profile: HypercareProfile '{place.namespace}' does not exist: create it")
        assert restored(place)
        place.profile({})
        await_protection(period)
        assert not period.latest.holds("Stalled")


@scenarios.add
def a_target_that_does_not_exist(place: Place) -> None:
    with place.watch("period") as period:
        place.period(targets=[*SPEC["targets"], {"kind": "Deployment", "name": "basket"}], **LASTING)
        found = told(period, "TargetsFound", "TargetNotFound")
        assert found.condition("TargetsFound")["message"] == (
            f"spec.targets[1]: Deployment {place.namespace}/basket does not exist: create it, or correct the target"
        )
        period.until("it is not ready", lambda each: _says(each, "Ready", "TargetNotFound"), promised(SECONDS))
        period.until("the other target is protected", _both_levers)
        assert period.latest.phase == "Pending"
        place.deploy("2.4.0", "basket")
        await_protection(period)
        assert period.latest.holds("TargetsFound")


def _both_levers(version: Version) -> bool:
    return version.holds("AlertsTightened") and version.holds("ScalingRaised")


@scenarios.add
def a_rule_that_does_not_exist(place: Place) -> None:
    protection = {**SPEC["protection"], "alerts": {**SPEC["protection"]["alerts"], "from": [{"rule": "others"}]}}
    with place.watch("period") as period:
        place.period(protection=protection, **LASTING)
        stalled(period, "RuleNotFound")
        found = told(period, "AlertsTightened", "RuleNotFound")
        message = found.condition("AlertsTightened")["message"]
        assert message.startswith("spec.protection.alerts.from[0].rule: no PrometheusRule others in this namespace")
        period.until("capacity is raised all the same", lambda each: each.holds("ScalingRaised"))
        assert not place.find("rules", OVERLAY)
        place.rules("others", QUEUE_STUCK)
        await_protection(period)


@scenarios.add
def a_criterion_that_is_no_promql(place: Place) -> None:
    broken = {"name": "broken", "query": "sum(rate(http_requests_total[5s])", "below": 1, "sustainedFor": "5s"}
    with place.watch("period") as period:
        place.period(exitCriteria=[ERRORS_CRITERION, broken])
        stalled(period, "InvalidPromQL")
        found = told(period, "EvidenceFresh", "InvalidPromQL")
        assert found.condition("EvidenceFresh")["message"].startswith("spec.exitCriteria[1].query: ")
        judged = period.until("the other one is judged", lambda each: met("errors", each))
        assert not judged.holds("ExitCriteriaMet")
        assert place.floor() == 4
        place.edit("period", PERIOD, {"spec": {"exitCriteria": [ERRORS_CRITERION]}})
        period.until("it goes its way", lambda each: each.phase == "Relaxing")


@scenarios.add
def an_added_alert_that_is_no_promql(place: Place) -> None:
    alerts = {**SPEC["protection"]["alerts"], "add": [ADDED, {**ADDED, "alert": "Broken", "expr": "up ="}]}
    with place.watch("period") as period:
        place.period(protection={"alerts": alerts}, **LASTING)
        stalled(period, "InvalidPromQL")
        found = told(period, "AlertsTightened", "InvalidPromQL")
        assert found.condition("AlertsTightened")["message"].startswith("spec.protection.alerts.add[1].expr: ")
        mine = f'ALERTS_FOR_STATE or hypercare:overlay:live{{hypercare="{place.owner}"}}'
        place.cluster.wait_until("the others are evaluated", lambda: len(place.cluster.query(mine)) >= 2)
        assert "Broken" not in str(place.find("rules", OVERLAY))
        assert ADDED["alert"] in str(place.find("rules", OVERLAY))
        place.edit("period", PERIOD, {"spec": {"protection": {"alerts": {"add": [ADDED]}}}})
        await_protection(period)


@scenarios.add
def an_overlay_name_that_is_taken(place: Place) -> None:
    place.rules(OVERLAY, QUEUE_STUCK)
    before = place.find("rules", OVERLAY)
    with place.watch("period") as period:
        place.period(**LASTING)
        found = stalled(period, "OverlayNameTaken")
        assert OVERLAY in found.condition("Stalled")["message"]
        period.until("capacity is raised all the same", lambda each: each.holds("ScalingRaised"))
        assert place.find("rules", OVERLAY) == before
        place.delete("rules", OVERLAY)
        await_protection(period)


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, cluster: Cluster, operator: OperatorProcess) -> Iterator[Results]:
    yield from scenarios.play(request, cluster, operator)


@pytest.mark.parametrize("scenario", scenarios.names)
def test_bad_input(scenario: str, playing: Results) -> None:
    playing[scenario].result()
