"""What an expression says about its input, about always firing, and about the labels of its results."""

import pytest

from hypercare.domain.alerts.syntax import AlertSyntax, inputs_expr, read_alert
from hypercare.domain.promql.syntax import InvalidPromQL, PromQLError, UnsupportedPromQL


def read(expr: str) -> AlertSyntax:
    return read_alert(expr, frozenset({"namespace"}))


def inputs(expr: str) -> list[list[str]]:
    return [sorted(each) for each in read(expr).inputs]


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param("up == 0", [["up"]], id="a comparison needs its metric"),
        pytest.param("5 < up", [["up"]], id="a constant on the left"),
        pytest.param(
            'up{job="a",namespace="shop"} == 0', [['up{namespace="shop"}']], id="only the tenant matcher is kept"
        ),
        pytest.param('up{namespace=~"shop|x"} == 0', [['up{namespace=~"shop|x"}']], id="whatever its operator"),
        pytest.param('{__name__="a.b",job="x"} > 1', [['{__name__="a.b"}']], id="a name that is no identifier"),
        pytest.param('{job="x"} > 1', [['{job="x"}']], id="without a name, all matchers stay"),
        pytest.param("sum(rate(e[5m])) / sum(rate(t[5m])) > 0.1", [["e", "t"]], id="either metric of a ratio will do"),
        pytest.param("a > 1 or b > 2", [["a"], ["b"]], id="both sides of or are needed"),
        pytest.param("a > 1 and b > 2", [["a"]], id="the left of and"),
        pytest.param("a > 1 unless b > 2", [["a"]], id="the left of unless"),
        pytest.param("(a > 1 or b > 1) and c > 1", [["a"], ["b"]], id="through parentheses"),
        pytest.param("hour() > 6 and a > 1", [["a"]], id="the right of and where the left reads the clock"),
        pytest.param("a > b", [["a"]], id="the left of a comparison of vectors"),
        pytest.param("a > 1 < 5", [["a"]], id="a chain of comparisons"),
        pytest.param("count(a > 1) > 3", [["a"]], id="a count of a comparison"),
        pytest.param("failed{x='y'}", [["failed"]], id="presence alone"),
        pytest.param("max_over_time(a[5m:1m]) > 1", [["a"]], id="inside a subquery"),
        pytest.param("(a and on(x) b) / c > 1", [["a", "c"]], id="what only restricts the left side is no input"),
        pytest.param("rate(a[5m]) > 2 and rate(a[1h]) > 2", [["a"]], id="a burn-rate pair has one input"),
        pytest.param("a > 1 or a > 5", [["a"]], id="the same input twice is one"),
        pytest.param("absent(a)", [], id="absent fires on missing data"),
        pytest.param("absent(a) or b > 0", [["b"]], id="absent beside a comparison"),
        pytest.param("absent_over_time(a[5m]) == 1", [], id="absent inside a comparison"),
        pytest.param("hour() > 6", [], id="the clock has no series"),
    ],
)
def test_inputs(expr: str, expected: list[list[str]]) -> None:
    assert inputs(expr) == expected


def test_the_number_of_series_of_one_comparison() -> None:
    assert inputs_expr(read("a / b > 1").inputs) == "(count(a) or vector(0)) + (count(b) or vector(0))"


def test_of_several_comparisons_the_least_supplied_one_counts() -> None:
    expr = inputs_expr(read("a > 1 or b > 1").inputs)

    assert expr.startswith("min(label_replace(")
    assert read(f"{expr} > 0").inputs == (frozenset({"a", "b"}),)


@pytest.mark.parametrize(
    ("expr", "same"),
    [
        pytest.param("vector(1)", True, id="Watchdog"),
        pytest.param("vector(1) > 0", True, id="a comparison of constants"),
        pytest.param("1 > bool 0", True, id="a scalar"),
        pytest.param("scalar(up) > bool 0", True, id="a scalar of series always has a value, so it always fires"),
        pytest.param("time() > bool 5", True, id="a scalar of the clock"),
        pytest.param("hour() > 6", False, id="a vector of the clock"),
        pytest.param("up", False, id="a series"),
        pytest.param("absent(up)", False, id="absent"),
    ],
)
def test_alerts_that_always_say_the_same(expr: str, same: bool) -> None:
    assert read(expr).always_same is same


@pytest.mark.parametrize(
    ("expr", "reads"),
    [
        ('ALERTS{alertstate="firing"} > 0', True),
        ('{__name__="ALERTS_FOR_STATE"}', True),
        ("ALERTS_total > 0", False),
    ],
)
def test_alerts_that_read_alerts(expr: str, reads: bool) -> None:
    assert read(expr).reads_alerts is reads


@pytest.mark.parametrize(
    ("expr", "carried"),
    [
        pytest.param("sum by (pod) (a) > 1", {"pod"}, id="by names what is left"),
        pytest.param('sum by (pod, namespace) (a{namespace="x"}) > 1', {"pod"}, id="a pinned label has one value"),
        pytest.param('a{pod=~"x.*",job="y"} > 1', {"pod"}, id="matchers that are no equality"),
        pytest.param('sum without (pod) (a{pod=~"x",zone!=""}) > 1', {"zone"}, id="without removes"),
        pytest.param('topk(3, a{pod!=""})', {"pod"}, id="topk keeps labels"),
        pytest.param('sum(a{pod!=""}) > 1', set(), id="a plain sum has no labels"),
        pytest.param('count_values("version", a) > 1', {"version"}, id="count_values makes one"),
        pytest.param('label_replace(a, "team", "$1", "x", "(.*)") > 1', {"team"}, id="label_replace makes one"),
        pytest.param("absent(a{pod!=''})", set(), id="absent has constant labels only"),
        pytest.param("a * on (pod) group_left (team) b > 1", {"team"}, id="group_left brings labels"),
        pytest.param('a{zone!=""} * on (pod) b > 1', {"pod"}, id="on leaves the matched labels"),
        pytest.param('a{zone!=""} * ignoring (zone) b{pod!=""} > 1', {"pod"}, id="ignoring removes"),
        pytest.param('a{zone!=""} and b{pod!=""}', {"zone"}, id="and keeps the left"),
        pytest.param('a{zone!=""} or b{pod!=""}', {"zone", "pod"}, id="or keeps both"),
        pytest.param("rate(a{zone!=''}[5m]) > 1", {"zone"}, id="functions keep labels"),
        pytest.param("{__name__=~'a|b'} > 1", set(), id="the metric's name is no label of a result"),
    ],
)
def test_labels_that_results_carry(expr: str, carried: set[str]) -> None:
    assert read(expr).carried_labels == carried


def test_a_label_pinned_to_two_values_is_not_pinned() -> None:
    assert read('a{namespace="x"} or a{namespace="y"}').pinned_labels == set()


@pytest.mark.parametrize(
    ("expr", "error"),
    [
        pytest.param("sum(", InvalidPromQL, id="does not parse"),
        pytest.param("limitk(2, a) > 1", UnsupportedPromQL, id="an experimental aggregation"),
        pytest.param(
            "double_exponential_smoothing(a[5m], 0.5, 0.5) > 1", UnsupportedPromQL, id="an experimental function"
        ),
        pytest.param('"text"', UnsupportedPromQL, id="a string"),
        pytest.param("a[5m]", UnsupportedPromQL, id="a range"),
    ],
)
def test_what_not_every_server_accepts_is_refused(expr: str, error: type[PromQLError]) -> None:
    with pytest.raises(error):
        read(expr)
