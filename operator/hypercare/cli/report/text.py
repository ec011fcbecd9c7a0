"""A report on the terminal."""

from rich.console import Group, RenderableType
from rich.text import Text

from hypercare.cli.periods.look import VERDICTS
from hypercare.cli.periods.table import grid, section
from hypercare.cli.report.sections import Digest, Section


def report_view(found: Digest) -> RenderableType:
    """All sections, the answer first."""
    answer = Text(found.answer, "bold green" if found.succeeded else "bold red")
    notes = [Text(f"Note: {note}", "yellow") for note in found.notes]
    return Group(Text(found.title, "bold"), answer, *notes, *(_section(each) for each in found.sections))


def _section(found: Section) -> RenderableType:
    if not found.rows:
        return section(found.title, Text(found.empty, "dim"))
    table = grid(*found.headings)
    for row in found.rows:
        table.add_row(*(Text(cell, VERDICTS.get(cell, "")) for cell in row))
    table.columns[0].no_wrap = not found.headings
    return section(found.title, table)
