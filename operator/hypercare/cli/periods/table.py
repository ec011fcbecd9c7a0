"""Tables and headings as all views have them: no lines, so that they can be copied, and texts as they are."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

INDENT = 2


def grid(*headings: str) -> Table:
    """A table whose cells are never cut: what does not fit goes on below."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=bool(headings), padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def section(title: str, *parts: RenderableType, note: str = "") -> RenderableType:
    """A heading, with what belongs to it below."""
    heading = Text.assemble((title, "bold"), (f"  {note}" if note else "", "dim"))
    return Group(Text(), heading, *(indented(part) for part in parts))


def indented(part: RenderableType, by: int = INDENT) -> RenderableType:
    """Moved to the right."""
    return Padding(part, (0, 0, 0, by))
