"""The states of the world in which one hold lives: the hold, its object, the processes, and what may still happen.

Holds are numbered, and what the code decides about them is remembered, as the same is asked in many states.
"""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

from hypercare.domain.capacity.field_values import Present
from hypercare.domain.capacity.held_fields import MIN_REPLICAS
from hypercare.domain.capacity.hold import HeldField, HeldObject, Hold
from hypercare.domain.capacity.hold_protocol import (
    Step,
    next_step,
)
from hypercare.domain.capacity.live_object import Gone, LiveObject
from hypercare.domain.capacity.quantity import Count
from tests.unit.scaled import OBJECT, claim, live

ORIGINAL, RECREATED, MAXIMUM = 2, 3, 10
GITOPS = "argocd"
CLAIMS = {
    "a": claim("a", Count(4)),
    "a at half": claim("a", Count(4), strength=50),
    "a created anew": replace(claim("a", Count(5)), uid="uid-of-another-a"),
    "b": claim("b", Count(6)),
    "b weaker than a": claim("b", Count(3)),
}
Script = tuple[str, ...]
"""Names of the claims of one period, one after the other; after the last one it ends."""


class Thing(NamedTuple):
    """The object: its floor (0 when it does not exist), which one of its name it is, who applies its floor."""

    floor: int = ORIGINAL
    uid: int = 1
    applied: bool = True


NOTHING = 0
"""The floor of an object that does not exist."""


class Operator(NamedTuple):
    """What one process has read, the hold first; a copy is fresh until somebody else writes what it is a copy of."""

    record: int
    hold_fresh: bool = True
    seen: tuple[Thing, ...] = ()
    seen_fresh: bool = False
    written: bool = False


class World(NamedTuple):
    """The cluster, what is on its way to it, and the processes that are in the middle of something, in no order.

    What is left to happen: `edits` by a user, one of these values once; `applies` of one of the `manifests`, by force;
    `recreations` of the object; `losses` of an answer or a process. With `slow` a hold is created some time after the
    object was read for it.

    `record` is the number of the hold, 0 for none; `users` is the value that somebody else last wrote; `claiming` are
    the claims of the periods that have not ended; `opening` those for which a hold is about to be created, with the
    object as it was read for that.
    """

    idle: int
    scripts: tuple[Script, ...]
    edits: tuple[int, ...] = ()
    manifests: tuple[int, ...] = (ORIGINAL,)
    applies: int = 0
    recreations: int = 0
    losses: int = 0
    slow: bool = False
    record: int = 0
    thing: Thing = Thing()
    users: int = ORIGINAL
    busy: tuple[Operator, ...] = ()
    claiming: frozenset[str] = frozenset()
    opening: frozenset[tuple[str, Thing]] = frozenset()
    flying: frozenset[int] = frozenset()
    now: int = 0

    @property
    def hold(self) -> Hold | None:
        return _holds[self.record]


_holds: list[Hold | None] = [None]
_numbers: dict[Hold | None, int] = {None: 0}


def number_of(hold: Hold | None) -> int:
    """A number for each hold there ever was: states with small numbers compare much faster."""
    if hold not in _numbers:
        _numbers[hold] = len(_holds)
        _holds.append(hold)
    return _numbers[hold]


def hold_of(number: int) -> Hold | None:
    """The hold with that number."""
    return _holds[number]


@cache
def uid_of(number: int) -> str:
    return f"uid-{number}"


@cache
def read(thing: Thing) -> LiveObject | Gone:
    if thing.floor == NOTHING:
        return Gone()
    return live(thing.floor, MAXIMUM, uid=uid_of(thing.uid), writer=GITOPS, appliers=(GITOPS,) if thing.applied else ())


@cache
def decided(record: int, thing: Thing, now: int, written: bool) -> Step:
    hold = _holds[record]
    assert hold is not None
    return next_step(hold, read(thing), now, written=written)


@cache
def opened(name: str, thing: Thing) -> int:
    """A new hold, with the value that was read as the original."""
    held = HeldObject(OBJECT.api_version, OBJECT.kind, OBJECT.name, uid_of(thing.uid))
    return number_of(Hold(held, (CLAIMS[name],), (HeldField(MIN_REPLICAS, Present(thing.floor)),)))


@cache
def claimed(record: int, name: str) -> int:
    hold = _holds[record]
    return number_of(hold and hold.with_claim(CLAIMS[name]))


@cache
def dropped(record: int, uid: str) -> int:
    hold = _holds[record]
    return number_of(hold and hold.without_claim(uid))


@cache
def dead(record: int, claiming: frozenset[str]) -> tuple[str, ...]:
    """The UIDs of the periods that have ended and whose claims are still in the hold."""
    hold = _holds[record]
    living = {CLAIMS[name].uid for name in claiming}
    return tuple(each.uid for each in hold.claims if each.uid not in living) if hold else ()


@cache
def is_for(record: int, uid: int) -> bool:
    """Whether the hold is about the object that now has the name."""
    hold = _holds[record]
    return hold is not None and hold.object.uid == uid_of(uid)
