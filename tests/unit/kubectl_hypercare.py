"""Runs `kubectl-hypercare` as people do: the installed program, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("kubectl-hypercare")


@dataclass(frozen=True)
class Ran:
    """How it ended."""

    code: int
    out: str
    err: str


def run(*arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ran:
    """Run it to its end; without a terminal, hence without colours."""
    plain = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}
    found = subprocess.run(
        [PROGRAM, *arguments],
        input=stdin,
        env={**plain, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(found.returncode, found.stdout, found.stderr)
