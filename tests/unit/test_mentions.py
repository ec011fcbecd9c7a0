"""Which alerts name a target, and which only look as if they did."""

from typing import Any

import pytest

from hypercare.domain.alerts.mentions import mentions
from hypercare.domain.alerts.source_rules import SourceAlert, source_alerts
from hypercare.domain.life.rollout import Target
from tests.unit.alert_rules import alert, rule_object

CHECKOUT, BASKET = Target("Deployment", "checkout"), Target("StatefulSet", "basket")


def read(expr: str = "up", name: str = "rules", **fields: Any) -> SourceAlert:
    (found,) = source_alerts(rule_object(name, alert("A", expr=expr, **fields)), 30)
    assert isinstance(found, SourceAlert)
    return found


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param('errors{service="checkout"} > 1', True, id="a service of the target's name"),
        pytest.param('errors{job="shop/checkout"} > 1', True, id="a name with a namespace in front"),
        pytest.param('errors{destination_service="checkout.shop.svc.cluster.local"} > 1', True, id="and with a domain"),
        pytest.param('rate(errors{app=~"checkout|payment"}[5m]) > 1', True, id="one of several names"),
        pytest.param('errors{job=~".*/checkout"} > 1', True, id="the name in any namespace"),
        pytest.param('x > 1 and on (pod) y{pod=~"checkout-.*"} > 1', True, id="its pods, somewhere in the expression"),
        pytest.param('x{pod=~"checkout-[a-z0-9]+-[a-z0-9]{5}"} > 1', True, id="its pods, spelled out"),
        pytest.param('x{pod="basket-0"} > 1', True, id="a single pod of a StatefulSet"),
        pytest.param('x{deployment="checkout"} > 1', True, id="its kind and name"),
        pytest.param('x{statefulset="basket"} > 1', True, id="another kind"),
        pytest.param('x{deployment="basket"} > 1', False, id="a Deployment of the name of a StatefulSet"),
        pytest.param('x{service="checkout-canary"} > 1', False, id="a service whose name only begins like it"),
        pytest.param('x{pod=~"checkout-worker-.*"} > 1', False, id="pods of a workload whose name only begins like it"),
        pytest.param('x{service=~".+"} > 1', False, id="any service"),
        pytest.param('x{pod=~".*-[a-z0-9]+-[a-z0-9]{5}"} > 1', False, id="any pod"),
        pytest.param('x{service!="checkout"} > 1', False, id="all services but this one"),
        pytest.param('x{service!~"checkout|basket"} > 1', False, id="all but these"),
        pytest.param('x{customer="checkout"} > 1', False, id="a label that holds no names of workloads"),
        pytest.param('x{service=~"(c+)+heckout"} > 1', False, id="a pattern that could take for ever"),
        pytest.param('x{service=~"("} > 1', False, id="a pattern that is none"),
        pytest.param("checkout_errors > 1", False, id="the name of a metric"),
        pytest.param('x{service="checkout" > 1', False, id="what cannot be parsed"),
    ],
)
def test_an_expression_names_a_target(expr: str, expected: bool) -> None:
    assert mentions(read(expr), {}, (CHECKOUT, BASKET)) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"labels": {"service": "checkout"}}, True, id="a label of the rule"),
        pytest.param({"labels": {"team": "checkout"}}, False, id="a label that names a team"),
        pytest.param({"labels": {"service": "{{ $labels.service }}"}}, False, id="a template can be anything"),
        pytest.param({"annotations": {"summary": "checkout is slow"}}, False, id="a text"),
        pytest.param({"name": "checkout"}, True, id="the PrometheusRule is called like it"),
        pytest.param({"name": "checkout-alerts"}, True, id="or begins with its name"),
        pytest.param({"name": "checkouts"}, False, id="a name that only begins with the same letters"),
    ],
)
def test_what_is_around_an_expression_names_a_target(fields: dict[str, Any], expected: bool) -> None:
    assert mentions(read(**fields), {}, (CHECKOUT,)) is expected


def test_a_label_of_the_group_counts() -> None:
    body = rule_object("rules", alert("A", expr="up"), labels={"app": "checkout"})
    (found,) = source_alerts(body, 30)

    assert isinstance(found, SourceAlert)
    assert mentions(found, {}, (CHECKOUT,))


@pytest.mark.parametrize("label", ["app.kubernetes.io/name", "app.kubernetes.io/instance", "app", "k8s-app"])
def test_a_label_of_the_object_counts(label: str) -> None:
    assert mentions(read(), {label: "checkout"}, (CHECKOUT,))
    assert not mentions(read(), {label: "another", "team": "checkout"}, (CHECKOUT,))
