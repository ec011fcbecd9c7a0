"""Options that several commands have, each written once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from hypercare.cli.completing import periods


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
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the HypercarePeriod.", autocompletion=periods)
]
OptionalNameArgument = Annotated[
    str, typer.Argument(metavar="[NAME]", help="Name of the HypercarePeriod.", autocompletion=periods)
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
