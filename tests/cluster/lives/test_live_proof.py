"""Whether the tightened alerts are evaluated is proven, and what keeps them from it is found, named and healed."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.real_prometheus import Server, prometheus
from tests.cluster.cluster import Cluster
from tests.cluster.lives.endpoint import Endpoint, Trouble
from tests.cluster.lives.expectations import LASTING, promised
from tests.cluster.lives.history import History, Version
from tests.cluster.lives.place import OVERLAY, QUEUE_STUCK, RULES, SELECTED, SPEC, Place
from tests.cluster.lives.scenarios import Results, Scenarios
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
scenarios = Scenarios(at_once=4)
SECONDS = 20.0
EVERYTHING = {"alerts": {**SPEC["protection"]["alerts"], "from": [{"selector": {}}]}}


def alerts_tightened(version: Version) -> tuple[str, str, str]:
    found = version.condition("AlertsTightened")
    return found["status"], found["reason"], found["message"]


def told(period: History, status: str, reason: str, seconds: float = SECONDS) -> str:
    """Wait for AlertsTightened to say so; its message."""
    found = period.until(f"{reason}", lambda each: alerts_tightened(each)[:2] == (status, reason), promised(seconds))
    return alerts_tightened(found)[2]


@scenarios.add
def a_label_that_no_prometheus_asks_for(place: Place) -> None:
    place.profile({"rules": {"labels": {"release": "another"}}})
    with place.watch("period") as period:
        place.period(protection=EVERYTHING, **LASTING)
        message = told(period, "False", "OverlayNotSelected")
        wanted = "selects rules with release=kube-prometheus-stack: add that to rules.labels of the HypercareProfile"
        assert f"Prometheus monitoring/k8s {wanted}" in message
        place.profile({})
        period.until("it heals", lambda each: each.holds("AlertsTightened"), promised(SECONDS))


@scenarios.add
def an_alert_that_prometheus_operator_refuses(place: Place) -> None:
    # Flags like this one are known to other engines of regular expressions, and not to that of Go.
    odd = {"alert": "Odd", "expr": 'queue_oldest_age_seconds{service=~"(?x) checkout"} > 60', "for": "8s"}
    place.rules("odd-alerts", odd, {**QUEUE_STUCK, "alert": "BesideIt"})
    # With an enforced namespace label, as the Prometheus of the cluster has it, such an object is skipped silently.
    _add_prometheus(place, "own", {"ruleSelector": {"matchLabels": SELECTED}})
    with place.watch("period") as period:
        place.period(protection=EVERYTHING, **LASTING)
        message = told(period, "False", "OverlayRefused")
        assert f"prometheus-operator refuses PrometheusRule {OVERLAY}: PrometheusRule {OVERLAY} was rejected" in message
        healed = period.until("the others are live", lambda each: each.holds("AlertsTightened"), promised(SECONDS))
        refusals = {each["alert"]: each["message"] for each in healed.status["alerts"]["refusals"]}
        assert "prometheus-operator refuses PrometheusRule odd-alerts" in refusals["Odd"]
        assert place.cluster.query(f'hypercare:alert:active{{hypercare="{place.owner}"}}')
        place.rules("odd-alerts", {**odd, "expr": "queue_oldest_age_seconds > 60"})
        period.until(
            "the corrected one is tightened", lambda each: each.status["alerts"]["tightened"] == 3, promised(SECONDS)
        )
        period.until("and live", lambda each: each.holds("AlertsTightened"), promised(SECONDS))


@scenarios.add
def a_template_that_does_not_parse(place: Place) -> None:
    texts = {"summary": "{{ $labels.service }} waits", "description": "{{ if $value }} nobody closes this"}
    place.rules(RULES, {**QUEUE_STUCK, "annotations": texts})
    with place.watch("period") as period:
        place.period(protection=EVERYTHING, **LASTING)
        period.until("it is live", lambda each: each.holds("AlertsTightened"), promised(SECONDS))
        assert '{{\\"{{\\"}} if $value }} nobody closes this' in json.dumps(place.find("rules", OVERLAY))


def _add_prometheus(place: Place, name: str, spec: dict[str, Any]) -> None:
    """A Prometheus object of this namespace; no server stands behind it."""
    path = f"/apis/monitoring.coreos.com/v1/namespaces/{place.namespace}/prometheuses"
    wanted = {"replicas": 0, "evaluationInterval": "1s", **spec}
    body = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": {"name": name},
        "spec": wanted,
    }
    place.api.request("POST", path, json.dumps(body).encode())


@scenarios.add
def a_file_that_is_not_loaded_yet(place: Place) -> None:
    """A Prometheus selects the overlay that is not the one that evaluates the originals: nothing passes it on there."""
    _add_prometheus(place, "late", {"ruleSelector": {"matchLabels": {"release": place.namespace}}})
    place.profile({"rules": {"labels": {"release": place.namespace}}})
    with place.watch("period") as period:
        place.period(protection=EVERYTHING, **LASTING)
        waiting = period.until(
            "who selects it", lambda each: "it is selected by" in alerts_tightened(each)[2], promised(SECONDS)
        )
        message = alerts_tightened(waiting)[2]
        assert re.search(r"written [0-9]+s ago \(usually 1m, at most 5m", message)
        assert f"it is selected by Prometheus {place.namespace}/late" in message
        place.profile({})
        period.until("it heals", lambda each: each.holds("AlertsTightened"), promised(SECONDS))


@pytest.fixture(scope="module")
def other_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that evaluates no rule of the cluster."""
    with prometheus(tmp_path_factory.mktemp("other"), {}) as server:
        yield server


OTHERS = (
    (Trouble.NONE, "False", "OtherPrometheus", f"neither the overlay nor the originals (groups {RULES})"),
    (Trouble.KNOWS_NO_RULES, "Unknown", "LoadedRulesUnknown", "answered with status 404"),
)


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case[2])
def test_an_endpoint_that_is_not_the_one_that_evaluates(
    place: Place, other_prometheus: Server, case: tuple[Trouble, str, str, str]
) -> None:
    trouble, status, reason, words = case
    with Endpoint(other_prometheus.url, trouble) as endpoint, place.watch("period") as period:
        place.profile({}, endpoint.url)
        place.period(**LASTING)
        assert words in told(period, status, reason)
        place.profile({})
        period.until("it heals", lambda each: each.holds("AlertsTightened"), promised(SECONDS))


@scenarios.add
def an_overlay_that_somebody_edits_and_deletes(place: Place) -> None:
    with place.watch("period") as period:
        place.period(protection=EVERYTHING, **LASTING)
        period.until("it is live", lambda each: each.holds("AlertsTightened"), promised(SECONDS))
        body = place.find("rules", OVERLAY)

        began = time.time()
        place.delete("rules", OVERLAY)
        place.cluster.wait_until("it is there again", lambda: place.find("rules", OVERLAY).get("spec") == body["spec"])
        print(f"repaired {time.time() - began:.1f} s after it was deleted")
        repaired = period.until("that is told", lambda each: "was deleted by somebody" in alerts_tightened(each)[2])
        assert alerts_tightened(repaired)[1] == "OverlayRepaired"
        period.until("it is live again", lambda each: each.holds("AlertsTightened"), promised(SECONDS))

        for _ in range(2):
            _edit(place)
            place.cluster.wait_until("it is as it was", lambda: place.find("rules", OVERLAY)["spec"] == body["spec"])
        edited = period.until("that is told", lambda each: "was edited by " in alerts_tightened(each)[2])
        assert alerts_tightened(edited)[1] == "OverlayRepaired"
        _edit(place)
        message = told(period, "False", "OverlayContested")
        assert "3 times within a short time; it is written again in " in message
        time.sleep(3)
        assert place.find("rules", OVERLAY)["spec"]["groups"][0]["name"] == "theirs"


def _edit(place: Place) -> None:
    theirs = {"name": "theirs", "rules": [{"record": "theirs", "expr": "vector(1)"}]}
    place.edit("rules", OVERLAY, {"spec": {"groups": [theirs]}})


@scenarios.add
def a_copy_that_fires_until_its_original_could(place: Place) -> None:
    slow: dict[str, Any] = {**QUEUE_STUCK, "for": "40s"}
    place.rules(RULES, slow)
    with place.watch("period") as period:
        alerts = {"from": [{"rule": RULES}], "tighten": {"shortenFor": "95%", "minFor": "1s"}}
        place.period(
            protection={"alerts": alerts},
            stages=[{"name": "only", "strength": 100, "minDuration": "6s"}],
            relax={"step": 50, "every": "1s", "guard": False},
            exitCriteria=[{**SPEC["exitCriteria"][0], "sustainedFor": "3s"}],
        )
        period.until("it is live", lambda each: each.holds("AlertsTightened"), promised(SECONDS))
        place.cluster.shop.misbehave(place.namespace, queue=90)
        began = time.time()
        place.cluster.wait_until("the copy fires", lambda: place.firing("CheckoutQueueStuck") == ["copy"])
        since = f'ALERTS_FOR_STATE{{alertname="CheckoutQueueStuck",hypercare="{place.owner}"}}'
        active = place.cluster.query(since)[0]["value"][1]
        period.until("strength is gone", lambda each: each.status["strength"] == 0, 60)
        period.until("the copy is held", lambda each: "Copies that fire stay" in each.condition("Restored")["message"])
        while time.time() - began < 36:
            assert "copy" in place.firing("CheckoutQueueStuck")
            assert place.cluster.query(since)[0]["value"][1] == active
            time.sleep(1)
        place.cluster.wait_until("the original fires", lambda: "original" in place.firing("CheckoutQueueStuck"), 60)
        period.until("the copy goes", lambda each: each.phase == "Completed", 60)
        place.cluster.shop.behave(place.namespace)


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, cluster: Cluster, operator: OperatorProcess) -> Iterator[Results]:
    yield from scenarios.play(request, cluster, operator)


@pytest.mark.parametrize("scenario", scenarios.names)
def test_live_proof(scenario: str, playing: Results) -> None:
    playing[scenario].result()
