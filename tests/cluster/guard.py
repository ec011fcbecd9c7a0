"""The process that stops a cluster whose owner died.

It holds the reading end of a pipe. The owner writes one line when the cluster may outlive it (`up`), or keeps the pipe
open for as long as the cluster is wanted (a test session). A pipe that closes without that line means that the owner is
gone, however it died, and everything recorded in the folder is stopped.
"""

import sys
from pathlib import Path

from tests.cluster.processes import read, terminate

KEEP = b"keep\n"


def main() -> None:
    """Wait for the owner's word or its end."""
    records = Path(sys.argv[1])
    if sys.stdin.buffer.readline() != KEEP:
        terminate(read(records))


if __name__ == "__main__":
    main()
