"""The process that stops what its owner started, once the owner is gone.

It holds the reading end of a pipe. The owner writes one line when what it started may outlive it (`up`), or keeps the
pipe open for as long as it is wanted (a test session). A pipe that closes without that line means that the owner is
gone, however it died, and everything recorded is stopped.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.processes import read, terminate

KEEP = b"keep\n"


@dataclass(frozen=True)
class Owner:
    """The pipe that keeps the recorded processes alive; whoever holds it open wants them."""

    guard: subprocess.Popen[bytes]

    def keep(self) -> None:
        """Let them outlive this process."""
        self.guard.communicate(KEEP, timeout=30)

    def release(self) -> None:
        """Have the guard stop whatever is left of them, and wait for it."""
        self.guard.communicate(b"", timeout=30)


def own(records: Path) -> Owner:
    """Become the owner of the processes that are recorded in a file, now or later."""
    command = [sys.executable, "-m", "tests.cluster.guard", str(records)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return Owner(subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True))


def main() -> None:
    """Wait for the owner's word or its end."""
    if sys.stdin.buffer.readline() != KEEP:
        terminate(read(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
