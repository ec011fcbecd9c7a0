"""The work of `kubectl hypercare list`: read, show."""

import time

import typer

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.failures import OK
from hypercare.cli.list.command import ListArguments
from hypercare.cli.list.text import list_view, ordered
from hypercare.cli.options import Output
from hypercare.cli.periods.asking import all_periods
from hypercare.cli.periods.objects import summary_object
from hypercare.cli.periods.reading import read_period
from hypercare.cli.printing import object_text
from hypercare.cli.terminal import console, drawn


def run(asked: ListArguments) -> int:
    """Do it; returns the exit code."""
    with Cluster.connect(asked) as cluster:
        namespace = "" if asked.all_namespaces else cluster.namespace
        found = ordered(read_period(body) for body in all_periods(cluster, namespace))
    if asked.output is not Output.TABLE:
        typer.echo(object_text([summary_object(seen) for seen in found], asked.output))
    elif found:
        shown = console(asked.color, unbounded=True)
        view = list_view(found, int(time.time()), shown, with_namespace=asked.all_namespaces)
        typer.echo(drawn(view, shown), color=True)
    else:
        typer.echo(f"No periods found{f' in namespace {namespace}' if namespace else ''}.", err=True)
    return OK
