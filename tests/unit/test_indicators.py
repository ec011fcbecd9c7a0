"""Indicators in a spec: what alerts and criteria they make, and what is refused."""

from typing import Any

import pytest

from hypercare.domain.alerts.plan import plan_alerts
from hypercare.domain.alerts.protection import AlertProtection, parse_alert_protection
from hypercare.domain.effective import effective_spec
from hypercare.domain.evidence.bounds import Above, Below, Between, Bound, Equals
from hypercare.domain.evidence.criteria import Criterion, QueryKind, RatioKind
from hypercare.domain.evidence.criterion_field import parse_criterion
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.rollout import Target
from hypercare.domain.period import Resolved, resolve
from tests.unit.alert_rules import CONTEXT, copies_of, rules_of

TARGETS = (Target("Deployment", "checkout"), Target("StatefulSet", "cart"))
CONTACT = {"runbook": "https://r.example.com", "owner": "team-shop"}
ERRORS = {"indicator": "istio/http-error-ratio", "target": "checkout"}


def protection(*add: dict[str, Any], **more: Any) -> AlertProtection:
    body = {"from": [], "add": list(add), **more}
    return parse_alert_protection(Field("spec.protection.alerts", body), TARGETS)


def criterion(**changes: Any) -> Criterion:
    body = {"name": "errors", **ERRORS, "below": 0.01, "sustainedFor": "6h", **changes}
    return parse_criterion(Field("c", {key: value for key, value in body.items() if value is not None}), TARGETS)


# --- added alerts ---


def test_an_alert_needs_no_more_than_indicator_and_target() -> None:
    (found,) = protection(ERRORS, **CONTACT).add

    assert (found.alert, found.severity, found.for_seconds) == (
        "HypercareIstioHttpErrorRatioCheckout",
        "warning",
        120,
    )
    assert (found.runbook, found.owner) == ("https://r.example.com", "team-shop")
    assert found.expr.endswith(
        "[5m]))) > 0.05 and (" + found.expr.partition(") / (")[2].partition(") > ")[0] + ") > 0.1"
    )


def test_everything_may_be_set() -> None:
    own = {"alert": "Own", "above": 0.01, "for": "3m", "severity": "critical", "runbook": "https://o", "owner": "ana"}
    (found,) = protection({**ERRORS, **own, "summary": "{{ $value }}", "labels": {"a": "b"}}, **CONTACT).add

    assert (found.alert, found.severity, found.for_seconds) == ("Own", "critical", 180)
    assert (found.runbook, found.owner, found.summary, found.labels) == ("https://o", "ana", "{{ $value }}", {"a": "b"})
    assert " > 0.01 and " in found.expr


def test_an_alert_fires_on_the_worse_side() -> None:
    found = protection(
        {**ERRORS, "indicator": "istio/http-requests"}, {**ERRORS, "indicator": "istio/http-latency"}, **CONTACT
    )

    assert [each.expr.rpartition(") ")[2] for each in found.add] == ["< 0.01", "> 1000"]
    assert found.add[0].summary.startswith(
        "checkout: requests, those of gRPC included: {{ $value | humanize }} requests/s"
    )
    assert [each.summary.rpartition(", ")[2] for each in found.add] == [
        "below 0.01 requests/s",
        "above 1000 milliseconds",
    ]


def test_an_abbreviation_keeps_its_capitals_within_a_sentence() -> None:
    (found,) = protection({**ERRORS, "indicator": "ingress-nginx/http-requests"}, **CONTACT).add

    assert found.summary.startswith("checkout: HTTP requests: ")


def test_every_target_gets_one_where_all_are_meant() -> None:
    found = protection({"indicator": "kubernetes/unavailable-replicas", "target": "*"}, **CONTACT).add

    assert [each.alert for each in found] == [
        "HypercareKubernetesUnavailableReplicasCheckout",
        "HypercareKubernetesUnavailableReplicasCart",
    ]
    assert 'deployment="checkout"' in found[0].expr
    assert 'statefulset="cart"' in found[1].expr


def test_an_alert_says_what_it_is_about_and_whom_to_ask() -> None:
    planned = plan_alerts(protection({**ERRORS, "above": 0.012}, **CONTACT), [], CONTEXT)
    rule = copies_of(planned.overlay)["HypercareIstioHttpErrorRatioCheckout"]

    assert rule["annotations"] == {
        "summary": "Alert for the hypercare of checkout 2.4.0: checkout: share of HTTP requests that are answered with "
        "a 5xx status: {{ $value | humanizePercentage }}, above 1.2%",
        "runbook_url": "https://r.example.com",
        "owner": "team-shop",
        "hypercare_change": "added from istio/http-error-ratio, > 0.012 for 2m",
    }


def test_quiet_needs_series_of_the_very_target() -> None:
    planned = plan_alerts(protection(ERRORS, **CONTACT), [], CONTEXT)
    (inputs,) = [rule for rule in rules_of(planned.overlay) if rule.get("record") == "hypercare:alert:inputs"]
    (watched,) = planned.watched

    assert 'destination_workload="checkout"' in inputs["expr"]
    assert 'namespace="shop"' in inputs["expr"]
    assert watched.inputs_expr == inputs["expr"]
    assert watched.depends_on_input


@pytest.mark.parametrize(
    ("sentence", "element", "path", "says"),
    [
        (
            "a misspelt name",
            {"indicator": "istio/http-eror-ratio"},
            "indicator",
            "the nearest are istio/http-error-ratio",
        ),
        (
            "another source's name",
            {"indicator": "metrics-that-nobody-has-ever-heard-of/latency"},
            "indicator",
            "are grpc/latency",
        ),
        ("nothing like it", {"indicator": "x/y"}, "indicator", "its sources are cadvisor, grpc, "),
        ("not a target", {"target": "payments"}, "target", "'payments' is not the name of a target: checkout, cart"),
        ("no target", {"target": None}, "target", "is required"),
        ("the wrong side", {"below": 0.01}, "below", "the higher values are the worse ones: use above"),
        ("the other wrong side", {"indicator": "istio/http-requests", "above": 1}, "above", "use below"),
        ("no finite bound", {"above": float("inf")}, "above", "must be a finite number"),
        ("a condition as well", {"expr": "up == 0"}, "expr", "is not used with indicator"),
        ("no runbook", {"runbook": None}, "runbook", "or for all in spec.protection.alerts.runbook"),
        ("a template as its owner", {"owner": "{{ x }}"}, "owner", "must not hold a template"),
    ],
)
def test_what_cannot_be_made_is_told_with_its_path_and_disturbs_no_other(
    sentence: str, element: dict[str, Any], path: str, says: str
) -> None:
    broken = {key: value for key, value in {**ERRORS, **CONTACT, **element}.items() if value is not None}
    found = protection(broken, {**ERRORS, **CONTACT, "alert": "Good"})

    (problem,) = found.unusable
    assert (problem.path, problem.reason, problem.stalls) == (
        f"spec.protection.alerts.add[0].{path}",
        "InvalidIndicator",
        True,
    )
    assert says in problem.message, sentence
    assert [each.alert for each in found.add] == ["Good"]
    assert plan_alerts(found, [], CONTEXT).problems == (problem,)


def test_a_period_of_which_no_alert_can_be_made_still_asks_for_them() -> None:
    found = protection({"indicator": "x/y", "target": "checkout"})

    assert found.requested


def test_two_alerts_of_one_indicator_and_target_need_names() -> None:
    with pytest.raises(InvalidField, match="names the alert HypercareIstioHttpErrorRatioCheckout 2 times"):
        protection({**ERRORS, "above": 0.01}, {**ERRORS, "above": 0.05}, **CONTACT)


def test_alerts_without_names_merge_with_those_of_the_profile_by_what_they_are_made_of() -> None:
    add = [ERRORS, {**ERRORS, "target": "cart"}, {"alert": "Own", "expr": "up == 0"}]
    profile = {"protection": {"alerts": {"add": add}}}
    period = {"protection": {"alerts": {"add": [{**ERRORS, "above": 0.2}, {"alert": "Own", "expr": "up < 1"}]}}}

    assert effective_spec(period, profile)["protection"]["alerts"]["add"] == [
        {**ERRORS, "above": 0.2},
        {**ERRORS, "target": "cart"},
        {"alert": "Own", "expr": "up < 1"},
    ]


def test_a_profile_hands_out_alerts_for_every_target_and_the_period_moves_a_bound() -> None:
    crash_loops = {"indicator": "kubernetes/crash-loops", "target": "*"}
    handed_out = {"protection": {"alerts": {**CONTACT, "add": [crash_loops, ERRORS]}}}
    profile = {"spec": {"prometheus": {"url": "http://p"}, "defaults": handed_out}}
    spec = {
        "release": {"version": "2.4.0"},
        "targets": [{"kind": target.kind, "name": target.name} for target in TARGETS],
        "protection": {"alerts": {"owner": "team-cart", "add": [{**ERRORS, "above": 0.2}]}},
        "exitCriteria": [{"name": "errors", **ERRORS, "target": "cart", "below": 0.1, "sustainedFor": "1h"}],
    }
    resolved = resolve({"metadata": {"name": "p", "namespace": "shop"}, "spec": spec}, profile)

    assert isinstance(resolved, Resolved)
    assert resolved.spec.alerts.unusable == ()
    assert resolved.spec.unreadable == ()
    assert [(each.alert, each.owner) for each in resolved.spec.alerts.add] == [
        ("HypercareKubernetesCrashLoopsCheckout", "team-cart"),
        ("HypercareKubernetesCrashLoopsCart", "team-cart"),
        ("HypercareIstioHttpErrorRatioCheckout", "team-cart"),
    ]
    assert " > 0.2 and " in resolved.spec.alerts.add[2].expr
    assert 'destination_workload="cart"' in str(resolved.spec.criteria[0].kind)


# --- exit criteria ---


def test_a_share_is_judged_as_a_ratio_so_that_no_errors_are_good() -> None:
    found = criterion()

    assert isinstance(found.kind, RatioKind)
    assert (found.kind.bound, found.kind.min_total, found.kind_name) == (Below(0.01), 0.1, "ratio")
    assert 'response_code=~"5.."' in found.kind.errors
    assert 'response_code=~"5.."' not in found.kind.total
    assert 'destination_workload="checkout"' in found.kind.total
    assert 'destination_workload="cart"' in str(criterion(target="cart").kind)


@pytest.mark.parametrize(
    ("changes", "bound"),
    [
        ({"indicator": "istio/http-requests", "above": 5}, Above(5)),
        ({"indicator": "istio/http-latency", "below": 900}, Below(900)),
        ({"indicator": "istio/http-latency", "between": [1, 900]}, Between(1, 900)),
        ({"indicator": "kubernetes/crash-loops", "equals": 0}, Equals(0)),
    ],
)
def test_any_other_indicator_is_judged_as_a_query(changes: dict[str, Any], bound: Bound) -> None:
    found = criterion(**{"below": None, **changes})

    assert isinstance(found.kind, QueryKind)
    assert (found.kind.bound, found.kind_name) == (bound, "query")


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"indicator": "istio/errors"}, "c.indicator", "is not in the catalog"),
        ({"target": "payments"}, "c.target", "is not the name of a target"),
        ({"target": None}, "c.target", "is required"),
        ({"below": None}, "c", "exactly one of above, below, between and equals"),
        ({"below": None, "above": 0.5}, "c.above", "the higher values are the worse ones: use below"),
        ({"indicator": "istio/http-requests"}, "c.below", "the lower values are the worse ones: use above"),
        ({"minSeries": 2}, "c.minSeries", "is not used with indicator"),
        ({"query": "up"}, "c", "exactly one of query, ratio, indicator"),
    ],
)
def test_a_criterion_that_cannot_be_judged_is_refused_with_its_path(
    changes: dict[str, Any], path: str, says: str
) -> None:
    with pytest.raises(InvalidField, match=says) as refusal:
        criterion(**changes)

    assert refusal.value.path == path
