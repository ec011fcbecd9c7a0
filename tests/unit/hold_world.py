"""The world in which one hold lives, as a model that can be explored exhaustively.

Two periods claim, relax, end and are created anew; a user edits the object; a GitOps tool applies its manifest again;
somebody deletes the object and creates it anew; several operators run, as when a leader was replaced without noticing.
Each can die at any point; a patch can be sent without its answer being seen, and arrive at any later time until the API
server would have given it up. Versions are modelled by what they are for: a write makes every copy that was read
before, and every patch that was made from such a copy, stale.

What the operators decide is the code itself (`hold_protocol`); the model is everything around it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hypercare.domain.capacity.field_values import Present
from hypercare.domain.capacity.held_fields import MIN_REPLICAS, same
from hypercare.domain.capacity.hold import Contest, Hold
from hypercare.domain.capacity.hold_protocol import DeleteHold, PatchObject, Settled, Step, Wait, WriteHold
from hypercare.domain.capacity.strictest import Range, strictest
from tests.unit.hold_states import (
    CLAIMS,
    GITOPS,
    MAXIMUM,
    NOTHING,
    RECREATED,
    Operator,
    Thing,
    World,
    claimed,
    dead,
    decided,
    dropped,
    hold_of,
    is_for,
    number_of,
    opened,
)
from tests.unit.state_graph import Graph, explore


def with_hold(world: World, record: int) -> World:
    """A write of the hold by somebody who is not busy."""
    return world._replace(record=record, busy=ordered(one._replace(hold_fresh=False) for one in world.busy))


def with_thing(world: World, thing: Thing) -> World:
    """A write of the object by such; one that changes nothing is none, as in Kubernetes."""
    if thing == world.thing:
        return world
    stale = ordered(one._replace(seen_fresh=False) for one in world.busy)
    return world._replace(thing=thing, busy=stale, flying=frozenset())


def with_floor(world: World, floor: int) -> World:
    """A plain update of the floor, which takes the field from whoever had applied it."""
    thing = world.thing
    return with_thing(world, thing if floor == thing.floor else thing._replace(floor=floor, applied=False))


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
    yield from others_act(world)
    yield from periods_act(world)
    yield from claims_act(world)
    for value in world.flying:
        yield with_floor(world, value)
    if world.flying:
        yield world._replace(flying=frozenset())
    if world.idle and world.record:
        yield joined(world, Operator(world.record))
    for operator in dict.fromkeys(world.busy):
        yield from operator_acts(without(world, operator), operator)


def others_act(world: World) -> Iterator[World]:
    """A user edits, a GitOps tool applies the manifest by force, somebody deletes the object or creates it anew."""
    thing = world.thing
    if thing.floor == NOTHING:
        anew = Thing(RECREATED, thing.uid + 1)
        yield with_thing(world, anew)._replace(users=RECREATED)
        return
    for value in world.edits:
        if value != thing.floor:
            yield with_floor(world, value)._replace(users=value, edits=())
    for manifest in world.manifests if world.applies else ():
        applied = thing._replace(floor=manifest, applied=True)
        if applied != thing:
            yield with_thing(world, applied)._replace(users=manifest, applies=world.applies - 1)
    if world.recreations:
        yield with_thing(world, thing._replace(floor=NOTHING))._replace(recreations=world.recreations - 1)


def periods_act(world: World) -> Iterator[World]:
    """A period goes on to its next claim, is replaced by another of its name, or ends."""
    for index, script in enumerate(world.scripts):
        if script:
            rest = (*world.scripts[:index], script[1:], *world.scripts[index + 1 :])
            others = frozenset(name for name in world.claiming if CLAIMS[name].period != CLAIMS[script[0]].period)
            yield world._replace(scripts=rest, claiming=others | {script[0]})
    for name in world.claiming:
        if all(CLAIMS[script[0]].period != CLAIMS[name].period for script in world.scripts if script):
            yield world._replace(claiming=world.claiming - {name})


def claims_act(world: World) -> Iterator[World]:
    """The claims of the periods are brought into the hold, and those of ended ones out of it."""
    for uid in dead(world.record, world.claiming):
        yield with_hold(world, dropped(world.record, uid))
    for name, thing in world.opening:
        rest = world._replace(opening=world.opening - {(name, thing)})
        yield rest if world.record else with_hold(rest, opened(name, thing))
    if world.thing.floor == NOTHING:
        return
    if world.record and not is_for(world.record, world.thing.uid):
        if world.claiming:
            yield with_hold(world, 0)
        return
    for name in world.claiming:
        yield from claim_acts(world, name)


def claim_acts(world: World, name: str) -> Iterator[World]:
    if world.record:
        record = claimed(world.record, name)
        if record != world.record:
            yield with_hold(world, record)
    elif not world.slow:
        yield with_hold(world, opened(name, world.thing))
    elif (name, world.thing) not in world.opening:
        yield world._replace(opening=world.opening | {(name, world.thing)})


def operator_acts(world: World, operator: Operator) -> Iterator[World]:
    """What one operator may do; `world` is the rest of the world."""
    if world.losses:
        yield world._replace(losses=world.losses - 1)
    if not operator.seen:
        yield joined(world, operator._replace(seen=(world.thing,), seen_fresh=True))
        return
    # A process may not have seen yet that a period has ended.
    yield from step_acts(world, operator, decided(operator.record, operator.seen[0], world.now, operator.written))
    record = operator.record
    for uid in dead(operator.record, world.claiming):
        record = dropped(record, uid)
    hold = hold_of(record)
    if record != operator.record and hold is not None:
        step = decided(record, operator.seen[0], world.now, False)
        yield from step_acts(world, operator, step if isinstance(step, WriteHold | DeleteHold) else WriteHold(hold))


def step_acts(world: World, operator: Operator, step: Step) -> Iterator[World]:
    match step:
        case WriteHold(hold) if operator.hold_fresh:
            record = number_of(hold)
            yield joined(with_hold(world, record), operator._replace(record=record, written=True))
        case DeleteHold() if operator.hold_fresh:
            yield with_hold(world, 0)
        case PatchObject(operations) if operator.seen_fresh or not guarded(operations):
            yield from patch_sent(world, operator, int(operations[-1]["value"]))
        case Wait(seconds) if operator.hold_fresh and not world.flying:
            yield world
            yield after(world, seconds)
        case _:
            yield world


def guarded(operations: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a patch fails unless the object is the very version that was read."""
    tests = {operation["path"] for operation in operations if operation["op"] == "test"}
    return {"/metadata/uid", "/metadata/resourceVersion", MIN_REPLICAS} <= tests


def after(world: World, seconds: int) -> World:
    """Time passes; whoever read the object before does not act on that any more."""
    acting = tuple(one for one in world.busy if not one.seen)
    return world._replace(busy=acting, idle=world.idle + len(world.busy) - len(acting), now=world.now + seconds)


def patch_sent(world: World, operator: Operator, value: int) -> Iterator[World]:
    in_peace(hold_of(operator.record), world, value)
    written = with_floor(world, value)
    yield joined(written, operator._replace(seen=(written.thing,)))
    if world.losses:
        silent = world._replace(losses=world.losses - 1)
        yield with_floor(silent, value)
        yield silent._replace(flying=world.flying | {value})


def in_peace(hold: Hold | None, world: World, value: int) -> None:
    """Promise 10: nothing is raised while another writer is left in peace, and the writer is named."""
    contest = hold.contest if hold else None
    if isinstance(contest, Contest):
        assert contest.manager == GITOPS, f"the writer is not named: {world}"
        assert value <= world.thing.floor or world.now >= contest.until, f"a fight is fought: {world}"


def checked(world: World) -> None:
    """The promises, in every state.

    5: what is not as others want it is known to a hold with its original, and so is what may become so; without a hold
    everything is as they want it, and nothing is on its way. 7: where an operator is content, the strictest claim is in
    effect. What concerns 10 is checked when a patch is sent.
    """
    thing = world.thing
    if not is_for(world.record, thing.uid):
        assert thing.floor in {NOTHING, world.users}, f"an original was lost: {world}"
        assert not world.flying, f"a write is under way that nothing knows of: {world}"
        return
    if thing.floor == NOTHING:
        return
    hold = world.hold
    assert hold is not None
    if thing.floor != world.users or world.flying:
        (record,) = hold.fields
        assert same(MIN_REPLICAS, record.original, Present(world.users)), f"the hold has another original: {world}"
    if isinstance(decided(world.record, thing, world.now, False), Settled):
        wanted = strictest(hold.claims, Range(world.users, MAXIMUM))
        assert thing.floor == wanted.floor, f"content with the wrong value: {world}"


def over(world: World) -> bool:
    return world.record == 0 and not any(world.scripts) and not world.claiming and not world.opening


def explored(start: World) -> Graph[World]:
    """Explore every order of events; every state is checked when it is found."""
    return explore(start, successors, checked)
