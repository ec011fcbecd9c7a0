"""What `spec.protection.alerts` may say, and what is refused with its path."""

import time
from fractions import Fraction
from typing import Any

import pytest

from hypercare.domain.alerts.protection import Calibrated, MoveThreshold, parse_alert_protection
from hypercare.domain.alerts.selection import select
from hypercare.domain.fields import Field, InvalidField
from tests.unit.alert_rules import alert, protection, rule_object


@pytest.mark.parametrize(
    ("tighten", "expected"),
    [
        ({}, Fraction(1, 5)),
        ({"moveThreshold": "12.5%"}, Fraction(1, 8)),
        ({"moveThreshold": "80%", "headroom": "5%"}, Fraction(4, 5)),
        ({"moveThreshold": "Off"}, Fraction(0)),
        ({"moveThreshold": "Calibrated"}, Calibrated(Fraction(1, 10))),
        ({"moveThreshold": "Calibrated", "headroom": "0%"}, Calibrated(Fraction(0))),
    ],
)
def test_how_thresholds_move(tighten: dict[str, str], expected: MoveThreshold) -> None:
    assert protection(tighten=tighten).tighten.move_threshold == expected


def test_a_bound_is_the_number_that_was_written() -> None:
    assert protection(overrides=[{"alert": "A", "bound": 0.045}]).overrides[0].bound == Fraction(45, 1000)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({"from": [{}]}, "x.from[0]", id="neither rule nor selector"),
        pytest.param({"from": [{"rule": "a", "selector": {}}]}, "x.from[0]", id="both rule and selector"),
        pytest.param({"from": [{"mentions": "Owners"}]}, "x.from[0].mentions", id="what cannot be mentioned"),
        pytest.param({"from": [{"shared": False}]}, "x.from[0].shared", id="what is not shared"),
        pytest.param({"from": [{"shared": True, "rule": "a"}]}, "x.from[0]", id="both shared and a rule"),
        pytest.param({"from": [{"rule": "a", "alerts": ["("]}]}, "x.from[0].alerts[0]", id="a pattern that is none"),
        pytest.param({"from": [{"rule": "a", "alerts": ["(a+)+"]}]}, "x.from[0].alerts[0]", id="a repeated group"),
        pytest.param({"from": [{"rule": "a", "alerts": ["(?=a)"]}]}, "x.from[0].alerts[0]", id="a lookaround"),
        pytest.param(
            {"from": [{"rule": "a", "alerts": [".*a.*b.*c.*"]}]}, "x.from[0].alerts[0]", id="four repetitions"
        ),
        pytest.param({"tighten": {"shortenFor": "120%"}}, "x.tighten.shortenFor", id="more than everything"),
        pytest.param(
            {"tighten": {"moveThreshold": "81%"}}, "x.tighten.moveThreshold", id="a bound that is moved nearly to 0"
        ),
        pytest.param({"tighten": {"moveThreshold": "off"}}, "x.tighten.moveThreshold", id="a word that is none"),
        pytest.param(
            {"tighten": {"moveThreshold": "Calibrated", "headroom": "much"}}, "x.tighten.headroom", id="not a share"
        ),
        pytest.param({"overrides": [{"alert": "A"}]}, "x.overrides[0]", id="an override of nothing"),
        pytest.param({"overrides": [{"alert": "A", "bound": "4"}]}, "x.overrides[0].bound", id="a bound in quotes"),
        pytest.param(
            {"overrides": [{"alert": "A", "bound": float("inf")}]}, "x.overrides[0].bound", id="an endless bound"
        ),
        pytest.param(
            {"overrides": [{"alert": "A", "for": "1m"}, {"alert": "A", "for": "2m"}]},
            "x.overrides",
            id="twice the same",
        ),
        pytest.param({"labels": {"namespace": "x"}}, "x.labels.namespace", id="the namespace label"),
        pytest.param({"labels": {"hypercare_rule": "x"}}, "x.labels.hypercare_rule", id="a label of hypercare"),
        pytest.param({"labels": {"severity": "page"}}, "x.labels.severity", id="severity is decided by deliver"),
        pytest.param({"labels": {"a-b": "x"}}, "x.labels.a-b", id="not a label name"),
        pytest.param({"labels": {"route": "{{ broken"}}, "x.labels.route", id="a template in a label"),
        pytest.param({"add": [{"alert": "A", "expr": "x", "owner": "me"}]}, "x.add[0].runbook", id="no runbook"),
        pytest.param({"add": [{"alert": "A", "expr": "x", "runbook": "r"}]}, "x.add[0].owner", id="no owner"),
        pytest.param(
            {"add": [{"alert": "A", "expr": "x", "runbook": "r", "owner": "me", "summary": "{{ if }}"}]},
            "x.add[0].summary",
            id="a template that may not parse",
        ),
    ],
)
def test_a_shape_that_cannot_be_used_is_refused_with_its_path(body: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        parse_alert_protection(Field("x", body))

    assert refusal.value.path == path


@pytest.mark.parametrize("pattern", ["Checkout.*", "A|B", "(Checkout|Basket)Errors?", r"A\+B", "[*+]{1,2}x"])
def test_usual_patterns_are_accepted(pattern: str) -> None:
    body = {"from": [{"rule": "a", "alerts": [pattern]}]}

    assert parse_alert_protection(Field("x", body)).sources[0].alerts[0].pattern == pattern


def test_the_worst_accepted_pattern_is_quick() -> None:
    source = {"selector": {}, "alerts": [".*.*.*x"]}
    body = rule_object("r", alert("a" * 250))

    began = time.perf_counter()
    select(protection(**{"from": [source]}), [body], 30)

    assert time.perf_counter() - began < 2


def test_simple_templates_in_the_summary_of_an_added_alert_are_accepted() -> None:
    summary = "{{ $value | humanizePercentage }} of {{ $labels.pod }}"
    body = {"add": [{"alert": "A", "expr": "x", "runbook": "r", "owner": "me", "summary": summary}]}

    assert parse_alert_protection(Field("x", body)).add[0].summary == summary


def test_an_absent_field_asks_for_nothing() -> None:
    assert not parse_alert_protection(Field("x")).requested
