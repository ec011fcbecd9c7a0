"""Modes and edits of a period that is under way: what each of them starts, stops, restores or repairs."""

import itertools
import time
from collections.abc import Iterator, Mapping

import pytest

from hypercare.domain.alerts.overlay import VERDICTS_ANNOTATION
from tests.cluster.cluster import Cluster
from tests.cluster.lives.endpoint import Endpoint
from tests.cluster.lives.expectations import LASTING, await_protection, content, met, over, phases, promised, restored
from tests.cluster.lives.history import Body, Version
from tests.cluster.lives.place import ERROR_RATE, OVERLAY, PERIOD, RULES, SELECTED, Place
from tests.cluster.lives.scenarios import Results, Scenarios
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
scenarios = Scenarios()
QUEUE = "CheckoutQueueStuck"


def everything(place: Place) -> dict[str, Body]:
    """Every object of the namespace that is not made by the clock or a controller, by its address."""
    found = {}
    for group in ("api/v1", *(each["preferredVersion"]["groupVersion"] for each in place.api.get("/apis")["groups"])):
        root = f"/{group}" if group == "api/v1" else f"/apis/{group}"
        for kind in place.api.get(root)["resources"]:
            if kind["namespaced"] and "list" in kind["verbs"] and kind["kind"] not in {"Event", "PodMetrics"}:
                path = f"{root}/namespaces/{place.namespace}/{kind['name']}"
                items = place.api.get(path)["items"]
                found.update({f"{kind['name']}/{item['metadata']['name']}": content(item) for item in items})
    return found


def managers(place: Place) -> set[str]:
    """Which objects the operator has written."""
    kinds = ("deployment", "autoscaler", "rules", "period", "configmap")
    return {
        f"{kind}/{body['metadata']['name']}"
        for kind in kinds
        for body in place.all(kind)
        for entry in body["metadata"].get("managedFields", ())
        if entry["manager"].startswith("hypercare")
    }


@scenarios.add
def observe_writes_nothing_and_judges_all_the_same(place: Place) -> None:
    before = everything(place)
    with place.watch("period") as period:
        place.period(mode="Observe", **LASTING)
        period.until("quiet is met", lambda each: met("quiet", each) and met("errors", each))
        assert {period.latest.condition(kind)["reason"] for kind in ("AlertsTightened", "ScalingRaised")} == {
            "ObserveMode"
        }
        place.cluster.shop.misbehave(place.namespace, queue=90)
        period.until("an alert that fires breaks it", lambda each: each.verdict("quiet") == "Unmet")
        assert place.firing(QUEUE) == ["original"]
        place.cluster.shop.behave(place.namespace)
        place.edit("period", PERIOD, {"spec": {"stages": [{"name": "short", "strength": 100, "minDuration": "1s"}]}})
        end = period.until("it ends like any other", over)
    report = end.status["report"]
    assert (end.phase, end.holds("Succeeded"), end.holds("Restored")) == ("Completed", True, True)
    after = everything(place)
    added = {f"configmaps/{report}", f"hypercareperiods/{PERIOD}"}
    assert {path: body for path, body in after.items() if path not in added} == before
    assert managers(place) == {f"configmap/{report}", f"period/{PERIOD}"}


@scenarios.add
def a_change_of_mode_restores_and_applies(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
        place.edit("period", PERIOD, {"spec": {"mode": "Observe"}})
        period.until("the run holds nothing", lambda each: each.holds("Restored"), promised(2))
        assert restored(place)
        place.edit("period", PERIOD, {"spec": {"mode": "Enforce"}})
        period.until("it is protected again", lambda each: _says(each, "AlertsTightened", "Live"))
        await_protection(period)
        assert place.floor() == 4
        assert phases(period) == ["Pending", "Preparing", "Active"]


@scenarios.add
def a_suspended_period_neither_judges_nor_repairs_and_catches_up(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("the errors are met", lambda each: met("errors", each))
        place.edit("period", PERIOD, {"spec": {"suspend": True}})
        suspended = period.until("it is suspended", lambda each: each.phase == "Suspended", promised(2))
        place.cluster.shop.misbehave(place.namespace, errors=0.5, lasting=1)
        place.delete("rules", OVERLAY)
        time.sleep(9)
        assert not place.find("rules", OVERLAY)
        assert place.floor() == 4
        assert {each.verdict("errors") for each in period.since(suspended.at)} == {"Met"}
        place.edit("period", PERIOD, {"spec": {"suspend": False}})
        period.until("it goes on where it was", lambda each: each.phase == "Active", promised(2))
        broken = period.until("what happened meanwhile counts", lambda each: each.verdict("errors") == "Unmet")
        assert broken.criterion("errors")["lastBad"] < broken.status["phaseSince"]
        period.until("the overlay is back", lambda each: each.holds("AlertsTightened"))
        period.until("the streak is whole again", lambda each: met("errors", each))


@scenarios.add
def the_hard_end_acts_on_a_suspended_period(place: Place) -> None:
    window = {"start": {"when": "Immediately"}, "duration": "8s", "extension": {"limit": 0}, "atLimit": {"hold": "2s"}}
    stages = [{"name": "only", "strength": 50, "minDuration": "1s"}]
    with place.watch("period") as period:
        place.period(window=window, stages=stages)
        period.until("the window is open", lambda each: each.phase in {"Preparing", "Active"})
        place.edit("period", PERIOD, {"spec": {"suspend": True}})
        end = period.until("it ends", over)
    assert end.status["outcome"] == "LimitReached"
    assert phases(period)[-4:] == ["Suspended", "DecisionNeeded", "Relaxing", "Ended"]
    assert restored(place)


@scenarios.add
def a_removed_lever_is_restored_at_once_and_the_other_stays(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
        place.edit("period", PERIOD, {"spec": {"protection": {"scaling": None}}})
        period.until("nothing is raised", lambda each: _says(each, "ScalingRaised", "NotRequested"), promised(2))
        place.cluster.wait_until("the floor is back", lambda: place.floor() == 2 and not place.all("hold"), promised(3))
        assert place.find("rules", OVERLAY)
        assert period.latest.phase == "Active"


@scenarios.add
def an_edit_of_the_profile_reaches_the_running_period(place: Place) -> None:
    with Endpoint(place.cluster.prometheus_url) as endpoint, place.watch("period") as period:
        place.profile({}, endpoint.url)
        place.period(**LASTING)
        await_protection(period)
        place.profile({"limits": {"maxFloor": 3}}, endpoint.url)
        place.cluster.wait_until("the floor keeps the new limit", lambda: place.floor() == 3, promised(3))
        assert _silence(endpoint) < 4
        slower = {"step": "1s", "interval": "10s", "delay": "1s", "freshness": "4s", "maxDelay": "5s"}
        place.profile({"evaluation": slower}, endpoint.url)
        place.cluster.wait_until("the limit is gone", lambda: place.floor() == 4, promised(3))
        place.cluster.wait_until("Prometheus is asked less often", lambda: _silence(endpoint) > 6)


def _says(version: Version, kind: str, reason: str) -> bool:
    return bool(version.condition(kind)["reason"] == reason)


def _silence(endpoint: Endpoint) -> float:
    """The longest time between two questions to Prometheus so far, in seconds."""
    asked = sorted(endpoint.asked)
    return max(after - before for before, after in itertools.pairwise(asked))


@scenarios.add
def an_overlay_that_people_change_or_delete_is_repaired(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
        wanted = _repaired(place.find("rules", OVERLAY))
        place.edit("rules", OVERLAY, {"spec": {"groups": []}})
        place.cluster.wait_until("it is as it was", lambda: _same(place.find("rules", OVERLAY), wanted), promised(3))
        place.delete("rules", OVERLAY)
        place.cluster.wait_until("it is back", lambda: _same(place.find("rules", OVERLAY), wanted), promised(3))
        await_protection(period)


def _same(body: Body, wanted: Body) -> bool:
    return bool(body) and _repaired(body) == wanted


def _repaired(body: Body) -> Body:
    """What is repaired. What history has said meanwhile is written along with it."""
    found = content(body)
    kept = {
        name: text for name, text in (found["metadata"]["annotations"] or {}).items() if name != VERDICTS_ANNOTATION
    }
    return {**found, "metadata": {**found["metadata"], "annotations": kept}}


@scenarios.add
def a_rule_that_comes_later_gets_its_copy(place: Place) -> None:
    alerts = {"from": [{"selector": {"matchLabels": SELECTED}}], "tighten": {"shortenFor": "75%", "minFor": "1s"}}
    with place.watch("period") as period:
        place.period(protection={"alerts": alerts}, **LASTING)
        first = await_protection(period)
        assert first.status["alerts"]["tightened"] == 2
        place.rules("later-alerts", {**ERROR_RATE, "alert": "CheckoutErrorRateLong", "for": "60s"})
        later = period.until("its copy is evaluated", lambda each: _live(each, 3))
        assert later.status["overlay"]["revision"] != first.status["overlay"]["revision"]
        assert "CheckoutErrorRateLong" in _copies(place)
        place.delete("rules", "later-alerts")
        period.until("its copy is gone", lambda each: _live(each, 2))
        assert "CheckoutErrorRateLong" not in _copies(place)
        assert place.find("rules", RULES)


def _live(version: Version, tightened: int) -> bool:
    return bool(version.status.get("alerts", {}).get("tightened") == tightened and version.holds("AlertsTightened"))


def _copies(place: Place) -> Mapping[str, str]:
    groups = place.find("rules", OVERLAY)["spec"]["groups"]
    return {rule["alert"]: rule["for"] for group in groups for rule in group["rules"] if "alert" in rule}


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, cluster: Cluster, operator: OperatorProcess) -> Iterator[Results]:
    yield from scenarios.play(request, cluster, operator)


@pytest.mark.parametrize("scenario", scenarios.names)
def test_mode(scenario: str, playing: Results) -> None:
    playing[scenario].result()
