"""What Prometheus itself says of rule files."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.programs import find_programs


def complaints(paths: Sequence[Path]) -> str:
    """What promtool says of rule files; empty when it accepts them."""
    command: list[str | Path] = [find_programs()["promtool"], "check", "rules", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
