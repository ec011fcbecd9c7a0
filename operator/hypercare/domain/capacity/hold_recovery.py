"""What a new hold starts with: the values as they are, or those of a hold that was deleted by hand.

A hold that is gone while its object is raised took the originals with it. The rows of the periods' statuses remember
them: if the object still holds what a row says was written, the row's original is the true one. If it holds neither
that nor the original, nobody can tell whose value it is, and it is left alone.
"""

from collections.abc import Sequence

from hypercare.domain.capacity.field_values import Present
from hypercare.domain.capacity.held_fields import MAX_REPLICAS, MIN_REPLICAS, number
from hypercare.domain.capacity.hold import HeldField, Refusal
from hypercare.domain.capacity.live_object import LiveObject
from hypercare.domain.capacity.scaling_rows import ScalingRow


def first_fields(live: LiveObject, rows: Sequence[ScalingRow]) -> tuple[HeldField, ...] | Refusal:
    """Return the records of a new hold for an object, or why there can be none.

    `rows` are those of all periods of the namespace.
    """
    raised = [row for row in rows if row.object.uid == live.uid and not row.over and row.applied != row.original]
    floor = number(MIN_REPLICAS, live.values[MIN_REPLICAS])
    for row in raised:
        if is_lost(row, live):
            return _recovered(row, live)
    if not raised or any(row.original == floor for row in raised):
        return (HeldField(MIN_REPLICAS, live.values[MIN_REPLICAS]),)
    row = raised[0]
    return Refusal(
        "HoldLost",
        f"the hold of {row.object.kind} {row.object.name} is gone, and its minReplicas {floor} is neither the original "
        f"{row.original} nor the {row.applied} that was written: set the value that should stay to {row.original}",
    )


def is_lost(row: ScalingRow, live: LiveObject) -> bool:
    """Whether the object still holds what this row says was written, and nobody has made that their own."""
    written = row.applied != row.original and row.applied == number(MIN_REPLICAS, live.values[MIN_REPLICAS])
    return row.object.uid == live.uid and not row.over and written and not live.appliers.get(MIN_REPLICAS)


def _recovered(row: ScalingRow, live: LiveObject) -> tuple[HeldField, ...]:
    floor = HeldField(MIN_REPLICAS, Present(row.original), confirmed=live.values[MIN_REPLICAS])
    ceiling = live.values[MAX_REPLICAS]
    if row.original_ceiling is None or row.applied_ceiling in (None, row.original_ceiling):
        return (floor,)
    if number(MAX_REPLICAS, ceiling) != row.applied_ceiling:
        return (floor,)
    return (floor, HeldField(MAX_REPLICAS, Present(row.original_ceiling), confirmed=ceiling))
