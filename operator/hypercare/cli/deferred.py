"""From the arguments of a command to its work, whose imports cost nothing until then.

In the package of each command, `command` declares arguments and help and nothing else, for completion and `--help`
import them all. The work is the function `run` of the module `run` beside it, which takes the arguments as one value
and returns the exit code.
"""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand


def perform(module: str, arguments: object) -> None:
    """Call `run(arguments)` of a module of `hypercare.cli`, and end with the exit code that it returns."""
    raise typer.Exit(int(import_module(f"hypercare.cli.{module}").run(arguments)))


class Command(TyperCommand):
    """A command whose usage is written as kubectl writes it: `status NAME`, `watch [NAME]`, where Typer adds braces."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # its type has no public name
        """Options, then the metavar of each argument, which says itself whether it may be left out or repeated."""
        arguments = (each for each in self.get_params(ctx) if isinstance(each, TyperArgument))
        return ["[OPTIONS]", *(each.metavar or each.name for each in arguments)]


def command(arguments: Callable[..., object], module: str) -> Callable[..., None]:
    """A command for Typer whose options are the fields of a dataclass, each `Annotated` with its `typer.Option`."""

    def called(**given: object) -> None:
        perform(module, arguments(**given))

    # Typer makes the options from the signature of the function that it is given.
    called.__setattr__("__signature__", inspect.signature(arguments))
    return called
