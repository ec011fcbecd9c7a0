"""What a new hold starts with: the values as they are, or those of a hold that was deleted by hand.

A hold that is gone while its object is raised took the originals with it. The rows of the periods' statuses remember
them: if the object still holds what a row says was written, the row's original is the true one. If it holds neither
that nor the original, nobody can tell whose value it is, and it is left alone.
"""

from collections.abc import Iterator, Sequence

from hypercare.domain.capacity.held_fields import change_text, fulfils, same
from hypercare.domain.capacity.hold import Claim, HeldField, HeldObject, Refusal
from hypercare.domain.capacity.kinds import kind_of_object
from hypercare.domain.capacity.live_object import LiveObject
from hypercare.domain.capacity.scaling_rows import FieldChange, ScalingRow


def first_fields(
    held: HeldObject, live: LiveObject, claims: Sequence[Claim], rows: Sequence[ScalingRow]
) -> tuple[HeldField, ...] | Refusal:
    """Return the records of a new hold for an object, or why there can be none.

    `rows` are those of all periods of the namespace.
    """
    remembered = [row for row in rows if row.object.uid == live.uid and not row.over]
    for row in remembered:
        if is_lost(row, live):
            return tuple(_recovered(row, live))
    for row in remembered:
        for change in row.changes:
            if change.made and not _explained(change, live):
                return _hold_lost(row, change)
    return tuple(HeldField(path, live.values[path]) for path in kind_of_object(held).claimed(claims, (), live.values))


def is_lost(row: ScalingRow, live: LiveObject) -> bool:
    """Whether the object still holds what this row says was written, and nobody has made that their own."""
    return row.object.uid == live.uid and not row.over and any(_recovered(row, live))


def _recovered(row: ScalingRow, live: LiveObject) -> Iterator[HeldField]:
    for change in row.changes:
        path, value = change.path, live.values.get(change.path)
        if value is None or not change.made or live.appliers.get(path):
            continue
        ours = same(path, change.applied, value) or path not in live.foreign
        if ours and fulfils(path, value, change.applied):
            yield HeldField(path, change.original, confirmed=value)


def _explained(change: FieldChange, live: LiveObject) -> bool:
    """Whether the object holds the original again, or what somebody has made their own."""
    value = live.values.get(change.path, change.original)
    applied = same(change.path, value, change.applied) and bool(live.appliers.get(change.path))
    return applied or same(change.path, value, change.original)


def _hold_lost(row: ScalingRow, change: FieldChange) -> Refusal:
    return Refusal(
        "HoldLost",
        f"the hold of {row.object.kind} {row.object.name} is gone, and its value is neither the original nor the one "
        f"that was written ({change_text(change.path, change.original, change.applied)}): set the value that should "
        "stay to the original",
    )
