"""`kubectl hypercare doctor`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass
from typing import Annotated

import typer

from hypercare.cli.options import ClusterArguments, Output, OutputOption

BRIEF = "Look for what keeps hypercare from working, each with its fix."
HELP = """Look for what keeps hypercare from working in a cluster: each finding comes with its fix.

Looks at the API server and its clock, the CRDs, the operator and its permissions, your own permissions, whether the
API server asks what authors of periods may do, profiles, whether a Prometheus selects the rules that hypercare
writes, whether evidence advances, and what the operator says of its Prometheus. Without -n at all namespaces. What
you may not read is told as not checked. Changes nothing.

Exit codes: 0 nothing is wrong (there may be warnings), 1 something is, 2 the cluster cannot be asked.

\b
Examples:
  # Right after the installation
  kubectl hypercare doctor

\b
  # The operator runs elsewhere, under another account
  kubectl hypercare doctor --operator-namespace platform --operator-account hypercare

\b
  # Only what is wrong, for a script
  kubectl hypercare doctor -o json | jq '.[] | select(.state == "problem")'
"""

_NAMESPACE = typer.Option("--operator-namespace", metavar="NAME", help="Namespace of the operator.")
_ACCOUNT = typer.Option(
    "--operator-account", metavar="NAME", help="ServiceAccount of the operator. Default: that of its Deployment."
)


@dataclass(frozen=True)
class DoctorArguments(ClusterArguments):
    """What was asked, as it was written."""

    operator_namespace: Annotated[str, _NAMESPACE] = "hypercare-system"
    operator_account: Annotated[str, _ACCOUNT] = ""
    output: OutputOption = Output.TABLE
