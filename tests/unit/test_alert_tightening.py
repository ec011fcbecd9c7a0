"""What both levers together make of an alert, and what its copy then says."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from hypercare.domain.alerts.copies import CopyStyle, copy_rule
from hypercare.domain.alerts.protection import Deliver, Tighten
from hypercare.domain.alerts.rewriting import CopyLabels, Levers, Unread, tighten_alert
from hypercare.domain.alerts.selection import SelectedAlert
from hypercare.domain.alerts.source_rules import SourceAlert, source_alerts
from hypercare.domain.alerts.syntax import AlertSyntax
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule
from hypercare.domain.alerts.tightening import (
    AS_WRITTEN,
    ForRule,
    MovedThreshold,
    Outcome,
    Tightened,
    Untouched,
    UntouchedReason,
)
from tests.unit.alert_rules import IDENTITY, alert, rule_object

BOTH = Levers(ForRule(Tighten()), ThresholdRule(Fraction(1, 5)))
LABELS = CopyLabels({}, frozenset({"namespace"}))


def selected(labels: Mapping[str, str] | None = None, **fields: Any) -> SelectedAlert:
    body = rule_object("rules", alert("Errors", **fields), **({"labels": labels} if labels else {}))
    (found,) = source_alerts(body, 30)
    assert isinstance(found, SourceAlert)
    return SelectedAlert(found, Deliver.NOTIFY)


def outcome(levers: Levers = BOTH, strength: int = 100, **fields: Any) -> Outcome:
    return tighten_alert(selected(**fields), levers, LABELS, strength)[0]


def test_both_levers_work() -> None:
    found = outcome(expr="error_ratio > 0.05", for_="5m")

    assert isinstance(found, Tightened)
    assert found.copy_for_seconds == 150
    assert isinstance(found.threshold, MovedThreshold)
    assert found.threshold.expr == "error_ratio > 0.04"
    assert found.left == ()
    assert str(found) == "> 0.05 for 5m, now > 0.04 for 2m30s"


def test_the_threshold_moves_where_there_is_no_for() -> None:
    found = outcome(expr="error_ratio > 0.05", for_="0m")

    assert isinstance(found, Tightened)
    assert found.original_for_seconds == found.copy_for_seconds == 0
    assert [each.reason for each in found.left] == [UntouchedReason.NO_FOR]
    assert str(found) == "> 0.05, now > 0.04"


def test_the_for_is_shortened_where_the_threshold_stays() -> None:
    found = outcome(expr="errors > 0", for_="5m")

    assert isinstance(found, Tightened)
    assert found.threshold is AS_WRITTEN
    assert [each.reason for each in found.left] == [UntouchedReason.COMPARED_WITH_ZERO]
    assert str(found) == "for 5m, now for 2m30s"


def test_an_alert_that_neither_changes_tells_both_reasons() -> None:
    found = outcome(expr="errors > 0", for_="0m")

    assert isinstance(found, Untouched)
    assert found.reason is UntouchedReason.COMPARED_WITH_ZERO
    assert "no for" in found.message


def test_thresholds_that_are_not_asked_for_are_not_mentioned() -> None:
    only_for = Levers(ForRule(Tighten()), KEEP_THRESHOLDS)

    assert outcome(only_for, expr="error_ratio > 0.05", for_="5m") == Tightened(300, 150)
    without = outcome(only_for, expr="error_ratio > 0.05", for_="0m")
    assert isinstance(without, Untouched)
    assert without.reason is UntouchedReason.NO_FOR


def test_several_bounds_are_told_together() -> None:
    found = outcome(expr="a_seconds > 5 or b_seconds > 10", for_="5m")

    assert str(found) == "> 5 or > 10 for 5m, now > 4 or > 8 for 2m30s"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        pytest.param({"expr": "sum by (severity) (x) > 5.5"}, "severity", id="a label of the rule"),
        pytest.param({"expr": "sum by (team) (x) > 5.5", "labels": {"team": "shop"}}, "team", id="of the group"),
        pytest.param({"expr": "sum by (alertname) (x) > 5.5"}, "alertname", id="the name of the alert"),
        pytest.param(
            {"expr": "x > 5.5", "annotations": {"summary": "{{ $labels.severity }}"}}, "severity", id="in a text"
        ),
    ],
)
def test_labels_that_could_make_two_results_one_keep_the_threshold(fields: dict[str, Any], names: str) -> None:
    found = outcome(**fields, for_="5m")

    assert isinstance(found, Tightened)
    assert found.threshold is AS_WRITTEN
    assert [each.reason for each in found.left] == [UntouchedReason.RESULTS_COLLAPSE]
    assert names in found.left[0].message


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param("vector(1)", UntouchedReason.ALWAYS_FIRES, id="it always fires"),
        pytest.param("ALERTS > 5", UntouchedReason.READS_ALERTS, id="it reads alerts"),
        pytest.param("sum(", UntouchedReason.UNSUPPORTED_PROMQL, id="it does not parse"),
    ],
)
def test_some_are_not_copied_at_all(expr: str, expected: UntouchedReason) -> None:
    found, syntax = tighten_alert(selected(expr=expr), BOTH, LABELS, 100)

    assert isinstance(found, Untouched)
    assert found.reason is expected
    assert isinstance(syntax, Unread) == (expected is UntouchedReason.UNSUPPORTED_PROMQL)


def test_the_copy_has_the_moved_expression_and_says_so() -> None:
    source = selected(expr="error_ratio > 0.05", for_="5m", annotations={"summary": "too many errors"})
    change, syntax = tighten_alert(source, BOTH, LABELS, 100)
    assert isinstance(change, Tightened)
    assert isinstance(syntax, AlertSyntax)

    rule = copy_rule(source, syntax, change, CopyStyle(IDENTITY, {}, "checkout 2.4.0"))

    assert (rule.expr, rule.for_text) == ("error_ratio > 0.04", "2m30s")
    assert rule.annotations["hypercare_change"] == "> 0.05 for 5m, now > 0.04 for 2m30s"
    assert rule.annotations["summary"] == (
        "Early warning for checkout 2.4.0 (> 0.05 for 5m, now > 0.04 for 2m30s): too many errors"
    )
