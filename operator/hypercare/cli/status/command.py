"""`kubectl hypercare status`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass

from hypercare.cli.name_argument import NameArgument
from hypercare.cli.options import ClusterArguments, Output, OutputOption

BRIEF = "Show one period: phase, strength, exit criteria, protections, and what ends when."
HELP = """Show one period: phase, strength, exit criteria, protections, and what ends when.

What lies ahead is the earliest that can be, if all goes well from now on. -o json prints the same as one object;
kubectl get hcp NAME -o json has the status as the operator wrote it.

Exit codes: 0 shown, 2 there is no such period, or the cluster cannot be asked.

\b
Examples:
  # How is the release doing?
  kubectl hypercare status checkout -n shop

\b
  # What blocks the exit, for a script
  kubectl hypercare status checkout -n shop -o json | jq -r '.blockers[].what'
"""


@dataclass(frozen=True)
class StatusArguments(ClusterArguments):
    """What was asked, as it was written."""

    name: NameArgument
    output: OutputOption = Output.TABLE
