"""Which labels results can have at most: settled by the expression alone, or not settled at all."""

import pytest

from hypercare.domain.alerts.closed_labels import closed_labels
from hypercare.domain.promql.syntax import parse


@pytest.mark.parametrize(
    ("expr", "labels"),
    [
        pytest.param("sum by (pod) (errors) > 5", "pod", id="a comparison with a number keeps the labels"),
        pytest.param("5 < sum by (pod) (errors)", "pod", id="on either side"),
        pytest.param("sum(errors) > 5", "", id="one result has no labels"),
        pytest.param("sum by () (errors) > 5", "", id="nor has one by nothing"),
        pytest.param("-(sum by (pod) (errors)) < 5", "pod", id="through signs and parentheses"),
        pytest.param("sum by (__name__, pod) (errors) > 5", "pod", id="an alert has no metric name"),
        pytest.param("sum without (pod) (errors) > 5", None, id="what is left by without is open"),
        pytest.param(
            "sum without (pod) (sum by (pod, job) (errors)) > 5", "job", id="unless what it is taken from is not"
        ),
        pytest.param("errors > 5", None, id="series carry anything"),
        pytest.param("topk by (job) (3, errors) > 5", None, id="topk keeps series as they are"),
        pytest.param("topk(3, sum by (pod) (errors)) > 5", "pod", id="settled or not"),
        pytest.param('count_values("v", errors) > 5', "v", id="a label that is made"),
        pytest.param('count_values by (job) ("v", errors) > 5', "job v", id="beside those that are grouped by"),
        pytest.param("quantile by (job) (0.9, errors) > 5", "job", id="a parameter that is a number"),
        pytest.param("sum by (pod) (a) / sum by (pod) (b) > 5", "pod", id="a ratio of the same groups"),
        pytest.param("errors / sum by (pod) (b) > 5", "pod", id="matched one to one, both sides have the same labels"),
        pytest.param("a / on (job) b > 5", "job", id="on names them"),
        pytest.param("a / ignoring (le) sum by (pod, le) (b) > 5", "pod", id="ignoring takes some away"),
        pytest.param("a / ignoring (le) b > 5", None, id="of what is open"),
        pytest.param("sum by (pod) (a) * on (pod) group_left (node) b > 5", "node pod", id="group_left adds labels"),
        pytest.param("a * on (pod) group_left () sum by (pod) (b) > 5", None, id="the many side may be open"),
        pytest.param(
            "a * on (pod) group_right (node) sum by (pod) (b) > 5", "node pod", id="the many side on the right"
        ),
        pytest.param("sum by (pod) (a) > 5 and b > 1", "pod", id="and keeps the left"),
        pytest.param("a > 5 and sum by (pod) (b) > 1", None, id="whatever is on the right"),
        pytest.param("sum by (pod) (a) > 5 unless b > 1", "pod", id="so does unless"),
        pytest.param("sum by (pod) (a) > 5 or sum by (job) (b) > 1", "job pod", id="or has the labels of either"),
        pytest.param("sum by (pod) (a) > 5 or b > 1", None, id="if both are settled"),
        pytest.param("histogram_quantile(0.9, sum by (le, job) (rate(b[5m]))) > 1", "job", id="a quantile drops le"),
        pytest.param("max_over_time(sum by (job) (a)[10m:1m]) > 1", "job", id="inside a subquery"),
        pytest.param("rate(a[5m]) > 1", None, id="a rate of series"),
        pytest.param("clamp_max(sum by (job) (a), 5) > 1", "job", id="functions keep labels"),
        pytest.param('label_replace(sum by (job) (a), "team", "$1", "job", "(.*)") > 1', "job team", id="a new label"),
        pytest.param("absent(a)", None, id="what is missing has the labels of its matchers"),
        pytest.param("vector(1) > 0", "", id="a number made a vector"),
        pytest.param("vector(time()) > 5", "", id="whatever number"),
    ],
)
def test_the_labels_that_results_can_have(expr: str, labels: str | None) -> None:
    assert closed_labels(parse(expr)) == (None if labels is None else frozenset(labels.split()))
