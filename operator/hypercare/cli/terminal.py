"""Writing to the terminal: colours only where a person looks, everything else as plain text."""

import os
import sys

from rich.console import Console

from hypercare.cli.options import Color


def console(color: Color, *, stderr: bool = False) -> Console:
    """A console on stdout or stderr, as wide as the terminal (or COLUMNS, or 80)."""
    stream = sys.stderr if stderr else sys.stdout
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
    )
