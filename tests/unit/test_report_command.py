"""The report as people see it, from one that a real operator wrote."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.cells import cell_len

from hypercare.cli.report.html import report_page
from hypercare.cli.report.sections import digest
from hypercare.cli.report.text import report_view
from tests.unit.recorded_periods import lines, page, recorded

EVIL = '<script>alert("1")</script>[red]x[/red]\x1b[31m'


def report(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(recorded("report")["data"]["report.json"])
    return {**found, **changes}


def fired() -> dict[str, Any]:
    times = {"from": "2026-11-21T18:38:30Z", "to": "2026-11-21T18:39:00Z"}
    later = {**times, "from": "2026-11-21T18:38:38Z"}
    detection = {"alert": "Errors", "severity": "warning", "copy": times, "original": later, "gainSeconds": 8}
    bounds = [{"operator": ">", "original": 0.05, "copy": 0.04}]
    tightened = [{"alert": "Errors", "originalForSeconds": 600, "copyForSeconds": 300, "bounds": bounds}]
    untouched = [{"alert": "Watchdog", "reason": "AlwaysFires", "message": ""}]
    return {"detections": [detection], "tightened": tightened, "untouched": untouched, "unread": None}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_report_fits_the_terminal(width: int) -> None:
    printed = lines(report_view(digest(report(alerts=fired()))), page(width))
    assert printed[:2] == ["shop/checkout 2.4.0", "Succeeded: the exit criteria were met"]
    assert max(map(cell_len, printed)) <= width
    assert "…" not in "".join(printed)


def test_the_report_says_what_fired_and_how_much_earlier() -> None:
    printed = [" ".join(line.split()) for line in lines(report_view(digest(report(alerts=fired()))), page(100))]
    assert "Errors warning 11-21 18:38:30 11-21 18:38:38 8s" in printed
    assert "Errors 10m 5m > 0.05 > 0.04" in printed
    assert "Watchdog AlwaysFires" in printed
    assert "checkout HorizontalPodAutoscaler checkout 2 4 2 Restored" in printed


def test_alerts_that_could_not_be_read_are_no_silence() -> None:
    printed = "\n".join(lines(report_view(digest(report(alerts={"unread": "timeout"}))), page()))
    assert "It is not known which alerts fired: timeout" in printed
    assert "  No selected alert fired\n" not in printed


def test_an_end_without_success_says_why_and_what_is_left() -> None:
    found = digest(report(succeeded=False, outcome="LimitReached", unrestored="checkout: 5 replicas", notes=["a hole"]))
    assert found.answer == "Ended without success (LimitReached)"
    assert found.notes == ("a hole", "Not restored: checkout: 5 replicas")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onload"}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_escapes_everything_and_loads_nothing() -> None:
    criteria = [{"name": EVIL, "verdict": "Met", "message": EVIL}]
    tags = Tags()
    tags.feed(report_page(digest(report(criteria=criteria, notes=[EVIL]))))
    assert "script" not in tags.names
    assert '<script>alert("1")</script>' in tags.text


def test_texts_of_the_report_are_no_markup_on_the_terminal() -> None:
    criteria = [{"name": EVIL, "verdict": "Unmet", "message": EVIL}]
    printed = "\n".join(lines(report_view(digest(report(criteria=criteria))), page(200)))
    assert "[red]x[/red]" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("odd", [{}, {"criteria": 3}, {"alerts": []}, {"timeline": [1, None]}, {"release": "x"}])
def test_a_report_of_another_form_is_shown_as_far_as_it_goes(odd: dict[str, Any]) -> None:
    printed = lines(report_view(digest(odd)), page())
    assert printed[1] == "Ended without success ()"
