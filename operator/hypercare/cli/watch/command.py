"""`kubectl hypercare watch`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from hypercare.cli.name_argument import OptionalNameArgument
from hypercare.cli.options import AllNamespacesOption, ClusterArguments

BRIEF = "Watch one period or all: live on a terminal, a line for each change on a pipe."
HELP = """Watch one period or all: live on a terminal, a line for each change on a pipe.

Goes on until it is interrupted; kubectl hypercare wait ends with the period. A connection that is lost is made again.

\b
Examples:
  # A board for the war room
  kubectl hypercare watch checkout -n shop

\b
  # Everything that happens in the cluster, for a log
  kubectl hypercare watch -A | tee hypercare.log

\b
  # For a program: an object for each change, one on a line
  kubectl hypercare watch -A -o json | jq -c '{name, phase, blocked}'
"""


class WatchOutput(StrEnum):
    """What is told: what a terminal shows, lines in any case, or an object a line."""

    AUTO = "auto"
    LINES = "lines"
    JSON = "json"


_OUTPUT = typer.Option("--output", "-o", help="auto: live on a terminal, else lines.")


@dataclass(frozen=True)
class WatchArguments(ClusterArguments):
    """What was asked, as it was written."""

    name: OptionalNameArgument = ""
    all_namespaces: AllNamespacesOption = False
    output: Annotated[WatchOutput, _OUTPUT] = WatchOutput.AUTO
