"""What a namespace, and a target in it, gets of an alert that is written for the whole cluster."""

import re
from typing import Any

import pytest

from hypercare.domain.alerts.narrowing import Narrowed, narrow
from hypercare.domain.alerts.source_rules import Reach, SourceAlert, source_alerts
from hypercare.domain.alerts.tightening import Untouched, UntouchedReason
from hypercare.domain.life.rollout import Target
from hypercare.domain.profile import TenantException
from hypercare.domain.promql.separable import Separable, separable
from hypercare.domain.promql.syntax import parse
from hypercare.domain.promql.tenancy import Tenancy
from tests.unit.alert_rules import alert, rule_object

TENANCY = Tenancy(
    "namespace", "shop", (TenantException(re.compile("nginx_.*"), "exported_namespace"),), frozenset({"build_info"})
)
CHECKOUT, BASKET = Target("Deployment", "checkout"), Target("StatefulSet", "basket")
PODS = 'pod=~"basket-[0-9]+"'


def read(expr: str, **fields: Any) -> SourceAlert:
    (found,) = source_alerts(rule_object("rules", alert("A", expr=expr, **fields)), 30)
    assert isinstance(found, SourceAlert)
    return found


def narrowed(expr: str, *targets: Target, **fields: Any) -> Narrowed | Untouched:
    return narrow(read(expr, **fields), TENANCY, targets or (BASKET,))


@pytest.mark.parametrize(
    ("expr", "expected", "reach"),
    [
        pytest.param(
            "sum by (namespace, pod) (rate(restarts_total[5m])) > 1",
            'sum by (namespace, pod) (rate(restarts_total{namespace="shop",pod=~"basket-[0-9]+"}[5m])) > 1',
            Reach.TARGETS,
            id="pods of the targets",
        ),
        pytest.param(
            "max by (namespace, statefulset) (missing) > 0",
            'max by (namespace, statefulset) (missing{namespace="shop",statefulset=~"basket"}) > 0',
            Reach.TARGETS,
            id="workloads by their name",
        ),
        pytest.param(
            "count by (namespace, service) (up == 0) > 0",
            'count by (namespace, service) (up{namespace="shop",service=~"(basket)(-.*)?"} == 0) > 0',
            Reach.TARGETS,
            id="services by name or beginning",
        ),
        pytest.param(
            "sum by (namespace) (failed) > 0",
            'sum by (namespace) (failed{namespace="shop"}) > 0',
            Reach.NAMESPACE,
            id="nothing tells workloads apart",
        ),
        pytest.param(
            "sum by (namespace, pod) (a) / on (namespace) group_left sum by (namespace) (b) > 0.5",
            'sum by (namespace, pod) (a{namespace="shop",pod=~"basket-[0-9]+"}) / on (namespace) group_left () '
            'sum by (namespace) (b{namespace="shop"}) > 0.5',
            Reach.TARGETS,
            id="a share of the namespace's whole: the whole stays",
        ),
        pytest.param(
            "max by (namespace, pod) (a) > 1 unless on (namespace) b == 1",
            'max by (namespace, pod) (a{namespace="shop",pod=~"basket-[0-9]+"}) > 1 unless on (namespace) '
            'b{namespace="shop"} == 1',
            Reach.TARGETS,
            id="an exception for the whole namespace stays one",
        ),
        pytest.param(
            "a > 1 and on () build_info == 1",
            "",
            Reach.NAMESPACE,
            id="what belongs to everybody is left as it is",
        ),
    ],
)
def test_an_alert_is_narrowed(expr: str, expected: str, reach: Reach) -> None:
    found = narrowed(expr, annotations={"summary": "{{ $labels.namespace }}"})

    assert isinstance(found, Narrowed)
    assert found.reach is reach
    assert "build_info == 1" in found.expr if not expected else found.expr.split() == expected.split()


@pytest.mark.parametrize(
    ("expr", "fields", "reason"),
    [
        pytest.param("up == 0", {}, UntouchedReason.NO_TENANT_LABEL, id="nothing shows that results carry the label"),
        pytest.param("sum by (node) (x) > 1", {}, UntouchedReason.NO_TENANT_LABEL, id="the label is dropped"),
        pytest.param("build_info > 1", {}, UntouchedReason.NO_TENANT_LABEL, id="a metric that carries no tenant"),
        pytest.param('{job="x"} > 1', {}, UntouchedReason.NO_TENANT_LABEL, id="a metric without a name"),
        pytest.param(
            "a > on (namespace) nginx_b", {}, UntouchedReason.NO_TENANT_LABEL, id="two labels for the namespace"
        ),
        pytest.param('up{namespace="monitoring"} == 0', {}, UntouchedReason.OTHER_NAMESPACE, id="of another namespace"),
        pytest.param('up{namespace=~"kube-.*"} == 0', {}, UntouchedReason.OTHER_NAMESPACE, id="of several others"),
        pytest.param('up{namespace!="shop"} == 0', {}, UntouchedReason.OTHER_NAMESPACE, id="of all but this one"),
        pytest.param('absent(up{namespace="shop"})', {}, UntouchedReason.RESULT_WITHOUT_SERIES, id="what is missing"),
        pytest.param(
            "sum by (namespace) (x) > 1 or vector(0)", {}, UntouchedReason.RESULT_WITHOUT_SERIES, id="a constant"
        ),
        pytest.param(
            "a > 1 or on (namespace, pod) absent(b)", {}, UntouchedReason.RESULT_WITHOUT_SERIES, id="one side of or"
        ),
        pytest.param(
            'label_replace(a, "namespace", "$1", "team", "(.*)") > 1',
            {},
            UntouchedReason.TENANT_REWRITTEN,
            id="a namespace that is made up",
        ),
        pytest.param(
            "sum by (namespace) (x) > 1",
            {"labels": {"namespace": "monitoring"}},
            UntouchedReason.TENANT_REWRITTEN,
            id="a rule that sets the label",
        ),
        pytest.param(
            "sum by (namespace) (x) > on () group_left max(y)",
            {},
            UntouchedReason.READS_OTHER_TENANTS,
            id="compared with what everybody has",
        ),
        pytest.param(
            "sum by (namespace) (x) / scalar(sum(y)) > 0.1",
            {},
            UntouchedReason.READS_OTHER_TENANTS,
            id="a share of what everybody has",
        ),
        pytest.param(
            'x > 1 or on (pod) y{namespace=~".+"} > 1',
            {},
            UntouchedReason.READS_OTHER_TENANTS,
            id="others may shadow ours",
        ),
        pytest.param(
            "max by (namespace, deployment) (x) > 1",
            {},
            UntouchedReason.OTHER_WORKLOADS,
            id="of workloads of another kind",
        ),
        pytest.param("vector(1)", {}, UntouchedReason.ALWAYS_FIRES, id="a watchdog"),
        pytest.param("ALERTS == 1", {}, UntouchedReason.READS_ALERTS, id="other alerts"),
        pytest.param("sum(", {}, UntouchedReason.UNSUPPORTED_PROMQL, id="what cannot be parsed"),
    ],
)
def test_an_alert_that_is_not_for_a_tenant_says_why(expr: str, fields: dict[str, Any], reason: UntouchedReason) -> None:
    found = narrowed(expr, **fields)

    assert isinstance(found, Untouched)
    assert (found.reason, bool(found.message)) == (reason, True)


def test_a_metric_of_an_exception_has_the_label_of_the_exception() -> None:
    found = narrowed("rate(nginx_requests_total[5m]) > 1")

    assert isinstance(found, Narrowed)
    assert found.scope == 'exported_namespace="shop"'
    assert 'nginx_requests_total{exported_namespace="shop"}' in found.expr


def test_the_scope_tells_which_results_of_the_original_are_meant() -> None:
    found = narrowed("max by (namespace, pod) (x) > 1", CHECKOUT, BASKET)

    assert isinstance(found, Narrowed)
    label, _, pattern = found.scope.removeprefix('namespace="shop",').partition("=~")
    assert label == "pod"
    for pod in ("checkout-5d4b7c9f6d-x7k2p", "basket-0"):
        assert re.fullmatch(pattern.strip('"'), pod)
    assert not re.fullmatch(pattern.strip('"'), "checkout-worker-5d4b7c9f6d-x7k2p")


def test_data_is_asked_for_in_the_whole_cluster_and_no_more_is_told() -> None:
    found = narrowed("max by (namespace, pod) (x) > 1")

    assert isinstance(found, Narrowed)
    assert found.inputs == "clamp_max((count(x) or vector(0)), 1)"


@pytest.mark.parametrize(
    ("expr", "narrow"),
    [
        ("a", {0}),
        ("a > 1 or b > 1", {0, 1}),
        ("a and on (ns) b", {0, 1}),
        ("a and on (node) b", {0}),
        ("a unless on (ns) sum by (node) (b)", {0}),
        ("a * on (ns) group_left b", {0, 1}),
        ("a * on (node) group_left b", {0}),
        ("a * on (node) group_right b", {1}),
        ("sum without (pod) (a) + b", {0, 1}),
        ("sum by (ns) (a) + on (ns) sum(b)", {0}),
        ("topk by (ns) (1, a)", {0}),
        ("rate(a[5m])[10m:1m]", {0}),
        ('label_replace(a, "x", "$1", "ns", "(.*)")', {0}),
    ],
)
def test_which_selectors_are_narrowed(expr: str, narrow: set[int]) -> None:
    found = separable(parse(expr), "ns")

    assert isinstance(found, Separable)
    assert found.narrow == narrow


@pytest.mark.parametrize(
    "expr",
    [
        "sum(a)",
        "sum without (ns) (a)",
        "topk(1, a)",
        "a + on (node) b",
        "a or on (node) b",
        "a * on (node) group_left (ns) b",
        'count_values by (node) ("ns", a)',
        'label_join(a, "ns", "-", "node")',
        "vector(1)",
        "absent_over_time(a[5m])",
        "hour()",
        "-1 + absent(a)",
    ],
)
def test_what_cannot_be_narrowed(expr: str) -> None:
    assert not isinstance(separable(parse(expr), "ns"), Separable)
