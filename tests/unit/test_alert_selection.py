"""Which alerts a period watches: by rule, selector, name, severity and mention; a mistake has the path of its field."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.protection import AlertProtection, Deliver
from hypercare.domain.alerts.scope import Scope, SharedRules
from hypercare.domain.alerts.selection import Selection, select
from hypercare.domain.fields import Field
from hypercare.domain.label_selectors import parse_label_selector
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.tenancy import Tenancy
from tests.unit.alert_rules import alert, protection, rule_object

CHECKOUT = rule_object(
    "checkout-alerts",
    {"record": "job:errors:rate5m", "expr": "sum(rate(errors[5m]))"},
    alert("CheckoutErrors"),
    alert("CheckoutSlow", labels={"severity": "warning"}),
    interval="1m",
)
BASKET = rule_object("basket-alerts", alert("BasketErrors", labels={}))
BASKET["metadata"]["labels"] = {"team": "basket", "tier": "web"}
OURS = rule_object("hypercare-checkout", alert("CheckoutErrors"))
OURS["metadata"]["ownerReferences"] = [{"kind": "HypercarePeriod", "name": "checkout", "uid": "uid-1"}]
LABELLED = rule_object("overlay", alert("CheckoutErrors"))
LABELLED["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "hypercare"}


def chosen(**fields: Any) -> Selection:
    return select(protection(**fields), [BASKET, CHECKOUT, OURS, LABELLED], 30)


def names(selection: Selection) -> list[str]:
    return [each.source.alertname for each in selection.alerts]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            {"rule": "checkout-alerts"}, ["CheckoutErrors", "CheckoutSlow"], id="a rule by name: all its alerts"
        ),
        pytest.param({"selector": {}}, ["BasketErrors", "CheckoutErrors", "CheckoutSlow"], id="{} selects every rule"),
        pytest.param({"selector": {"matchLabels": {"team": "basket"}}}, ["BasketErrors"], id="rules by label"),
        pytest.param(
            {"selector": {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}},
            ["CheckoutErrors", "CheckoutSlow"],
            id="rules without a label",
        ),
        pytest.param(
            {"selector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}},
            ["CheckoutErrors", "CheckoutSlow"],
            id="NotIn takes rules that lack the label",
        ),
        pytest.param(
            {"selector": {}, "alerts": [".*Errors"]}, ["BasketErrors", "CheckoutErrors"], id="alerts by pattern"
        ),
        pytest.param({"selector": {}, "severities": ["warning"]}, ["CheckoutSlow"], id="alerts by severity"),
    ],
)
def test_a_source_selects(source: dict[str, Any], expected: list[str]) -> None:
    selection = chosen(**{"from": [source]})

    assert names(selection) == expected
    assert selection.problems == ()


def test_patterns_are_anchored() -> None:
    selection = chosen(**{"from": [{"selector": {}, "alerts": ["Errors", "Checkout"]}]})

    assert names(selection) == []
    assert [each.path for each in selection.problems] == [
        "spec.protection.alerts.from[0].alerts[0]",
        "spec.protection.alerts.from[0].alerts[1]",
        "spec.protection.alerts.from[0]",
    ]


def test_an_alert_that_two_sources_select_is_watched_once() -> None:
    assert names(chosen(**{"from": [{"rule": "basket-alerts"}, {"selector": {}, "alerts": ["Basket.*"]}]})) == [
        "BasketErrors"
    ]


def test_what_is_read_of_an_alert() -> None:
    body = rule_object(
        "r",
        alert("A", expr=1, for_="1m500ms", keep_firing_for="3m", annotations={"summary": "s"}),
        interval="15s",
        query_offset="1500ms",
        labels={"team": "x", "severity": "info"},
    )

    (found,) = select(protection(), [body], 30).alerts

    source = found.source
    assert (source.expr, source.for_seconds, source.keep_firing_for) == ("1", 61, "3m")
    assert (source.group.interval_seconds, source.group.query_offset_seconds) == (15, 2)
    assert source.own_labels == {"team": "x", "severity": "critical"}
    assert source.group.group_id == "r/checkout.rules"


def test_a_group_without_an_interval_gets_the_default_one() -> None:
    assert select(protection(), [BASKET], 45).alerts[0].source.group.interval_seconds == 45


def test_the_identity_of_an_alert_depends_on_its_place_alone() -> None:
    before = select(protection(), [rule_object("r", alert("A"), alert("B"))], 30).alerts
    edited = select(protection(), [rule_object("r", alert("A", expr="x > 1", for_="1h"), alert("B"))], 30).alerts

    assert [each.source.rule_id for each in edited] == [each.source.rule_id for each in before]
    assert len({each.source.rule_id for each in before}) == 2


@pytest.mark.parametrize(
    ("fields", "path", "reason", "words"),
    [
        pytest.param(
            {"from": [{"rule": "chekout-alerts"}]},
            "spec.protection.alerts.from[0].rule",
            "RuleNotFound",
            "no PrometheusRule chekout-alerts",
            id="a rule that does not exist",
        ),
        pytest.param(
            {"from": [{"rule": "hypercare-checkout"}]},
            "spec.protection.alerts.from[0].rule",
            "RuleNotFound",
            "made by hypercare",
            id="an overlay is never a source",
        ),
        pytest.param(
            {"from": [{"selector": {"matchLabels": {"team": "nobody"}}}]},
            "spec.protection.alerts.from[0].selector",
            "RuleNotFound",
            "team=nobody",
            id="a selector that selects nothing",
        ),
        pytest.param(
            {"from": [{"rule": "basket-alerts", "alerts": ["Checkout.*"]}]},
            "spec.protection.alerts.from[0].alerts[0]",
            "AlertNotFound",
            "'Checkout.*' matches none of the 1 alerts of PrometheusRule basket-alerts",
            id="a pattern that matches nothing",
        ),
        pytest.param(
            {"from": [{"rule": "basket-alerts", "severities": ["critical"]}]},
            "spec.protection.alerts.from[0]",
            "NoAlertSelected",
            "selects no alert of PrometheusRule basket-alerts",
            id="a severity that no alert has",
        ),
        pytest.param(
            {"overrides": [{"alert": "Nope", "for": "1m"}]},
            "spec.protection.alerts.overrides[0].alert",
            "AlertNotFound",
            "no selected alert is named Nope",
            id="an override of an alert that is not selected",
        ),
        pytest.param(
            {"overrides": [{"alert": "CheckoutErrors", "for": "15m"}]},
            "spec.protection.alerts.overrides[0].for",
            "OverrideLoosens",
            "15m would loosen CheckoutErrors of checkout-alerts/checkout.rules, which fires after 10m",
            id="an override that would loosen",
        ),
        pytest.param(
            {"overrides": [{"alert": "CheckoutErrors", "bound": 7.5}]},
            "spec.protection.alerts.overrides[0].bound",
            "OverrideLoosens",
            "CheckoutErrors of checkout-alerts/checkout.rules: a bound of 7.5 would loosen > 5",
            id="a bound that would loosen",
        ),
    ],
)
def test_a_mistake_is_told_with_its_field(fields: dict[str, Any], path: str, reason: str, words: str) -> None:
    problem = chosen(**fields).problems[0]

    assert (problem.path, problem.reason, problem.stalls) == (path, reason, True)
    assert words in problem.message


def test_a_namespace_without_rules_is_no_mistake_when_everything_is_meant() -> None:
    assert select(protection(), [], 30) == Selection((), ())


def scoped(source: dict[str, Any], *shared: SharedRules) -> AlertProtection:
    """A period for the Deployment checkout in the namespace shop."""
    scope = Scope("shop", (Target("Deployment", "checkout"),), Tenancy("namespace", "shop"), shared)
    return replace(protection(**{"from": [source]}), scope=scope)


MONITORING = SharedRules("monitoring", parse_label_selector(Field("x", {"matchLabels": {"role": "shared"}})))
PODS = alert("PodsRestart", expr="max by (namespace, pod) (restarts) > 1")
NODES = alert("NodeDown", expr="up{job='node'} == 0")


def shared_object(*rules: dict[str, Any], namespace: str = "monitoring", role: str = "shared") -> dict[str, Any]:
    body = rule_object("checkout-alerts", *rules)
    body["metadata"] |= {"namespace": namespace, "labels": {"role": role}}
    return body


def test_of_the_namespace_only_alerts_that_mention_a_target_are_taken() -> None:
    rules = [BASKET, CHECKOUT, rule_object("others", alert("Pods", expr='x{pod=~"checkout-.*"} > 1'), alert("X"))]

    selection = select(scoped({"mentions": "Targets"}), rules, 30)

    assert names(selection) == ["CheckoutErrors", "CheckoutSlow", "Pods"]
    assert selection.problems == ()


def test_that_no_alert_mentions_a_target_is_told_with_their_number() -> None:
    rules = [BASKET, rule_object("others", alert("A"), alert("B"))]

    (problem,) = select(scoped({"mentions": "Targets"}), rules, 30).problems

    assert (problem.path, problem.reason) == ("spec.protection.alerts.from[0]", "NoTargetMentioned")
    assert "none of the 3 alerts of PrometheusRule basket-alerts, others names a target (checkout)" in problem.message
    assert "{} for all" in problem.message


def test_a_namespace_without_alerts_mentions_nothing_and_is_no_mistake() -> None:
    assert select(scoped({"mentions": "Targets"}), [], 30) == Selection((), ())


def test_what_is_mentioned_may_be_chosen_from_further() -> None:
    selection = select(scoped({"mentions": "Targets", "severities": ["warning"]}), [CHECKOUT], 30)

    assert names(selection) == ["CheckoutSlow"]


def test_shared_alerts_are_taken_narrowed_and_the_others_are_told() -> None:
    rules = [CHECKOUT, shared_object(PODS, NODES), shared_object(PODS, role="private")]

    selection = select(scoped({"shared": True}, MONITORING), rules, 30)

    (found,) = selection.alerts
    assert found.source.alertname == "PodsRestart"
    assert 'restarts{namespace="shop",pod=~"checkout-' in found.source.expr
    assert found.source.group.group_id == "monitoring:checkout-alerts/checkout.rules"
    assert [(each.source.alertname, each.why.reason) for each in selection.unfit] == [("NodeDown", "NoTenantLabel")]
    assert selection.problems == ()


def test_a_shared_alert_has_another_identity_than_one_of_the_namespace_at_the_same_place() -> None:
    (own,) = select(scoped({"rule": "checkout-alerts"}), [rule_object("checkout-alerts", PODS)], 30).alerts
    (shared,) = select(scoped({"shared": True}, MONITORING), [shared_object(PODS)], 30).alerts

    assert own.source.rule_id != shared.source.rule_id


def test_rules_of_other_namespaces_are_taken_only_where_the_profile_shares_them() -> None:
    rules = [shared_object(PODS, namespace="basket"), shared_object(PODS)]

    assert select(scoped({"selector": {}}, MONITORING), rules, 30).alerts == ()
    assert len(select(scoped({"shared": True}, MONITORING), rules, 30).alerts) == 1


@pytest.mark.parametrize(
    ("shared", "rules", "reason", "words"),
    [
        pytest.param((), [shared_object(PODS)], "NothingShared", "shares no rules", id="a profile that shares nothing"),
        pytest.param((MONITORING,), [], "RuleNotFound", "monitoring (labels role=shared)", id="nothing is there"),
        pytest.param(
            (MONITORING,),
            [shared_object(NODES)],
            "NoAlertSelected",
            "none of the 1 alerts of PrometheusRule checkout-alerts is about the targets or their namespace",
            id="nothing is for this namespace",
        ),
    ],
)
def test_that_nothing_shared_is_found_is_told(
    shared: tuple[SharedRules, ...], rules: list[dict[str, Any]], reason: str, words: str
) -> None:
    (problem,) = select(scoped({"shared": True}, *shared), rules, 30).problems

    assert (problem.reason, problem.stalls) == (reason, True)
    assert words in problem.message


def test_a_mistake_leaves_the_rest_selected() -> None:
    selection = chosen(**{"from": [{"rule": "nope"}, {"rule": "basket-alerts"}]})

    assert names(selection) == ["BasketErrors"]
    assert len(selection.problems) == 1


def test_a_rule_that_cannot_be_read_leaves_the_others_selected() -> None:
    body = rule_object("r", alert("A", for_="soon"), alert("B"), alert("C", labels={"severity": 3}))

    selection = select(protection(), [body], 30)

    assert names(selection) == ["B"]
    assert [(each.reason, each.path) for each in selection.problems] == [
        ("InvalidRule", "spec.protection.alerts.from[0]")
    ] * 2
    assert "PrometheusRule r spec.groups[0].rules[0].for" in selection.problems[0].message


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        pytest.param("errors > 5 or latency > 7", "OverrideAmbiguous", id="several bounds are there"),
        pytest.param("errors == 5", "Equality", id="there is nothing to move"),
    ],
)
def test_a_bound_that_cannot_be_used_is_told(expr: str, reason: str) -> None:
    fields = protection(overrides=[{"alert": "A", "bound": 4}])

    selection = select(fields, [rule_object("r", alert("A", expr=expr))], 30)

    assert [(each.path, each.reason) for each in selection.problems] == [
        ("spec.protection.alerts.overrides[0].bound", reason)
    ]
    assert [each.refused for each in selection.alerts] == [""]


@pytest.mark.parametrize("expr", ["errors > 5", "errors > 4", "sum("])
def test_a_bound_that_loosens_nothing_is_no_mistake(expr: str) -> None:
    selection = select(
        protection(overrides=[{"alert": "A", "bound": 4}]), [rule_object("r", alert("A", expr=expr))], 30
    )

    assert selection.problems == ()
    assert [each.bound for each in selection.alerts] == [4]


def test_an_override_changes_the_delivery_of_its_alert_alone() -> None:
    selection = chosen(overrides=[{"alert": "CheckoutErrors", "deliver": "Page"}])

    assert {each.source.alertname: each.deliver for each in selection.alerts} == {
        "BasketErrors": Deliver.NOTIFY,
        "CheckoutErrors": Deliver.PAGE,
        "CheckoutSlow": Deliver.NOTIFY,
    }
