"""No query of a tenant learns anything about another one: tried on real servers.

The oracle is not what an answer looks like but whether it depends on the other tenant at all: one server holds the data
of two tenants, one the same without the other's. A query is safe if it is refused, or if everything that is asked
because of it (its value, its coverage) is answered by both servers alike: labels, values, counts, errors. The query as
it was written must be answered differently, else it is no attack and its row shows nothing.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypercare.domain.evidence.context import Context, NoEvidence
from hypercare.domain.evidence.criterion_field import parse_criterion
from hypercare.domain.evidence.quiet import NoOverlay, Watch, Whose
from hypercare.domain.evidence.reading import plan
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.profile import Evaluation, TenantException
from hypercare.domain.promql.syntax import PromQLError
from hypercare.domain.promql.tenancy import Tenancy, confine
from tests.adapters.real_prometheus import Answered, History, always, ask, backfill, prometheus

pytestmark = pytest.mark.cluster

NOW = 1_750_000_800
TIMES = range(NOW - 1500, NOW + 60)
TENANCY = Tenancy(
    label="namespace",
    namespace="shop",
    exceptions=(
        TenantException(re.compile("nginx_ingress_.*"), "exported_namespace"),
        TenantException(re.compile("istio_.*|envoy_cluster_(up|down)"), "destination_service_namespace"),
    ),
    shared=frozenset({"csat_score"}),
)
SECRET = {"secret": "other's"}


def ours() -> Iterator[History]:
    """What the tenant `shop` may see."""
    yield History("orders", {"namespace": "shop", "pod": "a"}, always(10))
    yield History("orders", {"namespace": "shop", "pod": "b"}, always(11))
    yield History("requests_total", {"namespace": "shop"}, lambda moment: moment - TIMES.start)
    yield History("up", {"namespace": "shop", "job": "web", "instance": "1"}, always(1))
    yield History("target_info", {"namespace": "shop", "job": "web", "instance": "1", "version": "2"}, always(1))
    yield History("ALERTS", {"namespace": "shop", "alertname": "Errors", "alertstate": "firing"}, always(1))
    yield History("orders.utf8", {"namespace": "shop"}, always(12))
    yield History("csat_score", {"product": "shoes"}, always(4.5))
    # Mesh and ingress: the default label is that of whoever was scraped.
    for reporter in ("shop", "other"):
        labels = {"namespace": reporter, "destination_service_namespace": "shop", "reporter": reporter}
        yield History("istio_requests_total", labels, always(13))
    yield History(
        "nginx_ingress_controller_requests", {"namespace": "ingress", "exported_namespace": "shop"}, always(14)
    )
    yield History("envoy_cluster_up", {"namespace": "mesh", "destination_service_namespace": "shop"}, always(1))


def theirs() -> Iterator[History]:
    """What it may not: everything of `other`, and of names that look like `shop`."""
    mine = {"namespace": "other"} | SECRET
    yield History("orders", mine | {"pod": "a"}, always(666))
    yield History("foreign", mine | {"pod": "a"}, always(666))
    yield History("requests_total", mine, lambda moment: 666.0 * (moment - TIMES.start))
    yield History("up", mine | {"job": "web", "instance": "1"}, always(0))
    yield History("target_info", mine | {"job": "web", "instance": "1", "version": "666"}, always(1))
    yield History("ALERTS", mine | {"alertname": "Bankrupt", "alertstate": "firing"}, always(1))
    yield History("orders.utf8", mine, always(666))
    for name in ("shop2", "xshop", "SHOP", "shop\n"):
        yield History("orders", SECRET | {"namespace": name}, always(666))
    # Without the label, with it in another spelling, or with ours in a label that only an exception makes count.
    yield History("orders", SECRET, always(666))
    yield History("orders", mine | {"Namespace": "shop"}, always(666))
    yield History("orders", mine | {"exported_namespace": "shop"}, always(666))
    yield History("orders", mine | {"destination_service_namespace": "shop"}, always(666))
    for reporter in ("shop", "other"):
        labels = SECRET | {"namespace": reporter, "destination_service_namespace": "other", "reporter": reporter}
        yield History("istio_requests_total", labels, always(666))
    for scraped in ("ingress", "shop"):
        labels = SECRET | {"namespace": scraped, "exported_namespace": "other"}
        yield History("nginx_ingress_controller_requests", labels, always(666))
    # Names that an exception matches only in part carry no meaning in its label.
    for name in ("my_nginx_ingress_controller", "nginx_ingress", "envoy_cluster_update", "x_istio_requests_total"):
        labels = {"exported_namespace": "shop", "destination_service_namespace": "shop"}
        yield History(name, mine | labels, always(666))
    yield History("csat_score_total", SECRET | {"product": "shoes"}, always(666))


@dataclass(frozen=True)
class Servers:
    """The URLs of the two."""

    both: str
    alone: str


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder: Path = tmp_path_factory.mktemp("tenants")
    contents = {"both": [*ours(), *theirs()], "alone": [*ours()]}
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda name: backfill(folder / name, contents[name], TIMES), contents))
    with ExitStack() as stack:
        yield Servers(*(stack.enter_context(prometheus(folder / name, {})).url for name in contents))


def questions(query: str) -> list[str]:
    """Everything that Prometheus is asked because of a criterion with this query.

    Raises:
        InvalidField: it is refused.
    """
    criterion = parse_criterion(Field("c", {"name": "c", "query": query, "above": 0, "sustainedFor": "5m"}))
    context = Context(
        now=NOW,
        evaluation=Evaluation(step=30, delay=0),
        tenancy=TENANCY,
        whose=Whose("shop", "checkout", "r1"),
        started_at=NOW - 86400,
        floor=0,
        watch=Watch((), NoOverlay()),
    )
    found = [each.expr for each in plan(criterion, NoEvidence(), context).queries]
    assert found[0] == confine(query, TENANCY)
    return found


def leaks(servers: Servers, expr: str) -> bool:
    """Whether the answer depends on what the other tenant has."""
    return ask(servers.both, expr, NOW) != ask(servers.alone, expr, NOW)


NOTHING: frozenset[str] = frozenset()


def values(found: Answered) -> frozenset[str]:
    assert not found.error
    return frozenset(re.findall(r'"value": \[[0-9.]+, "([^"]+)"\]', " ".join(row for _, row in found.rows)))


def own(*numbers: str) -> frozenset[str]:
    return frozenset(numbers)


# What is tried, and what the tenant gets instead: its own values.
ATTACKS: list[tuple[str, str, frozenset[str]]] = [
    ("no matcher at all", "orders", own("10", "11")),
    ("the other namespace by name", 'orders{namespace="other"}', NOTHING),
    ("a metric that only the other has", "foreign", NOTHING),
    ("any namespace by regex", 'orders{namespace=~".*"}', own("10", "11")),
    ("a regex of both namespaces", 'orders{namespace=~"shop|other"}', own("10", "11")),
    ("any namespace but ours", 'orders{namespace!="shop"}', NOTHING),
    ("any namespace but ours by regex", 'orders{namespace!~"shop"}', NOTHING),
    ("series without the label", 'orders{namespace=""}', NOTHING),
    ("names that begin like ours", 'orders{namespace=~"shop.+"}', NOTHING),
    ("a name that ends in a line break", 'orders{namespace=~"shop(?s:.)"}', NOTHING),
    ("ours in capitals", 'orders{namespace=~"(?i)shop"}', own("10", "11")),
    ("the label in another spelling", 'orders{Namespace="shop"}', NOTHING),
    ("the same label twice", 'orders{namespace="other",namespace=~".+"}', NOTHING),
    ("a label of an exception on a plain metric", 'orders{exported_namespace="shop"}', NOTHING),
    ("every metric there is", 'count({__name__=~".+"})', own("7")),
    ("every metric but one", 'count({__name__!="",__name__!="up"})', own("6")),
    ("any metric by another label", '{secret=~".+"}', NOTHING),
    ("a name as a matcher", '{__name__="foreign"}', NOTHING),
    ("a name as a regex without any sign of one", '{__name__=~"foreign"}', NOTHING),
    ("a name that is quoted", '{"foreign"}', NOTHING),
    ("a name that is quoted, and a regex", '{"foreign",__name__=~".+"}', NOTHING),
    ("a UTF-8 name", '{"orders.utf8"}', own("12")),
    ("a UTF-8 name, the label quoted too", '{"orders.utf8","namespace"="other"}', NOTHING),
    ("a name in escapes", '{__name__="\\x66oreign"}', NOTHING),
    ("or, to have the other side", 'orders or orders{namespace="other"}', own("10", "11")),
    ("or, within an aggregation", "sum(orders or foreign)", own("21")),
    ("unless, to see what is not there", "orders unless on (pod) foreign", own("10", "11")),
    ("and, to learn that it is there", "orders and on (pod) foreign", NOTHING),
    ("a comparison with the other", "orders < on (pod) foreign", NOTHING),
    ("a join that brings labels over", "orders * on (pod) group_left (secret) foreign", NOTHING),
    ("a join by the namespace", "orders * on (namespace) group_left (secret) target_info", own("10", "11")),
    ("a join that ignores the namespace", "sum(orders) * ignoring (namespace) sum(foreign)", NOTHING),
    ("a label made from the other's", 'label_replace(orders, "namespace", "$1", "secret", "(.+)")', own("10", "11")),
    ("our name put over the other's", 'label_replace(orders{namespace="other"}, "namespace", "shop", "", "")', NOTHING),
    ("labels joined", 'label_join(foreign, "namespace", "-", "namespace", "secret")', NOTHING),
    ("values made labels", 'count_values("namespace", foreign or orders)', own("1")),
    ("how many there are", "count(orders)", own("2")),
    ("whether it is there", "absent(foreign)", own("1")),
    ("whether it was ever there", 'absent_over_time(orders{namespace="other"}[10m])', own("1")),
    ("the greatest of all", "topk(1, orders)", own("11")),
    ("a limit taken from the other", "topk(scalar(foreign or vector(1)), orders)", own("11")),
    ("a quantile taken from the other", "quantile(scalar(sum(foreign) / 1000), orders)", own("NaN")),
    ("a scalar", "scalar(foreign) + 0 * time()", NOTHING),
    ("a scalar made a vector", "vector(scalar(foreign))", own("NaN")),
    ("a limit by count", "limitk(100, orders)", own("10", "11")),
    ("series sorted by their labels", 'sort_by_label(orders, "secret")', own("10", "11")),
    ("a range", 'sum(increase(requests_total{namespace=~".+"}[5m]))', own("300")),
    ("a range of a metric of the other's", "max_over_time(foreign[5m])", NOTHING),
    ("a subquery", 'max_over_time(sum(orders{namespace=~".+"})[5m:1m])', own("21")),
    ("a subquery in a subquery", "max_over_time(max_over_time(foreign[1m])[5m:1m])", NOTHING),
    ("the past", "foreign offset 5m", NOTHING),
    ("the past of a range", "sum(max_over_time(orders[1m] offset 2m))", own("21")),
    ("a sign", "--orders", own("10", "11")),
    ("a comment that hides the rest", 'orders # {namespace="shop"}\n or foreign', own("10", "11")),
    ("a comment at the end", "sum(orders) # }", own("21")),
    ("a comment within the braces", 'orders{ # namespace="shop"}\n namespace="other"}', NOTHING),
    ("a closing brace in a string", 'orders{pod!="}"} or foreign{pod!="{"}', own("10", "11")),
    ("a string that looks like the rest", 'orders{pod!="\\"} or foreign{pod!=\\""}', own("10", "11")),
    ("a brace that is written as an escape", 'orders{pod!="\\u0022} or foreign{pod!=\\u0022"}', own("10", "11")),
    ("single quotes", "orders{pod!='\"} or foreign #'}", own("10", "11")),
    ("backquotes", 'orders{pod!=`"} or foreign{pod!="`}', own("10", "11")),
    ("a line break in a string", 'orders{pod!="\\n"} or\nforeign', own("10", "11")),
    ("a label whose name is quoted", 'orders{"secret"=~".*","namespace"=~".*"}', own("10", "11")),
    ("a label whose name looks like the rest", 'orders{"x\\"} or foreign{\\""!="y"}', own("10", "11")),
    ("unicode that looks like the label", 'orders{"nаmespace"=""} or foreign', own("10", "11")),
    ("a matcher that ends in a comma", 'orders{namespace=~".+",}', own("10", "11")),
    ("aggregated without the label", "sum without (namespace, pod) (orders)", own("21")),
    ("aggregated by the label", "count by (namespace) (orders)", own("2")),
    ("alerts of others", "ALERTS", own("1")),
    ("alerts of others by name", 'ALERTS{alertname="Bankrupt"}', NOTHING),
    ("what is known of the other's targets", "target_info", own("1")),
    ("brackets inside of brackets", "((((((((sum((((((orders)))) or (foreign)))))))))))", own("21")),
    ("operators inside of operators", "+".join(["sum(orders)"] * 40) + " + sum(foreign or vector(0))", own("840")),
    # Exceptions: the label of ingress and mesh metrics that says whose they are.
    ("requests that an ingress controller saw", "nginx_ingress_controller_requests", own("14")),
    ("an ingress controller in our namespace", 'nginx_ingress_controller_requests{namespace="shop"}', NOTHING),
    ("the other's ingress", 'nginx_ingress_controller_requests{exported_namespace="other"}', NOTHING),
    ("requests that meshes saw", "sum(istio_requests_total)", own("26")),
    ("what our own proxies saw of the other", 'istio_requests_total{namespace="shop"}', own("13")),
    ("the mesh's metrics by regex", '{__name__=~"istio_.*"}', NOTHING),
    ("the mesh's metrics by a regex that is no prefix", '{__name__=~".*requests_total"}', own("1500")),
    ("the ingress's metrics by regex", '{__name__=~"nginx_ingress_.*",namespace="shop"}', NOTHING),
    ("every metric with the label of an exception", '{exported_namespace=~".+"}', NOTHING),
    ("an exception's metric without naming it", '{reporter="shop"}', NOTHING),
    ("a name that an exception matches at its end", "my_nginx_ingress_controller", NOTHING),
    ("a name that an exception matches at its beginning", "nginx_ingress", NOTHING),
    ("a name that begins like a branch of an exception", "envoy_cluster_update", NOTHING),
    ("a name that ends like the first branch", "x_istio_requests_total", NOTHING),
    ("a branch of an exception", "envoy_cluster_up or envoy_cluster_update", own("1")),
    ("a name that is an exception's only by a second one", '{__name__="foreign",__name__=~"istio_.*|.*"}', NOTHING),
    # Metrics that everybody may read.
    ("a shared metric joined with the other's", "csat_score * on () group_left () foreign", NOTHING),
    ("a shared metric beside the other's", "csat_score or foreign", own("4.5")),
    ("a shared metric's name as a beginning", "csat_score_total", NOTHING),
    ("a shared metric's name as a regex", '{__name__=~"csat_score|foreign"}', NOTHING),
    ("a shared metric's name twice", '{__name__="csat_score",__name__=~".*"} or foreign', own("4.5")),
]


@pytest.mark.parametrize(("query", "expected"), [each[1:] for each in ATTACKS], ids=[each[0] for each in ATTACKS])
def test_an_attack_gets_nothing_of_the_other_tenant(servers: Servers, query: str, expected: frozenset[str]) -> None:
    asked = questions(query)
    found = ask(servers.both, asked[0], NOW)
    assert [expr for expr in asked if leaks(servers, expr)] == []
    assert "666" not in str(found)
    assert "other's" not in str(found)
    assert values(found) == expected


@pytest.mark.parametrize("query", [each[1] for each in ATTACKS], ids=[each[0] for each in ATTACKS])
def test_each_attack_would_reach_the_other_tenant_if_it_were_not_confined(servers: Servers, query: str) -> None:
    assert leaks(servers, query)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("info(orders)", r"info\(\) reads series that no selector names"),
        ('info(up, {__name__="target_info",namespace="other"})', r"info\(\) reads series"),
        ('sum(info(up or orders, {secret=~".+"})) > 0', r"info\(\) reads series"),
        ('orders{namespace="shop" or namespace="other"}', "`or` between label matchers"),
        ('orders{__name__="foreign"}', "metric name must not be set twice"),
        ("{}", "at least one non-empty matcher"),
        ('{namespace=~".*"}', "at least one non-empty matcher"),
        ("foreign @ 1750000000", "the @ modifier"),
        ("foreign @ end()", "the @ modifier"),
        ("max_over_time(foreign[5m:1m] @ start())", "the @ modifier"),
        ("foreign offset -5m", "a negative offset"),
        ("foreign[5m]", "a range of samples is no value"),
        ('"foreign"', "a string or a range"),
        ("rate(foreign[5m] smoothed)", "the modifiers anchored and smoothed"),
        ("rate(foreign[5m + 1m])", "arithmetic in a duration"),
        ("(" * 300 + "foreign" + ")" * 300, "more than 256 opening brackets"),
        ("-" * 600 + "foreign", "more than 512 operators"),
        ("orders" + " or orders" * 900, "longer than 8192 characters|more than 512 operators"),
        ('orders{namespace="other"', "InvalidPromQL"),
        ('orders} or foreign{namespace="shop"', "InvalidPromQL"),
        ("orders\x00or foreign", "InvalidPromQL"),
    ],
)
def test_what_cannot_be_confined_for_sure_is_refused_with_its_reason(query: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says) as refusal:
        questions(query)
    assert refusal.value.path == "c.query"


_NAMES = st.sampled_from(
    [
        "orders",
        "foreign",
        "up",
        "target_info",
        "ALERTS",
        "csat_score",
        "csat_score_total",
        "istio_requests_total",
        "nginx_ingress_controller_requests",
        "envoy_cluster_up",
        "envoy_cluster_update",
        "my_nginx_ingress_controller",
    ]
)
_LABELS = st.sampled_from(
    [
        "namespace",
        "exported_namespace",
        "destination_service_namespace",
        "Namespace",
        "secret",
        "pod",
        "__name__",
        '"x\\"}y"',
    ]
)
_VALUES = st.sampled_from(
    ["shop", "other", "", ".*", ".+", "shop.*", "a", "istio_.*", "foreign", "csat_score", '\\"}', "#", "\\n"]
)
_MATCHERS = st.lists(
    st.tuples(_LABELS, st.sampled_from(["=", "!=", "=~", "!~"]), _VALUES).map(lambda m: f'{m[0]}{m[1]}"{m[2]}"'),
    max_size=3,
)
_SELECTORS = st.one_of(
    st.tuples(_NAMES, _MATCHERS).map(lambda s: f"{s[0]}{{{','.join(s[1])}}}"),
    st.tuples(_NAMES, _MATCHERS).map(lambda s: "{" + ",".join([f'"{s[0]}"', *s[1]]) + "}"),
    _MATCHERS.map(lambda matchers: "{" + ",".join(matchers) + "}"),
)
_WRAPPINGS = st.sampled_from(
    [
        "count({})",
        "sum by (namespace, secret) ({})",
        "topk(1, {})",
        'count_values("namespace", {})',
        "max_over_time(({})[5m:1m])",
        "absent({})",
        'label_replace({}, "namespace", "$1", "secret", "(.*)")',
        "vector(scalar({}))",
        "-({})",
        "({}) # {{\n",
        "max without (pod) ({})",
    ]
)
_JOINS = st.sampled_from(
    ["or", "and", "unless", "or on ()", "and on (pod)", "* on (pod) group_left (secret)", "> bool on (namespace)"]
)
_EXPRESSIONS = st.recursive(
    _SELECTORS | _SELECTORS.map(lambda selector: f"sum_over_time({selector}[2m] offset 1m)"),
    lambda inner: st.one_of(
        st.tuples(_WRAPPINGS, inner).map(lambda parts: parts[0].format(parts[1])),
        st.tuples(inner, _JOINS, inner).map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"),
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(query=_EXPRESSIONS)
def test_whatever_is_put_together_depends_on_nothing_of_the_other_tenant(servers: Servers, query: str) -> None:
    try:
        asked = questions(query)
    except (InvalidField, PromQLError):
        return
    assert [expr for expr in asked if leaks(servers, expr)] == []
