"""What became of each target that a period raises, from what the watches show.

Raised means ready: a floor counts only when that many replicas of the target are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypercare.domain.capacity.held_fields import MAX_REPLICAS, MIN_REPLICAS, number
from hypercare.domain.capacity.hold import (
    Claim,
    Contest,
    HeldObject,
    Hold,
    Pending,
    Refusal,
    hold_name,
)
from hypercare.domain.capacity.hold_protocol import backing_off
from hypercare.domain.capacity.hold_recovery import is_lost
from hypercare.domain.capacity.kinds import kind_of_object
from hypercare.domain.capacity.live_object import condition_of, read_live, value_at
from hypercare.domain.capacity.quantity import full_value
from hypercare.domain.capacity.scaling import ClaimRequest, ScalingPlan
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.capacity.strictest import Range, strictest
from hypercare.domain.conditions import timestamp

Body = Mapping[str, Any]


@dataclass(frozen=True)
class CapacityView:
    """What the watches show of one namespace: holds by name, bodies, and what stands in the way, by hold."""

    holds: Mapping[str, Hold]
    autoscalers: Sequence[Body]
    workloads: Sequence[Body]
    refusals: Mapping[str, Refusal]
    now: int


@dataclass(frozen=True)
class _Readiness:
    ready: int
    reason: str
    message: str


def scaling_rows(
    plan: ScalingPlan, uid: str, view: CapacityView, remembered: Sequence[ScalingRow]
) -> tuple[ScalingRow, ...]:
    """Tell where every target stands that the period with this UID raises, has raised, or is restoring.

    `remembered` are the rows of the visit before: what is over stays in the list.
    """
    asked = {request.hold: _requested(request, view) for request in plan.requests}
    over = {
        hold_name(row.object.kind, row.object.name): _leaving(row, uid, view)
        for row in (*_left_behind(uid, view), *remembered)
    }
    return tuple({**over, **asked}.values())


def _requested(request: ClaimRequest, view: CapacityView) -> ScalingRow:
    hold = view.holds.get(request.hold)
    body = _autoscaler(view, request.object)
    original = _originals(hold, body)
    floor = strictest((request.claim,), original).floor
    readiness = _readiness(request, body, view)
    row = ScalingRow(
        target=request.target.name,
        object=request.object,
        state=ScalingState.RAISING,
        reason=readiness.reason,
        message=readiness.message,
        original=original.floor,
        applied=original.floor,
        floor=floor,
        ready=readiness.ready,
    )
    if refusal := view.refusals.get(request.hold):
        state = ScalingState.REFUSED
        return replace(_with_applied(row, hold), state=state, reason=refusal.reason, message=refusal.message)
    if hold is None or hold.claim_of(request.claim.uid) != request.claim:
        return replace(row, reason="Claiming", message="the claim is being written")
    return _claimed(_with_applied(row, hold), request.claim, hold, view)


def _claimed(row: ScalingRow, claim: Claim, hold: Hold, view: CapacityView) -> ScalingRow:
    contest = hold.contest
    if isinstance(contest, Contest) and backing_off(hold, view.now) > 0:
        message = (
            f"{contest.manager} has reverted {hold.object.kind} {hold.object.name} {_times(contest.reverts)}; "
            f"the floor returns at {timestamp(contest.until)}. Tell {contest.manager} to leave it alone: docs/gitops.md"
        )
        return _in(row, ScalingState.CONTESTED, message)
    if row.reason == ScalingState.DISABLED.value:
        return _in(row, ScalingState.DISABLED, row.message)
    if row.applied < row.floor or _being_written(hold):
        return replace(row, reason="Writing", message=f"minReplicas is going to {row.floor}")
    if row.ready < row.floor:
        return row
    limit = _limit(claim, row.original, row.floor)
    return _in(row, ScalingState.RAISED, f"{row.ready} replicas are ready, the floor is {row.floor}{limit}")


def _limit(claim: Claim, original: int, floor: int) -> str:
    """Why the floor is not what was asked for, where that is so at full strength."""
    asked = full_value(claim.floor, original)
    if claim.strength < 100 or floor >= asked:
        return ""
    limited = "the profile's limit" if floor == claim.max_floor else "maxReplicas"
    return f" ({asked} was asked for; {limited} allows {floor})"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _in(row: ScalingRow, state: ScalingState, message: str) -> ScalingRow:
    return replace(row, state=state, reason=state.value, message=message)


def _being_written(hold: Hold) -> bool:
    return any(isinstance(record.pending, Pending) for record in hold.fields)


def _with_applied(row: ScalingRow, hold: Hold | None) -> ScalingRow:
    if hold is None:
        return row
    row = replace(row, held=True)
    floor, ceiling = hold.field(MIN_REPLICAS), hold.field(MAX_REPLICAS)
    if floor is not None:
        row = replace(row, original=number(MIN_REPLICAS, floor.original), applied=number(MIN_REPLICAS, floor.base))
    if ceiling is None:
        return row
    return replace(
        row,
        original_ceiling=number(MAX_REPLICAS, ceiling.original),
        applied_ceiling=number(MAX_REPLICAS, ceiling.base),
    )


def _originals(hold: Hold | None, body: Body) -> Range:
    floor = hold.field(MIN_REPLICAS) if hold else None
    ceiling = hold.field(MAX_REPLICAS) if hold else None
    return Range(
        number(MIN_REPLICAS, floor.original if floor else value_at(body, MIN_REPLICAS)),
        number(MAX_REPLICAS, ceiling.original if ceiling else value_at(body, MAX_REPLICAS)),
    )


def _readiness(request: ClaimRequest, autoscaler: Body, view: CapacityView) -> _Readiness:
    workload = _workload(view, request)
    ready = int(workload.get("status", {}).get("readyReplicas", 0))
    active = condition_of(autoscaler, "ScalingActive")
    if active.get("reason") == ScalingState.DISABLED.value:
        name = f"{request.target.kind} {request.target.name}"
        return _Readiness(ready, ScalingState.DISABLED.value, f"{name} is scaled to zero and is not woken up")
    for condition in _hindrances(workload, autoscaler):
        return _Readiness(ready, str(condition.get("reason", "")), str(condition.get("message", "")))
    return _Readiness(ready, "WaitingForReplicas", f"{ready} replicas are ready")


def _hindrances(workload: Body, autoscaler: Body) -> Iterator[Body]:
    """Conditions that say why replicas do not come: quota and admission, a stuck rollout, a broken autoscaler."""
    for body, kind, bad in (
        (workload, "ReplicaFailure", "True"),
        (autoscaler, "AbleToScale", "False"),
        (workload, "Progressing", "False"),
    ):
        condition = condition_of(body, kind)
        if condition.get("status") == bad:
            yield condition


def _left_behind(uid: str, view: CapacityView) -> Iterator[ScalingRow]:
    """Rows for holds that carry a claim of this period, in case its status has forgotten them."""
    for hold in view.holds.values():
        if hold.claim_of(uid) is None:
            continue
        target = _autoscaler(view, hold.object).get("spec", {}).get("scaleTargetRef", {}).get("name", hold.object.name)
        yield _with_applied(ScalingRow(str(target), hold.object, ScalingState.RESTORING), hold)


def _leaving(row: ScalingRow, uid: str, view: CapacityView) -> ScalingRow:
    """A row of something the period does not ask for any more."""
    if row.over:
        return row
    name = hold_name(row.object.kind, row.object.name)
    hold = view.holds.get(name)
    row = replace(row, floor=row.original)
    if hold is None or hold.object.uid != row.object.uid:
        return _gone(row, view)
    row = _with_applied(row, hold)
    if refusal := view.refusals.get(name):
        return replace(row, state=ScalingState.RESTORING, reason=refusal.reason, message=refusal.message)
    if hold.claims and hold.claim_of(uid) is None:
        others = ", ".join(claim.period for claim in hold.claims)
        return _over(row, f"still raised for {others}")
    return _in(row, ScalingState.RESTORING, f"minReplicas is going back to {row.original}")


def _gone(row: ScalingRow, view: CapacityView) -> ScalingRow:
    """The hold is gone, so everything is as it was, or as somebody else wanted it, unless the hold was lost."""
    body = _autoscaler(view, row.object)
    if not body:
        return _over(row, f"{row.object.kind} {row.object.name} is gone")
    if is_lost(row, read_live(kind_of_object(row.object), body)):
        message = f"its hold was deleted by somebody; minReplicas is going back to {row.original}"
        return replace(_in(row, ScalingState.RESTORING, message), held=True)
    found = number(MIN_REPLICAS, value_at(body, MIN_REPLICAS))
    if found == row.original:
        return _over(row, f"minReplicas is {found} again")
    message = f"{row.object.kind} {row.object.name} keeps minReplicas {found}, as another writer set it"
    return replace(_in(row, ScalingState.DRIFTED, f"{message} (it was {row.original})"), held=False, applied=found)


def _over(row: ScalingRow, message: str) -> ScalingRow:
    restored = replace(row, held=False, applied=row.original, applied_ceiling=row.original_ceiling)
    return _in(restored, ScalingState.RESTORED, message)


def _autoscaler(view: CapacityView, held: HeldObject) -> Body:
    return next((body for body in view.autoscalers if body["metadata"]["uid"] == held.uid), {})


def _workload(view: CapacityView, request: ClaimRequest) -> Body:
    wanted = (request.target.kind, request.target.name)
    return next((body for body in view.workloads if (body.get("kind"), body["metadata"]["name"]) == wanted), {})
