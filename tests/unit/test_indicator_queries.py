"""The expressions of indicators and the names of their alerts: no name of a workload breaks out of them."""

import re

import promql_parser as pp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hypercare.domain.alerts.indicator_alerts import alert_name, indicator_alert
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.indicators import Indicator, Share, Value, Variant, indicators, measured, parse_target
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import WORKLOADS
from hypercare.domain.promql.syntax import nodes

NAME = st.from_regex(r"\A[a-z0-9](?:[-a-z0-9.]{0,20}[a-z0-9])?\Z")


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("checkout", "Checkout"),
        ("checkout-api", "CheckoutApi"),
        ("2x-api", "2xApi"),
        ("checkout-2", r"Checkout2_[0-9a-f]{6}"),
        ("checkout.api", r"CheckoutApi_[0-9a-f]{6}"),
    ],
)
def test_an_alert_is_named_by_indicator_and_target(target: str, name: str) -> None:
    assert re.fullmatch(f"HypercareGrpcLatency{name}", alert_name("grpc/latency", target))


@given(st.lists(NAME, min_size=2, max_size=2, unique=True))
@example(["a-b", "a.b"])
@example(["a-1", "a1"])
@example(["a--b", "a-b"])
@example(["ab", "a-b"])
def test_no_two_targets_share_the_name_of_an_alert(names: list[str]) -> None:
    assert len({alert_name("grpc/latency", name) for name in names}) == 2


@given(NAME, NAME)
def test_no_two_indicators_share_the_name_of_an_alert(one: str, other: str) -> None:
    made = [alert_name(indicator, target) for indicator in indicators() for target in {one, other}]

    assert len(set(made)) == len(made)


HOSTILE = (
    'x"} or vector(1) or up{job="',
    'x\\"} or vector(1) #',
    "x\n} or vector(1)",
    "x`} or vector(1) or {a=`",
    "$(pods)",
    "$(target)",
    '$(target)"',
    r"\1\g<0>",
    ".*|.*",
    "a){1000}(",
    "{{ $value }}",
    "",
)


def texts_of(variant: Variant) -> tuple[str, ...]:
    match variant.measure:
        case Value(query):
            return query, variant.data
        case Share(errors, total, _):
            return errors, total, variant.data


def shape(text: str) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Everything of an expression but the values of its matchers."""
    return [
        (
            type(node).__name__,
            f"{getattr(node, 'op', '')} {getattr(getattr(node, 'func', None), 'name', '')} {getattr(node, 'name', '')}",
            tuple((str(each.op), each.name) for each in node.matchers.matchers)
            if isinstance(node, pp.VectorSelector)
            else (),
        )
        for node in nodes(pp.parse(text))
    ]


def values(text: str) -> set[str]:
    return {
        each.value
        for node in nodes(pp.parse(text))
        if isinstance(node, pp.VectorSelector)
        for each in node.matchers.matchers
    }


def breaks_out(indicator: Indicator, kind: str, name: str) -> list[str]:
    """The expressions that another name turns into others; those that do not parse do no harm."""
    broken = []
    for usual, odd in zip(
        texts_of(measured(indicator, Target(kind, "checkout"))),
        texts_of(measured(indicator, Target(kind, name))),
        strict=True,
    ):
        try:
            same = shape(odd) == shape(usual)
        except ValueError:
            continue
        if not same or ("checkout" in values(usual) and name not in values(odd)):
            broken.append(odd)
    return broken


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_value(name: str) -> None:
    found = [text for each in indicators().values() for kind in WORKLOADS for text in breaks_out(each, kind, name)]

    assert found == []


@given(st.text(max_size=40), st.sampled_from(sorted(indicators())), st.sampled_from(sorted(WORKLOADS)))
def test_whatever_a_name_is_it_stays_a_value(name: str, indicator: str, kind: str) -> None:
    assert breaks_out(indicators()[indicator], kind, name) == []


@given(NAME, st.sampled_from(sorted(indicators())), st.sampled_from(sorted(WORKLOADS)))
def test_every_name_of_a_workload_gives_expressions_that_parse(name: str, indicator: str, kind: str) -> None:
    found = indicators()[indicator]
    made = indicator_alert(found, Target(kind, name), found.default_bound)

    for text in (*texts_of(measured(found, Target(kind, name))), made.expr):
        pp.parse(text)


def test_a_name_is_no_pattern() -> None:
    found = measured(indicators()["opentelemetry/http-latency"], Target("Deployment", "a.b"))
    (job,) = values(found.data)

    assert re.fullmatch(job, "a.b")
    assert re.fullmatch(job, "acme/a.b")
    assert not re.fullmatch(job, "axb")
    assert not re.fullmatch(job, "a.b/c")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_even_of_a_target(name: str) -> None:
    with pytest.raises(InvalidField, match="is not a name that a workload can have"):
        parse_target(Field("x", name), (Target("Deployment", name),))


def test_every_indicator_reads_one_series_without_labels() -> None:
    for indicator in indicators().values():
        for kind in WORKLOADS:
            for text in texts_of(measured(indicator, Target(kind, "checkout")))[:-1]:
                assert set(map(type, roots(pp.parse(text)))) <= {pp.AggregateExpr, pp.Call}, (indicator.name, text)


def roots(tree: pp.Expr) -> list[pp.Expr]:
    """What makes the labels of a result: aggregations without `by`, and functions over them."""
    match tree:
        case pp.ParenExpr():
            return roots(tree.expr)
        case pp.BinaryExpr():
            return [*roots(tree.lhs), *roots(tree.rhs)]
        case pp.NumberLiteral():
            return []
        case pp.Call():
            assert tree.func.name == "histogram_quantile"
    return [tree]
