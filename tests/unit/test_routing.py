"""Who is told of an alert, and whether two alerts that are known in part are told alike."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.alerts.matchers import LabelMatcher, MatchOperator, read_matcher, written_matchers
from hypercare.domain.alerts.routing import NODE_LIMIT, Delivery, deliveries, read_routes, told_apart
from hypercare.domain.fields import Field, InvalidField


def routes(route: Mapping[str, Any]) -> Any:
    return read_routes(Field("config", {"route": route}))


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("severity=critical", LabelMatcher("severity", MatchOperator.EQUAL, "critical")),
        (' severity != "a b" ', LabelMatcher("severity", MatchOperator.NOT_EQUAL, "a b")),
        ('severity=~"a|b"', LabelMatcher("severity", MatchOperator.MATCHES, "a|b")),
        ("severity!~.+", LabelMatcher("severity", MatchOperator.MATCHES_NOT, ".+")),
        ('a="say \\"hi\\"\\n\\d"', LabelMatcher("a", MatchOperator.EQUAL, 'say "hi"\n\\d')),
        ('"größe"=""', LabelMatcher("größe", MatchOperator.EQUAL, "")),
        ("a==b", LabelMatcher("a", MatchOperator.EQUAL, "=b")),
    ],
)
def test_a_matcher_is_read_as_alertmanager_reads_it(text: str, matcher: LabelMatcher) -> None:
    assert written_matchers(Field("matchers", [text])) == (matcher,)


@pytest.mark.parametrize(
    "text", ["", "severity", '="critical"', 'a="b" c', 'a=~"("', 'a=~"[[:alpha:]]"', 'a=~"\\\\pL"']
)
def test_a_matcher_that_is_not_understood_is_not_guessed(text: str) -> None:
    with pytest.raises(InvalidField, match=r"matchers\[0\]"):
        written_matchers(Field("matchers", [text]))


@pytest.mark.parametrize(
    ("regular", "equal", "operator"),
    [
        (False, True, MatchOperator.EQUAL),
        (False, False, MatchOperator.NOT_EQUAL),
        (True, True, MatchOperator.MATCHES),
        (True, False, MatchOperator.MATCHES_NOT),
    ],
)
def test_a_matcher_of_the_api(regular: bool, equal: bool, operator: MatchOperator) -> None:
    body = {"name": "a", "value": "x", "isRegex": regular, "isEqual": equal}
    assert read_matcher(Field("m", body)) == LabelMatcher("a", operator, "x")


@pytest.mark.parametrize(
    ("operator", "matches"),
    [
        (MatchOperator.EQUAL, ["ab"]),
        (MatchOperator.NOT_EQUAL, ["", "a", "abc"]),
        (MatchOperator.MATCHES, ["ab"]),
        (MatchOperator.MATCHES_NOT, ["", "a", "abc"]),
    ],
)
def test_a_value_matches_as_a_whole(operator: MatchOperator, matches: list[str]) -> None:
    values = ["", "a", "ab", "abc"]
    assert [value for value in values if LabelMatcher("l", operator, "ab").matches(value)] == matches


TREE = {
    "receiver": "chat",
    "group_by": ["namespace"],
    "routes": [
        {"receiver": "log", "continue": True},
        {"receiver": "room", "matchers": ['route="war-room"']},
        {
            "receiver": "pager",
            "matchers": ['severity="critical"'],
            "routes": [{"matchers": ['team="shop"'], "group_by": ["team"], "mute_time_intervals": ["nights"]}],
        },
    ],
}


def test_what_a_node_does_not_say_it_inherits() -> None:
    chat, log = Delivery("chat", ("namespace",)), Delivery("log", ("namespace",))
    assert deliveries(routes({"receiver": "chat", "group_by": ["namespace"]}), {}) == (chat,)
    assert deliveries(routes(TREE), {}) == (log,)
    assert deliveries(routes(TREE), {"severity": "critical", "team": "shop"}) == (
        log,
        Delivery("pager", ("team",), ("nights",)),
    )


CRITICAL = {"severity": "critical", "alertname": "Errors", "namespace": "shop"}


@pytest.mark.parametrize(
    ("route", "difference", "says"),
    [
        pytest.param(TREE, {"hypercare": "shop/checkout"}, "", id="no route asks for what differs"),
        pytest.param(TREE, {"route": "war-room"}, "log and room", id="a route asks for it"),
        pytest.param(TREE, {"severity": "warning"}, "log and pager", id="another severity"),
        pytest.param(
            {"receiver": "chat", "group_by": ["..."]}, {"hypercare": "x"}, "(by hypercare)", id="all labels make groups"
        ),
        pytest.param(
            {"receiver": "chat", "group_by": ["hypercare_rule"]},
            {"hypercare_rule": "1"},
            "(by hypercare_rule)",
            id="one of them makes groups",
        ),
        pytest.param(
            {
                "receiver": "chat",
                "routes": [
                    {"receiver": "shop", "matchers": ["pod=a"], "routes": [{"receiver": "x", "matchers": ["route=r"]}]}
                ],
            },
            {"route": "r"},
            "other to x",
            id="only for some instances",
        ),
        pytest.param(
            {
                "receiver": "chat",
                "routes": [
                    {"receiver": "chat", "matchers": ["route=r", "pod=a"]},
                    {"receiver": "x", "matchers": ["job=b"]},
                ],
            },
            {"route": "r"},
            "one goes to x, the other to chat",
            id="only where two things come together",
        ),
        pytest.param(
            {"receiver": "chat", "routes": [{"receiver": "x", "matchers": ["route=r", "severity=info"]}]},
            {"route": "r"},
            "",
            id="a route that neither can take",
        ),
        pytest.param(
            {"receiver": "chat", "routes": [{"receiver": "chat", "matchers": ["route=r"]}]},
            {"route": "r"},
            "",
            id="another node that delivers alike",
        ),
        pytest.param(
            {
                "receiver": "chat",
                "routes": [
                    {"receiver": "room", "matchers": ["route=r"], "continue": True},
                    {"receiver": "pager", "matchers": ["severity=critical"]},
                ],
            },
            {"route": "r"},
            "",
            id="others hear of it too",
        ),
    ],
)
def test_a_copy_is_told_apart_from_its_original(route: dict[str, Any], difference: dict[str, str], says: str) -> None:
    found = told_apart(routes(route), CRITICAL, {**CRITICAL, **difference})
    assert (found is None) == (says == "")
    assert says in str(found)


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(5, id="no object"),
        pytest.param({"receiver": "a", "routes": [{"matchers": ["?"]}]}, id="a matcher"),
        pytest.param({"receiver": "a", "routes": [{}] * NODE_LIMIT}, id="too many"),
    ],
)
def test_routes_that_cannot_be_judged(route: Any) -> None:
    with pytest.raises(InvalidField):
        routes(route)


NAMES, VALUES = ("severity", "route", "pod", "job"), ("", "a", "b")
MATCHERS = st.builds(
    "{}{}{}".format,
    st.sampled_from(NAMES),
    st.sampled_from(("=", "!=", "=~", "!~")),
    st.sampled_from(("a", "b", '"a|b"')),
)


def nodes(children: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    node = st.fixed_dictionaries(
        {"matchers": st.lists(MATCHERS, max_size=2), "routes": children, "continue": st.booleans()},
        optional={"receiver": st.sampled_from("xyz"), "group_by": st.sampled_from((["job"], ["route"], ["..."]))},
    )
    return st.lists(node, max_size=3)


TREES: st.SearchStrategy[list[Any]] = st.recursive(st.just([]), nodes, max_leaves=8)
KNOWN = st.fixed_dictionaries({"severity": st.sampled_from(VALUES), "route": st.sampled_from(VALUES)})


@given(TREES, KNOWN, KNOWN)
def test_one_that_is_not_told_apart_reaches_all_that_the_other_does_whatever_their_instances_are(
    tree: list[dict[str, Any]], one: dict[str, str], other: dict[str, str]
) -> None:
    found = routes({"receiver": "w", "routes": tree})
    if told_apart(found, one, other) is not None:
        return
    for pod, job in product(VALUES, VALUES):
        instance = {"pod": pod, "job": job}
        ways = deliveries(found, {**one, **instance})
        assert set(ways) <= set(deliveries(found, {**other, **instance}))
        assert one == other or not any(
            way.group_by in (("...",), ("route",)) and one["route"] != other["route"] for way in ways
        )
