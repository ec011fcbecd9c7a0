"""The next step for one hold: the rules that make every changed value come back exactly, as a pure function.

A value is changed in four moves, each of which may be the last one before a crash: announce it in the hold (`pending`),
read the object, patch it under a test of its identity, version and values, read back (`confirmed`). What the object
holds then tells whose it is: a pending value has arrived and is ours; the value the patch was to replace means that it
has not, or not yet; anything else was written by somebody, whose write also made every patch of ours stale.

So an announced value is never replaced by another one while it may still arrive: the step waits it out. That is the
one rule in which time counts, and it takes a crash and a change of mind together to meet it.

The order of reading matters when two operators run at once, as when a leader was replaced without noticing. The object
is read after the hold, or the record would be held against an object that is older than itself; and a patch is sent
only after the hold was written following that reading, or it might be sent for a hold that has done its work by then.

Other writers (docs/concepts.md): a value below ours, or back at the original, is the new original, and ours returns
after a pause that doubles; a value above ours stands; a value that somebody else has applied as their own is theirs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from hypercare.domain.capacity.field_values import Absent, FieldValue, Present, json_of
from hypercare.domain.capacity.held_fields import fulfils, same, weaker
from hypercare.domain.capacity.hold import (
    Contest,
    HeldField,
    Hold,
    Idle,
    Pending,
    Uncontested,
    Untouched,
)
from hypercare.domain.capacity.kinds import HeldKind, kind_of_object
from hypercare.domain.capacity.live_object import SOMEBODY, Gone, LiveObject, Superseded
from hypercare.domain.capacity.ownership import OWN_MANAGER, RESTORING_MANAGER

SEND_WITHIN_SECONDS = 15
"""What was read or announced longer ago is not acted on: an operator that was paused reads and announces anew."""
LATE_SECONDS = 90
"""After this long an announced patch does not arrive any more: the API server gives up on a request after 60 s."""
_MAY_ARRIVE = "an earlier write may still arrive"
FIRST_PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 3600


class Release(StrEnum):
    """Why a hold goes."""

    RESTORED = "Restored"
    VOID = "Void"
    SUPERSEDED = "Superseded"


@dataclass(frozen=True)
class WriteHold:
    """Store this hold, by compare-and-swap."""

    hold: Hold


@dataclass(frozen=True)
class PatchObject:
    """Send this JSON Patch as `manager`; its tests make it fail unless the object is as it was read."""

    operations: tuple[Mapping[str, Any], ...]
    manager: str = OWN_MANAGER


@dataclass(frozen=True)
class DeleteHold:
    """The hold has done its work."""

    release: Release


@dataclass(frozen=True)
class Wait:
    """Nothing may be done for `seconds`."""

    seconds: int
    why: str


@dataclass(frozen=True)
class Settled:
    """The object is as all claims want it."""


Step = WriteHold | PatchObject | DeleteHold | Wait | Settled


def next_step(hold: Hold, live: LiveObject | Gone | Superseded, now: int, *, written: bool = False) -> Step:
    """Decide what to do next about one object, `now` in Unix seconds.

    Claims must have been validated by the caller. The step follows from what is stored and what was read alone, so any
    process may take it, in any order, after any interruption. `live` must have been read after the hold; `written`
    says that the hold is as the caller itself has stored it since.
    """
    if isinstance(live, Superseded):
        late = max((_still_late(record, now) for record in hold.fields), default=0)
        return Wait(late, _MAY_ARRIVE) if late > 0 else DeleteHold(Release.SUPERSEDED)
    if isinstance(live, Gone) or live.uid != hold.object.uid:
        return DeleteHold(Release.VOID)
    reckoned = _reckon(hold, live, now)
    if not hold.claims and all(record.at_rest for record in reckoned.fields):
        return DeleteHold(Release.RESTORED)
    if reckoned != hold:
        return WriteHold(reckoned)
    return _converge(hold, live, now, written=written)


def backing_off(hold: Hold, now: int) -> int:
    """For how many seconds the floor does not return, because somebody reverted it; 0 when nobody did lately."""
    if isinstance(hold.contest, Uncontested):
        return 0
    return max(0, min(hold.contest.until - now, LONGEST_PAUSE_SECONDS))


def lowered(record: HeldField) -> bool:
    """Whether what is announced for this field protects less than what is in effect."""
    return isinstance(record.pending, Pending) and weaker(record.path, record.pending.value, record.base)


def originals_of(hold: Hold | None, live: LiveObject) -> Mapping[str, FieldValue]:
    """The values of an object without hypercare, by path: live ones count where nothing is held."""
    return {**live.values, **{record.path: record.original for record in (hold.fields if hold else ())}}


def wanted_values(hold: Hold, live: LiveObject) -> Mapping[str, FieldValue]:
    """What all claims together want, by path."""
    return kind_of_object(hold.object).wanted(hold.claims, originals_of(hold, live))


def _reckon(hold: Hold, live: LiveObject, now: int) -> Hold:
    """Bring the record up to date with what the object holds, before anything new is decided."""
    kind, wanted = kind_of_object(hold.object), wanted_values(hold, live)
    fields = tuple(_read_back(kind, record, live, now, wanted[record.path]) for record in hold.fields)
    reverted = [record for record in hold.fields if _reverted(record, live)]
    contest = _contested(hold, reverted[0], live, now) if reverted else hold.contest
    fresh = (HeldField(path, live.values[path]) for path in kind.claimed(hold.claims, fields, live.values))
    return replace(hold, fields=kind.consistent((*fields, *fresh)), contest=contest)


def _read_back(kind: HeldKind, record: HeldField, live: LiveObject, now: int, wanted: FieldValue) -> HeldField:
    path, value = record.path, live.values[record.path]
    match record.pending:
        case Pending(announced) if _arrived(record, announced, live):
            back = same(path, value, record.original)
            return HeldField(path, record.original, Untouched() if back else value)
        case Pending(announced, at) if at > now and same(path, record.base, value):
            # The clock was set back; a time that lies ahead would make a wait as long as the step.
            return replace(record, pending=Pending(announced, now))
    if not same(path, record.base, value):
        return kind.edited(record, live)
    changing = not same(path, wanted, value)
    if not isinstance(record.confirmed, Untouched) and changing and live.appliers.get(path):
        return HeldField(path, value)
    return record


def _arrived(record: HeldField, announced: FieldValue, live: LiveObject) -> bool:
    """Whether the object holds what was announced, or what the API server, and nobody else, has made of it."""
    path, value = record.path, live.values[record.path]
    return same(path, announced, value) or (fulfils(path, value, announced) and path not in live.foreign)


def _reverted(record: HeldField, live: LiveObject) -> bool:
    """Whether somebody wrote less than ours over ours."""
    path, value = record.path, live.values[record.path]
    if isinstance(record.confirmed, Untouched):
        return False
    arrived = isinstance(record.pending, Pending) and _arrived(record, record.pending.value, live)
    return not arrived and weaker(path, value, record.confirmed)


def _contested(hold: Hold, record: HeldField, live: LiveObject, now: int) -> Contest:
    manager = live.writers.get(record.path, SOMEBODY)
    match hold.contest:
        case Contest(reverts=reverts, since=since, until=until) if now - until <= LONGEST_PAUSE_SECONDS:
            return Contest(manager, reverts + 1, since, now + _pause(reverts + 1))
        case _:
            return Contest(manager, 1, now, now + _pause(1))


def _pause(reverts: int) -> int:
    return int(min(FIRST_PAUSE_SECONDS * 2 ** min(reverts - 1, 16), LONGEST_PAUSE_SECONDS))


def _converge(hold: Hold, live: LiveObject, now: int, *, written: bool) -> Step:
    """The record is true; make one move towards what is wanted."""
    pause = backing_off(hold, now) if hold.claims else 0
    wanted = wanted_values(hold, live)
    aims = {record.path: record.base if pause else _aim(record, wanted[record.path]) for record in hold.fields}
    late = max((_late(record, aims[record.path], now) for record in hold.fields), default=0)
    if late > 0:
        return Wait(late, _MAY_ARRIVE)
    announced = hold.with_fields(_announced(record, aims[record.path], now) for record in hold.fields)
    pending = [record for record in announced.fields if isinstance(record.pending, Pending)]
    if pending and written and all(_fresh(hold.field(record.path), record, now) for record in pending):
        restoring = all(_restores(record) for record in pending)
        return PatchObject(tuple(_operations(pending, live)), RESTORING_MANAGER if restoring else OWN_MANAGER)
    if pending or announced != hold:
        return WriteHold(announced)
    return Wait(pause, "another writer reverted the value") if pause else Settled()


def _aim(record: HeldField, wanted: FieldValue) -> FieldValue:
    """What the field is to hold, in the original's own form where it is to be the original."""
    return record.original if same(record.path, wanted, record.original) else wanted


def _restores(record: HeldField) -> bool:
    """Whether what is announced is the original."""
    return isinstance(record.pending, Pending) and same(record.path, record.pending.value, record.original)


def _late(record: HeldField, aim: FieldValue, now: int) -> int:
    """For how many seconds a write that is not wanted any more may still arrive."""
    match record.pending:
        case Pending(announced) if not same(record.path, announced, aim):
            return _still_late(record, now)
        case _:
            return 0


def _still_late(record: HeldField, now: int) -> int:
    """For how many seconds what was announced may still arrive."""
    return min(record.pending.at + LATE_SECONDS - now, LATE_SECONDS) if isinstance(record.pending, Pending) else 0


def _announced(record: HeldField, aim: FieldValue, now: int) -> HeldField:
    done = fulfils(record.path, record.base, aim)
    return replace(record, pending=Idle() if done else Pending(aim, now))


def _fresh(stored: HeldField | None, wanted: HeldField, now: int) -> bool:
    match stored, wanted:
        case HeldField(pending=Pending(announced, at)), HeldField(path=path, pending=Pending(aim)):
            return same(path, announced, aim) and now - at <= SEND_WITHIN_SECONDS
        case _:
            return False


def _operations(records: Iterable[HeldField], live: LiveObject) -> Iterable[Mapping[str, Any]]:
    yield {"op": "test", "path": "/metadata/uid", "value": live.uid}
    yield {"op": "test", "path": "/metadata/resourceVersion", "value": live.resource_version}
    pending = [(record.path, record.pending) for record in records if isinstance(record.pending, Pending)]
    for path, _ in pending:
        if isinstance(before := live.values[path], Present):
            yield {"op": "test", "path": path, "value": json_of(before)}
    for path, write in pending:
        match write.value:
            case Present() as value:
                if (parent := path.rpartition("/")[0]) in live.missing:
                    yield {"op": "add", "path": parent, "value": {}}
                yield {"op": "add", "path": path, "value": json_of(value)}
            case Absent():
                yield {"op": "remove", "path": path}
