"""How a command ends without success: one line on stderr for people, an exit code for scripts.

0: done, or yes. 1: it failed, or the answer is no. 2: wrong use, or input that cannot be used. A traceback is a defect.
"""

import typer

OK = 0
NEGATIVE = 1
UNUSABLE = 2


class CommandFailed(typer.TyperException):
    """What was asked could not be done; the message says why, and where possible what to do about it."""

    exit_code = NEGATIVE


class UnusableInput(typer.TyperException):
    """A file, a field or a flag cannot be used; the message names it (`period.yaml: spec.window.duration: …`)."""

    exit_code = UNUSABLE
