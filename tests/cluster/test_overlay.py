"""Overlays on a real prometheus-operator and a real Prometheus, the namespace enforced: loaded, evaluated, proven."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.diagnosis import RuleLoading, diagnose
from hypercare.domain.alerts.episodes import alert_episodes, copies_query, originals_query
from hypercare.domain.alerts.judgement import OverlayContext
from hypercare.domain.alerts.liveness import (
    Live,
    Liveness,
    NotLive,
    expected_heartbeats,
    heartbeat_query,
    judge_liveness,
)
from hypercare.domain.alerts.loaded_rules import LoadedRules
from hypercare.domain.alerts.overlay import OverlayIdentity, revision_of, same_overlay
from hypercare.domain.alerts.plan import AlertPlan, plan_alerts
from hypercare.domain.alerts.rule_selection import RuleLoaders
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Answer, Sample, Series
from tests.cluster.api import Api
from tests.cluster.cluster import Cluster
from tests.corpus.rules import rule_objects
from tests.unit.alert_rules import alert, protection, rule_object

SELECTED = {"release": "kube-prometheus-stack"}
PERIOD = """
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata: {name: checkout}
spec:
  release: {version: "2.4.0"}
  targets: [{kind: Deployment, name: checkout}]
"""
QUEUE = alert("QueueStuck", expr="max by (service) (queue_oldest_age_seconds) > 60", for_="8s")
SLOW = alert("Gone", expr='absent(queue_oldest_age_seconds{service="nobody"})', for_="0s", labels={"severity": "info"})
TIGHTEN = {"minFor": "1s"}


@pytest.fixture
def context(cluster: Cluster, namespace: str) -> OverlayContext:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=PERIOD)
    uid = cluster.get("hypercareperiods", "checkout", namespace)["metadata"]["uid"]
    identity = OverlayIdentity(namespace, "checkout", uid, "r1-0a1b2c3d", SELECTED)
    return OverlayContext(
        identity=identity,
        subject="checkout 2.4.0",
        strength=100,
        enforce=True,
        default_interval_seconds=1,
        tenancy=Tenancy("namespace", namespace),
    )


def write(cluster: Cluster, body: Mapping[str, Any] | None, namespace: str) -> None:
    assert body is not None
    kind = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule"}
    metadata = {key: value for key, value in body["metadata"].items() if key not in ("uid", "namespace")}
    # Server-side: the annotation of a client-side apply would not take a large overlay.
    arguments = ("apply", "--server-side", "--force-conflicts", "-n", namespace, "-f", "-")
    cluster.kubectl(*arguments, stdin=json.dumps({**body, **kind, "metadata": metadata}))


def originals(cluster: Cluster, namespace: str, *rules: dict[str, Any]) -> list[dict[str, Any]]:
    body = rule_object("checkout-alerts", *rules)
    body["metadata"]["labels"] = SELECTED
    write(cluster, body, namespace)
    return [cluster.get("prometheusrules", "checkout-alerts", namespace)]


def answer(found: list[dict[str, Any]]) -> Answer:
    def samples(element: Mapping[str, Any]) -> tuple[Sample, ...]:
        values = element["values"] if "values" in element else [element["value"]]
        return tuple(Sample(float(at), float(value)) for at, value in values)

    return Answer(tuple(Series(element["metric"], samples(element)) for element in found))


def liveness(cluster: Cluster, planned: AlertPlan) -> Liveness:
    assert planned.overlay is not None
    found = answer(cluster.query(heartbeat_query(planned.overlay)))
    return judge_liveness(expected_heartbeats(planned.overlay, 1), found, time.time(), 0)


def live(cluster: Cluster, planned: AlertPlan) -> Callable[[], bool]:
    return lambda: isinstance(liveness(cluster, planned), Live)


@pytest.mark.cluster
def test_a_copy_fires_first_and_everything_that_proves_it_is_recorded(
    cluster: Cluster, namespace: str, context: OverlayContext
) -> None:
    cluster.shop.add(namespace)
    rules = originals(cluster, namespace, QUEUE, SLOW)
    planned = plan_alerts(protection(tighten=TIGHTEN), rules, context)
    write(cluster, planned.overlay, namespace)
    assert planned.overlay is not None
    assert same_overlay(planned.overlay, cluster.get("prometheusrules", "hypercare-checkout", namespace))
    cluster.wait_until("the overlay is live", live(cluster, planned))
    began = int(time.time()) - 5

    cluster.shop.misbehave(namespace, queue=90)
    both = f'ALERTS{{alertname="QueueStuck",alertstate="firing",namespace="{namespace}"}}'
    cluster.wait_until("copy and original fire", lambda: len(cluster.query(both)) == 2)
    cluster.shop.behave(namespace)

    labels = {each["metric"].get("hypercare", ""): each["metric"]["severity"] for each in cluster.query(both)}
    assert labels == {"": "critical", f"{namespace}/checkout": "warning"}
    grid: dict[str, str] = {"start": str(began), "end": str(int(time.time()) + 1), "step": "1"}

    def over_time(query: str) -> Answer:
        return answer(Api(cluster.prometheus_url).get("/api/v1/query_range", query=query, **grid)["data"]["result"])

    found = alert_episodes(
        planned.watched,
        over_time(originals_query(planned.watched, context.tenancy, 1)),
        over_time(copies_query(context.identity.owner_text, 1)),
        1,
    )
    history = next(each for each in found if each.alert.alertname == "QueueStuck")
    assert (len(history.originals), len(history.copies)) == (1, 1)
    assert 2 <= history.gains[0] <= 6

    tightened, untouched = planned.watched
    active = f'hypercare:original:active{{hypercare_rule="{untouched.rule_id}"}}'
    assert [each["value"][1] for each in cluster.query(active)] == ["1"]
    inputs = f'hypercare:alert:inputs{{hypercare_rule="{tightened.rule_id}"}}'
    assert [each["value"][1] for each in cluster.query(inputs)] == ["1"]


@pytest.mark.cluster
def test_a_stage_change_keeps_a_firing_alert_and_moves_the_revision(
    cluster: Cluster, namespace: str, context: OverlayContext
) -> None:
    cluster.shop.add(namespace)
    rules = originals(cluster, namespace, alert("QueueStuck", expr=QUEUE["expr"], for_="1h"))
    wish = protection(tighten={**TIGHTEN, "allowUnrestored": True}, overrides=[{"alert": "QueueStuck", "for": "1s"}])
    strong = plan_alerts(wish, rules, context)
    write(cluster, strong.overlay, namespace)
    cluster.shop.misbehave(namespace, queue=90)
    since = f'ALERTS_FOR_STATE{{alertname="QueueStuck",hypercare="{namespace}/checkout"}}'
    firing = f'ALERTS{{alertname="QueueStuck",hypercare="{namespace}/checkout",alertstate="firing"}}'
    cluster.wait_until("the copy fires", lambda: bool(cluster.query(firing)))
    active_since = cluster.query(since)[0]["value"][1]

    other = plan_alerts(wish, rules, replace(context, subject="checkout 2.4.1"))
    write(cluster, other.overlay, namespace)
    assert other.overlay is not None
    assert strong.overlay is not None
    assert revision_of(other.overlay) != revision_of(strong.overlay)
    cluster.wait_until("the new revision is live", live(cluster, other))

    assert [each["value"][1] for each in cluster.query(firing)] == ["1"]
    assert cluster.query(since)[0]["value"][1] == active_since


@pytest.mark.cluster
def test_an_overlay_without_the_right_label_is_not_loaded_and_told_why(
    cluster: Cluster, namespace: str, context: OverlayContext
) -> None:
    rules = originals(cluster, namespace, QUEUE)
    unlabelled = replace(context, identity=replace(context.identity, rule_labels={}))
    planned = plan_alerts(protection(tighten=TIGHTEN), rules, unlabelled)
    write(cluster, planned.overlay, namespace)
    assert planned.overlay is not None

    verdict = liveness(cluster, planned)
    assert isinstance(verdict, NotLive)
    prometheuses = [cluster.get("prometheuses.monitoring.coreos.com", "k8s", "monitoring")]
    loaders = RuleLoaders(prometheuses, namespace, {})
    told = diagnose(verdict, RuleLoading([planned.overlay], loaders, 1, LoadedRules(())))
    assert told.reason == "OverlayNotSelected"
    assert "release=kube-prometheus-stack" in told.message

    repaired = plan_alerts(protection(tighten=TIGHTEN), rules, context)
    write(cluster, repaired.overlay, namespace)
    cluster.wait_until("the overlay is live", live(cluster, repaired))


@pytest.mark.cluster
def test_the_overlay_of_a_whole_rule_collection_is_loaded(
    cluster: Cluster, namespace: str, context: OverlayContext
) -> None:
    planned = plan_alerts(protection(), rule_objects("kube-prometheus.yaml"), context)
    write(cluster, planned.overlay, namespace)

    cluster.wait_until("every group is live", live(cluster, planned), timeout=60)

    failures = Api(cluster.prometheus_url).get("/api/v1/rules", type="alert")["data"]["groups"]
    ours = [rule for group in failures if namespace in group["file"] for rule in group["rules"]]
    assert len(ours) == sum(each.making == "Tightened" for each in planned.watched)
    assert {rule["health"] for rule in ours} == {"ok"}


@pytest.mark.cluster
def test_the_overlay_goes_with_its_period(cluster: Cluster, namespace: str, context: OverlayContext) -> None:
    planned = plan_alerts(protection(tighten=TIGHTEN), originals(cluster, namespace, QUEUE), context)
    write(cluster, planned.overlay, namespace)
    cluster.kubectl("delete", "hypercareperiods", "checkout", "-n", namespace)

    def collected() -> bool:
        return "hypercare-checkout" not in cluster.kubectl("get", "prometheusrules", "-n", namespace, "-o", "name")

    # The garbage collector looks for kinds that are new since its start every 30 s.
    cluster.wait_until("the overlay is collected", collected, timeout=60)
