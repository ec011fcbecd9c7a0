"""From the arguments of a command to its work, whose imports cost nothing until then.

The module of a command (`backtest`) declares arguments, examples and nothing else, for completion and `--help` import
it. Its work is the function `run` of a module of its own (`backtest_run`), which takes the arguments as one value and
returns the exit code.
"""

from importlib import import_module

import typer


def perform(module: str, arguments: object) -> None:
    """Call `run(arguments)` of a module of `hypercare.cli`, and end with the exit code that it returns."""
    raise typer.Exit(int(import_module(f"hypercare.cli.{module}").run(arguments)))
