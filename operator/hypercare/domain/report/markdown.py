"""The report for people, as GitHub-flavoured Markdown that is also readable as it is, in a terminal.

Texts come from specs, rules, metrics and error messages: anybody's. None of them can end a table cell, open HTML, style
anything or send control characters to a terminal. Expressions stand in fences that are longer than any in them.
"""

import re
from collections.abc import Iterable, Iterator

from hypercare.domain.alerts.episodes import Episode
from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.fold import Measured, Shown
from hypercare.domain.life.facts import Outcome
from hypercare.domain.report.facts import (
    AlertReport,
    CriterionReport,
    Detection,
    LeftOut,
    RunReport,
    ScalingReport,
    TightenedAlert,
    TriedBefore,
)
from hypercare.domain.timestamps import timestamp

NOTHING = "–"
_TIGHTENED = ("Tightened alert", "for", "for of the copy", "Bound", "Before the run", "What stayed")
_REPLACED = "\N{REPLACEMENT CHARACTER}"
_OUTCOMES = {
    Outcome.MET: "Succeeded: the exit criteria were met",
    Outcome.SUPERSEDED: "Superseded: another release took over before this run was over",
    Outcome.ROLLED_BACK: "Ended without success: the release was rolled back",
    Outcome.LIMIT_REACHED: "Ended without success: the criteria were not met at the hard end, and nobody decided",
}
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"})
# An underscore inside of a word styles nothing, and metric names are full of them.
_STYLING = re.compile(r"[\\`*~\[\]]|_(?!(?<=[^\W_]_)[^\W_])")


def render_markdown(report: RunReport) -> str:
    """Write the report; every section says what is true of it also where there is nothing to list."""
    sections = (_head, _criteria, _alerts, _changes, _timeline, _notes)
    return "\n".join(line for section in sections for line in section(report))


def escaped(text: str) -> str:
    """Text that stays one line, one table cell, and plain, whatever is in it."""
    line = " ".join(_printable(text).split())
    return _STYLING.sub(lambda found: f"\\{found.group()}", line).translate(_ENTITIES)


def fenced(text: str) -> Iterator[str]:
    """Text as a block of code that it cannot end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}promql"
    yield from (_printable(line.expandtabs(4)) for line in text.splitlines())
    yield fence


def _printable(text: str) -> str:
    """Without control characters, and without those that change the direction of text."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else _REPLACED for each in text)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Cells are Markdown already: user text in them has been escaped."""
    yield _row(head)
    yield _row(("---",) * len(head))
    yield from (_row(row) for row in rows)
    yield ""


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell or NOTHING for cell in cells)} |"


def _head(report: RunReport) -> Iterator[str]:
    release = report.release
    yield f"# Hypercare report: {escaped(report.namespace)}/{escaped(report.name)}"
    yield ""
    yield f"**{_OUTCOMES[report.outcome]}.**"
    yield ""
    facts = (
        ("Release", escaped(str(release))),
        ("Run", escaped(report.run_id)),
        ("Window", _window(report)),
        ("Extensions used", str(report.extensions_used)),
        ("Mode", "Observe: nothing was changed" if report.observe else "Enforce"),
        ("Link", escaped(release.url)),
    )
    yield from _table(("Fact", "Value"), facts)


def _window(report: RunReport) -> str:
    if report.started_at is None:
        return f"not started; ended {timestamp(report.ended_at)}"
    lasted = format_duration(report.ended_at - report.started_at)
    return f"{timestamp(report.started_at)} to {timestamp(report.ended_at)} ({lasted})"


def _criteria(report: RunReport) -> Iterator[str]:
    yield "## Exit criteria"
    yield ""
    if not report.criteria:
        yield "None could be read."
        yield ""
        return
    head = ("Criterion", "Verdict", "Bound", "Held for", "Worst", "Last", "Message")
    yield from _table(head, (_criterion(each) for each in report.criteria))
    for each in report.criteria:
        yield f"Expression of {escaped(each.name)} ({escaped(each.kind)}):"
        yield ""
        yield from fenced(each.expression)
        yield ""


def _criterion(criterion: CriterionReport) -> tuple[str, ...]:
    asked = criterion.sustained_seconds
    held = f"{format_duration(criterion.met_for_seconds)} of {format_duration(asked)}" if asked else NOTHING
    return (
        escaped(criterion.name) + (" (advisory)" if criterion.advisory else ""),
        criterion.verdict.value,
        escaped(criterion.bound),
        held,
        _shown(criterion.worst),
        _shown(criterion.last),
        escaped(criterion.message),
    )


def _shown(shown: Shown) -> str:
    match shown:
        case Measured(value=value, series=series, time=time):
            of = f" of {escaped(series)}" if series else ""
            return f"{value:g}{of} at {timestamp(time)}"
        case _:
            return NOTHING


def _alerts(report: RunReport) -> Iterator[str]:
    alerts = report.alerts
    yield "## Alerts"
    yield ""
    yield _detected(alerts)
    yield ""
    if alerts.detections:
        head = ("Alert", "Severity", "Copy fired", "Original fired", "Copy was earlier by")
        yield from _table(head, (_detection(each) for each in alerts.detections))
    if alerts.tightened:
        yield from _table(_TIGHTENED, (_tightened(each) for each in alerts.tightened))
    if alerts.untouched:
        untouched = (
            (escaped(each.alertname), escaped(each.reason), escaped(each.message)) for each in alerts.untouched
        )
        yield from _table(("Left alone", "Reason", "Why"), untouched)


def _tightened(alert: TightenedAlert) -> tuple[str, ...]:
    moved = "; ".join(
        f"{each.operator} {each.original}, of the copy {each.operator} {each.copy}" for each in alert.bounds
    )
    return (
        escaped(alert.alertname),
        format_duration(alert.original_for_seconds),
        format_duration(alert.copy_for_seconds),
        escaped(moved),
        _before(alert.history),
        escaped("; ".join(f"{each.reason}: {each.message}" for each in alert.kept)),
    )


def _before(history: TriedBefore | None) -> str:
    """What history said; the copy was tried at its full strength, or the strongest that was quiet."""
    if history is None:
        return NOTHING
    fired = "never" if not history.fires else _times(history.fires)
    told = f": {history.told}" if history.told else ""
    return escaped(f"{fired} in {format_duration(history.span_seconds)} without the original{told}")


def _detected(alerts: AlertReport) -> str:
    if alerts.unread:
        return f"Which alerts fired is not known: {escaped(alerts.unread)}"
    if not alerts.detections:
        return "No selected alert is known to have fired, neither an original nor a copy."
    exact = f"Times are exact to {format_duration(alerts.step_seconds)}."
    earlier = [gain for gain in alerts.gains if gain > 0]
    if not earlier:
        return f"Alerts fired {_times(len(alerts.detections))}. {exact}"
    most = format_duration(max(earlier))
    return (
        f"Alerts fired {_times(len(alerts.detections))}; in {len(earlier)} of {len(alerts.gains)} cases that copy and "
        f"original both told, the copy was earlier, by up to {most}. {exact}"
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _detection(detection: Detection) -> tuple[str, ...]:
    return (
        escaped(detection.alertname),
        escaped(detection.severity),
        _episode(detection.copy),
        _episode(detection.original),
        _gain(detection.gain_seconds),
    )


def _episode(episode: Episode | None) -> str:
    return f"{timestamp(episode.start)} to {timestamp(episode.end)}" if episode else NOTHING


def _gain(seconds: int | None) -> str:
    if seconds is None:
        return NOTHING
    return format_duration(seconds) if seconds >= 0 else f"{format_duration(-seconds)} later"


def _changes(report: RunReport) -> Iterator[str]:
    yield "## What was changed and restored"
    yield ""
    yield _restored(report)
    yield ""
    if report.scaling:
        head = ("Target", "Object", "Original minimum", "Raised to", "Now", "State", "Message")
        yield from _table(head, (_scaling(each) for each in report.scaling))


def _restored(report: RunReport) -> str:
    if report.outcome is Outcome.SUPERSEDED and not report.observe:
        held = f": {escaped(report.unrestored)}" if report.unrestored else ""
        return f"Protections went over to the run that followed{held}."
    if report.unrestored:
        return f"Not restored: {escaped(report.unrestored)}"
    if report.observe:
        return "Mode Observe: nothing was changed."
    copies, objects = len(report.alerts.tightened), len(report.scaling)
    if not copies and not objects:
        return "Nothing was changed."
    return f"Copies of alerts that were removed: {copies}. Raised objects, restored or told of below: {objects}."


def _scaling(scaling: ScalingReport) -> tuple[str, ...]:
    row = scaling.row
    return (
        escaped(row.target),
        escaped(f"{row.object.kind} {row.object.name}"),
        *(str(replicas) if row.counts_replicas else "" for replicas in (row.original, scaling.raised_to, row.applied)),
        row.state.value,
        escaped(row.message),
    )


def _timeline(report: RunReport) -> Iterator[str]:
    yield "## Timeline"
    yield ""
    rows = ((timestamp(entry.time), escaped(entry.reason), escaped(entry.message)) for entry in report.timeline)
    yield from _table(("Time", "Reason", "What happened"), rows)


def _notes(report: RunReport) -> Iterator[str]:
    notes = [escaped(note) for note in report.notes]
    cut = _left_out(report.left_out)
    if not notes and not cut:
        return
    yield "## Notes"
    yield ""
    # The words in front keep a note from being a heading or a list of its own.
    yield from (f"- Note: {note}" for note in notes)
    if cut:
        yield f"- Cut to fit into a ConfigMap: {cut}"
    yield ""


def _left_out(left_out: LeftOut) -> str:
    counts = {
        "timeline entries": left_out.timeline,
        "criteria": left_out.criteria,
        "detections": left_out.detections,
        "tightened or untouched alerts": left_out.alerts,
        "scaled objects": left_out.scaling,
        "notes": left_out.notes,
    }
    parts = [f"{count} {what} are left out" for what, count in counts.items() if count]
    return "; ".join([*parts, *(["long texts are shortened"] if left_out.texts else [])])
