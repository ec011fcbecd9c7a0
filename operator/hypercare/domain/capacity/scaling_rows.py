"""Rows of `status.scaling`: one per target that a period raises, has raised, or is restoring.

They are for people, they add up to what the conditions say, and they are a second memory: if somebody deletes a hold
by hand, the rows still know what was original and what was written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hypercare.domain.capacity.hold import HeldObject
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.findings import NotRequested, Unverified, Verified
from hypercare.domain.objects import AUTOSCALERS

_MESSAGE_LIMIT = 512
_ROW_LIMIT = 32


class ScalingState(StrEnum):
    """Where one target stands."""

    RAISING = "Raising"
    RAISED = "Raised"
    CONTESTED = "Contested"
    DISABLED = "ScalingDisabled"
    REFUSED = "Refused"
    RESTORING = "Restoring"
    RESTORED = "Restored"
    DRIFTED = "RestoredWithDrift"


OVER = frozenset({ScalingState.RESTORED, ScalingState.DRIFTED})


@dataclass(frozen=True)
class ScalingRow:
    """One target. Replica counts throughout; ceilings are None where the maximum is not held.

    `floor` is wanted at the current strength, `original` and `applied` are the hold's. `reason` is the state, or what
    it is waiting for. `held` tells whether a hold stands behind the row now; it is not stored.
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
    original_ceiling: int | None = None
    applied_ceiling: int | None = None
    held: bool = False

    @property
    def over(self) -> bool:
        """Whether this period's part in the object is over."""
        return self.state in OVER


def render_rows(rows: Sequence[ScalingRow]) -> list[dict[str, Any]]:
    """Write rows as `status.scaling`; those that are over are the first to go when there are too many."""
    kept = sorted(rows, key=lambda row: row.over)[:_ROW_LIMIT]
    return [_render(row) for row in kept]


def read_rows(status: Mapping[str, Any]) -> tuple[ScalingRow, ...]:
    """Read `status.scaling` back; a row that somebody else has made unreadable is forgotten."""
    return tuple(_readable(Field("status", status).get("scaling").items()))


def scaling_lever(rows: Iterable[ScalingRow]) -> NotRequested | Verified | Unverified:
    """Say whether every target that is to be raised has at least its floor ready."""
    open_rows = [row for row in rows if not row.over and row.state is not ScalingState.RESTORING]
    if not open_rows:
        return NotRequested()
    waiting = [row for row in open_rows if row.state is not ScalingState.RAISED]
    told = "; ".join(f"{row.target}: {row.message}" for row in waiting or open_rows)
    return Unverified(waiting[0].reason, told) if waiting else Verified("Raised", told)


def unrestored(rows: Iterable[ScalingRow]) -> str:
    """Say which objects are still held for this period; empty when none is."""
    held = (row for row in rows if row.held)
    return "; ".join(f"{row.object.kind} {row.object.name} is held, its minReplicas was {row.original}" for row in held)


def drift(rows: Iterable[ScalingRow]) -> str:
    """Say which values were left for another writer; empty when none was."""
    return "; ".join(row.message for row in rows if row.state is ScalingState.DRIFTED)


def _render(row: ScalingRow) -> dict[str, Any]:
    ceilings = {"originalCeiling": row.original_ceiling, "appliedCeiling": row.applied_ceiling}
    return {
        "target": row.target,
        "kind": row.object.kind,
        "name": row.object.name,
        "uid": row.object.uid,
        "original": row.original,
        "applied": row.applied,
        "floor": row.floor,
        "ready": row.ready,
        **{name: value for name, value in ceilings.items() if value is not None},
        "state": row.state.value,
        "message": row.message[:_MESSAGE_LIMIT],
    }


def _readable(items: Iterable[Field]) -> Iterable[ScalingRow]:
    for item in items:
        try:
            yield _read(item)
        except InvalidField:
            continue


def _read(item: Field) -> ScalingRow:
    state = item.get("state").choice(ScalingState)
    ceilings = [item.get(name) for name in ("originalCeiling", "appliedCeiling")]
    original_ceiling, applied_ceiling = (field.integer() if field.present else None for field in ceilings)
    return ScalingRow(
        target=item.get("target").text(),
        object=HeldObject(
            AUTOSCALERS.api_version, item.get("kind").text(), item.get("name").text(), item.get("uid").text()
        ),
        state=state,
        reason=state.value,
        message=item.get("message").text(""),
        original=item.get("original").integer(),
        applied=item.get("applied").integer(),
        floor=item.get("floor").integer(),
        ready=item.get("ready").integer(0),
        original_ceiling=original_ceiling,
        applied_ceiling=applied_ceiling,
    )
