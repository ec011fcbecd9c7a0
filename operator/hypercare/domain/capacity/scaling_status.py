"""What became of each object that a period changes for more capacity, from what the watches show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.capacity.capacity_objects import Body, CapacityObjects
from hypercare.domain.capacity.held_fields import number, weaker
from hypercare.domain.capacity.hold import Claim, Contest, HeldObject, Hold, Pending, Refusal, hold_name
from hypercare.domain.capacity.hold_protocol import backing_off, originals_of
from hypercare.domain.capacity.hold_recovery import is_lost
from hypercare.domain.capacity.kinds import ScalerKind, kind_of_object
from hypercare.domain.capacity.live_object import read_live
from hypercare.domain.capacity.quantity import full_value
from hypercare.domain.capacity.readiness import DISABLED, WAITING, Readiness, explained, readiness_of
from hypercare.domain.capacity.scalers import superseding
from hypercare.domain.capacity.scaling import ClaimRequest, ScalingPlan
from hypercare.domain.capacity.scaling_rows import FieldChange, ScalingRow, ScalingState, changes_text
from hypercare.domain.capacity.wishes import ReplicaWish
from hypercare.domain.timestamps import timestamp


@dataclass(frozen=True)
class CapacityView:
    """What is known of one namespace: holds by name, bodies, and what stands in the way, by hold.

    `events` are those of pods and what makes them, where they were looked at; `now` is in Unix seconds.
    """

    holds: Mapping[str, Hold]
    objects: CapacityObjects
    refusals: Mapping[str, Refusal]
    now: int
    events: Sequence[Body] = ()


def scaling_rows(
    plan: ScalingPlan, uid: str, view: CapacityView, remembered: Sequence[ScalingRow]
) -> tuple[ScalingRow, ...]:
    """Tell where every object stands that the period with this UID changes, has changed, or is restoring.

    `remembered` are the rows of the visit before: what is over stays in the list.
    """
    asked = {request.hold: _requested(request, view) for request in plan.requests}
    over = {
        hold_name(row.object.kind, row.object.name): _leaving(row, uid, view)
        for row in (*_left_behind(uid, view), *remembered)
    }
    return tuple({**over, **asked}.values())


def highest_floor(row: ScalingRow, claim: Claim | None, objects: CapacityObjects) -> int:
    """The floor that a claim asks for, given the originals of its object; without one, the highest that is known."""
    kind, highest = kind_of_object(row.object), max(row.original, row.applied)
    body = _body(objects, row.object)
    if claim is None or not body or not isinstance(kind, ScalerKind):
        return highest
    originals = {**read_live(kind, body).values, **{change.path: change.original for change in row.changes}}
    return number(kind.floor, kind.wanted((claim,), originals)[kind.floor])


def _requested(request: ClaimRequest, view: CapacityView) -> ScalingRow:
    hold = view.holds.get(request.hold)
    body = _body(view.objects, request.object)
    row = ScalingRow(request.target.name, request.object, ScalingState.RAISING)
    row = _with_changes(row, hold)
    readiness = Readiness(0, "", "")
    if isinstance(request.claim.wish, ReplicaWish):
        row = _with_floor(row, request.claim, hold, body)
        readiness = readiness_of(request.target, body, request.object, view.objects)
        if readiness.reason == WAITING:
            readiness = explained(readiness, request.target, view.events, view.now)
        row = replace(row, ready=readiness.ready)
    if refusal := view.refusals.get(request.hold):
        return replace(row, state=ScalingState.REFUSED, reason=refusal.reason, message=refusal.message)
    if hold is None or hold.claim_of(request.claim.uid) != request.claim:
        return replace(row, reason="Claiming", message="the claim is being written")
    if isinstance(hold.contest, Contest) and backing_off(hold, view.now) > 0:
        return _in(row, ScalingState.CONTESTED, _contested(row, hold.contest))
    if readiness.reason == DISABLED:
        return _in(row, ScalingState.DISABLED, readiness.message)
    if not body or not _in_effect(request.claim, hold, body):
        return replace(row, reason="Writing", message=f"{_names(row)} is being written")
    return _written(row, request.claim, readiness)


def _contested(row: ScalingRow, contest: Contest) -> str:
    return (
        f"{contest.manager} has reverted {_names(row)} {_times(contest.reverts)}; it is raised again at "
        f"{timestamp(contest.until)}. Tell {contest.manager} to leave it alone: docs/gitops.md"
    )


def _in_effect(claim: Claim, hold: Hold, body: Body) -> bool:
    """Whether the hold says that everything this claim asks for has been written and read back."""
    kind = kind_of_object(hold.object)
    live = read_live(kind, body)
    wanted = kind.wanted((claim,), originals_of(hold, live))
    missing = any(kind.claimed((claim,), hold.fields, live.values))
    weak = any(weaker(record.path, record.base, wanted[record.path]) for record in hold.fields)
    return not missing and not weak and not any(isinstance(record.pending, Pending) for record in hold.fields)


def _written(row: ScalingRow, claim: Claim, readiness: Readiness) -> ScalingRow:
    if not isinstance(claim.wish, ReplicaWish):
        return _in(row, ScalingState.RAISED, changes_text(row.changes))
    if row.ready < row.floor:
        return replace(row, reason=readiness.reason, message=readiness.message)
    limit = _limit(claim.strength, claim.wish, row.original, row.floor)
    return _in(row, ScalingState.RAISED, f"{row.ready} replicas are ready, the floor is {row.floor}{limit}")


def _names(row: ScalingRow) -> str:
    return f"{row.object.kind} {row.object.name}"


def _limit(strength: int, wish: ReplicaWish, original: int, floor: int) -> str:
    """Why the floor is not what was asked for, where that is so at full strength."""
    asked = full_value(wish.floor, original)
    if strength < 100 or floor >= asked:
        return ""
    limited = "the profile's limit" if floor == wish.max_floor else "the maximum"
    return f" ({asked} was asked for; {limited} allows {floor})"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _in(row: ScalingRow, state: ScalingState, message: str) -> ScalingRow:
    return replace(row, state=state, reason=state.value, message=message)


def _with_changes(row: ScalingRow, hold: Hold | None) -> ScalingRow:
    """What the hold says of the object, as far as there is one."""
    if hold is None:
        return row
    return replace(row, held=True).changed(tuple(FieldChange.of(record) for record in hold.fields))


def _with_floor(row: ScalingRow, claim: Claim, hold: Hold | None, body: Body) -> ScalingRow:
    """The floor that this claim alone asks for; without a hold, of the object as it is."""
    kind = kind_of_object(row.object)
    if not isinstance(kind, ScalerKind) or not body:
        return row
    originals = originals_of(hold, read_live(kind, body))
    original = number(kind.floor, originals[kind.floor])
    floor = number(kind.floor, kind.wanted((claim,), originals)[kind.floor])
    applied = row.applied if hold is not None and hold.field(kind.floor) is not None else original
    return replace(row, original=original, applied=applied, floor=floor)


def _left_behind(uid: str, view: CapacityView) -> Iterator[ScalingRow]:
    """Rows for holds that carry a claim of this period, in case its status has forgotten them."""
    for hold in view.holds.values():
        if hold.claim_of(uid) is None:
            continue
        scaled = _body(view.objects, hold.object).get("spec", {}).get("scaleTargetRef", {})
        target = str(scaled.get("name", hold.object.name))
        yield _with_changes(ScalingRow(target, hold.object, ScalingState.RESTORING), hold)


def _leaving(row: ScalingRow, uid: str, view: CapacityView) -> ScalingRow:
    """A row of something the period does not ask for any more."""
    if row.over:
        return row
    name = hold_name(row.object.kind, row.object.name)
    hold = view.holds.get(name)
    row = replace(row, floor=row.original)
    if hold is None or hold.object.uid != row.object.uid:
        return _gone(row, view)
    row = _with_changes(row, hold)
    if refusal := view.refusals.get(name):
        return replace(row, state=ScalingState.RESTORING, reason=refusal.reason, message=refusal.message)
    if hold.claims and hold.claim_of(uid) is None:
        others = ", ".join(claim.period for claim in hold.claims)
        return _over(row, f"still raised for {others}")
    return _in(row, ScalingState.RESTORING, f"{_names(row)} is going back ({changes_text(row.changes)})")


def _gone(row: ScalingRow, view: CapacityView) -> ScalingRow:
    """The hold is gone, so everything is as it was, or as somebody else wanted it, unless the hold was lost."""
    body = _body(view.objects, row.object)
    if not body:
        return _over(row, f"{_names(row)} is gone")
    if scaler := superseding(row.object, view.objects):
        message = f"{_names(row)} is scaled by {scaler} now: its replicas were left as they are"
        return _in(replace(row, held=False), ScalingState.SUPERSEDED, message)
    live = read_live(kind_of_object(row.object), body)
    if is_lost(row, live):
        message = f"its hold was deleted by somebody; it is going back ({changes_text(row.changes)})"
        return replace(_in(row, ScalingState.RESTORING, message), held=True)
    found = tuple(replace(change, applied=live.values.get(change.path, change.original)) for change in row.changes)
    if not any(change.made for change in found):
        return _over(row, f"{_names(row)} is as it was")
    message = f"{_names(row)} keeps what another writer set ({changes_text(change for change in found if change.made)})"
    return _in(replace(row.changed(found), held=False), ScalingState.DRIFTED, message)


def _over(row: ScalingRow, message: str) -> ScalingRow:
    restored = tuple(replace(change, applied=change.original) for change in row.changes)
    return _in(replace(row, held=False, applied=row.original, changes=restored), ScalingState.RESTORED, message)


def _body(objects: CapacityObjects, held: HeldObject) -> Body:
    bodies = objects.all(kind_of_object(held).resource)
    return next((body for body in bodies if body["metadata"]["uid"] == held.uid), {})
