"""The program `kubectl-hypercare`, which kubectl runs as `kubectl hypercare`.

Modules of subcommands are all imported for completion and `--help`, which are felt at every key; see `deferred`.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import Annotated

import typer

from hypercare import __version__
from hypercare.cli.backtest import command as backtest
from hypercare.cli.deferred import Command, command
from hypercare.cli.doctor import command as doctor
from hypercare.cli.explain import command as explain
from hypercare.cli.failures import INTERRUPTED, OK, UNUSABLE
from hypercare.cli.init import command as init
from hypercare.cli.lint import command as lint
from hypercare.cli.list import command as listing
from hypercare.cli.report import command as report
from hypercare.cli.status import command as status
from hypercare.cli.tighten import command as tighten
from hypercare.cli.wait import command as wait
from hypercare.cli.watch import command as watch
from hypercare.cli.why import command as why

PLUGIN = "kubectl-hypercare"
SUBCOMMAND = "kubectl hypercare"
COMPLETION_VARIABLE = f"_{PLUGIN}_COMPLETE".replace("-", "_").upper()

_INTRODUCTION = """\
Hypercare protects a release for a bounded window and relaxes on evidence.

These commands show what goes on in a cluster, and try a period before it is applied. They change nothing in it.
COMMAND --help shows examples. Exit codes: 0 done, 1 failed or the answer is no, 2 wrong use, unusable input or cluster.
"""

app = typer.Typer(
    help=_INTRODUCTION,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False
) -> None:
    if version:
        typer.echo(f"hypercare {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _name, _module, _arguments in (
    ("status", status, status.StatusArguments),
    ("watch", watch, watch.WatchArguments),
    ("list", listing, listing.ListArguments),
    ("why", why, why.WhyArguments),
    ("wait", wait, wait.WaitArguments),
    ("explain", explain, explain.ExplainArguments),
    ("report", report, report.ReportArguments),
    ("init", init, init.InitArguments),
    ("lint", lint, lint.LintArguments),
    ("doctor", doctor, doctor.DoctorArguments),
    ("backtest", backtest, backtest.BacktestArguments),
    ("tighten", tighten, tighten.TightenArguments),
):
    app.command(_name, cls=Command, help=_module.HELP, short_help=_module.BRIEF)(command(_arguments, f"{_name}.run"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (see `failures`)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=given, prog_name=_program(given), complete_var=COMPLETION_VARIABLE, standalone_mode=False)
        sys.stdout.flush()
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough; what is still in the buffer must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except typer.TyperException as error:
        typer.echo(f"error: {_message(error)}", err=True)
        if error.exit_code == UNUSABLE and (path := _command_path(error)):
            typer.echo(f"See '{path} --help'.", err=True)
        return error.exit_code
    return code if isinstance(code, int) else OK


def _program(arguments: Sequence[str]) -> str:
    """What the program is called in its texts. Completion is of the file, for a shell knows no command of two words."""
    name = PurePath(sys.argv[0]).name
    completing = any(each.partition("=")[0].endswith("-completion") for each in arguments)
    return SUBCOMMAND if name.startswith(PLUGIN) and not completing else PLUGIN


def _message(error: typer.TyperException) -> str:
    """What went wrong, without the name that Python has for a value that cannot be used."""
    told = error.format_message().replace(" Value error, ", " ")
    early = told.startswith("No such option") and " " not in _command_path(error).removeprefix(SUBCOMMAND)
    return f"{told} (options of a command stand behind it: list -n shop)" if early else told


def _command_path(error: typer.TyperException) -> str:
    """The command that was used wrongly; empty where the use was right and the input was not."""
    return str(getattr(getattr(error, "ctx", None), "command_path", ""))
