"""Findings for people, in the form that editors and CI systems make clickable, and for programs."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from hypercare.cli.lint.findings import Finding, Severity
from hypercare.cli.periods.printable import printable
from hypercare.cli.periods.words import counted

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


def print_findings(found: Sequence[Finding], objects: int, shown: Console) -> None:
    """One line each, the fix below, and a summary."""
    for each in found:
        where = f"{printable(each.file)}:{each.place.line}:{each.place.column}: "
        path = f"{each.path}: " if each.path else ""
        told = printable(f"{path}{each.message}")
        line = Text.assemble(
            (where, "bold"), (f"{each.severity}: ", _STYLES[each.severity]), told, (f" ({each.rule})", "dim")
        )
        shown.print(line, soft_wrap=True)
        if each.fix:
            shown.print(Text.assemble("    ", ("fix: ", "bold"), printable(each.fix)), soft_wrap=True)
    errors = sum(each.severity is Severity.ERROR for each in found)
    warnings = len(found) - errors
    summary = f"{counted(objects, 'object')} checked: {counted(errors, 'error')}, {counted(warnings, 'warning')}"
    shown.print(Text(summary, "bold red" if errors else "yellow" if warnings else "green"))


def finding_object(each: Finding) -> dict[str, Any]:
    """One finding, for programs."""
    return {
        "file": each.file,
        "line": each.place.line,
        "column": each.place.column,
        "severity": each.severity.value,
        "rule": each.rule,
        "object": each.subject,
        "path": each.path,
        "message": each.message,
        "fix": each.fix,
    }
