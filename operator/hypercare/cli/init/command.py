"""`kubectl hypercare init`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass
from typing import Annotated

import typer

from hypercare.cli.options import ClusterArguments

BRIEF = "Look at a namespace and write a period for it, with comments."
HELP = """Look at a namespace and write a period for it, with comments: a file to read, change and commit.

Looks at workloads and the versions they run, at what scales them, at disruption budgets and the alerts of
PrometheusRules, and asks Prometheus which indicators of the catalog (docs/indicators.md) have data for these workloads.
Prometheus is that of the profile; where it is out of reach from here, forward a port and name it. Changes nothing in
the cluster.

Exit codes: 0 written, 2 there is nothing to protect, the file exists, or the cluster cannot be asked.

\b
Examples:
  # Everything in the namespace
  kubectl hypercare init -n shop

\b
  # Two workloads, with the metrics that there are
  kubectl -n monitoring port-forward svc/prometheus 9090 &
  kubectl hypercare init deployment/checkout statefulset/cart -n shop \\
    --prometheus http://localhost:9090 -o period.yaml
"""

_TARGETS = typer.Argument(metavar="[KIND/NAME]...", help="Workloads to protect. Default: all of the namespace.")
_NAME = typer.Option(help="Name of the period. Default: that of the only target, or the namespace's.")
_PROFILE = typer.Option(help="Name of the HypercareProfile.")
_OUTPUT = typer.Option("--output", "-o", metavar="FILE", help="File to write. Default: stdout.")
_FORCE = typer.Option("--force", help="Write over a file that exists.")
_URL = typer.Option(metavar="URL", help="URL of Prometheus, Thanos, Mimir or VictoriaMetrics. Default: the profile's.")
_TIMEOUT = typer.Option(metavar="DURATION", help="Limit for each request. Default: the profile's, or 1m.")
_HEADER = typer.Option(metavar="'NAME: VALUE'", help="Sent with each request, such as 'X-Scope-OrgID: shop'.")
_TOKEN = typer.Option(metavar="FILE", help="File with a bearer token for Prometheus.")
_CA = typer.Option(metavar="FILE", help="PEM certificates to trust instead of the public ones.")


@dataclass(frozen=True)
class InitArguments(ClusterArguments):
    """What was asked, as it was written."""

    targets: Annotated[list[str] | None, _TARGETS] = None
    name: Annotated[str, _NAME] = ""
    profile: Annotated[str, _PROFILE] = "default"
    output: Annotated[str, _OUTPUT] = ""
    force: Annotated[bool, _FORCE] = False
    prometheus: Annotated[str, _URL] = ""
    timeout: Annotated[str, _TIMEOUT] = ""
    header: Annotated[list[str] | None, _HEADER] = None
    bearer_token_file: Annotated[str, _TOKEN] = ""
    ca_file: Annotated[str, _CA] = ""
