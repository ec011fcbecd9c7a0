"""Whose servers evaluate the tightened alerts, and what the operator may write: each lack is provoked, and named."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adapters.real_prometheus import Server, prometheus
from tests.cluster.access import operator_kubeconfig
from tests.cluster.api import HttpError
from tests.cluster.cluster import Cluster
from tests.cluster.lives.endpoint import Endpoint
from tests.cluster.lives.expectations import LASTING, promised
from tests.cluster.lives.history import History
from tests.cluster.lives.operating import PROJECT
from tests.cluster.lives.place import OVERLAY, QUEUE_STUCK, RULES, SPEC, Place, new_place
from tests.cluster.lives.test_live_proof import SECONDS, alerts_tightened, told
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
TIMEOUT = {"timeout": "3s"}
RESTRICTED = "hypercare-restricted"
ROLES = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus of its own, which loads no rule of the cluster."""
    with prometheus(tmp_path_factory.mktemp("another"), {}) as server:
        yield server


def live(period: History) -> None:
    period.until("it is live", lambda each: each.holds("AlertsTightened"), promised(SECONDS))


def test_one_of_two_replicas_has_loaded_the_rules(place: Place, another: Server) -> None:
    both = [place.cluster.prometheus_url, another.url]
    with place.watch("period") as period:
        place.profile({"prometheus": {"url": place.cluster.prometheus_url, "replicas": both, **TIMEOUT}})
        place.period(**LASTING)
        message = told(period, "False", "OverlayOnSomeReplicas")
        assert message.startswith(
            f"on 1 of 2 replicas; {another.url}: Prometheus does not evaluate the current overlay"
        )
        place.profile({"prometheus": {"url": both[0], "replicas": both[:1], **TIMEOUT}})
        live(period)


def test_a_replica_that_does_not_answer_proves_nothing(place: Place) -> None:
    gone = "http://127.0.0.1:9"
    with place.watch("period") as period:
        url = place.cluster.prometheus_url
        place.profile({"prometheus": {"url": url, "replicas": [url, gone], **TIMEOUT}})
        place.period(**LASTING)
        message = told(period, "False", "OverlayOnSomeReplicas")
        assert message.startswith(f"on 1 of 2 replicas; {gone}: whether the overlay is evaluated cannot be read")


def test_results_that_the_endpoint_does_not_hold(place: Place, another: Server) -> None:
    """The rulers are asked about their rules, and another server for results: nothing passes them on."""
    with Endpoint(another.url, ruler_url=place.cluster.prometheus_url) as endpoint, place.watch("period") as period:
        place.profile({}, endpoint.url)
        place.period(**LASTING)
        message = told(period, "Unknown", "ResultsElsewhere")
        assert "has loaded every group and evaluates it, but the results cannot be read there" in message
        assert "name the server that holds them" in message
        place.profile({})
        live(period)


def test_a_server_that_fails_to_evaluate(place: Place, another: Server, tmp_path: Path) -> None:
    """A ruler that is too small for any query: each rule of it fails, and it says with which words."""
    with place.watch("period") as period:
        place.period(**LASTING)
        live(period)
        rules = tmp_path / f"{place.namespace}-rules.yaml"
        rules.write_text(yaml.safe_dump({"groups": place.find("rules", OVERLAY)["spec"]["groups"]}))
        tiny = {"query.max-samples": "0"}
        with (
            prometheus(tmp_path / "ruler", {"rule_files": [str(rules)]}, tiny) as ruler,
            Endpoint(another.url, ruler_url=ruler.url) as endpoint,
        ):
            place.profile({}, endpoint.url)
            message = told(period, "False", "RuleGroupFails")
            assert f"group {RULES}/{RULES} fails: query processing would load too many samples into memory" in message
            place.profile({})
            live(period)


def test_a_copy_that_cannot_be_evaluated_is_no_proof_of_quiet(place: Place) -> None:
    """Several series on the one side of a join: Prometheus fails the rule, and goes on with the rest of its group."""
    joined = "http_requests_total * on (namespace) group_left () queue_oldest_age_seconds > 60"
    broken: dict[str, Any] = {**QUEUE_STUCK, "alert": "JoinedTwice", "expr": joined}
    place.cluster.shop.add(place.namespace, "basket")
    place.rules(RULES, broken, QUEUE_STUCK)
    with place.watch("period") as period:
        place.period(**LASTING)
        live(period)
        found = period.until(
            "it is told", lambda each: "JoinedTwice" in _quiet(each.status).get("message", ""), promised(SECONDS)
        )
        assert (_quiet(found.status)["verdict"], _quiet(found.status)["reason"]) == ("Unknown", "RulesNotEvaluated")
        place.rules(RULES, QUEUE_STUCK)
        period.until("it heals", lambda each: each.verdict("quiet") == "Met", promised(SECONDS))


def _quiet(status: Any) -> Any:
    return next((each for each in status.get("criteria", ()) if each["name"] == "quiet"), {})


@pytest.fixture
def restricted(cluster: Cluster, alone: None, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator whose account may do everything but write PrometheusRules."""
    with contextlib.suppress(HttpError):
        cluster.api.request("DELETE", f"{ROLES}/clusterroles/{RESTRICTED}")
    cluster.apply(yaml.safe_dump_all(_account()))
    kubeconfig = operator_kubeconfig(cluster, RESTRICTED)
    with OperatorProcess(kubeconfig, tmp_path / "operator.log") as process:
        yield process
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", RESTRICTED)


def _account() -> Iterator[dict[str, Any]]:
    bodies = [
        body
        for path in sorted((PROJECT / "manifests" / "install").glob("*.yaml"))
        for body in yaml.safe_load_all(path.read_text())
        if body
    ]
    rules = [rule for body in bodies if body["kind"] == "ClusterRole" and _is_operators(body) for rule in body["rules"]]
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(namespace="hypercare-system")}
    kept = [rule for rule in rules if "prometheusrules" not in rule["resources"] or "create" not in rule["verbs"]]
    yield {"apiVersion": ROLES.removeprefix("/apis/"), "kind": "ClusterRole", "metadata": _named(), "rules": kept}
    subject = {"kind": "ServiceAccount", "name": RESTRICTED, "namespace": "hypercare-system"}
    yield {
        "apiVersion": ROLES.removeprefix("/apis/"),
        "kind": "ClusterRoleBinding",
        "metadata": _named(),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": RESTRICTED},
        "subjects": [subject],
    }


def _is_operators(role: dict[str, Any]) -> bool:
    return str(role["metadata"]["name"]).startswith("hypercare-operator")


def _named(**more: str) -> dict[str, str]:
    return {"name": RESTRICTED, **more}


def test_an_account_that_may_not_write_rules(cluster: Cluster, restricted: OperatorProcess) -> None:
    with new_place(cluster, "restricted") as place, place.watch("period") as period:
        # Holds are written by the account of the install manifests alone, so nothing is scaled here.
        place.period(**LASTING, protection={"alerts": SPEC["protection"]["alerts"]})
        message = told(period, "False", "Forbidden")
        assert "the operator's account may not write PrometheusRules: " in message
        assert "apply the RBAC of manifests/install" in message
        assert "prometheusrules.monitoring.coreos.com is forbidden" in message
        assert period.latest.condition("Stalled")["reason"] == "Forbidden"
        assert restricted.running

        role = json.loads(cluster.kubectl("get", "clusterrole", RESTRICTED, "-o", "json"))
        role["rules"].append(
            {"apiGroups": ["monitoring.coreos.com"], "resources": ["prometheusrules"], "verbs": ["create", "update"]}
        )
        cluster.kubectl("replace", "-f", "-", stdin=json.dumps(role))
        live(period)
        assert alerts_tightened(period.latest)[1] == "Live"
