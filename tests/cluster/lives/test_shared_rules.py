"""A period gets its share of alerts that are written once for the whole cluster, and of what they do."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.lives.expectations import LASTING, promised
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import ERRORS_CRITERION, OVERLAY, QUIET_CRITERION, SELECTED, Place

pytestmark = pytest.mark.cluster
PROMETHEUS = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheuses/k8s"
STUCK: dict[str, Any] = {
    "alert": "AnyQueueStuck",
    "expr": "max by (namespace, service) (queue_oldest_age_seconds) > 60",
    "for": "12s",
    "labels": {"severity": "critical"},
}
NODE_DOWN = {"alert": "NodeDown", "expr": 'up{job="node-exporter"} == 0', "for": "12s"}
NO_QUEUE = {"alert": "NoQueue", "expr": "absent(queue_oldest_age_seconds)", "for": "12s"}


@pytest.fixture
def platform(cluster: Cluster, place: Place) -> Iterator[str]:
    """A namespace with rules for everybody, which Prometheus does not keep to series of their own namespace."""
    name = f"{place.namespace}-platform"[-63:].strip("-")
    metadata = {"name": "for-everybody", "labels": {**SELECTED, "role": "shared"}}
    groups = [{"name": "everybody", "interval": "1s", "rules": [STUCK, NODE_DOWN, NO_QUEUE]}]
    rules = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata}
    exempt = [{"group": "monitoring.coreos.com", "resource": "prometheusrules", "namespace": name}]
    place.api.request("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": name}}).encode())
    _exempt(place, exempt)
    path = f"/apis/monitoring.coreos.com/v1/namespaces/{name}/prometheusrules/for-everybody"
    place.api.apply(path, json.dumps({**rules, "spec": {"groups": groups}}))
    yield name
    _exempt(place, None)
    place.api.request("DELETE", f"/api/v1/namespaces/{name}")


def _exempt(place: Place, objects: list[dict[str, str]] | None) -> None:
    change = {"spec": {"excludedFromEnforcement": objects}}
    place.api.request("PATCH", PROMETHEUS, json.dumps(change).encode(), "application/merge-patch+json")


def quiet(version: Version, verdict: str) -> bool:
    return bool(version.verdict("quiet") == verdict)


def test_a_shared_alert_is_early_for_the_target_and_evidence_of_nobody_else(place: Place, platform: str) -> None:
    shared = [{"namespace": platform, "selector": {"matchLabels": {"role": "shared"}}}]
    shop = place.cluster.shop
    shop.add(place.namespace, "basket")
    place.profile({"rules": {"labels": SELECTED, "shared": shared}})
    with place.watch("period") as period:
        alerts = {"from": [{"shared": True}], "tighten": {"shortenFor": "75%", "minFor": "1s"}}
        criteria = [QUIET_CRITERION, {**ERRORS_CRITERION, "advisory": True}]
        place.period(**LASTING, protection={"alerts": alerts}, exitCriteria=criteria)
        found = period.until("it is live", lambda each: each.holds("AlertsTightened"), promised(30))
        refusals = {each["alert"]: each["reason"] for each in found.status["alerts"]["refusals"]}
        assert found.status["alerts"]["tightened"] == 1
        assert refusals == {"NodeDown": "NoTenantLabel", "NoQueue": "ResultWithoutSeries"}
        (group,) = place.find("rules", OVERLAY)["spec"]["groups"]
        (copy,) = [rule for rule in group["rules"] if "alert" in rule]
        ours = f'queue_oldest_age_seconds{{namespace="{place.namespace}",service=~"(checkout)(-.*)?"}}'
        assert ours in copy["expr"]
        assert group["name"] == f"{platform}:for-everybody/everybody"
        period.until("quiet is proven", lambda each: quiet(each, "Met"), promised(40))

        shop.misbehave(place.namespace, "basket", queue=90)
        place.cluster.wait_until("the original fires", lambda: place.firing("AnyQueueStuck") == ["original"], 60)
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        later = period.until(
            "evidence goes on", lambda each: each.criterion("quiet").get("finalThrough", "") > since, promised(90)
        )
        assert quiet(later, "Met")
        shop.behave(place.namespace, "basket")
        place.cluster.wait_until("it ends", lambda: not place.firing("AnyQueueStuck"), 60)

        shop.misbehave(place.namespace, queue=90)
        place.cluster.wait_until("the copy fires first", lambda: place.firing("AnyQueueStuck") == ["copy"], 60)
        period.until("the original is bad", lambda each: quiet(each, "Unmet"), promised(60))
        assert place.firing("AnyQueueStuck") == ["copy", "original"]
        shop.behave(place.namespace)
