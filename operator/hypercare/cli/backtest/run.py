"""The work of `kubectl hypercare backtest`: read, judge, show."""

import asyncio
import time

import typer

from hypercare.adapters.credentials import InvalidCredentials
from hypercare.adapters.prometheus import PrometheusSource
from hypercare.cli.backtest.command import BacktestArguments, Output
from hypercare.cli.backtest.html import html_page
from hypercare.cli.backtest.input import BacktestInput, read_input
from hypercare.cli.backtest.json import json_text
from hypercare.cli.backtest.reader import History, read_histories
from hypercare.cli.backtest.result import Backtest, analyze
from hypercare.cli.backtest.table import table_text
from hypercare.cli.failures import NEGATIVE, OK, UnusableInput
from hypercare.cli.progress import Progress
from hypercare.cli.terminal import console


def run(asked: BacktestArguments) -> int:
    """Do it; returns the exit code.

    Raises:
        UnusableInput: something that was given cannot be used.
        CommandFailed: Prometheus did not answer.
    """
    given = read_input(asked, int(time.time()))
    found = analyze(given, asyncio.run(_read(given)))
    _show(found, asked)
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    return OK if found.relaxes else NEGATIVE


async def _read(given: BacktestInput) -> tuple[History, ...]:
    names = [criterion.name for criterion in given.resolved.spec.criteria]
    progress = Progress(names, given.span.start, given.span.end)
    try:
        source = PrometheusSource(given.resolved.profile.endpoint, given.credentials)
    except InvalidCredentials as error:
        raise UnusableInput(str(error)) from error
    try:
        return await read_histories(given, source, progress)
    finally:
        progress.done()
        source.close()


def _show(found: Backtest, asked: BacktestArguments) -> None:
    match asked.output:
        case Output.TABLE:
            typer.echo(table_text(found, console(asked.color)), color=True)
        case Output.JSON:
            typer.echo(json_text(found))
        case Output.HTML:
            typer.echo(html_page(found))
