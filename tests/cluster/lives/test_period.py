"""One whole life, step by step, as a person with kubectl and Prometheus sees it; and what a quiet period costs."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.cluster.api import Api
from tests.cluster.lives.expectations import LASTING, await_protection, content, met, over, phases, promised
from tests.cluster.lives.history import Body, History, Version
from tests.cluster.lives.place import HYPERCARE, OVERLAY, PERIOD, RULES, SPEC, Place
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
ALERT = "CheckoutErrorRate"
# interval + step + delay of the profile, and five more.
VISIBLE_WITHIN_SECONDS = 1 + 1 + 1 + 5
SUSTAINED_SECONDS = 5
RELEASE = {"version": "2.5.0", "previous": "2.4.0"}
PACE: Mapping[str, Any] = {
    "stages": [
        {"name": "intensive", "strength": 100, "minDuration": "4s"},
        {"name": "elevated", "strength": 50, "minDuration": "3s"},
    ],
    "relax": {"step": 25, "every": "2s"},
}


def test_a_whole_life(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    originals = _changeable(place)
    with place.watch("period") as period:
        protected_after = _is_protected_before_and_during_the_rollout(place, period)
        _is_readable(place)
        _is_proven_live(place, period.latest)
        seen_after = _breaks_when_the_service_does(place, period)
        _fires_the_copy_first(place)
        _recovers_with_a_new_streak(place, period)
        restored_after, completed_after = _relaxes_stage_by_stage(place, period)
        _was_live_whenever_it_said_so(place, period)
        _is_over(place, period, originals)
        _is_reported(place, period.latest)
    with capsys.disabled():
        print(
            f"\napply -> AlertsTightened: {protected_after:.1f} s; breach -> status: {seen_after:.1f} s; "
            f"strength 0 -> Restored: {restored_after:.1f} s, -> Completed: {completed_after:.1f} s"
        )


def _changeable(place: Place) -> dict[str, Body]:
    names = {"autoscaler": "checkout", "rules": RULES}
    return {kind: content(place.find(kind, name)) for kind, name in names.items()}


def _is_protected_before_and_during_the_rollout(place: Place, period: History) -> float:
    spec = {**SPEC, **PACE, "profile": place.namespace, "release": RELEASE}
    body = {"apiVersion": HYPERCARE.removeprefix("/apis/"), "kind": "HypercarePeriod", "metadata": {"name": PERIOD}}
    began = time.time()
    place.cluster.kubectl("apply", "-n", place.namespace, "-f", "-", stdin=yaml.safe_dump({**body, "spec": spec}))
    tightened = period.until("alerts are tightened", lambda each: each.holds("AlertsTightened"))
    raised = period.until("capacity is raised", lambda each: each.holds("ScalingRaised"))
    assert {each.phase for each in (tightened, raised)} == {"Pending"}
    assert place.floor() == 4
    place.deploy("2.5.0")
    for condition in ("Ready", "AlertsTightened", "ScalingRaised"):
        arguments = (f"--for=condition={condition}", "-n", place.namespace, "--timeout=30s")
        place.cluster.kubectl("wait", f"hcp/{PERIOD}", *arguments)
    await_protection(period)
    assert phases(period) == ["Pending", "Preparing", "Active"]
    return tightened.at - began


def _is_readable(place: Place) -> None:
    heading, row = place.cluster.kubectl("get", "hcp", "-n", place.namespace).splitlines()
    assert heading.split() == ["NAME", "PHASE", "STAGE", "STRENGTH", "BLOCKED", "ENDS", "AGE"]
    ends = r"\d{4}-\d\d-\d\dT\d\d:\d\dZ"
    assert re.fullmatch(rf"{PERIOD} +Active +intensive +100 +errors \(.+\), quiet \(.+\) +{ends} +\d+s", row)
    described = place.cluster.kubectl("describe", "hcp", PERIOD, "-n", place.namespace)
    for line in (
        r"Phase: +Active",
        r"Summary: +2 of 2 exit criteria block: errors: .+; quiet: .+",
        r"Message: +2 of 2 alerts tightened, 0 added; Prometheus evaluates exactly this version, at 100%",
        r"Message: +checkout: 4 replicas are ready, the floor is 4",
        r"Message: +Deployment checkout runs 2\.5\.0",
        r"Normal +Protected .+ Everything requested is verified: active",
    ):
        assert re.search(rf"^ *{line}$", described, re.MULTILINE), line


def _is_proven_live(place: Place, version: Version) -> None:
    overlay = place.find("rules", OVERLAY)
    (owner,) = overlay["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("HypercarePeriod", PERIOD)
    assert owner["uid"] == version.body["metadata"]["uid"]
    beats = place.cluster.query(f'hypercare:overlay:live{{hypercare="{place.owner}"}}')
    assert {each["metric"]["hypercare_revision"] for each in beats} == {version.status["overlay"]["revision"]}
    assert len(beats) == version.status["overlay"]["groups"]
    assert all(time.time() - float(each["value"][1]) < 5 for each in beats)


def _was_live_whenever_it_said_so(place: Place, period: History) -> None:
    """By then, Prometheus had evaluated the very revision that the status names."""
    said = [each for each in period.versions if each.condition("AlertsTightened")["reason"] == "Live"]
    assert len({each.status["overlay"]["revision"] for each in said}) >= 2
    for version in said:
        revision = version.status["overlay"]["revision"]
        beat = f'hypercare:overlay:live{{hypercare="{place.owner}",hypercare_revision="{revision}"}}'
        asked = {"query": f"last_over_time({beat}[1m])", "time": f"{version.at:.3f}"}
        found = Api(place.cluster.prometheus_url).get("/api/v1/query", **asked)["data"]["result"]
        assert len(found) == version.status["overlay"]["groups"], version.status["conditions"]


def _breaks_when_the_service_does(place: Place, period: History) -> float:
    period.until("a streak has begun", lambda each: each.criterion("errors").get("metFor", "0s") in {"2s", "3s", "4s"})
    began = time.time()
    place.cluster.shop.misbehave(place.namespace, errors=0.2)
    unmet = period.until(
        "it is unmet", lambda each: each.verdict("errors") == "Unmet", promised(VISIBLE_WITHIN_SECONDS)
    )
    period.until("it says what blocks", lambda each: each.status["blocked"].startswith("errors (unmet)"))
    assert period.latest.condition("ExitCriteriaMet")["status"] == "False"
    return unmet.at - began


def _fires_the_copy_first(place: Place) -> None:
    place.cluster.wait_until("both fire", lambda: place.firing(ALERT) == ["copy", "original"])
    firing = f'ALERTS{{namespace="{place.namespace}",alertname="{ALERT}",alertstate="firing"}}'
    now = int(time.time()) + 1
    times = {"start": str(now - 60), "end": str(now), "step": "1"}
    found = Api(place.cluster.prometheus_url).get("/api/v1/query_range", query=firing, **times)["data"]["result"]
    since = {each["metric"].get("hypercare", ""): each["values"][0][0] for each in found}
    # 12 s of the original, shortened by 75 %; each is exact to one interval.
    assert 7 <= since[""] - since[place.owner] <= 11


def _recovers_with_a_new_streak(place: Place, period: History) -> None:
    place.cluster.shop.behave(place.namespace)
    healed = time.time()
    again = period.until("the streak is whole again", lambda each: met("errors", each))
    assert again.at - healed >= SUSTAINED_SECONDS
    assert not any(met("errors", each) for each in period.since(0) if each.at < healed)


def _relaxes_stage_by_stage(place: Place, period: History) -> tuple[float, float]:
    elevated = period.until("the second stage", lambda each: each.status["stage"] == "elevated")
    assert (elevated.phase, elevated.status["strength"]) == ("Active", 50)
    place.cluster.wait_until("the floor is lower", lambda: place.floor() == 3, timeout=15)
    end = period.until("it ends", over)
    assert phases(period) == ["Pending", "Preparing", "Active", "Relaxing", "Completed"]
    strengths = [each.status["strength"] for each in period.versions if "strength" in each.status]
    assert list(dict.fromkeys(strengths)) == [100, 50, 25, 0]
    down = next(each.at for each in period.versions if each.status.get("strength") == 0)
    restored = next(each.at for each in period.versions if each.at >= down and each.holds("Restored"))
    completed = next(each.at for each in period.versions if each.phase == "Completed")
    assert end.holds("Restored")
    return restored - down, completed - down


def _is_over(place: Place, period: History, originals: Mapping[str, Body]) -> None:
    assert _changeable(place) == originals
    assert not place.find("rules", OVERLAY)
    assert not place.all("hold")
    assert place.firing(ALERT) == []
    end = period.latest
    assert (end.holds("Succeeded"), end.holds("Restored"), end.holds("Ready")) == (True, True, True)
    assert not any(
        body["metadata"].get("finalizers")
        for kind in ("period", "autoscaler", "rules", "deployment", "configmap")
        for body in place.all(kind)
    )
    time.sleep(3)
    assert period.latest is end or period.latest.body == end.body


def _is_reported(place: Place, end: Version) -> None:
    data = place.find("configmap", end.status["report"])["data"]
    document = json.loads(data["report.json"])
    assert (document["outcome"], document["run"]) == ("Met", end.status["run"]["id"])
    (detection,) = [each for each in document["alerts"]["detections"] if each["original"]]
    assert detection["alert"] == ALERT
    assert 7 <= detection["gainSeconds"] <= 11
    assert {(each["alert"], each["originalForSeconds"]) for each in document["alerts"]["tightened"]} == {
        (ALERT, 12),
        ("CheckoutQueueStuck", 8),
    }
    (raised,) = document["scaling"]
    assert (raised["original"], raised["raisedTo"], raised["now"], raised["state"]) == (2, 4, 2, "Restored")
    assert f"the copy was earlier, by up to {detection['gainSeconds']}s" in re.sub(r"\s+", " ", data["report.md"])
    assert "| RelaxingStarted |" in data["report.md"]


def test_a_quiet_period_writes_nothing_and_reads_no_object(place: Place, operator: OperatorProcess) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
        period.until("nothing changes any more", lambda each: met("errors", each) and met("quiet", each))
        others = Api(place.cluster.proxy_url)
        path = f"{HYPERCARE}/hypercareperiods"
        place.cluster.wait_until("it is the only one", lambda: len(others.get(path)["items"]) == 1)
        time.sleep(2)
        before, since = _counted(operator), time.time()
        served = _served(place)
        time.sleep(10)
        after = _counted(operator)
        assert _served(place) - served <= 1
        assert after["ticks"] - before["ticks"] >= 8
        assert after["reads"] == before["reads"]
        # At most one write of mere progress, for an hour's window has one every 18 s.
        assert after["writes"] - before["writes"] <= 1
        assert len(period.since(since)) <= 1


# To discover is to look whether a kind that is not served, such as KEDA's, is served now.
_NO_WRITES = frozenset({"get", "list", "watch", "discover"})


def _counted(operator: OperatorProcess) -> dict[str, float]:
    """What the operator has asked: of the API server, and of Prometheus, where each tick is one range at least."""
    text = operator.get("/metrics")
    requests = re.findall(r'^hypercare_api_requests_total{.*verb="(\w+)".*} (\S+)$', text, re.MULTILINE)
    ranges = re.findall(r'^hypercare_prometheus_request_seconds_count{.*query="range".*} (\S+)$', text, re.MULTILINE)
    return {
        "reads": sum(float(count) for verb, count in requests if verb.lower() in {"get", "list"}),
        "writes": sum(float(count) for verb, count in requests if verb.lower() not in _NO_WRITES),
        "ticks": sum(map(float, ranges)),
    }


def _served(place: Place) -> float:
    """How many requests about objects of hypercare the API server has answered, watches aside."""
    text = Api(place.cluster.proxy_url).request("GET", "/metrics")
    lines = re.findall(r'^apiserver_request_total{(.*group="hypercare\.dev".*)} (\S+)$', text, re.MULTILINE)
    return sum(float(count) for labels, count in lines if 'verb="WATCH"' not in labels)
