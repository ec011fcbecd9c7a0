"""Writing to the terminal: colours only where a person looks, everything else as plain text."""

import os
import sys

from rich.console import Console, RenderableType

from hypercare.cli.options import Color

_UNBOUNDED = 10_000


def console(color: Color, *, stderr: bool = False, unbounded: bool = False) -> Console:
    """A console on stdout or stderr, as wide as the terminal (or COLUMNS, or 80).

    With `unbounded` a pipe has no width, unless COLUMNS gives it one.
    """
    stream = sys.stderr if stderr else sys.stdout
    piped = not stream.isatty() and not os.environ.get("COLUMNS")
    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    coloured = color is Color.ALWAYS or (color is Color.AUTO and wanted)
    # Without a colour system rich writes no escape sequence at all, also none for bold, which NO_COLOR alone leaves.
    return Console(
        file=stream,
        color_system="standard" if coloured else None,
        force_terminal=True if coloured else None,
        no_color=not coloured,
        highlight=False,
        markup=False,
        emoji=False,
        # A program that reads lines wants a row on one, so what is only a table is as wide as it needs to be.
        width=_UNBOUNDED if piped and unbounded else None,
    )


def drawn(shown: RenderableType, to: Console) -> str:
    """What a console would show, as text for `typer.echo`: tables are padded, and only a background would show it."""
    with to.capture() as capture:
        to.print(shown)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
