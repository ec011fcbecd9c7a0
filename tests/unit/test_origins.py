"""Where the values of an effective spec come from."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.effective import effective_spec
from hypercare.domain.origins import Origin, Sourced, Tree, effective_with_origins

PERIOD: dict[str, Any] = {
    "release": {"version": "2.4.0"},
    "targets": [{"kind": "Deployment", "name": "checkout"}],
    "window": {"duration": "2d", "extension": {"limit": 1}},
    "exitCriteria": [{"name": "errors", "query": "errors", "below": 1, "sustainedFor": "1h"}],
    "protection": {"alerts": {"from": [{"selector": {}}], "labels": {}}},
}
PROFILE: dict[str, Any] = {
    "window": {"duration": "5d", "start": {"when": "Immediately"}},
    "exitCriteria": [
        {"name": "errors", "query": "profile", "below": 2, "sustainedFor": "1h"},
        {"name": "pods", "workload": {"available": True}, "sustainedFor": "2h"},
    ],
    "relax": {"guard": False},
}


def value(tree: Tree) -> Any:
    match tree:
        case Sourced():
            return tree.value
        case Mapping():
            return {key: value(each) for key, each in tree.items()}
        case _:
            return [value(each) for each in tree]


def at(path: str, tree: Any) -> Any:
    for key in path.split("."):
        tree = tree[int(key)] if isinstance(tree, Sequence) else tree[key]
    return tree


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("window.duration", Sourced("2d", Origin.PERIOD)),
        ("window.extension.limit", Sourced(1, Origin.PERIOD)),
        ("window.extension.by", Sourced("1d", Origin.BUILT_IN)),
        ("window.start.when", Sourced("Immediately", Origin.PROFILE)),
        ("exitCriteria.0.query", Sourced("errors", Origin.PERIOD)),
        ("exitCriteria.1.workload.available", Sourced(True, Origin.PROFILE)),
        ("relax.guard", Sourced(False, Origin.PROFILE)),
        ("relax.step", Sourced(25, Origin.BUILT_IN)),
        ("stages.0.minDuration", Sourced("16h", Origin.BUILT_IN)),
        ("protection.alerts.from.0.selector", Sourced({}, Origin.PERIOD)),
        ("protection.alerts.labels", Sourced({}, Origin.PERIOD)),
    ],
)
def test_each_value_says_who_asked_for_it(path: str, found: Sourced) -> None:
    assert at(path, effective_with_origins(PERIOD, PROFILE)) == found


def test_built_in_values_are_those_that_nobody_asked_for() -> None:
    tree = effective_with_origins({}, {})
    assert at("protection.alerts.from.0", tree) != {}
    assert at("mode", tree) == Sourced("Enforce", Origin.BUILT_IN)


def test_an_explicit_null_asks_for_nothing() -> None:
    tree = effective_with_origins({"window": {"duration": None}}, {"window": {"duration": "5d"}})
    assert at("window.duration", tree) == Sourced("5d", Origin.PROFILE)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["1d", "name", "target", "alert", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "target", "duration", "when", "from"]), inner, max_size=3)
    ),
    max_leaves=12,
)
KEYS = ["release", "targets", "stages", "exitCriteria", "relax", "mode"]
SPECS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)


@given(period=SPECS, profile=SPECS)
def test_marking_changes_nothing_of_what_is_merged(period: dict[str, Any], profile: dict[str, Any]) -> None:
    try:
        merged = effective_spec(period, profile)
    except TypeError:
        return
    assert {key: value(each) for key, each in effective_with_origins(period, profile).items()} == merged
