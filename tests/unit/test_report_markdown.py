"""The report as people read it: right, and safe whatever texts are in it."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given

from hypercare.domain.alerts.episodes import Episode
from hypercare.domain.capacity.hold import HeldObject
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.life.facts import Outcome
from hypercare.domain.report.facts import AlertReport, Detection, RunReport, ScalingReport
from hypercare.domain.report.json_report import render_json
from hypercare.domain.report.markdown import escaped, fenced, render_markdown
from tests.unit.lives import T0
from tests.unit.run_reports import CRITERION, REPORT, REPORTS, SLOW_TO_BUILD, TEXTS


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


def test_a_disruption_budget_has_no_replicas() -> None:
    held = HeldObject("policy/v1", "PodDisruptionBudget", "pods", "uid-pods")
    row = ScalingRow("checkout", held, ScalingState.RESTORED, message="as it was")
    report = replace(REPORT, scaling=(ScalingReport(row, 0),))
    assert "| checkout | PodDisruptionBudget pods | – | – | – | Restored | as it was |" in render_markdown(report)
    (written,) = json.loads(render_json(report))["scaling"]
    assert {"original", "raisedTo", "now"}.isdisjoint(written)
