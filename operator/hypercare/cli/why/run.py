"""The work of `kubectl hypercare why`: read, show."""

import typer

from hypercare.cli.failures import OK
from hypercare.cli.options import Output
from hypercare.cli.periods.asking import found_now
from hypercare.cli.periods.found import Found
from hypercare.cli.periods.objects import blocker_object
from hypercare.cli.printing import object_text
from hypercare.cli.terminal import console, drawn
from hypercare.cli.why.command import WhyArguments
from hypercare.cli.why.text import why_view


def run(asked: WhyArguments) -> int:
    """Do it; returns the exit code."""
    typer.echo(_text(found_now(asked.name, asked), asked), color=True)
    return OK


def _text(found: Found, asked: WhyArguments) -> str:
    if asked.output is Output.TABLE:
        return drawn(why_view(found), console(asked.color))
    seen = found.seen
    answer = {
        "namespace": seen.namespace,
        "name": seen.name,
        "phase": seen.phase,
        "summary": seen.summary,
        "blockers": [blocker_object(each) for each in found.blockers],
    }
    return object_text(answer, asked.output)
