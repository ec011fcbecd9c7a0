"""How a command ends without success: one line on stderr for people, an exit code for scripts.

0: done, or yes. 1: it failed, or the answer is no. 2: wrong use, or input or a cluster that cannot be used. A traceback
is a defect. `wait` has codes of its own beside these.
"""

import typer

OK = 0
NEGATIVE = 1
UNUSABLE = 2
# As shells say it of what ^C ended.
INTERRUPTED = 130


class CommandFailed(typer.TyperException):
    """What was asked could not be done; the message says why, and where possible what to do about it."""

    exit_code = NEGATIVE


class UnusableInput(typer.TyperException):
    """A file, a field or a flag cannot be used; the message names it (`period.yaml: spec.window.duration: …`)."""

    exit_code = UNUSABLE


class ClusterFailed(typer.TyperException):
    """The API server did not do what was asked of it; the message is the server's where there is one."""

    exit_code = UNUSABLE


class NoCluster(ClusterFailed):
    """There are no usable credentials, or no server answers at their address."""


class NotThere(ClusterFailed):
    """The object, or the kind of object, does not exist."""


class NotAllowed(ClusterFailed):
    """The account may not do this."""


class NotAccepted(ClusterFailed):
    """The server refuses this very object; asking again would not help.

    `causes` are what the server says about single fields, each `(field, message)`.
    """

    def __init__(self, message: str, causes: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.causes = causes
