"""A fight over an object of ours: who changes it, how often it was written again, and how long it is left alone now.

The first changes are repaired at once; from then on each repair waits twice as long as the one before, a minute at
first and an hour at most. An hour without a change ends the fight.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypercare.domain.alerts.overlay import without_memory
from hypercare.domain.durations import format_duration

Body = Mapping[str, Any]
REPAIRS_AT_ONCE = 3
FIRST_WAIT_SECONDS = 60
LONGEST_WAIT_SECONDS = 3600


@dataclass(frozen=True)
class Wait:
    """An object is left as it is for so long, after so many repairs."""

    seconds: int
    repairs: int

    def __str__(self) -> str:
        """The time in words."""
        return format_duration(self.seconds)


@dataclass(frozen=True)
class Contest:
    """What was written last, as a digest, how often that was a repair, and when the last one was (seconds)."""

    digest: str = ""
    repairs: int = 0
    repaired_at: float = 0.0

    def wrote(self, desired: Body) -> bool:
        """Whether this very content was written before: then what differs is somebody else's change."""
        return self.digest == _digest(desired)

    def wait(self, desired: Body, now: float) -> Wait | None:
        """How long to leave the object alone; None when it is to be written now."""
        if not self.wrote(desired) or self.repairs < REPAIRS_AT_ONCE:
            return None
        pause = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(self.repairs - REPAIRS_AT_ONCE, 10))
        left = pause - (now - self.repaired_at)
        return Wait(-int(-left // 1), self.repairs) if left > 0 else None

    def written(self, desired: Body, now: float) -> "Contest":
        """What is known after a write."""
        if not self.wrote(desired):
            # A new wish: who has fought the last one may fight this one too, so the count stays.
            return replace(self, digest=_digest(desired))
        calm = now - self.repaired_at > LONGEST_WAIT_SECONDS and self.repairs
        return replace(self, repairs=1 if calm else self.repairs + 1, repaired_at=now)


def change_of(present: Body, own_manager: str) -> str:
    """Who has edited an object of ours last, by its field managers, in words."""
    managers = [each for each in present["metadata"].get("managedFields", ()) if each.get("manager") != own_manager]
    if not managers:
        return "was edited"
    newest = max(managers, key=lambda each: str(each.get("time", "")))
    return f"was edited by {newest.get('manager')}"


def _digest(desired: Body) -> str:
    return hashlib.sha256(json.dumps(without_memory(desired), sort_keys=True).encode()).hexdigest()
