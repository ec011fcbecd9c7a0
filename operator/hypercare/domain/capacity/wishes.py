"""What a claim asks of an object: more replicas, or fewer disruptions."""

from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.capacity.quantity import Quantity


class ScaleDown(StrEnum):
    """Whether what scales a target may take replicas away; the words of `selectPolicy` in autoscaling/v2."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


@dataclass(frozen=True)
class ReplicaWish:
    """A floor, as a count or relative to the original. `max_floor` is the profile's limit on it.

    No ceiling leaves the maximum alone.
    """

    floor: Quantity
    max_floor: int
    ceiling: Quantity | None = None
    scale_down: ScaleDown = ScaleDown.ENABLED


@dataclass(frozen=True)
class DisruptionWish:
    """An amount for the field of a disruption budget that is set, in the unit in which that one is written."""

    path: str
    amount: int
    unit: str = ""


Wish = ReplicaWish | DisruptionWish
