"""`kubectl hypercare wait`: its arguments, its exit codes and its help. The work is in `run`."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated

import typer

from hypercare.cli.name_argument import NameArgument
from hypercare.cli.options import ClusterArguments, Output, OutputOption

BRIEF = "Wait for the end of a period, or until it is protected; exit codes for pipelines."
HELP = """Wait for the end of a period, or (--for protected) until everything requested is verified live.

Waits for the release that the spec names now: a status that is still about the release before does not count. Tells
changes on stderr and the result on stdout. While the API server does not answer, it asks again.

Exit codes: 0 it succeeded, or is protected; 1 it ended otherwise, or was deleted; 2 there is no such period, or the
cluster cannot be asked; 3 --timeout has passed; 4 a person must decide (DecisionNeeded), or, with --for protected, must
act (Stalled).

\b
Examples:
  # A gate before traffic is moved to the release
  kubectl hypercare wait checkout -n shop --for protected --timeout 10m

\b
  # Until hypercare is over, however long it takes
  kubectl hypercare wait checkout -n shop && echo "the release is stable"
"""


class Goal(StrEnum):
    """What is waited for."""

    END = "end"
    PROTECTED = "protected"


class Code(IntEnum):
    """How it ended, for scripts; 2 is an error, as everywhere."""

    REACHED = 0
    OTHERWISE = 1
    TIMEOUT = 3
    DECISION = 4


_FOR = typer.Option("--for", help="end: until it is over. protected: until everything requested is verified live.")
_TIMEOUT = typer.Option(
    metavar="DURATION", help="How long to wait. Default: 15m for protected; for the end no limit, which is also 0."
)
_QUIET = typer.Option("--quiet", "-q", help="Do not tell changes on stderr.")


@dataclass(frozen=True)
class WaitArguments(ClusterArguments):
    """What was asked, as it was written."""

    name: NameArgument
    goal: Annotated[Goal, _FOR] = Goal.END
    timeout: Annotated[str, _TIMEOUT] = ""
    quiet: Annotated[bool, _QUIET] = False
    output: OutputOption = Output.TABLE
