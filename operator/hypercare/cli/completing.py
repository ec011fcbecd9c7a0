"""Names for shell completion, asked of the cluster only when somebody presses the key."""

from importlib import import_module

import typer


def periods(context: typer.Context, incomplete: str) -> list[str]:
    """The periods of the namespace whose names begin like this; none where the cluster does not tell."""
    found: list[str] = import_module("hypercare.cli.completed").period_names(context.params)
    return [name for name in found if name.startswith(incomplete)]
