"""The command line of the operator: `python -m hypercare`, or `hypercare-operator` once installed.

Only what `--help` and `--version` need is imported here; Kopf and the Kubernetes client take half a second.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from hypercare import __version__
from hypercare.config import InvalidSetting, add_options, settings_from
from hypercare.drain import options as drain_options

_INTRODUCTION = """\
Hypercare protects a release for a bounded window and relaxes on evidence.

A HypercarePeriod names workloads and their release. The operator tightens alerts and raises capacity for the window,
watches exit criteria in Prometheus, relaxes step by step when they are met, and restores every value it changed.
"""
_EXAMPLES = """\
examples:
  hypercare-operator run                             in a pod, with its service account
  hypercare-operator run --kubeconfig ~/.kube/config --context staging --listen 127.0.0.1:8080
  hypercare-operator run --namespace shop --namespace billing --log-format json

what to look at while it runs:
  kubectl get hypercareperiods -A                    phase, stage, and what blocks the exit
  kubectl describe hypercareperiod NAME              conditions and events
  curl http://HOST:PORT/readyz                       also /healthz and /metrics

A flag wins over its environment variable, shown in brackets. Stop with SIGTERM or Ctrl-C; stopping and killing are both
safe at any moment: the next start goes on from what the API server holds.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 1 failed, 2 wrong use)."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        settings = settings_from(given, os.environ)
    except InvalidSetting as error:
        parser.error(str(error))
    if given.command == "drain":
        return int(import_module("hypercare.drain.command").drain(settings, given))
    return int(import_module("hypercare.assembly").serve(settings))


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="hypercare-operator", description=_INTRODUCTION, epilog=_EXAMPLES, formatter_class=form
    )
    parser.add_argument("--version", action="version", version=f"hypercare {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser(
        "run", help="run the operator until SIGTERM", description=_INTRODUCTION, epilog=_EXAMPLES, formatter_class=form
    )
    add_options(run)
    drain = commands.add_parser(
        "drain",
        help="restore everything, before an uninstall",
        description=drain_options.DESCRIPTION,
        epilog=drain_options.EXAMPLES,
        formatter_class=form,
    )
    drain_options.add_drain_options(drain)
    return parser


if __name__ == "__main__":
    sys.exit(main())
