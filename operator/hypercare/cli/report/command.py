"""`kubectl hypercare report`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from hypercare.cli.name_argument import NameArgument
from hypercare.cli.options import ClusterArguments

BRIEF = "Print the report of a run: criteria, alerts and how much earlier copies fired, what was changed."
HELP = """Print the report of a run: what the exit criteria said, which alerts fired and how much earlier their copies
did, what was changed and restored, and the timeline.

Reads the ConfigMap that the operator writes when a run is over; it stays when the period is deleted. Without --run the
newest report is printed, and of a period that is gone too.

Exit codes: 0 printed, 2 there is no such report, or the cluster cannot be asked.

\b
Examples:
  # The last run
  kubectl hypercare report checkout -n shop

\b
  # For the release notes, and as a page to keep
  kubectl hypercare report checkout -n shop -o markdown > report.md
  kubectl hypercare report checkout -n shop -o html > report.html

\b
  # By how much earlier did copies fire?
  kubectl hypercare report checkout -n shop --run r3-9f86d081 -o json |
    jq '[.alerts.detections[].gainSeconds | numbers] | add / length'
"""


class ReportOutput(StrEnum):
    """What the report is for: people, documents, a browser, programs."""

    TABLE = "table"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


_RUN = typer.Option("--run", metavar="ID", help="Id of the run, r<number>-<hash>. Default: the newest that is over.")
_OUTPUT = typer.Option("--output", "-o", help="What to print.")


@dataclass(frozen=True)
class ReportArguments(ClusterArguments):
    """What was asked, as it was written."""

    name: NameArgument
    of_run: Annotated[str, _RUN] = ""
    output: Annotated[ReportOutput, _OUTPUT] = ReportOutput.TABLE
