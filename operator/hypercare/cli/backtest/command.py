"""`kubectl hypercare backtest`: its arguments and its help. The work is in `run`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from hypercare.cli.options import Color, ColorOption

BRIEF = "Try a period against history: when would it have been over, and why not earlier?"
HELP = """Try a period against history: when would it have been over, and why not earlier?

Asks Prometheus for the exit criteria of a HypercarePeriod and runs the operator's own rules over the answers, as if the
window had started at --from. Prints when each criterion was Met, Unmet or Unknown and why, when the period would have
left its stages, and what other bounds would have changed. Needs no cluster and writes nothing.

Exit codes: 0 the period would have relaxed because its criteria were met, 1 it would not, or Prometheus did not answer,
2 wrong use or unusable input.

\b
Examples:
  # The last seven days, without a profile
  kubectl hypercare backtest -f period.yaml --prometheus http://localhost:9090

\b
  # A release of last month, with the platform's profile, as a page to look at
  kubectl hypercare backtest -f period.yaml --profile profile.yaml \\
    --prometheus https://thanos.example.com --from 2026-10-12T09:00:00Z \\
    --to 2026-10-16T09:00:00Z -o html > backtest.html

\b
  # Alerts as well: judged from their rules, in a cluster or in files
  kubectl get prometheusrules -n shop -o yaml > rules.yaml
  kubectl hypercare backtest -f period.yaml --rules rules.yaml \\
    --prometheus http://localhost:9090 --from 3d

\b
  # When would each criterion first have been met?
  kubectl hypercare backtest -f period.yaml --prometheus http://localhost:9090 \\
    -o json | jq '.criteria[] | {name, firstMet}'
"""


class Output(StrEnum):
    """What the result is for: people, programs, a browser."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


_FILES = typer.Option(
    "--filename", "-f", metavar="FILE", help="File with the period; may hold profile and rules too. - is stdin."
)
_URL = typer.Option(metavar="URL", help="URL of Prometheus, Thanos, Mimir or VictoriaMetrics. Default: the profile's.")
_FROM = typer.Option("--from", metavar="TIME", help="Start of the window: 2026-11-14T10:00:00Z, or 7d for 7 days ago.")
_TO = typer.Option("--to", metavar="TIME", help="End of the history: as --from, or now.")
_PROFILE = typer.Option(metavar="FILE", help="File with the HypercareProfile.")
_RULES = typer.Option(metavar="FILE", help="Alert rules for alerts criteria: PrometheusRules or rule files.")
_NAMESPACE = typer.Option("--namespace", "-n", metavar="NAME", help="Namespace of the period, if its file has none.")
_STEP = typer.Option(metavar="DURATION", help="Distance of points. Default: the profile's, or 30s.")
_TIMEOUT = typer.Option(metavar="DURATION", help="Limit for each request. Default: the profile's, or 1m.")
_HEADER = typer.Option(metavar="'NAME: VALUE'", help="Sent with each request, such as 'X-Scope-OrgID: shop'.")
_TOKEN = typer.Option(metavar="FILE", help="File with a bearer token for Prometheus.")
_CA = typer.Option(metavar="FILE", help="PEM certificates to trust instead of the public ones.")
_OUTPUT = typer.Option("--output", "-o", help="What to print.")


@dataclass(frozen=True)
class BacktestArguments:
    """What was asked, as it was written."""

    files: Annotated[list[str], _FILES]
    prometheus: Annotated[str, _URL] = ""
    start: Annotated[str, _FROM] = "7d"
    end: Annotated[str, _TO] = "now"
    profile: Annotated[str, _PROFILE] = ""
    rules: Annotated[list[str] | None, _RULES] = None
    namespace: Annotated[str, _NAMESPACE] = ""
    step: Annotated[str, _STEP] = ""
    timeout: Annotated[str, _TIMEOUT] = ""
    header: Annotated[list[str] | None, _HEADER] = None
    bearer_token_file: Annotated[str, _TOKEN] = ""
    ca_file: Annotated[str, _CA] = ""
    output: Annotated[Output, _OUTPUT] = Output.TABLE
    color: ColorOption = Color.AUTO
