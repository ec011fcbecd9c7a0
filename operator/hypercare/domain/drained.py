"""What has become of everything that hypercare had changed or made, when it was drained."""

from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.objects import ObjectRef


class Fate(StrEnum):
    """What has become of an object."""

    RESTORED = "Restored"
    KEPT = "Kept"
    GONE = "Gone"
    REMOVED = "Removed"
    LEFT = "Left"


@dataclass(frozen=True)
class Drained:
    """One object that was changed or made, and what has become of it, with a message for people where there is one."""

    ref: ObjectRef
    fate: Fate
    message: str = ""


@dataclass(frozen=True)
class Result:
    """The end of a drain. `still_until` (Unix seconds) is 0 where no operator could be told, and remarks say why."""

    drained: tuple[Drained, ...]
    still_until: int
    remarks: tuple[str, ...]

    def of(self, fate: Fate) -> tuple[Drained, ...]:
        """What had this fate, in the order of the objects."""
        return tuple(sorted((each for each in self.drained if each.fate is fate), key=lambda each: each.ref))
