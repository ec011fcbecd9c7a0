"""What an element of `spec.exitCriteria` means, and what is refused with its path."""

from typing import Any

import pytest

from hypercare.domain.evidence.bounds import Above, Below, Between, Equals
from hypercare.domain.evidence.criteria import (
    ActiveWhen,
    AlertsKind,
    AlertState,
    Include,
    QueryKind,
    RatioKind,
    Regression,
    definition_hash,
)
from hypercare.domain.fields import InvalidField
from tests.unit.criteria import parse


def test_the_least_that_can_be_written_has_careful_defaults() -> None:
    found = parse()
    assert found.kind == QueryKind("sum(x)", Above(5), min_series=1)
    assert (found.sustained_seconds, found.coverage, found.max_gap_seconds) == (21600, 0.95, 600)
    assert (found.allow_bad, found.advisory, found.kind_name) == (0, False, "query")


@pytest.mark.parametrize(("sustained", "gap"), [("6h", 600), ("1h", 180), ("60s", 3), ("10d", 600)])
def test_the_default_gap_is_ten_minutes_or_five_percent_whichever_is_smaller(sustained: str, gap: int) -> None:
    assert parse(sustainedFor=sustained).max_gap_seconds == gap


def test_everything_spelled_out() -> None:
    found = parse(
        query=None,
        ratio={"errors": "e", "total": "t", "minTotal": 0.1},
        above=None,
        below=0.01,
        coverage="90%",
        maxGap="2m",
        allowBad="1%",
        activeWhen={"query": "hour() > 6", "above": 0},
        regression={"above": 0.05, "for": "5m"},
        advisory=True,
    )
    assert found.kind == RatioKind("e", "t", Below(0.01), 0.1)
    assert (found.coverage, found.max_gap_seconds, found.allow_bad) == (0.9, 120, 0.01)
    assert found.active_when == ActiveWhen("hour() > 6", Above(0))
    assert found.regression == Regression(Above(0.05), 300)
    assert (found.advisory, found.kind_name) == (True, "ratio")


def test_alerts_judge_firing_originals_unless_told_otherwise() -> None:
    found = parse(query=None, above=None, alerts={"severities": ["critical"]})
    assert found.kind == AlertsKind(("critical",), (), frozenset({AlertState.FIRING}), Include.ORIGINALS)
    told = parse(query=None, above=None, alerts={"names": ["A"], "states": ["firing", "pending"], "include": "Both"})
    assert told.kind == AlertsKind((), ("A",), frozenset(AlertState), Include.BOTH)
    labelled = parse(query=None, above=None, alerts={"labels": {"team": "shop", "area": "web"}})
    assert labelled.kind == AlertsKind((), (), labels=(("area", "web"), ("team", "shop")))
    assert definition_hash(labelled) != definition_hash(parse(query=None, above=None, alerts={}))


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ({"above": 1}, Above(1)),
        ({"below": 1}, Below(1)),
        ({"between": [1, 2]}, Between(1, 2)),
        ({"equals": 1}, Equals(1)),
    ],
)
def test_bounds(bound: dict[str, Any], expected: object) -> None:
    assert parse(**{"above": None} | bound).kind.bound == expected


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"name": None}, ".name", "is required"),
        ({"sustainedFor": None}, ".sustainedFor", "must be a string|is required"),
        ({"sustainedFor": "0s"}, ".sustainedFor", "longer than zero"),
        ({"sustainedFor": "soon"}, ".sustainedFor", "not a duration"),
        ({"ratio": {"errors": "a", "total": "b"}}, "", "exactly one of query, ratio, indicator, alerts"),
        ({"query": None}, "", "exactly one of query, ratio, indicator, alerts"),
        ({"above": None}, "", "exactly one of above"),
        ({"below": 3}, "", "exactly one of above"),
        ({"above": "5"}, ".above", "must be a number"),
        ({"above": float("nan")}, ".above", "finite|number"),
        ({"above": None, "between": [2, 1]}, ".between", "lower one first"),
        ({"above": None, "between": [1]}, ".between", "lower one first"),
        ({"coverage": "120%"}, ".coverage", "percentage"),
        ({"allowBad": 0.1}, ".allowBad", "string"),
        ({"maxGap": "-1m"}, ".maxGap", "duration"),
        ({"minSeries": 0}, ".minSeries", "at least 1"),
        ({"query": "sum("}, ".query", "InvalidPromQL"),
        ({"query": "x[5m]"}, ".query", "UnsupportedPromQL: a string or a range"),
        ({"query": "x @ end()"}, ".query", "UnsupportedPromQL: the @ modifier"),
        ({"query": "info(x)"}, ".query", "UnsupportedPromQL: info"),
        ({"query": None, "ratio": {"errors": "a{", "total": "b"}}, ".ratio.errors", "InvalidPromQL"),
        ({"query": None, "ratio": {"errors": "a"}}, ".ratio.total", "is required"),
        ({"query": None, "ratio": {"errors": "a", "total": "b", "minTotal": -1}}, ".ratio.minTotal", "negative"),
        ({"activeWhen": {"query": "a{", "above": 0}}, ".activeWhen.query", "InvalidPromQL"),
        ({"activeWhen": {"query": "a"}}, ".activeWhen", "exactly one of above and below"),
        ({"regression": {"above": 1, "below": 2, "for": "5m"}}, ".regression", "exactly one of above and below"),
        ({"regression": {"below": 2}}, ".regression.for", "required|string"),
        ({"query": None, "alerts": {}, "regression": {"below": 2, "for": "1m"}}, ".regression", "not used with alerts"),
        ({"query": None, "alerts": {"states": ["loud"]}}, ".alerts.states[0]", "not one of pending, firing"),
        ({"query": None, "alerts": {"include": "All"}}, ".alerts.include", "not one of Originals"),
        ({"query": None, "alerts": {"names": ["Pod("]}}, ".alerts.names[0]", "not a regular expression"),
        ({"query": None, "alerts": {"names": ["(a+)+b"]}}, ".alerts.names[0]", "a repeated group"),
        ({"query": None, "alerts": {"labels": {"team": 1}}}, ".alerts.labels.team", "must be a string"),
    ],
)
def test_a_refusal_names_its_field(changes: dict[str, Any], path: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says) as refusal:
        parse(**changes)
    assert refusal.value.path == "spec.exitCriteria[0]" + path


@pytest.mark.parametrize(
    "change",
    [
        {"query": "sum(y)"},
        {"above": 6},
        {"above": None, "below": 5},
        {"sustainedFor": "7h"},
        {"coverage": "96%"},
        {"maxGap": "9m"},
        {"minSeries": 2},
        {"allowBad": "1%"},
        {"activeWhen": {"query": "a", "above": 0}},
        {"regression": {"below": 1, "for": "5m"}},
    ],
)
def test_a_change_of_meaning_changes_the_hash(change: dict[str, Any]) -> None:
    assert definition_hash(parse(**change)) != definition_hash(parse())


def test_name_and_advisory_do_not_change_the_meaning() -> None:
    assert definition_hash(parse(name="other", advisory=True)) == definition_hash(parse())


def test_the_hash_is_the_same_in_every_process() -> None:
    alerts = {"severities": ["b", "a"], "states": ["pending", "firing"]}
    other_order = {"severities": ["a", "b"], "states": ["firing", "pending"]}
    hashes = [definition_hash(parse(query=None, above=None, alerts=each)) for each in (alerts, other_order)]
    assert hashes == ["b752fe689d09", "b752fe689d09"]
