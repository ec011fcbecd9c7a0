"""What the syntax tree says: what is refused, how far back an expression reads, where it is covered."""

import pytest

from hypercare.domain.promql.syntax import (
    InvalidPromQL,
    PromQLError,
    UnsupportedPromQL,
    check_replayable,
    coverage_expr,
    has_value,
    look_behind,
    metric_name,
    parse,
    selector_text,
    selectors,
)

A = "count(count_over_time(a{}[120s]))"
B = "count(count_over_time(b{}[120s]))"


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", InvalidPromQL, "no expression"),
        ("a{", InvalidPromQL, "unexpected end"),
        ("rate(a)", InvalidPromQL, "expected type matrix"),
        ("{}", InvalidPromQL, "at least one non-empty matcher"),
        ("a{x=~`\\d`}", UnsupportedPromQL, "write it in double quotes"),
        ("rate(a[5m*2])", UnsupportedPromQL, "write the result"),
        ("holt_winters(a[5m], 0.1, 0.1)", UnsupportedPromQL, "double_exponential_smoothing"),
        ("rate(a[5m] smoothed)", UnsupportedPromQL, "anchored and smoothed"),
        ('a{b="x" or c="y"}', UnsupportedPromQL, "`or` between label matchers"),
        ("a" * 9000, UnsupportedPromQL, "longer than"),
        ("(" * 5000 + "a" + ")" * 2000, UnsupportedPromQL, "opening brackets"),
        ('a{b="' + "\n" + '"}' + "(" * 3000, UnsupportedPromQL, "opening brackets"),
        ("-" * 5000 + "a", UnsupportedPromQL, "operators"),
        ("+".join("a" * 200), UnsupportedPromQL, "nested deeper"),
        ("abs(" * 100 + "a" + ")" * 100, UnsupportedPromQL, "nested deeper"),
    ],
)
def test_what_cannot_be_read_is_named_honestly(text: str, error: type[PromQLError], says: str) -> None:
    with pytest.raises(error, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a[5m]", "no value"),
        ("(a[5m:1m])", "no value"),
        ('"text"', "no value"),
        ("rate(a[5m] @ end())", "the @ modifier"),
        ("a @ 100", "the @ modifier"),
        ("a @ -5", "the @ modifier"),
        ("max_over_time(a[5m:1m] @ start())", "the @ modifier"),
        ("a > end()", "how the request is cut"),
        ("a * step()", "how the request is cut"),
        ("a offset -5m", "into the future"),
        ("rate(a[5m] offset -1h)", "into the future"),
        ("max_over_time(a[5m:1m] offset -1h)", "into the future"),
    ],
)
def test_what_depends_on_the_request_or_the_future_is_not_evidence(text: str, says: str) -> None:
    with pytest.raises(UnsupportedPromQL, match=says):
        check_replayable(parse(text))


@pytest.mark.parametrize(
    "text", ['a{b="@"}', "5", "time()", "1 + 2", "scalar(a) > bool 1", "sum(a) or vector(0)", "-a", "(a)", "hour() > 6"]
)
def test_vectors_and_scalars_are_values(text: str) -> None:
    check_replayable(parse(text))
    assert has_value(parse(text))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("a", 0),
        ("a offset 5m", 300),
        ("rate(a[5m])", 300),
        ("rate(a[5m] offset 1h)", 3900),
        ("max_over_time(rate(a[5m])[1h:1m])", 3900),
        ("max_over_time(rate(a[5m] offset 1m)[1h:1m] offset 10m)", 4560),
        ("rate(a[5m]) / rate(b[2h])", 7200),
        ("topk(scalar(max_over_time(b[1h])), a)", 3600),
        ("a offset 1500ms", 2),
        ("vector(1)", 0),
    ],
)
def test_ranges_and_offsets_add_up(text: str, seconds: int) -> None:
    assert look_behind(parse(text)) == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", A),
        ("sum by (x) (rate(a[5m]))", A),
        ("a / b", f"({A} and {B})"),
        ("a > b", f"({A} and {B})"),
        ("a and b", f"({A} and {B})"),
        ("a or b", f"({A} or {B})"),
        ("a unless b", A),
        ("b unless a or b", B),
        ("absent(a)", ""),
        ("absent_over_time(a[5m])", ""),
        ("a and absent(b)", A),
        ("a or vector(0)", ""),
        ("vector(1)", ""),
        ("time() - a", A),
        ("a / a", A),
        ("topk(scalar(b), a)", f"({B} and {A})"),
        ("a offset 5m", "count(count_over_time(a{}[120s] offset 300s))"),
        (
            "max_over_time(rate(a[5m] offset 1m)[1h:1m] offset 10m)",
            "count(count_over_time(a{}[120s] offset 660s))",
        ),
        ('{__name__=~"x|y", c="}\\""}', 'count(count_over_time({__name__=~"x|y",c="}\\""}[120s]))'),
    ],
)
def test_an_expression_is_covered_by_its_selectors(text: str, expected: str) -> None:
    found = coverage_expr(parse(text), 120)
    assert found == expected
    if found:
        parse(found)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a", "a"),
        ('{__name__="a"}', "a"),
        ('{"a b"}', "a b"),
        ('{__name__="a", __name__="b"}', ""),
        ('{__name__=~"a"}', ""),
        ('{__name__="", x="y"}', ""),
        ('{__name__!="a", x="y"}', ""),
    ],
)
def test_a_metric_name_is_fixed_only_by_one_equality(text: str, name: str) -> None:
    assert metric_name(selectors(parse(text))[0]) == name


def test_a_selector_is_cut_at_its_own_braces() -> None:
    cut = selector_text(selectors(parse('a{b="x}{\\"y", c=~"\\\\d+"} @ 5 offset 3m'))[0])
    assert (cut.name, cut.body, cut.time) == ("a", 'b="x}{\\"y",c=~"\\\\d+"', " @ 5.000 offset 3m")
