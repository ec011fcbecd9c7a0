"""No spelling of a query leaves the namespace."""

import re

import promql_parser as pp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.profile import TenantException
from hypercare.domain.promql.syntax import PromQLError, UnsupportedPromQL, metric_name, parse, selectors
from hypercare.domain.promql.tenancy import Tenancy, confine
from tests.corpus.rules import FILES, alerting_rules

NAMED_ONLY = '__name__!~"istio_.*",__name__!~"keda_.*"'
"""What leaves out the metrics of the exceptions, as the parser writes it: matchers by name, operator and value."""
TENANCY = Tenancy(
    label="namespace",
    namespace="shop",
    exceptions=(
        TenantException(re.compile("istio_.*"), "destination_service_namespace"),
        TenantException(re.compile("keda_.*"), "exported_namespace"),
    ),
    shared=frozenset({"csat_score"}),
)


@pytest.mark.parametrize(
    ("text", "confined"),
    [
        ("up", 'up{namespace="shop"}'),
        ('up{job="a"}', 'up{job="a",namespace="shop"}'),
        # Somebody else's namespace stays asked for, together with ours: nothing has both.
        ('up{namespace="other"}', 'up{namespace="other",namespace="shop"}'),
        ('up{namespace=~".*"}', 'up{namespace="shop",namespace=~".*"}'),
        ('up{namespace!="shop"}', 'up{namespace!="shop",namespace="shop"}'),
        ('{__name__=~".+"}', f'{{{NAMED_ONLY},__name__=~".+",namespace="shop"}}'),
        ('{namespace="other"}', f'{{{NAMED_ONLY},namespace="other",namespace="shop"}}'),
        # An exception holds for its metrics only, by their full name.
        ("istio_requests_total", 'istio_requests_total{destination_service_namespace="shop"}'),
        ('{__name__="istio_x"}', '{__name__="istio_x",destination_service_namespace="shop"}'),
        ("my_istio_x", 'my_istio_x{namespace="shop"}'),
        ("keda_x", 'keda_x{exported_namespace="shop"}'),
        # Their default label says where they were scraped, so without a name nothing is read from them.
        ('{__name__=~"istio_.*"}', f'{{{NAMED_ONLY},__name__=~"istio_.*",namespace="shop"}}'),
        (
            '{__name__="istio_x", __name__="up"}',
            f'{{{NAMED_ONLY},__name__="istio_x",__name__="up",namespace="shop"}}',
        ),
        # Shared metrics carry no tenant, but only they.
        ("csat_score", "csat_score"),
        ("csat_score or up", 'csat_score or up{namespace="shop"}'),
        ('{__name__="csat_score"}', '{__name__="csat_score"}'),
        ('{__name__=~"csat_score"}', f'{{{NAMED_ONLY},__name__=~"csat_score",namespace="shop"}}'),
        ('{__name__="csat_score", __name__=~"up"}', '{__name__="csat_score",__name__=~"up"}'),
        ("csat_score_total", 'csat_score_total{namespace="shop"}'),
        # Everywhere a selector can be.
        ("rate(up[5m] offset 1h)", 'rate(up{namespace="shop"}[5m] offset 1h)'),
        ("max_over_time(rate(a[5m])[1h:1m])", 'max_over_time(rate(a{namespace="shop"}[5m])[1h:1m])'),
        ("topk(scalar(b), a)", 'topk(scalar(b{namespace="shop"}), a{namespace="shop"})'),
        ("a * on (x) group_left (y) b", 'a{namespace="shop"} * on (x) group_left (y) b{namespace="shop"}'),
        ("a unless b", 'a{namespace="shop"} unless b{namespace="shop"}'),
        ("absent(a)", 'absent(a{namespace="shop"})'),
        ("-a", '-a{namespace="shop"}'),
        ("up @ 100", 'up{namespace="shop"} @ 100.000'),
        ("vector(1)", "vector(1)"),
        # What looks like syntax inside of strings and comments stays there.
        ('a{b="\\"} or other{c=\\""}', 'a{b="\\"} or other{c=\\"",namespace="shop"}'),
        ("a{b='}'}", 'a{b="}",namespace="shop"}'),
        ("a # } or other\n", 'a{namespace="shop"}'),
        ('a{"quoted label"="x"}', 'a{"quoted label"="x",namespace="shop"}'),
        ('{"utf8.metric"}', '{__name__="utf8.metric",namespace="shop"}'),
        ("namespace", 'namespace{namespace="shop"}'),
    ],
)
def test_every_selector_gets_the_matcher(text: str, confined: str) -> None:
    assert confine(text, TENANCY) == confined


@pytest.mark.parametrize("text", ["info(up)", 'info(up, {__name__="other"})', 'a{b="x" or namespace="other"}'])
def test_what_cannot_be_confined_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedPromQL):
        confine(text, TENANCY)


def test_the_same_error_is_raised_again_from_the_cache() -> None:
    for _ in range(2):
        with pytest.raises(PromQLError, match="unclosed"):
            confine("sum(", TENANCY)


def test_a_label_that_is_no_plain_name_is_quoted() -> None:
    assert confine("up", Tenancy("k8s.namespace", "shop")) == 'up{"k8s.namespace"="shop"}'


def test_an_exception_that_prometheus_cannot_read_refuses_what_it_would_have_to_be_left_out_of() -> None:
    lookahead = Tenancy("namespace", "shop", (TenantException(re.compile("(?!x)y"), "other"),))
    assert confine("up", lookahead) == 'up{namespace="shop"}'
    with pytest.raises(UnsupportedPromQL, match="the profile's tenancy"):
        confine('{job="a"}', lookahead)


def _holds(confined: str) -> None:
    for selector in selectors(parse(confined)):
        name = metric_name(selector)
        if name == "csat_score":
            continue
        excluded = {m.value for m in selector.matchers.matchers if m.name == "__name__" and m.op == pp.MatchOp.NotRe}
        assert name or {"istio_.*", "keda_.*"} <= excluded, confined
        label = "destination_service_namespace" if name.startswith("istio_") else "namespace"
        label = "exported_namespace" if name.startswith("keda_") else label
        assert any(
            (m.name, m.value) == (label, "shop") and m.op == pp.MatchOp.Equal for m in selector.matchers.matchers
        ), confined


_NAMES = st.sampled_from(["up", "istio_x", "keda_y", "csat_score", "namespace"])
_VALUES = st.text(alphabet="ab}{\"\\ ,=~\n'`#", max_size=6)
_LABELS = st.sampled_from(["namespace", "x", "__name__"])


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


_MATCHERS = st.lists(
    st.tuples(_LABELS, st.sampled_from(["=", "!="]), _VALUES).map(lambda m: f"{m[0]}{m[1]}{_quote(m[2])}"), max_size=3
)
_SELECTORS = st.tuples(_NAMES | st.just(""), _MATCHERS).map(lambda s: f"{s[0]}{{{','.join(s[1])}}}")
_EXPRESSIONS = st.recursive(
    _SELECTORS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "or", "and", "unless", "=="]), inner).map(
            lambda t: f"{t[0]} {t[1]} ({t[2]})"
        ),
        inner.map(lambda e: f"sum by (x) ({e})"),
        inner.map(lambda e: f"max_over_time(({e})[1h:5m] offset 10m)"),
        _SELECTORS.map(lambda s: f"rate({s}[5m])"),
    ),
    max_leaves=6,
)


@given(_EXPRESSIONS)
def test_whatever_is_accepted_is_confined_everywhere(text: str) -> None:
    try:
        confined = confine(text, TENANCY)
    except PromQLError:
        return
    assert len(selectors(parse(confined))) == len(selectors(parse(text)))
    _holds(confined)


@pytest.mark.parametrize("file", FILES)
def test_real_alerts_can_be_confined(file: str) -> None:
    rules = alerting_rules(file)
    for rule in rules:
        _holds(confine(str(rule["expr"]), TENANCY))
    assert len(rules) > 100
