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
With --server the cluster is asked as well: a dry run, and whether targets, profile, rules and autoscalers exist.
Other kinds of objects are passed over.

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
"""


class LintOutput(StrEnum):
    """What the findings are for: people, programs."""

    TEXT = "text"
    JSON = "json"


_FILES = typer.Argument(metavar="FILE...", help="Files, folders of *.yaml and *.yml, or - (stdin).")
_RECURSIVE = typer.Option("--recursive", "-R", help="Read folders inside of folders too.")
_SERVER = typer.Option("--server", help="Ask the cluster too: a dry run, and whether what is named exists.")
_STRICT = typer.Option("--strict", help="Warnings count as errors.")
_OUTPUT = typer.Option("--output", "-o", help="What to print.")


@dataclass(frozen=True)
class LintArguments(ClusterArguments):
    """What was asked, as it was written."""

    files: Annotated[list[str], _FILES]
    recursive: Annotated[bool, _RECURSIVE] = False
    server: Annotated[bool, _SERVER] = False
    strict: Annotated[bool, _STRICT] = False
    output: Annotated[LintOutput, _OUTPUT] = LintOutput.TEXT
