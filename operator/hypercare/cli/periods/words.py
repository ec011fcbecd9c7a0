"""Words that all views share: how long ago, how long yet, and when."""

from hypercare.domain.durations import format_duration
from hypercare.domain.timestamps import timestamp

_UNITS = (86400, 3600, 60, 1)


def roughly(seconds: int) -> str:
    """A duration as people say it: the two largest units (`2d4h`, `35m10s`)."""
    for large, small in zip(_UNITS, (*_UNITS[1:], 1), strict=True):
        if seconds >= large:
            return format_duration(seconds // small * small)
    return "0s"


def ago(moment: int | None, now: int) -> str:
    """How long ago a moment was; empty where it is not known."""
    return "" if moment is None else f"{roughly(max(0, now - moment))} ago"


def since(moment: int | None, now: int) -> str:
    """For how long something has been so; empty where it is not known."""
    return "" if moment is None else f"for {roughly(max(0, now - moment))}"


def ahead(moment: int, now: int) -> str:
    """How long it takes until a moment, or that it has passed."""
    return f"in {roughly(moment - now)}" if moment > now else f"{roughly(now - moment)} ago"


def when(moment: int, now: int) -> str:
    """A moment with its distance."""
    return f"{timestamp(moment)} ({ahead(moment, now)})"


def counted(count: int, what: str) -> str:
    """A number with its noun."""
    return f"{count} {what}{'' if count == 1 else 's'}"
