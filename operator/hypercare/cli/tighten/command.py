"""`kubectl hypercare tighten`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from hypercare.cli.options import Color, ColorOption

BRIEF = "Show what hypercare would make of each alert of some rule files."
HELP = """Show what hypercare would make of each alert: its earlier copy, or the reason why it has none.

Reads PrometheusRule objects and rule files, in several documents or folders; other objects are passed over. A copy has
a shorter `for`, a threshold nearer to what is normal, or both, and never misses what its original finds. Needs no
cluster, asks no Prometheus and writes nothing: how often a copy would have fired is what history says.

-o json prints a list with one object for each alert: file, group, alert, outcome (Tightened or Untouched), reason,
message, original and tightened, each with expr and for, and what is kept. -o yaml prints the copies as rule files.

Exit codes: 0 done, 2 wrong use or unusable input.

\b
Examples:
  # What would change, alert by alert
  kubectl hypercare tighten -f rules.yaml

\b
  # All rules of a cluster, half as strong, as a table
  kubectl get prometheusrules -A -o yaml |
    kubectl hypercare tighten -f - --strength 50 -o table

\b
  # Why is it that some have no copy?
  kubectl hypercare tighten -f rules/ --recursive -o json |
    jq -r '.[] | select(.outcome == "Untouched") | [.alert, .reason] | @tsv'

\b
  # Shorter, but with thresholds as they are, as rules to load
  kubectl hypercare tighten -f rules.yaml --move-threshold Off -o yaml > copies.yaml
"""


class TightenOutput(StrEnum):
    """What the result is for: people, programs, Prometheus."""

    DIFF = "diff"
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


_FILES = typer.Option(
    "--filename", "-f", metavar="FILE", help="Rules: a file, a folder of *.yaml and *.yml, or - (stdin)."
)
_RECURSIVE = typer.Option("--recursive", "-R", help="Read folders inside of folders too.")
_SHORTEN = typer.Option(metavar="PERCENT", help="Share that is taken off each `for` at full strength.")
_MOVE = typer.Option(metavar="PERCENT", help="Share by which each bound moves at full strength (80% at most), or Off.")
_STRENGTH = typer.Option(metavar="0-100", min=0, max=100, help="0 is the original, 100 the full strength.")
_MIN_FOR = typer.Option(metavar="DURATION", help="No `for` is made shorter than this.")
_UNRESTORED = typer.Option(
    "--allow-unrestored", help="Shorten below 10m too, where a restart of Prometheus forgets pending alerts."
)
_INTERVAL = typer.Option(metavar="DURATION", help="How often groups are evaluated that do not say it.")
_OUTPUT = typer.Option("--output", "-o", help="What to print.")


@dataclass(frozen=True)
class TightenArguments:
    """What was asked, as it was written."""

    files: Annotated[list[str], _FILES]
    recursive: Annotated[bool, _RECURSIVE] = False
    shorten_for: Annotated[str, _SHORTEN] = "50%"
    move_threshold: Annotated[str, _MOVE] = "20%"
    strength: Annotated[int, _STRENGTH] = 100
    min_for: Annotated[str, _MIN_FOR] = "30s"
    allow_unrestored: Annotated[bool, _UNRESTORED] = False
    interval: Annotated[str, _INTERVAL] = "30s"
    output: Annotated[TightenOutput, _OUTPUT] = TightenOutput.DIFF
    color: ColorOption = Color.AUTO
