"""A report as headings and tables of texts, from which the terminal and the page are made alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from hypercare.cli.lenient import Body, list_of, map_of, maps_of, number_of, text_of
from hypercare.cli.periods.printable import printable
from hypercare.domain.durations import format_duration


@dataclass(frozen=True)
class Section:
    """A heading with a table; `empty` is said where the table has no rows."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = ""


@dataclass(frozen=True)
class Digest:
    """A whole report."""

    title: str
    succeeded: bool
    answer: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...]


def digest(report: Body) -> Digest:
    """Sort a report out for reading; what is not in it is left out."""
    period, release = map_of(report, "period"), map_of(report, "release")
    named = " ".join(filter(None, (text_of(release, "name"), text_of(release, "version"))))
    succeeded = report.get("succeeded") is True
    outcome = text_of(report, "outcome")
    answer = "Succeeded: the exit criteria were met" if succeeded else f"Ended without success ({outcome})"
    unrestored = text_of(report, "unrestored")
    notes = tuple(printable(str(each)) for each in list_of(report, "notes"))
    return Digest(
        title=f"{text_of(period, 'namespace')}/{text_of(period, 'name')} {named}",
        succeeded=succeeded,
        answer=answer,
        sections=tuple(_sections(report)),
        notes=(*notes, *([f"Not restored: {unrestored}"] if unrestored else [])),
    )


def _sections(report: Body) -> Iterator[Section]:
    alerts = map_of(report, "alerts")
    unread = text_of(alerts, "unread")
    quiet = f"It is not known which alerts fired: {unread}" if unread else "No selected alert fired"
    yield Section("Run", (), tuple(_facts(report)))
    headings: tuple[str, ...] = ("criterion", "verdict", "asked", "held for", "message")
    yield Section("Exit criteria", headings, tuple(map(_criterion, maps_of(report, "criteria"))), "There were none")
    headings = ("alert", "severity", "copy fired", "original fired", "earlier by")
    yield Section("Alerts that fired", headings, tuple(map(_detection, maps_of(alerts, "detections"))), quiet)
    headings = ("alert", "for", "for of the copy", "bound", "bound of the copy")
    tightened = tuple(map(_tightened, maps_of(alerts, "tightened")))
    yield Section("Tightened alerts", headings, tightened, "No alert was tightened")
    untouched = [(text_of(each, "alert"), text_of(each, "reason")) for each in maps_of(alerts, "untouched")]
    if untouched:
        yield Section("Alerts that were left alone", ("alert", "reason"), tuple(untouched))
    headings = ("target", "object", "was", "raised to", "now", "state")
    yield Section("Capacity", headings, tuple(map(_scaling, maps_of(report, "scaling"))), "Nothing was raised")
    timeline = tuple(
        (text_of(each, "time"), f"{text_of(each, 'reason')}: {text_of(each, 'message')}")
        for each in maps_of(report, "timeline")
    )
    yield Section("Timeline", (), timeline)


def _facts(report: Body) -> Iterator[tuple[str, str]]:
    yield "run", text_of(report, "run")
    yield "started", text_of(report, "startedAt") or "never"
    yield "ended", text_of(report, "endedAt")
    yield "extensions", str(number_of(report, "extensionsUsed") or 0)
    yield "mode", text_of(report, "mode")
    if url := text_of(map_of(report, "release"), "url"):
        yield "link", url


def _criterion(each: Body) -> tuple[str, ...]:
    name = f"{text_of(each, 'name')} (advisory)" if each.get("advisory") is True else text_of(each, "name")
    sustained = number_of(each, "sustainedForSeconds")
    held = f"{_seconds(each, 'metForSeconds')} of {format_duration(sustained)}" if sustained else ""
    return name, text_of(each, "verdict"), text_of(each, "bound"), held, text_of(each, "message")


def _detection(each: Body) -> tuple[str, ...]:
    gain = number_of(each, "gainSeconds")
    told = "" if gain is None else format_duration(gain) if gain > 0 else f"-{format_duration(-gain)}"
    return text_of(each, "alert"), text_of(each, "severity"), _from(each, "copy"), _from(each, "original"), told


def _from(each: Body, key: str) -> str:
    """When it fired, short enough for a terminal of eighty columns: the year is that of the run."""
    begun = text_of(map_of(each, key), "from")
    return f"{begun[5:10]} {begun[11:19]}" if begun else "-"


def _tightened(each: Body) -> tuple[str, ...]:
    bounds = list(maps_of(each, "bounds"))
    moved = (", ".join(_bound(bound, key) for bound in bounds) for key in ("original", "copy"))
    told = (_seconds(each, "originalForSeconds"), _seconds(each, "copyForSeconds"), *moved)
    return text_of(each, "alert"), *(cell or "-" for cell in told)


def _bound(bound: Body, key: str) -> str:
    value = bound.get(key)
    number = f"{value:g}" if isinstance(value, int | float) else printable(str(value))
    return f"{text_of(bound, 'operator')} {number}"


def _scaling(each: Body) -> tuple[str, ...]:
    counts = ("" if (found := number_of(each, key)) is None else str(found) for key in ("original", "raisedTo", "now"))
    return text_of(each, "target"), f"{text_of(each, 'kind')} {text_of(each, 'name')}", *counts, text_of(each, "state")


def _seconds(each: Body, key: str) -> str:
    return format_duration(number_of(each, key) or 0)
