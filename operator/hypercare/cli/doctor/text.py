"""The diagnosis for people: a line for each thing, the fix below what is wrong."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from hypercare.cli.doctor.diagnosis import Diagnosis, State
from hypercare.cli.periods.printable import printable
from hypercare.cli.periods.table import grid
from hypercare.cli.periods.words import counted

_MARKS = {State.OK: "ok", State.WARNING: "warning", State.PROBLEM: "PROBLEM", State.UNCHECKED: "?"}
_STYLES = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "bold red", State.UNCHECKED: "dim"}


def doctor_view(found: Sequence[Diagnosis]) -> RenderableType:
    """All of it, and a summary."""
    table = grid()
    for each in found:
        table.add_row(
            Text(_MARKS[each.state], _STYLES[each.state]),
            Text.assemble((each.area, "bold"), f": {printable(each.message)}"),
        )
        if each.fix:
            table.add_row("", Text.assemble(("fix: ", "bold"), printable(each.fix)))
    table.columns[0].no_wrap = True
    return Group(table, Text(), _summary(found))


def _summary(found: Sequence[Diagnosis]) -> Text:
    counts = Counter(each.state for each in found)
    told = f"{counted(counts[State.PROBLEM], 'problem')}, {counted(counts[State.WARNING], 'warning')}"
    rest = f", {counts[State.UNCHECKED]} not checked" if counts[State.UNCHECKED] else ""
    worst = State.PROBLEM if counts[State.PROBLEM] else State.WARNING if counts[State.WARNING] else State.OK
    return Text(f"{told}{rest}", _STYLES[worst])
