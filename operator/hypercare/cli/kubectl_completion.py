"""The program `kubectl_complete-hypercare`: what kubectl asks when `kubectl hypercare …` is to be completed.

kubectl passes the words after `hypercare`, the last one as far as it is typed, and reads a candidate a line, then a
line `:N` with a directive of the library that it is made with. Source: kubectl documentation, "Extend kubectl with
plugins", and cobra's `ShellCompDirective`.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from io import StringIO

from hypercare.cli.app import COMPLETION_VARIABLE, PLUGIN
from hypercare.cli.app import main as complete

_FILES, _NO_FILES = 0, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the candidates; file names are left to the shell where there are none."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    asked = {
        COMPLETION_VARIABLE: "complete_bash",
        "COMP_WORDS": shlex.join([PLUGIN, *words]),
        "COMP_CWORD": str(len(words)),
    }
    os.environ.update(asked)
    found = _captured()
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.stdout.write(f":{_NO_FILES if found else _FILES}\n")
    return 0


def _captured() -> list[str]:
    """What the completion for bash would print; it ends the program when it has."""
    text = StringIO()
    with redirect_stdout(text), suppress(SystemExit):
        complete([])
    return [line for line in text.getvalue().splitlines() if line]


if __name__ == "__main__":
    sys.exit(main())
