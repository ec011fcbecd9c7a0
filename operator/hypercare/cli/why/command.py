"""`kubectl hypercare why`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass

from hypercare.cli.name_argument import NameArgument
from hypercare.cli.options import ClusterArguments, Output, OutputOption

BRIEF = "Say what blocks the exit of a period, in order, each with what to do."
HELP = """Say what blocks the exit of a period, in order, each with what to do.

First what only a person can mend, then what has become worse, what is broken or unknown, and what only takes its time.
Protections that are missing come last: they do not keep the exit.

Exit codes: 0 said, 2 there is no such period, or the cluster cannot be asked.

\b
Examples:
  # Why is it still not over?
  kubectl hypercare why checkout -n shop

\b
  # Does it need a person?
  kubectl hypercare why checkout -n shop -o json |
    jq -e '.blockers | any(.weight == "NeedsAPerson")'
"""


@dataclass(frozen=True)
class WhyArguments(ClusterArguments):
    """What was asked, as it was written."""

    name: NameArgument
    output: OutputOption = Output.TABLE
