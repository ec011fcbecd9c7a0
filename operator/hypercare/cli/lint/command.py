"""`kubectl hypercare lint`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from hypercare.cli.options import ClusterArguments

BRIEF = "Check files with periods, profiles and rules before they are applied."
HELP = """Check files with periods, profiles and rules before they are applied.

Finds what the API server would refuse (fields, types, bounds, every validation rule of the CRDs), what the operator
could not work with (PromQL, the period merged with its profile) and names that do not fit together. Needs no cluster.
With --server the cluster is asked as well: a dry run, whether targets, profile and rules exist, and what the operator
would say of autoscalers and disruption budgets. With --alertmanager-config also whether the pages of copies would reach
whom those of their originals reach. Other kinds of objects are passed over.

Exit codes: 0 no errors, 1 errors (with --strict also warnings), 2 a file that cannot be read, or no cluster.

\b
Examples:
  # In a pipeline, before anything is merged
  kubectl hypercare lint deploy/*.yaml

\b
  # What helm would apply
  helm template . | kubectl hypercare lint -

\b
  # With everything that the period refers to
  kubectl hypercare lint period.yaml --server -n shop

\b
  # Would the early pages call the same people?
  kubectl -n monitoring port-forward svc/alertmanager-operated 9093 &
  amtool config show --alertmanager.url=http://localhost:9093 > alertmanager.yaml
  kubectl hypercare lint period.yaml --server -n shop --alertmanager-config alertmanager.yaml
"""


class LintOutput(StrEnum):
    """What the findings are for: people, programs."""

    TEXT = "text"
    JSON = "json"


_FILES = typer.Argument(metavar="FILE...", help="Files, folders of *.yaml and *.yml, or - (stdin).")
_RECURSIVE = typer.Option("--recursive", "-R", help="Read folders inside of folders too.")
_SERVER = typer.Option("--server", help="Ask the cluster too: a dry run, and whether what is named exists.")
_ROUTES = typer.Option(metavar="FILE", help="Alertmanager's configuration, as `amtool config show` prints it.")
_STRICT = typer.Option("--strict", help="Warnings count as errors.")
_OUTPUT = typer.Option("--output", "-o", help="What to print.")


@dataclass(frozen=True)
class LintArguments(ClusterArguments):
    """What was asked, as it was written."""

    files: Annotated[list[str], _FILES]
    recursive: Annotated[bool, _RECURSIVE] = False
    server: Annotated[bool, _SERVER] = False
    alertmanager_config: Annotated[str, _ROUTES] = ""
    strict: Annotated[bool, _STRICT] = False
    output: Annotated[LintOutput, _OUTPUT] = LintOutput.TEXT
