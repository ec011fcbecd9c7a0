"""Every order in which things can happen to one hold, explored exhaustively.

Two periods claim, relax and end; a user edits the object; two operators run, as when a leader was replaced without
noticing; each can die at any point; a patch can be sent without its answer being seen, and arrive at any later time
until the API server would have given it up. Versions are modelled by what they are for: a write makes every copy that
was read before, and every patch that was made from such a copy, stale.

Checked in every state: without a hold, the object holds what the user last wanted and nothing is under way to change
that; where an operator is content, the strictest claim is in effect; and the end can be reached from everywhere.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import pytest

from hypercare.domain.capacity.field_values import Present
from hypercare.domain.capacity.held_fields import MIN_REPLICAS
from hypercare.domain.capacity.hold import HeldField, Hold
from hypercare.domain.capacity.hold_protocol import (
    DeleteHold,
    PatchObject,
    Settled,
    Step,
    Wait,
    WriteHold,
    next_step,
)
from hypercare.domain.capacity.quantity import Count
from hypercare.domain.capacity.strictest import Range, strictest
from tests.unit.scaled import OBJECT, claim, live

ORIGINAL, MAXIMUM = 2, 10
CLAIMS = {
    "a": claim("a", Count(4)),
    "a at half": claim("a", Count(4), strength=50),
    "b": claim("b", Count(6)),
}
Script = tuple[str, ...]
"""Names of the claims of one period, one after the other; after the last one it ends."""


class Operator(NamedTuple):
    """What one process has read, the hold first; a copy is fresh until somebody else writes what it is a copy of."""

    record: int
    hold_fresh: bool = True
    floor: int = 0
    floor_fresh: bool = False
    written: bool = False


class World(NamedTuple):
    """The cluster, what is on its way to it, and the processes that are in the middle of a visit, in no order.

    `record` is the number of the hold, 0 for none; `users` is the value the user last wanted; `claiming` are the
    periods that have not ended, by UID.
    """

    idle: int
    scripts: tuple[Script, ...]
    edits: tuple[int, ...]
    losses: int
    record: int = 0
    floor: int = ORIGINAL
    users: int = ORIGINAL
    busy: tuple[Operator, ...] = ()
    claiming: frozenset[str] = frozenset()
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


@cache
def decided(record: int, floor: int, now: int, written: bool) -> Step:
    hold = _holds[record]
    assert hold is not None
    return next_step(hold, live(floor, MAXIMUM), now, written=written)


@cache
def edited(record: int, name: str, floor: int) -> int:
    """The hold with that claim, created with the present value as the original where there is none."""
    hold = _holds[record] or Hold(OBJECT, (), (HeldField(MIN_REPLICAS, Present(floor)),))
    return number_of(hold.with_claim(CLAIMS[name]))


@cache
def ended(record: int, uid: str) -> int:
    hold = _holds[record]
    return number_of(hold and hold.without_claim(uid))


def with_hold(world: World, record: int) -> World:
    """A write of the hold by somebody who is not busy."""
    return world._replace(record=record, busy=ordered(one._replace(hold_fresh=False) for one in world.busy))


def with_floor(world: World, floor: int) -> World:
    """A write of the object by such; one that changes nothing is none, as in Kubernetes."""
    if floor == world.floor:
        return world
    stale = ordered(one._replace(floor_fresh=False) for one in world.busy)
    return world._replace(floor=floor, busy=stale, flying=frozenset())


def without(world: World, operator: Operator) -> World:
    """The world when this operator has ended its visit, or died and was started again."""
    others = list(world.busy)
    others.remove(operator)
    return world._replace(busy=tuple(others), idle=world.idle + 1)


def joined(world: World, operator: Operator) -> World:
    return world._replace(busy=ordered((*world.busy, operator)), idle=world.idle - 1)


def ordered(operators: Iterable[Operator]) -> tuple[Operator, ...]:
    return tuple(sorted(operators))


def successors(world: World) -> Iterator[World]:
    yield from periods_act(world)
    for value in world.edits:
        if value != world.floor:
            yield with_floor(world, value)._replace(users=value, edits=())
    for value in world.flying:
        yield with_floor(world, value)
    if world.flying:
        yield world._replace(flying=frozenset())
    if world.idle and world.record:
        yield joined(world, Operator(world.record))
    for operator in dict.fromkeys(world.busy):
        yield from operator_acts(without(world, operator), operator)


def periods_act(world: World) -> Iterator[World]:
    for index, script in enumerate(world.scripts):
        if script:
            rest = (*world.scripts[:index], script[1:], *world.scripts[index + 1 :])
            claiming = world.claiming | {CLAIMS[script[0]].uid}
            claimed = with_hold(world, edited(world.record, script[0], world.floor))
            yield claimed._replace(scripts=rest, claiming=claiming)
    for uid in world.claiming:
        if all(CLAIMS[script[0]].uid != uid for script in world.scripts if script):
            yield with_hold(world, ended(world.record, uid))._replace(claiming=world.claiming - {uid})


def operator_acts(world: World, operator: Operator) -> Iterator[World]:
    """What one operator may do; `world` is the rest of the world."""
    if world.losses:
        yield world._replace(losses=world.losses - 1)
    if not operator.floor:
        yield joined(world, operator._replace(floor=world.floor, floor_fresh=True))
        return
    step = decided(operator.record, operator.floor, world.now, operator.written)
    match step:
        case WriteHold(hold) if operator.hold_fresh:
            record = number_of(hold)
            yield joined(with_hold(world, record), operator._replace(record=record, written=True))
        case DeleteHold() if operator.hold_fresh:
            yield with_hold(world, 0)
        case PatchObject(operations) if operator.floor_fresh:
            yield from patch_sent(world, operator, int(operations[-1]["value"]))
        case Wait(seconds) if operator.hold_fresh and not world.flying:
            yield world
            yield after(world, seconds)
        case _:
            yield world


def after(world: World, seconds: int) -> World:
    """Time passes; whoever read the object before does not act on that any more."""
    acting = tuple(one for one in world.busy if not one.floor)
    return world._replace(busy=acting, idle=world.idle + len(world.busy) - len(acting), now=world.now + seconds)


def patch_sent(world: World, operator: Operator, value: int) -> Iterator[World]:
    yield joined(with_floor(world, value), operator._replace(floor=value))
    if world.losses:
        silent = world._replace(losses=world.losses - 1)
        yield with_floor(silent, value)
        yield silent._replace(flying=world.flying | {value})


def checked(world: World) -> None:
    if world.hold is None:
        assert world.floor == world.users, f"an original was lost: {world}"
        assert not world.flying, f"a write is under way that nothing knows of: {world}"
    elif isinstance(decided(world.record, world.floor, world.now, False), Settled):
        wanted = strictest(world.hold.claims, Range(world.users, MAXIMUM))
        assert world.floor == wanted.floor, f"content with the wrong value: {world}"


def explored(start: World) -> dict[World, tuple[World, ...]]:
    graph: dict[World, tuple[World, ...]] = {}
    waiting = deque([start])
    while waiting:
        world = waiting.popleft()
        if world in graph:
            continue
        checked(world)
        graph[world] = tuple(successors(world))
        waiting.extend(graph[world])
    return graph


def over(world: World) -> bool:
    return world.record == 0 and not any(world.scripts) and not world.claiming


def stuck(graph: dict[World, tuple[World, ...]]) -> set[World]:
    """Worlds from which the end cannot be reached."""
    before: dict[World, list[World]] = {world: [] for world in graph}
    for world, nexts in graph.items():
        for following in nexts:
            before[following].append(world)
    reaching = {world for world in graph if over(world)}
    waiting = deque(reaching)
    while waiting:
        for world in before[waiting.popleft()]:
            if world not in reaching:
                reaching.add(world)
                waiting.append(world)
    return set(graph) - reaching


@pytest.mark.parametrize(
    ("scripts", "operators", "edits", "losses"),
    [
        pytest.param(
            (("a", "a at half"), ("b",)), 1, (), 2, id="two crashes or lost answers while two periods overlap"
        ),
        pytest.param((("a", "a at half"), ("b",)), 1, (1, 2, 5, 9), 1, id="a user's edit of any kind and a crash"),
        pytest.param((("a",), ("b",)), 2, (), 1, id="two operators at once and a crash while two periods overlap"),
        pytest.param((("a",),), 2, (1, 9), 1, id="two operators at once, a user's edit and a crash"),
    ],
)
def test_nothing_that_can_happen_loses_an_original(
    scripts: tuple[Script, ...], operators: int, edits: tuple[int, ...], losses: int
) -> None:
    graph = explored(World(operators, scripts, edits, losses))
    assert any(over(world) for world in graph)
    assert any(world.flying for world in graph)
    assert {4, 6} & {world.floor for world in graph}, "nothing was ever raised"
    assert not stuck(graph)
