"""The work of `kubectl hypercare status`: read, show."""

import time

import typer

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.failures import OK
from hypercare.cli.options import Output
from hypercare.cli.periods.asking import effective, period_body
from hypercare.cli.periods.found import Found, find_out
from hypercare.cli.periods.objects import found_object
from hypercare.cli.printing import object_text
from hypercare.cli.status.command import StatusArguments
from hypercare.cli.status.text import status_view
from hypercare.cli.terminal import console, drawn


def run(asked: StatusArguments) -> int:
    """Do it; returns the exit code."""
    with Cluster.connect(asked) as cluster:
        body = period_body(cluster, asked.name)
        found = find_out(body, effective(cluster, body), int(time.time()))
    typer.echo(_text(found, asked), color=True)
    return OK


def _text(found: Found, asked: StatusArguments) -> str:
    if asked.output is not Output.TABLE:
        return object_text(found_object(found), asked.output)
    shown = console(asked.color)
    return drawn(status_view(found, shown), shown)
