"""The argument NAME of commands about one period: as kubectl prints names, and completed from the cluster."""

from typing import Annotated

import typer

from hypercare.cli.completing import periods
from hypercare.domain.objects import PERIODS

_KINDS = frozenset({"hcp", PERIODS.plural, PERIODS.kind.lower()})


def _bare(name: str) -> str:
    """The name in `hcp/checkout`, as kubectl prints it and many type it; the other kinds have no periods' names."""
    kind, slash, bare = name.rpartition("/")
    if not slash:
        return name
    if kind.lower().removesuffix(f".{PERIODS.group}") not in _KINDS or not bare:
        raise typer.BadParameter(f"{name!r} is not the name of a HypercarePeriod, such as checkout or hcp/checkout")
    return bare


_HELP = "Name of the HypercarePeriod; hcp/NAME is the same."
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=_HELP, autocompletion=periods, callback=_bare)]
OptionalNameArgument = Annotated[
    str, typer.Argument(metavar="[NAME]", help=_HELP, autocompletion=periods, callback=_bare)
]
