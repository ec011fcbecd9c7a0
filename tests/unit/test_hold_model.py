"""Every order in which things can happen to one hold, explored exhaustively.

Two periods claim, relax and end; a user edits the object; two operators run, as when a leader was replaced without
noticing; each can die at any point; a patch can be sent without its answer being seen, and arrive at any later time
until the API server would have given it up. Versions are modelled by what they are for: a write makes every copy that
was read before, and every patch that was made from such a copy, stale.

Checked in every state: without a hold, the object holds what the user last wanted and nothing is under way to change
that; where an operator is content, the strictest claim is in effect; and the end can be reached from everywhere.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest

from hypercare.domain.hold import FLOOR_PATH, Claim, HeldField, Hold, Present
from hypercare.domain.hold_protocol import (
    DeleteHold,
    PatchObject,
    Settled,
    Step,
    Wait,
    WriteHold,
    next_step,
)
from hypercare.domain.quantity import Count
from hypercare.domain.strictest import Range, strictest
from tests.unit.scaled import OBJECT, claim, live

ORIGINAL, MAXIMUM = 2, 10
Script = tuple[Claim, ...]
"""The claims of one period, one after the other; after the last one it ends."""
FULL: Script = (claim("a", Count(4)),)
RELAXING: Script = (claim("a", Count(4)), claim("a", Count(4), strength=50))
OTHER: Script = (claim("b", Count(6)),)


@dataclass(frozen=True)
class Operator:
    """What one process has read, the hold first; a copy is fresh until somebody else writes what it is a copy of."""

    hold: Hold
    hold_fresh: bool = True
    floor: int = 0
    floor_fresh: bool = False
    written: bool = False


@dataclass(frozen=True)
class World:
    """The cluster, what is on its way to it, and the processes. `users` is the value the user last wanted."""

    hold: Hold | None
    floor: int
    users: int
    operators: tuple[Operator | None, ...]
    scripts: tuple[Script, ...]
    holders: frozenset[str]
    flying: frozenset[int]
    edits: tuple[int, ...]
    losses: int
    now: int = 0


@cache
def decided(hold: Hold, floor: int, now: int, written: bool) -> Step:
    return next_step(hold, live(floor, MAXIMUM), now, written=written)


def with_hold(world: World, hold: Hold | None, by: int | None = None) -> World:
    operators = tuple(
        other and replace(other, hold_fresh=other.hold_fresh and index == by)
        for index, other in enumerate(world.operators)
    )
    return replace(world, hold=hold, operators=operators)


def with_floor(world: World, floor: int, by: int | None = None) -> World:
    """A write of the object; one that changes nothing is none, as in Kubernetes."""
    if floor == world.floor:
        return world
    operators = tuple(
        other and replace(other, floor_fresh=other.floor_fresh and index == by)
        for index, other in enumerate(world.operators)
    )
    return replace(world, floor=floor, operators=operators, flying=frozenset())


def with_operator(world: World, index: int, operator: Operator | None) -> World:
    operators = (*world.operators[:index], operator, *world.operators[index + 1 :])
    return replace(world, operators=operators)


def successors(world: World) -> Iterator[World]:
    yield from periods_act(world)
    for value in world.edits:
        if value != world.floor:
            yield replace(with_floor(world, value), users=value, edits=())
    for value in world.flying:
        yield with_floor(world, value)
    if world.flying:
        yield replace(world, flying=frozenset())
    for index, operator in enumerate(world.operators):
        yield from operator_acts(world, index, operator)


def periods_act(world: World) -> Iterator[World]:
    for index, script in enumerate(world.scripts):
        if script:
            rest = (*world.scripts[:index], script[1:], *world.scripts[index + 1 :])
            yield claimed(replace(world, scripts=rest, holders=world.holders | {script[0].uid}), script[0])
    for uid in world.holders:
        if all(script[0].uid != uid for script in world.scripts if script):
            yield with_hold(replace(world, holders=world.holders - {uid}), world.hold and world.hold.without_claim(uid))


def claimed(world: World, wanted: Claim) -> World:
    if world.hold is None:
        return with_hold(world, Hold(OBJECT, (wanted,), (HeldField(FLOOR_PATH, Present(world.floor)),)))
    return with_hold(world, world.hold.with_claim(wanted))


def operator_acts(world: World, index: int, operator: Operator | None) -> Iterator[World]:
    match operator:
        case None:
            if world.hold is not None:
                yield with_operator(world, index, Operator(world.hold))
        case Operator(floor=0):
            yield with_operator(world, index, replace(operator, floor=world.floor, floor_fresh=True))
        case Operator(hold=hold, floor=floor, written=written):
            yield from step_taken(world, index, operator, decided(hold, floor, world.now, written))
    if operator is not None and world.losses:
        yield replace(with_operator(world, index, None), losses=world.losses - 1)


def step_taken(world: World, index: int, operator: Operator, step: Step) -> Iterator[World]:
    begin_again = with_operator(world, index, None)
    match step:
        case WriteHold(hold):
            if operator.hold_fresh:
                yield with_operator(with_hold(world, hold, index), index, replace(operator, hold=hold, written=True))
            else:
                yield begin_again
        case DeleteHold():
            yield with_hold(begin_again, None) if operator.hold_fresh else begin_again
        case PatchObject(operations):
            yield from patch_sent(world, index, operator, int(operations[-1]["value"]))
        case Wait(seconds):
            yield begin_again
            if not world.flying and operator.hold_fresh:
                yield after(begin_again, seconds)
        case Settled():
            yield begin_again


def after(world: World, seconds: int) -> World:
    """Time passes; whoever read the object before does not act on that any more."""
    operators = tuple(None if operator and operator.floor else operator for operator in world.operators)
    return replace(world, operators=operators, now=world.now + seconds)


def patch_sent(world: World, index: int, operator: Operator, value: int) -> Iterator[World]:
    if not operator.floor_fresh:
        yield with_operator(world, index, None)
        return
    patched = with_floor(world, value, index)
    yield with_operator(patched, index, replace(operator, floor=value, floor_fresh=True))
    if world.losses:
        silent = replace(with_operator(world, index, None), losses=world.losses - 1)
        yield with_floor(silent, value)
        yield replace(silent, flying=world.flying | {value})


def checked(world: World) -> None:
    if world.hold is None:
        assert world.floor == world.users, f"an original was lost: {world}"
        assert not world.flying, f"a write is under way that nothing knows of: {world}"
        return
    step = decided(world.hold, world.floor, world.now, False)
    if isinstance(step, Settled):
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
        graph[world] = tuple(dict.fromkeys(successors(world)))
        waiting.extend(graph[world])
    return graph


def over(world: World) -> bool:
    return world.hold is None and not any(world.scripts) and not world.holders


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
        pytest.param((RELAXING, OTHER), 1, (), 2, id="two crashes or lost answers while two periods overlap"),
        pytest.param((RELAXING, OTHER), 1, (1, 2, 5, 9), 1, id="a user's edit of any kind and a crash"),
        pytest.param((FULL, OTHER), 2, (), 1, id="two operators at once and a crash while two periods overlap"),
        pytest.param((FULL,), 2, (1, 9), 1, id="two operators at once, a user's edit and a crash"),
    ],
)
def test_nothing_that_can_happen_loses_an_original(
    scripts: tuple[Script, ...], operators: int, edits: tuple[int, ...], losses: int
) -> None:
    start = World(None, ORIGINAL, ORIGINAL, (None,) * operators, scripts, frozenset(), frozenset(), edits, losses)
    graph = explored(start)
    print(f"{len(graph)} states")
    assert any(over(world) for world in graph)
    assert any(world.flying for world in graph)
    assert not stuck(graph)
