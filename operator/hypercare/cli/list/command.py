"""`kubectl hypercare list`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass

from hypercare.cli.options import AllNamespacesOption, ClusterArguments, Output, OutputOption

BRIEF = "List periods: where each stands and what blocks it."
HELP = """List periods: where each stands, how many of its exit criteria are met, what blocks it.

Those that need a person come first, then those that are open, then those that are over.

Exit codes: 0 listed (also when there are none), 2 the cluster cannot be asked.

\b
Examples:
  # Everything under hypercare
  kubectl hypercare list -A

\b
  # Only those that are open, as names
  kubectl hypercare list -A -o json |
    jq -r '.[] | select(.phase | IN("Completed", "Ended") | not) | "\\(.namespace)/\\(.name)"'
"""


@dataclass(frozen=True)
class ListArguments(ClusterArguments):
    """What was asked, as it was written."""

    all_namespaces: AllNamespacesOption = False
    output: OutputOption = Output.TABLE
