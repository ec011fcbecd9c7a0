"""Rows of `status.scaling`: one per object that a period changes, has changed, or is restoring.

They are for people, they add up to what the conditions say, and they are a second memory: if somebody deletes a hold
by hand, the rows still know what was original and what was written.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from hypercare.domain.capacity.field_values import FieldValue, Present, field_value, json_of
from hypercare.domain.capacity.held_fields import change_text, flaw, is_switch, number, same, shortened, switched_on
from hypercare.domain.capacity.hold import HeldField, HeldObject
from hypercare.domain.capacity.kinds import BudgetKind, ScalerKind, held_kind, kind_called, kind_of_object
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.findings import NotRequested, Unverified, Verified

_MESSAGE_LIMIT = 512
_ROW_LIMIT = 32


class ScalingState(StrEnum):
    """Where one object stands."""

    RAISING = "Raising"
    RAISED = "Raised"
    CONTESTED = "Contested"
    DISABLED = "ScalingDisabled"
    REFUSED = "Refused"
    RESTORING = "Restoring"
    RESTORED = "Restored"
    DRIFTED = "RestoredWithDrift"
    SUPERSEDED = "Superseded"


OVER = frozenset({ScalingState.RESTORED, ScalingState.DRIFTED, ScalingState.SUPERSEDED})


@dataclass(frozen=True)
class FieldChange:
    """One field of the object: what it was, and what was written last and read back.

    Of a parent that was added only what was asked for is remembered, not what the API server made of it.
    """

    path: str
    original: FieldValue
    applied: FieldValue

    @classmethod
    def of(cls, record: HeldField) -> Self:
        """The change that a hold records."""
        return cls(record.path, record.original, shortened(record.path, record.base))

    @property
    def made(self) -> bool:
        """Whether it is another value than the original."""
        return not same(self.path, self.original, self.applied)

    def __str__(self) -> str:
        """`minReplicas 2 -> 4`."""
        return change_text(self.path, self.original, self.applied)


@dataclass(frozen=True)
class ScalingRow:
    """One changed object of a target.

    `original`, `applied` and `floor`, the one wanted at the current strength, are its floor in replicas, and `changes`
    all its fields as the hold has them. `reason` is the state, or what it is waiting for. `held` tells whether a hold
    stands behind the row now; it is not stored.
    """

    target: str
    object: HeldObject
    state: ScalingState
    reason: str = ""
    message: str = ""
    original: int = 0
    applied: int = 0
    floor: int = 0
    ready: int = 0
    changes: tuple[FieldChange, ...] = ()
    held: bool = False

    @property
    def over(self) -> bool:
        """Whether this period's part in the object is over."""
        return self.state in OVER

    @property
    def counts_replicas(self) -> bool:
        """Whether the object has a floor in replicas; a disruption budget has none."""
        return not isinstance(held_kind(self.object.api_version, self.object.kind), BudgetKind)

    def changed(self, changes: tuple[FieldChange, ...]) -> "ScalingRow":
        """The row with these changes, and the floor that they tell of."""
        kind = kind_of_object(self.object)
        row = replace(self, changes=changes)
        for change in changes:
            if isinstance(kind, ScalerKind) and change.path == kind.floor:
                original, applied = (number(kind.floor, value) for value in (change.original, change.applied))
                row = replace(row, original=original, applied=applied)
        return row


def render_rows(rows: Sequence[ScalingRow]) -> list[dict[str, Any]]:
    """Write rows as `status.scaling`; those that are over are the first to go when there are too many."""
    kept = sorted(rows, key=lambda row: row.over)[:_ROW_LIMIT]
    return [_render(row) for row in kept]


def read_rows(status: Mapping[str, Any]) -> tuple[ScalingRow, ...]:
    """Read `status.scaling` back; a row that somebody else has made unreadable is forgotten."""
    return tuple(_readable(Field("status", status).get("scaling").items()))


def scaling_lever(rows: Iterable[ScalingRow]) -> NotRequested | Verified | Unverified:
    """Say whether every target that is to be raised has at least its floor ready, and every budget is in place."""
    open_rows = [row for row in rows if not row.over and row.state is not ScalingState.RESTORING]
    if not open_rows:
        return NotRequested()
    waiting = [row for row in open_rows if row.state is not ScalingState.RAISED]
    told = "; ".join(f"{row.target}: {row.message}" for row in waiting or open_rows)
    return Unverified(waiting[0].reason, told) if waiting else Verified("Raised", told)


def unrestored(rows: Iterable[ScalingRow]) -> str:
    """Say which objects are still held for this period; empty when none is."""
    held = (row for row in rows if row.held)
    return "; ".join(f"{row.object.kind} {row.object.name} is held ({changes_text(row.changes)})" for row in held)


def changes_text(changes: Iterable[FieldChange]) -> str:
    """Changes for people: `minReplicas 2 -> 4, maxReplicas 10 -> 20`."""
    return ", ".join(str(change) for change in changes)


def drift(rows: Iterable[ScalingRow]) -> str:
    """Say which values were left for another writer; empty when none was."""
    return "; ".join(row.message for row in rows if row.state is ScalingState.DRIFTED)


def _render(row: ScalingRow) -> dict[str, Any]:
    return {
        "target": row.target,
        "kind": row.object.kind,
        "name": row.object.name,
        "uid": row.object.uid,
        **_render_replicas(row),
        "changes": [_render_change(change) for change in row.changes if change.made],
        "state": row.state.value,
        "message": row.message[:_MESSAGE_LIMIT],
    }


def _render_replicas(row: ScalingRow) -> dict[str, Any]:
    if not row.counts_replicas:
        return {}
    return {"original": row.original, "applied": row.applied, "floor": row.floor, "ready": row.ready}


def _render_change(change: FieldChange) -> dict[str, Any]:
    values = {"original": change.original}
    if not is_switch(change.path):
        values["applied"] = change.applied
    written = {name: json_of(value) for name, value in values.items() if isinstance(value, Present)}
    return {"path": change.path, **written}


def _readable(items: Iterable[Field]) -> Iterable[ScalingRow]:
    for item in items:
        try:
            yield _read(item)
        except InvalidField:
            continue


def _read(item: Field) -> ScalingRow:
    state = item.get("state").choice(ScalingState)
    kind = kind_called(item.get("kind").text())
    if kind is None:
        raise item.get("kind").error("is nothing this operator changes")
    resource = kind.resource
    name = item.get("name").text(item.get("target").text())
    held = HeldObject(resource.api_version, resource.kind, name, item.get("uid").text())
    changes = tuple(_read_change(change, kind.paths) for change in item.get("changes").items())
    row = ScalingRow(
        target=item.get("target").text(),
        object=held,
        state=state,
        reason=state.value,
        message=item.get("message").text(""),
        original=item.get("original").integer(0),
        applied=item.get("applied").integer(0),
        floor=item.get("floor").integer(0),
        ready=item.get("ready").integer(0),
    )
    return row.changed(changes)


def _read_change(field: Field, allowed: Collection[str]) -> FieldChange:
    path = field.get("path").text()
    if path not in allowed:
        raise field.get("path").error(f"{path!r} is no field this operator changes")
    original = _read_value(path, field.get("original"))
    return FieldChange(
        path, original, switched_on(path) if is_switch(path) else _read_value(path, field.get("applied"))
    )


def _read_value(path: str, field: Field) -> FieldValue:
    value = field_value(field.value if field.present else None)
    if said := flaw(path, value):
        raise field.error(said)
    return value
