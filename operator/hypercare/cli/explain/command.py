"""`kubectl hypercare explain`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass
from typing import Annotated

import typer

from hypercare.cli.name_argument import OptionalNameArgument
from hypercare.cli.options import ClusterArguments, Output, OutputOption

BRIEF = "Print the effective spec of a period, with the origin of each value; or what a reason means."
HELP = """Print the effective spec of a period: itself over its profile over the built-in defaults.

Each value says where it comes from: the period, its profile, or built-in. -o yaml prints the values alone, -o json
prints {path, value, origin} for each. With -f no cluster is asked: the file may hold the profile too.

With --reason it says instead what a reason of a condition, an Event or a list of the status means, and what to do.

Exit codes: 0 printed, 1 printed, but the spec cannot be used, 2 there is no such period, file or reason.

\b
Examples:
  # What does this period really ask for?
  kubectl hypercare explain checkout -n shop

\b
  # Before it is applied, with the profile of the platform team
  kubectl hypercare explain -f period.yaml --profile profile.yaml

\b
  # Everything that nobody has chosen
  kubectl hypercare explain checkout -n shop -o json |
    jq -r '.[] | select(.origin == "built-in") | "\\(.path)=\\(.value)"'

\b
  # An Event or a condition has this reason: what is it about?
  kubectl hypercare explain --reason OverlayNotSelected
"""

_FILE = typer.Option("--filename", "-f", metavar="FILE", help="File with the period instead of NAME. - is stdin.")
_REASON = typer.Option(metavar="REASON", help="Say what this reason means, instead of a period.")
_PROFILE = typer.Option(metavar="FILE", help="File with the HypercareProfile, with -f.")


@dataclass(frozen=True)
class ExplainArguments(ClusterArguments):
    """What was asked, as it was written."""

    name: OptionalNameArgument = ""
    file: Annotated[str, _FILE] = ""
    profile: Annotated[str, _PROFILE] = ""
    reason: Annotated[str, _REASON] = ""
    output: OutputOption = Output.TABLE
