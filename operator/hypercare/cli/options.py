"""Options that several commands have, each written once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer


class Color(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Output(StrEnum):
    """For whom an answer is written: a table for people, JSON and YAML for programs."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


ColorOption = Annotated[
    Color, typer.Option("--color", help="When to use colours; auto: on a terminal, unless NO_COLOR is set.")
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="What to print.")]
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
