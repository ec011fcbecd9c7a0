"""`kubectl hypercare init` in a namespace with everything that scales: what it offers is taken, and comes true."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.access import operator_kubeconfig
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install_crds
from tests.cluster.keda import install_keda, keda_operator
from tests.cluster.lives.operating import install, operator_of
from tests.cluster.lives.place import Place, new_place
from tests.cluster.plugin import Plugin
from tests.unit.surveys import without_comment_signs

pytestmark = pytest.mark.cluster
ROLLOUTS_CRD = Path(__file__).parent / "rollouts_crd.yaml"
LABEL = "app.kubernetes.io/name"


@pytest.fixture
def place(cluster: Cluster) -> Iterator[Place]:
    """A shop with a Deployment `checkout`, its autoscaler from 2 to 6, and alerts."""
    install(cluster)
    install_crds(cluster.api, [ROLLOUTS_CRD])
    install_keda(cluster)
    with new_place(cluster, "init") as found:
        yield found


def workload(kind: str, name: str, replicas: int | None, **more: Any) -> dict[str, Any]:
    api_version = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    container = {"name": name, "image": f"registry.example/shop/{name}:2.4.0"}
    template = {"metadata": {"labels": {LABEL: name}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {LABEL: name}}, "template": template, **more}
    counted = {} if replicas is None else {"replicas": replicas}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": {**spec, **counted}}


def scaler(api_version: str, kind: str, name: str, target: str, **spec: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": reference, **spec},
    }


def budget(name: str, **spec: Any) -> dict[str, Any]:
    selector = {"matchLabels": {LABEL: name}}
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}}
    return {**body, "spec": {"selector": selector, **spec}}


def keda_object(name: str, least: int) -> dict[str, Any]:
    cron = {"timezone": "UTC", "start": "0 6 * * *", "end": "1 6 * * *", "desiredReplicas": "1"}
    found = scaler(
        "keda.sh/v1alpha1",
        "ScaledObject",
        name,
        name,
        minReplicaCount=least,
        triggers=[{"type": "cron", "metadata": cron}],
    )
    return found


def written_by(body: dict[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
    reference = {
        "apiVersion": "apps/v1",
        "kind": "Canary",
        "name": owner["name"],
        "uid": owner["uid"],
        "controller": True,
    }
    return {**body, "metadata": {**body["metadata"], "ownerReferences": [reference]}}


def apply(place: Place, *bodies: Mapping[str, Any]) -> None:
    place.cluster.kubectl("apply", "-n", place.namespace, "-f", "-", stdin=yaml.safe_dump_all(bodies))


def rolled_out(place: Place, path: str, replicas: int) -> None:
    def ready() -> bool:
        status = place.api.get(f"/apis/apps/v1/namespaces/{place.namespace}/{path}").get("status", {})
        return bool(status.get("readyReplicas") == replicas)

    place.cluster.wait_until(f"{path} is rolled out", ready, 60)


def test_everything_that_scales_is_found_and_what_is_offered_is_taken(place: Place) -> None:
    canary = {"name": "basket", "uid": "00000000-0000-0000-0000-000000000000"}
    hpa = scaler(
        "autoscaling/v2", "HorizontalPodAutoscaler", "basket-primary", "basket-primary", minReplicas=2, maxReplicas=4
    )
    apply(
        place,
        workload("StatefulSet", "cart", 1, serviceName="cart"),
        workload("Rollout", "web", 3),
        workload("Deployment", "mail", 1),
        workload("Deployment", "idle", 0),
        workload("Deployment", "basket", 1),
        written_by(workload("Deployment", "basket-primary", 2), canary),
        written_by(hpa, canary),
        keda_object("mail", 1),
        budget("checkout", maxUnavailable="100%"),
        budget("web", minAvailable=1),
    )
    plugin = Plugin(place.cluster.kubeconfig, place.namespace)
    ran = plugin.run("init", "--profile", place.namespace, "--name", "shop")
    assert (ran.code, ran.err) == (0, "")
    told = " ".join(ran.out.replace("#", " ").split())
    assert "HorizontalPodAutoscaler checkout: at least 2, at most 6, runs 2 today; floor 150% would keep 3" in told
    assert "StatefulSet cart, which nothing else scales: runs 1 today; floor 150% would keep 2" in told
    assert "Rollout web, which nothing else scales: runs 3 today; floor 150% would keep 5" in told
    assert "ScaledObject mail: at least 1, at most 100, runs 1 today; floor 150% would keep 2" in told
    assert "HorizontalPodAutoscaler basket-primary is written by Canary basket." in told
    assert (
        "Left out: Flagger tries releases in it, and basket-primary serves. - {kind: Deployment, name: basket" in told
    )
    assert "Left out: it has no replicas, and the window would wait for them. - {kind: Deployment, name: idle" in told
    assert "PodDisruptionBudget checkout: maxUnavailable 100% -> 50%" in told
    assert "PodDisruptionBudget web: minAvailable 1 -> 2" in told
    wanted = without_comment_signs(ran.out.replace("# - {kind: Deployment", "# (left out) {kind: Deployment"))
    for text in (ran.out, wanted):
        linted = plugin.run("lint", "-", "--server", "-o", "json", stdin=text)
        assert (linted.code, linted.err) == (0, "")
        assert json.loads(linted.out) == []
        place.cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    asked = yaml.safe_load(wanted)["spec"]["protection"]
    assert [each["target"] for each in asked["scaling"]] == ["checkout", "mail", "cart", "web"]
    assert [each["target"] for each in asked["disruption"]] == ["checkout", "web"]


def test_a_period_with_all_that_is_offered_gets_protected(place: Place, tmp_path: Path) -> None:
    cluster = place.cluster
    apply(place, workload("StatefulSet", "cart", 1, serviceName="cart"), workload("Deployment", "mail", 1))
    apply(place, keda_object("mail", 1), budget("checkout", maxUnavailable="100%"))
    plugin = Plugin(cluster.kubeconfig, place.namespace)
    with keda_operator(cluster, tmp_path, place.namespace):
        rolled_out(place, "statefulsets/cart", 1)
        rolled_out(place, "deployments/mail", 1)
        cluster.wait_until("KEDA has made its autoscaler", lambda: place.find("autoscaler", "keda-hpa-mail") != {}, 30)
        written = plugin.run("init", "--profile", place.namespace, "--name", "shop")
        assert "KEDA makes HorizontalPodAutoscaler keda-hpa-mail of it" in written.out
        with operator_of(cluster, tmp_path / "operator.log"):
            cluster.kubectl("apply", "-f", "-", stdin=without_comment_signs(written.out))
            protected = plugin.run("wait", "shop", "--for", "protected", "--timeout", "55s")
            assert protected.code == 0, protected.out + protected.err
            status = place.find("period", "shop")["status"]
            rows = {(row["kind"], row["state"]) for row in status["scaling"]}
            place.delete("period", "shop")
            cluster.wait_until("the period is gone", lambda: place.find("period", "shop") == {}, 60)
        cluster.kubectl("delete", "scaledobject", "mail", "-n", place.namespace)
    kinds = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject", "StatefulSet")
    assert rows == {(kind, "Raised") for kind in kinds}
    stalled = [each for each in status["conditions"] if each["type"] == "Stalled"]
    assert [each["status"] for each in stalled] in ([], ["False"])


def test_without_the_right_to_see_what_scales_nothing_is_offered(place: Place) -> None:
    cluster, namespace = place.cluster, place.namespace
    cluster.kubectl("create", "serviceaccount", "developer", "-n", namespace)
    rights = ("--verb=get,list", "--resource=deployments.apps,statefulsets.apps,daemonsets.apps")
    cluster.kubectl("create", "role", "reader", *rights, "-n", namespace)
    account = f"--serviceaccount={namespace}:developer"
    cluster.kubectl("create", "rolebinding", "reader", "--role=reader", account, "-n", namespace)
    plugin = Plugin(operator_kubeconfig(cluster, "developer", namespace), namespace)
    ran = plugin.run("init", "--profile", namespace)
    assert (ran.code, ran.err) == (0, "")
    assert "Nothing is offered for Deployments: you may not list HorizontalPodAutoscaler, ScaledObject." in ran.out
    assert "scaling:" not in ran.out
