"""The report: right, complete, safe to read whatever texts are in it, and never too large."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypercare.domain.alerts.episodes import AlertHistory, Episode
from hypercare.domain.alerts.plan import AlertOutcome
from hypercare.domain.alerts.preflight import NoHistory, Tried
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.tightening import BoundChange, MovedThreshold, Tightened, Untouched, UntouchedReason
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.capacity.hold import HeldObject
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.evidence.bounds import Below
from hypercare.domain.evidence.criteria import AlertsKind, Criterion, QueryKind, RatioKind
from hypercare.domain.evidence.fold import Measured, NotMeasured
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.life.facts import Outcome
from hypercare.domain.life.release import Release
from hypercare.domain.report.configmap import SIZE_LIMIT_BYTES, configmap, report_name
from hypercare.domain.report.facts import (
    AlertReport,
    CriterionReport,
    Detection,
    RunReport,
    ScalingReport,
    TightenedAlert,
    TriedBefore,
    UntouchedAlert,
    report_alerts,
    report_criterion,
)
from hypercare.domain.report.json_report import render_json
from hypercare.domain.report.markdown import escaped, fenced, render_markdown
from hypercare.domain.status import TimelineEntry

T0 = 1_800_000_000
HPA = HeldObject("autoscaling/v2", "HorizontalPodAutoscaler", "checkout", "uid-1")
CRITERION = CriterionReport(
    name="errors",
    kind="query",
    expression="sum(rate(http_requests_total[5m]))",
    bound="below 0.01",
    sustained_seconds=3600,
    advisory=False,
    verdict=Verdict.MET,
    reason="Sustained",
    message="Always below 0.01",
    met_for_seconds=3600,
    last=Measured(0.001, '{pod="a"}', T0),
    worst=NotMeasured(),
)
REPORT = RunReport(
    namespace="shop",
    name="checkout",
    run_id="r1-5f0c2a7e",
    release=Release("2.4.0", name="autumn"),
    outcome=Outcome.MET,
    observe=False,
    started_at=T0,
    ended_at=T0 + 90000,
    extensions_used=1,
    timeline=(TimelineEntry(T0, "WindowStarted", "The rollout is complete"),),
    criteria=(CRITERION,),
    alerts=AlertReport(
        step_seconds=30,
        detections=(
            Detection("ErrorsHigh", "critical", Episode(T0, T0 + 600), Episode(T0 + 300, T0 + 600)),
            Detection("ErrorsHigh", "critical", Episode(T0 + 900, T0 + 930), None),
            Detection("QueueStuck", "", None, Episode(T0 + 950, T0 + 980)),
        ),
        tightened=(TightenedAlert("ErrorsHigh", 600, 300),),
        untouched=(UntouchedAlert("Watchdog", "AlwaysFires", "It fires by design"),),
    ),
    scaling=(
        ScalingReport(ScalingRow("checkout", HPA, ScalingState.RESTORED, message="3 again", original=3, applied=3), 5),
    ),
    unrestored="",
    notes=("Alerts of the last hour could not be read: timeout",),
)

TEXTS = st.one_of(st.text(max_size=40), st.text("|`\\\n\r<>&*_[]~#-\x1b\u2028\u202ea ", max_size=40))
TIMES = st.integers(0, 4_000_000_000)
EPISODES = st.builds(Episode, TIMES, TIMES)
SHOWN = st.one_of(st.builds(Measured, st.floats(), TEXTS, TIMES), st.just(NotMeasured()))
ROWS = st.builds(
    ScalingRow,
    target=TEXTS,
    object=st.builds(HeldObject, TEXTS, TEXTS, TEXTS, TEXTS),
    state=st.sampled_from(ScalingState),
    message=TEXTS,
)
REPORTS = st.builds(
    RunReport,
    namespace=TEXTS,
    name=TEXTS,
    run_id=TEXTS,
    release=st.builds(Release, TEXTS, TEXTS, url=TEXTS),
    outcome=st.sampled_from(Outcome),
    observe=st.booleans(),
    started_at=st.one_of(st.none(), TIMES),
    ended_at=TIMES,
    extensions_used=st.integers(0, 9),
    timeline=st.lists(st.builds(TimelineEntry, TIMES, TEXTS, TEXTS), max_size=2).map(tuple),
    criteria=st.lists(
        st.builds(
            CriterionReport,
            name=TEXTS,
            kind=TEXTS,
            expression=TEXTS,
            bound=TEXTS,
            sustained_seconds=TIMES,
            advisory=st.booleans(),
            verdict=st.sampled_from(Verdict),
            reason=TEXTS,
            message=TEXTS,
            met_for_seconds=TIMES,
            last=SHOWN,
            worst=SHOWN,
        ),
        max_size=2,
    ).map(tuple),
    alerts=st.builds(
        AlertReport,
        step_seconds=st.integers(1, 600),
        detections=st.lists(
            st.builds(Detection, TEXTS, TEXTS, st.one_of(st.none(), EPISODES), st.one_of(st.none(), EPISODES)),
            max_size=2,
        ).map(tuple),
        tightened=st.lists(
            st.builds(
                TightenedAlert,
                TEXTS,
                TIMES,
                TIMES,
                st.lists(st.builds(BoundChange, st.sampled_from(["<", ">="]), TEXTS, TEXTS), max_size=2).map(tuple),
                st.none() | st.builds(TriedBefore, TIMES, st.integers(0, 9), TEXTS),
                st.lists(st.builds(UntouchedAlert, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
        untouched=st.lists(st.builds(UntouchedAlert, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
        unread=TEXTS,
    ),
    scaling=st.lists(st.builds(ScalingReport, ROWS, st.integers(0, 99)), max_size=2).map(tuple),
    unrestored=TEXTS,
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)
SLOW_TO_BUILD = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _prose(markdown: str) -> list[str]:
    """The lines outside of fences."""
    lines, fence = [], ""
    for line in markdown.splitlines():
        if fence:
            fence = "" if line == fence else fence
        elif found := re.match("(`{3,})promql$", line):
            fence = found.group(1)
        else:
            lines.append(line)
    assert not fence
    return lines


def _document(report: RunReport) -> Any:
    return json.loads(render_json(report))


@SLOW_TO_BUILD
@given(REPORTS)
def test_tables_keep_their_columns_whatever_the_texts_are(report: RunReport) -> None:
    columns = 0
    for line in _prose(render_markdown(report)):
        if not line.startswith("|"):
            assert "|" not in line
            columns = 0
            continue
        columns = columns or line.count("|")
        assert line.count("|") == columns
        assert line.endswith(" |")


@SLOW_TO_BUILD
@given(REPORTS)
def test_no_text_becomes_html_a_control_sequence_or_a_heading(report: RunReport) -> None:
    markdown = render_markdown(report)
    assert all(each.isprintable() or each == "\n" for each in markdown)
    prose = _prose(markdown)
    assert not any(character in line for line in prose for character in "<>")
    headings = [line for line in prose if line.lstrip().startswith("#")]
    known = {"## Exit criteria", "## Alerts", "## What was changed and restored", "## Timeline", "## Notes"}
    assert set(headings[1:]) <= known
    assert len(set(headings)) == len(headings)


@SLOW_TO_BUILD
@given(REPORTS)
def test_any_text_survives_json(report: RunReport) -> None:
    document = _document(report)
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
    assert _document(report)["notes"][-1] == f"{text}\ud800"
    render_markdown(report).encode()


@given(TEXTS)
def test_what_is_escaped_reads_back_as_it_was(text: str) -> None:
    """But for white space, which is collapsed, and control characters, which are replaced."""
    shown = escaped(text)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&#124;", "|"), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    plain = re.sub(r"\\([\\`*~\[\]_])", r"\1", shown)
    spaced = " ".join(text.split())
    assert len(plain) == len(spaced)
    assert all(one in (other, "\N{REPLACEMENT CHARACTER}") for one, other in zip(plain, spaced, strict=True))


@pytest.mark.parametrize(
    ("sentence", "text", "shown"),
    [
        ("A metric's name stays readable.", "http_requests_total", "http_requests_total"),
        ("Underscores around a word do not style it.", "_total_ __init__", r"\_total\_ \_\_init\_\_"),
        ("A pipe does not end a cell.", "a|b", "a&#124;b"),
        ("A backslash in front of a pipe changes nothing.", "a\\|b", r"a\\&#124;b"),
        ("Backticks open no code.", "`x`", r"\`x\`"),
        ("No image and no link.", "![x](javascript:y)", r"!\[x\](javascript:y)"),
        ("No HTML.", "<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("Lines become one.", "a\n\n# b\u2028c", "a # b c"),
        ("A terminal gets no escape sequence.", "\x1b[2Ja", "\N{REPLACEMENT CHARACTER}\\[2Ja"),
        ("Text keeps its direction.", "a\u202eb", "a\N{REPLACEMENT CHARACTER}b"),
    ],
)
def test_escaped(sentence: str, text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_an_expression_cannot_end_its_fence() -> None:
    assert list(fenced("a\n```\n````\nb")) == ["`````promql", "a", "```", "````", "b", "`````"]


def test_the_whole_report_as_people_read_it() -> None:
    lines = render_markdown(REPORT).splitlines()
    for line in (
        "# Hypercare report: shop/checkout",
        "**Succeeded: the exit criteria were met.**",
        "| Release | autumn (2.4.0) |",
        "| Window | 2027-01-15T08:00:00Z to 2027-01-16T09:00:00Z (1d1h) |",
        '| errors | Met | below 0.01 | 1h of 1h | – | 0.001 of {pod="a"} at 2027-01-15T08:00:00Z | Always below 0.01 |',
        "sum(rate(http_requests_total[5m]))",
        "Alerts fired 3 times; in 1 of 1 cases that copy and original both told, the copy was earlier, by up to 5m. "
        "Times are exact to 30s.",
        "| ErrorsHigh | critical | 2027-01-15T08:15:00Z to 2027-01-15T08:15:30Z | – | – |",
        "| QueueStuck | – | – | 2027-01-15T08:15:50Z to 2027-01-15T08:16:20Z | – |",
        "| ErrorsHigh | 10m | 5m | – | – | – |",
        "| Watchdog | AlwaysFires | It fires by design |",
        "Copies of alerts that were removed: 1. Raised objects, restored or told of below: 1.",
        "| checkout | HorizontalPodAutoscaler checkout | 3 | 5 | 3 | Restored | 3 again |",
        "| 2027-01-15T08:00:00Z | WindowStarted | The rollout is complete |",
        "- Note: Alerts of the last hour could not be read: timeout",
    ):
        assert line in lines


@pytest.mark.parametrize(
    ("sentence", "report", "told"),
    [
        (
            "A window that never started.",
            replace(REPORT, started_at=None),
            "| Window | not started; ended 2027-01-16T09:00:00Z |",
        ),
        (
            "Nothing fired.",
            replace(REPORT, alerts=AlertReport(30)),
            "No selected alert is known to have fired, neither an original nor a copy.",
        ),
        ("Not everything is restored.", replace(REPORT, unrestored="x is held"), "Not restored: x is held"),
        ("Observe changed nothing.", replace(REPORT, observe=True), "Mode Observe: nothing was changed."),
        ("Nothing was asked for.", replace(REPORT, alerts=AlertReport(30), scaling=()), "Nothing was changed."),
        ("No criterion could be read.", replace(REPORT, criteria=()), "None could be read."),
        (
            "An advisory criterion is told as such.",
            replace(REPORT, criteria=(replace(CRITERION, advisory=True),)),
            "| errors (advisory) |",
        ),
        (
            "What could not be read is not quiet.",
            replace(REPORT, alerts=AlertReport(30, unread="timeout")),
            "Which alerts fired is not known: timeout",
        ),
        (
            "A superseded run hands its protections on.",
            replace(REPORT, outcome=Outcome.SUPERSEDED, unrestored="x is held"),
            "Protections went over to the run that followed: x is held.",
        ),
        (
            "A copy that was later is not told as a gain.",
            replace(
                REPORT, alerts=AlertReport(30, (Detection("A", "", Episode(T0 + 60, T0 + 90), Episode(T0, T0 + 90)),))
            ),
            " | 1m later |",
        ),
        (
            "A single alert is told in the singular.",
            replace(REPORT, alerts=AlertReport(30, (Detection("A", "", None, Episode(T0, T0)),))),
            "Alerts fired once. Times are exact to 30s.",
        ),
        (
            "Rolled back.",
            replace(REPORT, outcome=Outcome.ROLLED_BACK),
            "**Ended without success: the release was rolled back.**",
        ),
    ],
)
def test_what_the_markdown_says(sentence: str, report: RunReport, told: str) -> None:
    assert told in render_markdown(report)


def test_values_that_json_cannot_say_are_written_as_prometheus_does() -> None:
    for value, written in ((float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"), (0.5, 0.5)):
        shown = replace(REPORT, criteria=(replace(CRITERION, worst=Measured(value, "", T0)),))
        assert _document(shown)["criteria"][0]["worst"]["value"] == written


def test_what_did_not_happen_is_null() -> None:
    document = _document(replace(REPORT, started_at=None))
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
    assert _keys(_document(REPORT)) <= words
    assert _document(REPORT)["schemaVersion"] == "1"


WATCHED = WatchedAlert("rule", "group", "ErrorsHigh", "critical", Making.TIGHTENED, 600, 300, 30, True, "x > 0", "x")


def test_a_disruption_budget_has_no_replicas() -> None:
    held = HeldObject("policy/v1", "PodDisruptionBudget", "pods", "uid-pods")
    row = ScalingRow("checkout", held, ScalingState.RESTORED, message="as it was")
    report = replace(REPORT, scaling=(ScalingReport(row, 0),))
    assert "| checkout | PodDisruptionBudget pods | – | – | – | Restored | as it was |" in render_markdown(report)
    (written,) = json.loads(render_json(report))["scaling"]
    assert {"original", "raisedTo", "now"}.isdisjoint(written)


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
        (AlertsKind(("critical",), ("A",)), "Originals: critical, A", "none firing"),
        (AlertsKind((), ()), "Originals: all that are selected", "none firing"),
        (AlertsKind((), (), labels=(("team", "shop"),)), 'Originals: team="shop"', "none firing"),
    ],
)
def test_what_a_criterion_asked(kind: QueryKind | RatioKind | AlertsKind, expression: str, bound: str) -> None:
    criterion = Criterion("c", kind, 3600, 0.95, 180)
    told = report_criterion(criterion, Judgement(Verdict.UNKNOWN, "NoData", "No data", 60, 3540))
    assert (told.expression, told.bound) == (expression, bound)
    assert (told.kind, told.verdict, told.met_for_seconds) == (criterion.kind_name, Verdict.UNKNOWN, 60)


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
    assert document["criteria"] == _document(REPORT)["criteria"]
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
