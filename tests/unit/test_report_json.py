"""The report as programs read it: every key documented, every value one that JSON can say."""

import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.evidence.fold import Measured
from hypercare.domain.report.facts import RunReport
from hypercare.domain.report.markdown import render_markdown
from tests.unit.lives import T0
from tests.unit.run_reports import CRITERION, REPORT, REPORTS, SLOW_TO_BUILD, document_of


@SLOW_TO_BUILD
@given(REPORTS)
def test_any_text_survives_json(report: RunReport) -> None:
    document = document_of(report)
    assert document["period"] == {"namespace": report.namespace, "name": report.name}
    assert document["release"]["version"] == report.release.version
    assert document["unrestored"] == report.unrestored
    assert document["notes"] == list(report.notes)
    assert [(each["reason"], each["message"]) for each in document["timeline"]] == [
        (each.reason, each.message) for each in report.timeline
    ]
    assert [(each["name"], each["expression"], each["message"]) for each in document["criteria"]] == [
        (each.name, each.expression, each.message) for each in report.criteria
    ]
    assert [each["alert"] for each in document["alerts"]["detections"]] == [
        each.alertname for each in report.alerts.detections
    ]
    assert [(each["target"], each["message"]) for each in document["scaling"]] == [
        (each.row.target, each.row.message) for each in report.scaling
    ]


@given(st.text())
def test_a_lone_surrogate_breaks_neither_form(text: str) -> None:
    report = REPORT.noting(f"{text}\ud800")
    assert document_of(report)["notes"][-1] == f"{text}\ud800"
    render_markdown(report).encode()


def test_values_that_json_cannot_say_are_written_as_prometheus_does() -> None:
    for value, written in ((float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"), (0.5, 0.5)):
        shown = replace(REPORT, criteria=(replace(CRITERION, worst=Measured(value, "", T0)),))
        assert document_of(shown)["criteria"][0]["worst"]["value"] == written


def test_what_did_not_happen_is_null() -> None:
    document = document_of(replace(REPORT, started_at=None))
    assert document["startedAt"] is None
    assert document["criteria"][0]["worst"] is None
    assert document["alerts"]["unread"] is None
    assert document["alerts"]["detections"][1]["original"] is None
    assert document["alerts"]["detections"][0]["gainSeconds"] == 300


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_keys(each) for each in value.values()))
    return set().union(*(_keys(each) for each in value)) if isinstance(value, list) else set()


def test_every_key_is_documented() -> None:
    documented = Path("docs/report.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", documented[documented.index("## The keys") :]))
    assert _keys(document_of(REPORT)) <= words
    assert document_of(REPORT)["schemaVersion"] == "1"
