"""The object that a report is kept in: found by name and labels, and never too large."""

import json
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.alerts.episodes import Episode
from hypercare.domain.alerts.tightening import BoundChange
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.evidence.fold import Measured
from hypercare.domain.life.release import Release
from hypercare.domain.report.configmap import SIZE_LIMIT_BYTES, configmap, report_name
from hypercare.domain.report.facts import (
    AlertReport,
    Detection,
    RunReport,
    ScalingReport,
    TightenedAlert,
    TriedBefore,
    UntouchedAlert,
)
from hypercare.domain.report.json_report import render_json
from hypercare.domain.report.markdown import render_markdown
from hypercare.domain.status import TimelineEntry
from tests.unit.lives import T0
from tests.unit.run_reports import CRITERION, REPORT, document_of
from tests.unit.snapshots import HPA


def test_the_configmap_is_found_by_name_and_labels_and_has_no_owner() -> None:
    body = configmap(REPORT)
    assert body["metadata"] == {
        "name": "hypercare-report-checkout-r1-5f0c2a7e",
        "namespace": "shop",
        "labels": {
            "app.kubernetes.io/managed-by": "hypercare",
            "hypercare.dev/report": "true",
            "hypercare.dev/period": "checkout",
        },
    }
    assert body["data"] == {"report.md": render_markdown(REPORT), "report.json": render_json(REPORT)}


LABEL_VALUE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@given(st.from_regex(SUBDOMAIN, fullmatch=True).filter(lambda name: len(name) <= 253), st.integers(1, 10**6))
def test_names_and_labels_are_valid_for_every_period(name: str, counter: int) -> None:
    body = configmap(replace(REPORT, name=name, run_id=f"r{counter}-5f0c2a7e"))
    found, label = body["metadata"]["name"], body["metadata"]["labels"]["hypercare.dev/period"]
    assert len(found) <= 253
    assert SUBDOMAIN.fullmatch(found)
    assert len(label) <= 63
    assert LABEL_VALUE.fullmatch(label)


def test_long_names_of_different_periods_stay_different() -> None:
    assert report_name("a" * 250 + "b", "r1-x") != report_name("a" * 250 + "c", "r1-x")


def _bytes(report: RunReport) -> int:
    return sum(len(text.encode()) for text in configmap(report)["data"].values())


def test_a_report_that_is_too_large_loses_the_middle_of_its_timeline_first() -> None:
    entries = tuple(TimelineEntry(T0 + index, "Event", "x" * 200) for index in range(5000))
    data = configmap(replace(REPORT, timeline=entries))["data"]
    document = json.loads(data["report.json"])
    kept = [entry["time"] for entry in document["timeline"]]
    assert sum(len(text.encode()) for text in data.values()) <= SIZE_LIMIT_BYTES
    assert (kept[0], kept[-1]) == ("2027-01-15T08:00:00Z", "2027-01-15T09:23:19Z")
    assert document["leftOut"]["timeline"] == 5000 - len(kept)
    assert f"- Cut to fit into a ConfigMap: {5000 - len(kept)} timeline entries are left out" in data["report.md"]
    assert document["criteria"] == document_of(REPORT)["criteria"]
    assert not document["leftOut"]["texts"]


def test_the_longest_texts_in_the_longest_lists_still_fit() -> None:
    """An astral character takes 12 bytes in JSON and 4 in Markdown."""
    long = "\N{PILE OF POO}" * 10_000
    detection = Detection(long, long, Episode(T0, T0), Episode(T0, T0))
    row = ScalingRow("checkout", HPA, ScalingState.RESTORED, message=long)
    bound, untouched = BoundChange(">", long, long), UntouchedAlert(long, "NoFor", long)
    report = replace(
        REPORT,
        release=Release(long, long, url=long),
        timeline=(TimelineEntry(T0, "Event", long),) * 60,
        criteria=(replace(CRITERION, expression=long, message=long, worst=Measured(1, long, T0)),) * 20,
        alerts=AlertReport(
            30,
            (detection,) * 60,
            (TightenedAlert(long, 2, 1, (bound,) * 9, TriedBefore(60, 0, long), (untouched,)),) * 60,
            (untouched,) * 60,
        ),
        scaling=(ScalingReport(row, 5),) * 32,
        unrestored=long,
        notes=(long,) * 30,
    )
    assert _bytes(report) <= SIZE_LIMIT_BYTES
    left_out = json.loads(configmap(report)["data"]["report.json"])["leftOut"]
    assert left_out == {
        "timeline": 40,
        "criteria": 0,
        "detections": 40,
        "alerts": 80,
        "scaling": 12,
        "notes": 10,
        "texts": True,
    }


def test_a_report_that_fits_is_whole() -> None:
    assert not any(json.loads(configmap(REPORT)["data"]["report.json"])["leftOut"].values())
