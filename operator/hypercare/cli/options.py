"""Options that several commands have, each written once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from hypercare.cli.completing import periods
from hypercare.domain.objects import PERIODS

_KINDS = frozenset({"hcp", PERIODS.plural, PERIODS.kind.lower()})


class Color(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Output(StrEnum):
    """What an answer is for: people, programs, people who are programs' authors."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


ColorOption = Annotated[
    Color, typer.Option("--color", help="When to use colours; auto: on a terminal, unless NO_COLOR is set.")
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="What to print.")]


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
AllNamespacesOption = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Look into all namespaces.")]


@dataclass(frozen=True, kw_only=True)
class ClusterArguments:
    """Which cluster and which namespace, as kubectl is told it."""

    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace. Default: the context's.")
    ] = ""
    context: Annotated[
        str, typer.Option(metavar="NAME", help="Context of the kubeconfig. Default: the current one.")
    ] = ""
    kubeconfig: Annotated[
        str, typer.Option(metavar="FILE", help="Default: as kubectl, $KUBECONFIG or ~/.kube/config.")
    ] = ""
    color: ColorOption = Color.AUTO
