"""The work of `kubectl hypercare tighten`: read, decide, show."""

import json
from fractions import Fraction

import typer

from hypercare.cli.failures import OK, UnusableInput
from hypercare.cli.rule_files import read_rule_files
from hypercare.cli.terminal import console
from hypercare.cli.tighten.command import TightenArguments, TightenOutput
from hypercare.cli.tighten.copies import copies_as_yaml
from hypercare.cli.tighten.results import tighten_all
from hypercare.cli.tighten.text import print_diff, print_summary, print_table
from hypercare.domain.alerts.protection import Calibrated, Tighten, parse_move_threshold
from hypercare.domain.alerts.rewriting import Levers
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.tightening import ForRule
from hypercare.domain.fields import Field, InvalidField

_OFF = "Off"


def run(arguments: TightenArguments) -> int:
    """Show what becomes of each alert.

    Raises:
        UnusableInput: a file or a flag cannot be used.
    """
    try:
        levers, interval = _levers(arguments), Field("--interval", arguments.interval).seconds()
    except InvalidField as error:
        raise UnusableInput(str(error)) from error
    if not interval:
        raise UnusableInput("--interval: must be at least 1s")
    files = read_rule_files(arguments.files, recursive=arguments.recursive, interval_seconds=interval)
    alerts = (alert for file in files for alert in file.in_groups())
    results = list(tighten_all(alerts, levers, arguments.strength))
    shown = console(arguments.color)
    match arguments.output:
        case TightenOutput.JSON:
            typer.echo(json.dumps([each.as_json() for each in results], indent=2, ensure_ascii=False))
        case TightenOutput.YAML:
            typer.echo(copies_as_yaml(results), nl=False)
        case TightenOutput.TABLE:
            print_table(shown, results)
        case TightenOutput.DIFF:
            print_diff(shown, results)
            print_summary(shown, results)
    return OK


def _levers(arguments: TightenArguments) -> Levers:
    tighten = Tighten(
        shorten_for=Field("--shorten-for", arguments.shorten_for).share(),
        min_for_seconds=Field("--min-for", arguments.min_for).seconds(),
        allow_unrestored=arguments.allow_unrestored,
    )
    return Levers(ForRule(tighten), ThresholdRule(_share(arguments.move_threshold)))


def _share(text: str) -> Fraction:
    field = Field("--move-threshold", _OFF if text.lower() == _OFF.lower() else text)
    match parse_move_threshold(field, Field("--headroom")):
        case Calibrated():
            raise field.error(
                "Calibrated reads the history of a Prometheus, which only a period does; name a percentage"
            )
        case share:
            return share
