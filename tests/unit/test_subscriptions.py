"""Which keys a change wakes."""

from typing import Any

import pytest

from hypercare.adapters.cache import Change, WatchCache, reference
from hypercare.domain.objects import (
    AUTOSCALERS,
    DAEMONSETS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    HOLDS,
    PERIODS,
    POLICIES,
    POLICY_BINDINGS,
    PROFILES,
    PROMETHEUS_RULES,
    PROMETHEUSES,
    SCALED_OBJECTS,
    STATEFULSETS,
    Resource,
)
from hypercare.shipped import authors_policy
from hypercare.subscriptions import WATCHED, matters, open_periods, woken

Dict = dict[str, Any]


def body(name: str, namespace: str = "shop", **more: Any) -> Dict:
    return {"metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": "1"}, **more}


def period(name: str, namespace: str = "shop", phase: str = "Active", **spec: Any) -> Dict:
    spec = {"targets": [{"kind": "Deployment", "name": name}], **spec}
    return body(name, namespace, spec=spec, status={"phase": phase})


def autoscaler(name: str, scaled: str) -> Dict:
    return body(name, spec={"scaleTargetRef": {"kind": "Deployment", "name": scaled}, "minReplicas": 2})


OVERLAY = body("hypercare-over", spec={})
OVERLAY["metadata"]["ownerReferences"] = [{"kind": "HypercarePeriod", "name": "over", "uid": "uid-over"}]


OTHER_POLICY = {**authors_policy(), "validations": [{"expression": "has(object.metadata.labels)"}]}


@pytest.fixture
def cache() -> WatchCache:
    cache = WatchCache(WATCHED, lambda _: None, lambda: 0.0)
    for each in (
        period("checkout"),
        period("basket", profile="web"),
        period("over", phase="Completed"),
        period("invoice", namespace="billing"),
    ):
        cache.observe(PERIODS, each)
    held = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "checkout-hpa"}
    cache.observe(HOLDS, body("hold", spec={"object": held, "claims": [{"period": "checkout", "uid": "uid-checkout"}]}))
    held = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "basket"}
    cache.observe(HOLDS, body("replicas", spec={"object": held, "claims": []}))
    held = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "name": "pods"}
    cache.observe(HOLDS, body("budget", spec={"object": held, "claims": []}))
    cache.observe(POLICIES, body("authors", "", spec=authors_policy()))
    cache.observe(POLICIES, body("labels", "", spec=OTHER_POLICY))
    return cache


CASES = [
    pytest.param(PERIODS, period("checkout"), {"checkout", "hold"}, id="a new period: itself, and holds that name it"),
    pytest.param(PERIODS, period("fresh"), {"fresh"}, id="a new period that no hold names: itself"),
    pytest.param(PROFILES, body("default", ""), {"checkout", "over", "invoice"}, id="a profile: periods naming it"),
    pytest.param(PROFILES, body("web", ""), {"basket"}, id="a profile that one period names"),
    pytest.param(PROFILES, body("unused", ""), set(), id="a profile that no period names"),
    pytest.param(
        POLICIES,
        body("renamed", "", spec=authors_policy()),
        {"checkout", "basket", "invoice"},
        id="the policy about authors, whatever its name: every open period",
    ),
    pytest.param(POLICIES, body("labels-2", "", spec=OTHER_POLICY), set(), id="somebody else's policy about periods"),
    pytest.param(
        POLICY_BINDINGS,
        body("bound", "", spec={"policyName": "authors"}),
        {"checkout", "basket", "invoice"},
        id="a binding of the policy about authors",
    ),
    pytest.param(POLICY_BINDINGS, body("bound", "", spec={"policyName": "labels"}), set(), id="a binding of another"),
    pytest.param(POLICY_BINDINGS, body("bound", "", spec={"policyName": "gone"}), set(), id="a binding of nothing"),
    pytest.param(
        HOLDS, body("hold", spec={"claims": []}), {"hold", "checkout", "basket"}, id="a hold: itself, periods"
    ),
    pytest.param(DEPLOYMENTS, body("checkout", spec={}), {"checkout"}, id="a workload: the period that targets it"),
    pytest.param(DAEMONSETS, body("other", spec={}), set(), id="a workload that nobody targets"),
    pytest.param(DEPLOYMENTS, body("checkout", "billing", spec={}), set(), id="its namesake of another namespace"),
    pytest.param(
        AUTOSCALERS, autoscaler("checkout-hpa", "checkout"), {"checkout", "hold"}, id="an autoscaler: period and hold"
    ),
    pytest.param(AUTOSCALERS, autoscaler("other", "other"), set(), id="an autoscaler of something else"),
    pytest.param(
        SCALED_OBJECTS,
        autoscaler("basket-so", "basket"),
        {"basket", "replicas"},
        id="a ScaledObject: the period, and the hold on the replicas that it scales now",
    ),
    pytest.param(STATEFULSETS, body("basket", spec={}), {"basket", "replicas"}, id="a held workload: its hold too"),
    pytest.param(
        DISRUPTION_BUDGETS,
        body("pods", spec={}),
        {"checkout", "basket", "budget"},
        id="a budget: periods, and its hold",
    ),
    pytest.param(PROMETHEUS_RULES, body("rules", spec={}), {"checkout", "basket"}, id="rules: periods not over"),
    pytest.param(PROMETHEUS_RULES, OVERLAY, {"checkout", "basket", "over"}, id="an overlay: also its own, if over"),
    pytest.param(PROMETHEUSES, body("k8s", "monitoring"), {"checkout", "basket", "invoice"}, id="a Prometheus: all"),
]


def test_rules_that_a_profile_shares_wake_the_periods_of_that_profile(cache: WatchCache) -> None:
    shared = {"rules": {"shared": [{"namespace": "monitoring", "selector": {}}]}}
    cache.observe(PROFILES, {"metadata": {"name": "web", "uid": "uid-web", "resourceVersion": "1"}, "spec": shared})
    rules = body("everybody", "monitoring", spec={})

    keys = woken(Change(reference(PROMETHEUS_RULES, rules), {}, rules), cache)

    assert {key.name for key in keys} == {"basket"}


@pytest.mark.parametrize(("resource", "after", "names"), CASES)
def test_a_new_object_wakes(cache: WatchCache, resource: Resource, after: Dict, names: set[str]) -> None:
    keys = woken(Change(reference(resource, after), {}, after), cache)
    assert {key.name for key in keys} == names
    assert {key.resource for key in keys} <= {PERIODS, HOLDS}


@pytest.mark.parametrize(("resource", "before", "names"), CASES)
def test_a_deletion_wakes_the_same(cache: WatchCache, resource: Resource, before: Dict, names: set[str]) -> None:
    assert {key.name for key in woken(Change(reference(resource, before), before, {}), cache)} == names


def test_an_autoscaler_that_leaves_a_target_wakes_its_period(cache: WatchCache) -> None:
    before, after = autoscaler("moved", "checkout"), autoscaler("moved", "basket")
    keys = woken(Change(reference(AUTOSCALERS, after), before, after), cache)
    assert {key.name for key in keys} == {"checkout", "basket", "replicas"}


def test_a_period_whose_spec_changes_does_not_wake_its_holds(cache: WatchCache) -> None:
    before, after = period("checkout"), period("checkout", suspend=True)
    keys = woken(Change(reference(PERIODS, after), before, after), cache)
    assert {key.name for key in keys} == {"checkout"}


def test_a_period_that_is_being_deleted_wakes_its_holds(cache: WatchCache) -> None:
    before, after = period("checkout"), period("checkout")
    after["metadata"] |= {"deletionTimestamp": "2026-11-20T22:00:00Z"}
    keys = woken(Change(reference(PERIODS, after), before, after), cache)
    assert {key.name for key in keys} == {"checkout", "hold"}


@pytest.mark.parametrize(
    ("resource", "before", "after", "news"),
    [
        pytest.param(
            AUTOSCALERS, {"currentReplicas": 2, "currentMetrics": [1]}, {"currentReplicas": 2}, False, id="a metric"
        ),
        pytest.param(AUTOSCALERS, {"currentReplicas": 2}, {"currentReplicas": 3}, True, id="replicas of an autoscaler"),
        pytest.param(
            DEPLOYMENTS,
            {"conditions": [{"type": "Progressing", "lastUpdateTime": "a"}]},
            {"conditions": [{"type": "Progressing", "lastUpdateTime": "b"}]},
            False,
            id="the time of a condition",
        ),
        pytest.param(DEPLOYMENTS, {"observedGeneration": 1}, {"observedGeneration": 2}, True, id="rollout observed"),
        pytest.param(DEPLOYMENTS, {"availableReplicas": 1}, {"availableReplicas": 2}, True, id="a pod became ready"),
        pytest.param(PERIODS, {"phase": "Active"}, {"phase": "Relaxing"}, False, id="the operator's own status"),
        pytest.param(DISRUPTION_BUDGETS, {"currentHealthy": 1}, {"currentHealthy": 2}, False, id="pods of a budget"),
        pytest.param(SCALED_OBJECTS, {"lastActiveTime": "a"}, {"lastActiveTime": "b"}, False, id="KEDA looked again"),
        pytest.param(HOLDS, {"state": "a"}, {"state": "b"}, True, id="the status of a hold"),
    ],
)
def test_what_ticks_is_no_news(resource: Resource, before: Dict, after: Dict, news: bool) -> None:
    change = Change(reference(resource, body("x")), body("x", status=before), body("x", status=after))
    assert matters(change) is news


def test_a_new_resource_version_alone_is_no_news() -> None:
    before, after = body("x", spec={"replicas": 1}), body("x", spec={"replicas": 1})
    after["metadata"] |= {"resourceVersion": "2"}
    assert not matters(Change(reference(DEPLOYMENTS, after), before, after))


def test_periods_that_are_over_are_not_open(cache: WatchCache) -> None:
    assert {key.name for key in open_periods(cache)} == {"checkout", "basket", "invoice"}
