"""The work of `kubectl hypercare status`: read, show."""

import typer

from hypercare.cli.failures import OK
from hypercare.cli.options import Output
from hypercare.cli.periods.asking import found_now
from hypercare.cli.periods.found import Found
from hypercare.cli.periods.objects import found_object
from hypercare.cli.printing import object_text
from hypercare.cli.status.command import StatusArguments
from hypercare.cli.status.text import status_view
from hypercare.cli.terminal import console, drawn


def run(asked: StatusArguments) -> int:
    """Do it; returns the exit code."""
    typer.echo(_text(found_now(asked.name, asked), asked), color=True)
    return OK


def _text(found: Found, asked: StatusArguments) -> str:
    if asked.output is not Output.TABLE:
        return object_text(found_object(found), asked.output)
    shown = console(asked.color)
    return drawn(status_view(found, shown), shown)
