"""Options that several commands have, each written once."""

from enum import StrEnum
from typing import Annotated

import typer


class Color(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


ColorOption = Annotated[
    Color, typer.Option("--color", help="When to use colours; auto: on a terminal, unless NO_COLOR is set.")
]
