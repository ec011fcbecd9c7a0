"""What a report takes from a run: which episodes belong together, what became of alerts, what criteria asked."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.alerts.episodes import AlertHistory, Episode
from hypercare.domain.alerts.plan import AlertOutcome
from hypercare.domain.alerts.preflight import NoHistory, Tried
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.tightening import BoundChange, MovedThreshold, Tightened, Untouched, UntouchedReason
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.evidence.bounds import Below
from hypercare.domain.evidence.criteria import AlertsKind, Criterion, QueryKind, RatioKind
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.report.facts import (
    AlertReport,
    Detection,
    TightenedAlert,
    UntouchedAlert,
    report_alerts,
    report_criterion,
)
from hypercare.domain.report.json_report import render_json
from hypercare.domain.report.markdown import render_markdown
from tests.unit.run_reports import REPORT

WATCHED = WatchedAlert("rule", "group", "ErrorsHigh", "critical", Making.TIGHTENED, 600, 300, 30, True, "x > 0", "x")


def test_copies_and_originals_are_paired_by_the_time_they_share() -> None:
    history = AlertHistory(
        WATCHED,
        originals=(Episode(400, 500), Episode(2000, 2030)),
        copies=(Episode(100, 130), Episode(300, 420), Episode(450, 500)),
        step_seconds=30,
    )
    alerts = report_alerts((history,), (), 30)
    assert alerts.detections == (
        Detection("ErrorsHigh", "critical", Episode(100, 130), None),
        Detection("ErrorsHigh", "critical", Episode(300, 420), Episode(400, 500)),
        Detection("ErrorsHigh", "critical", None, Episode(2000, 2030)),
    )
    assert alerts.gains == history.gains == (100,)


HISTORIES = st.builds(
    AlertHistory,
    alert=st.just(WATCHED),
    originals=st.lists(st.builds(lambda a, b: Episode(a, a + b), st.integers(0, 500), st.integers(0, 90))).map(tuple),
    copies=st.lists(st.builds(lambda a, b: Episode(a, a + b), st.integers(0, 500), st.integers(0, 90))).map(tuple),
    step_seconds=st.just(30),
)


@given(HISTORIES)
def test_every_episode_of_an_original_is_told_once(history: AlertHistory) -> None:
    alerts = report_alerts((history,), (), 30)
    assert sorted(alerts.gains) == sorted(history.gains)
    told = [each.original.start for each in alerts.detections if each.original]
    assert sorted(told) == sorted(each.start for each in history.originals)
    silent = [each.copy for each in alerts.detections if each.copy and not each.original]
    assert sorted(silent, key=str) == sorted(history.warnings_only, key=str)


def test_outcomes_are_sorted_into_tightened_and_untouched() -> None:
    untouched = Untouched(UntouchedReason.NO_FOR, "It has no `for`")
    outcomes = (
        AlertOutcome("r1", "g", "A", Deliver.NOTIFY, Tightened(600, 300)),
        AlertOutcome("r2", "g", "B", Deliver.NOTIFY, untouched),
    )
    alerts = report_alerts((), outcomes, 30)
    assert alerts.tightened == (TightenedAlert("A", 600, 300),)
    assert alerts.untouched == (UntouchedAlert("B", "NoFor", "It has no `for`"),)


def test_a_moved_threshold_is_told_with_its_bounds_and_what_history_showed() -> None:
    moved = MovedThreshold("x > 4", (BoundChange(">", "5", "4"),))
    kept = Untouched(UntouchedReason.ALREADY_SHORT, "its for is short")
    tried = Tried(ThresholdRule(Fraction(1, 5)), 100, 1, 86400, "from 04:12 to 04:20")
    result = Tightened(20, 20, threshold=moved, left=(kept,))
    outcome = AlertOutcome("r1", "g", "ErrorsHigh", Deliver.NOTIFY, result, tried)

    report = replace(REPORT, alerts=report_alerts((), (outcome,), 30))

    assert json.loads(render_json(report))["alerts"]["tightened"] == [
        {
            "alert": "ErrorsHigh",
            "originalForSeconds": 20,
            "copyForSeconds": 20,
            "bounds": [{"operator": ">", "original": "5", "copy": "4"}],
            "history": {"spanSeconds": 86400, "firedBefore": 1, "message": "from 04:12 to 04:20"},
            "kept": [{"reason": "AlreadyShort", "message": "its for is short"}],
        }
    ]
    row = next(line for line in render_markdown(report).splitlines() if line.startswith("| ErrorsHigh | 20s |"))
    assert row == (
        "| ErrorsHigh | 20s | 20s | &gt; 5, of the copy &gt; 4 "
        "| once in 1d without the original: from 04:12 to 04:20 | AlreadyShort: its for is short |"
    )


def test_a_copy_that_was_not_tried_says_so() -> None:
    kept = Untouched(UntouchedReason.NO_HISTORY, "no connection")
    outcome = AlertOutcome("r1", "g", "A", Deliver.NOTIFY, Tightened(20, 10, left=(kept,)), NoHistory("no connection"))

    (found,) = report_alerts((), (outcome,), 30).tightened

    assert found == TightenedAlert("A", 20, 10, kept=(UntouchedAlert("A", "NoHistory", "no connection"),))
    assert (
        json.loads(render_json(replace(REPORT, alerts=AlertReport(30, tightened=(found,)))))["alerts"]["tightened"][0][
            "history"
        ]
        is None
    )


@pytest.mark.parametrize(
    ("kind", "expression", "bound"),
    [
        (QueryKind("up", Below(1)), "up", "below 1"),
        (RatioKind("e", "t", Below(0.01)), "(e) / (t)", "below 0.01"),
        (AlertsKind(("critical",), ("A",)), "alerts (originals, critical, A)", "none firing"),
        (AlertsKind((), ()), "alerts (originals, all that are selected)", "none firing"),
        (AlertsKind((), (), labels=(("team", "shop"),)), 'alerts (originals, team="shop")', "none firing"),
    ],
)
def test_what_a_criterion_asked(kind: QueryKind | RatioKind | AlertsKind, expression: str, bound: str) -> None:
    criterion = Criterion("c", kind, 3600, 0.95, 180)
    told = report_criterion(criterion, Judgement(Verdict.UNKNOWN, "NoData", "No data", 60, 3540))
    assert (told.expression, told.bound) == (expression, bound)
    assert (told.kind, told.verdict, told.met_for_seconds) == (criterion.kind_name, Verdict.UNKNOWN, 60)
