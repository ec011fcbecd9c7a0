"""Draining: everything that hypercare has changed is put back, and what it has made is removed, before an uninstall.

Holds are restored by the same steps as ever (`hold_reconcile`), with no claim standing, so a drain may be killed at any
point and run again, and needs no operator. One that is running is told to stand still (`standstill`), and what it began
before it noticed is found by looking once more when it must have.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from hypercare.domain.alerts.orphans import MADE_SELECTOR, made_for
from hypercare.domain.capacity.held_fields import change_text, same
from hypercare.domain.capacity.hold import Hold
from hypercare.domain.capacity.hold_record import read_hold
from hypercare.domain.capacity.kinds import kind_of_object
from hypercare.domain.capacity.live_object import SOMEBODY, LiveObject, read_live
from hypercare.domain.drained import Drained, Fate, Result
from hypercare.domain.fields import InvalidField
from hypercare.domain.objects import HOLDS, ObjectRef, Resource
from hypercare.domain.standstill import marker_ref, render_marker, still_until
from hypercare.drain.standstill import LOOK_SECONDS
from hypercare.hold_reconcile import HoldReconciler
from hypercare.ports import Body, Conflict, Forbidden, NotFound, Objects, Rejected, Unavailable
from hypercare.queue import Done
from hypercare.sweep import MADE

QUIET_SECONDS = LOOK_SECONDS + 3.0
"""When the marker is as old as this, an operator begins no further write; some seconds for one that is under way."""
PASS_SECONDS = 5.0
"""The longest pause between two looks at what is left."""
AT_ONCE = 16


@dataclass(frozen=True)
class Wishes:
    """What to drain and how; durations in seconds.

    Attributes:
        namespaces: Where to look; empty for everywhere.
        own_namespace: The operator's namespace, where the marker goes.
        timeout: After this long, what is not restored is left.
        still_for: For how long after that a running operator stands still.
    """

    namespaces: tuple[str, ...]
    own_namespace: str
    timeout: float
    still_for: float


@dataclass(frozen=True)
class Clock:
    """Time as Unix seconds, and how to let it pass."""

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class _Seen:
    """The newest bodies of holds and objects; implements `hypercare.ports.ObjectCache` without any watch."""

    def __init__(self) -> None:
        self._bodies: dict[ObjectRef, Body] = {}

    def find(self, ref: ObjectRef) -> Body | None:
        return self.seen(ref)

    def seen(self, ref: ObjectRef) -> Body | None:
        return self._bodies.get(ref)

    def select(self, resource: Resource, namespace: str = "") -> Sequence[Body]:
        return [
            body
            for ref, body in sorted(self._bodies.items())
            if ref.resource == resource and namespace in {"", ref.namespace}
        ]

    def served(self, resource: Resource) -> bool:
        return any(ref.resource == resource for ref in self._bodies)

    def store(self, resource: Resource, body: Body) -> None:
        self._bodies[_reference(resource, body)] = body

    def replace(self, resource: Resource, bodies: Iterable[Body]) -> None:
        self._bodies = {ref: body for ref, body in self._bodies.items() if ref.resource != resource}
        for body in bodies:
            self.store(resource, body)


class Drain:
    """One drain. `told` hears of each object as soon as its fate is known."""

    def __init__(self, objects: Objects, wishes: Wishes, told: Callable[[Drained], None], clock: Clock) -> None:
        self._objects = objects
        self._wishes = wishes
        self._told = told
        self._clock = clock
        self._seen = _Seen()
        self._holds = HoldReconciler(objects, self._seen, lambda *_: False, lambda _: None, clock.now)
        self._first: dict[ObjectRef, Hold] = {}
        self._fates: dict[ObjectRef, Drained] = {}
        self._open: set[ObjectRef] = set()
        self._remarks: dict[str, None] = {}

    async def run(self) -> Result:
        """Drain until nothing is left, until nothing more can be done, or until the time is over.

        Raises:
            ApiError: the account may not even look, or the API server did not answer to the end.
        """
        deadline = self._clock.now() + self._wishes.timeout
        until, quiet_at = await self._stand_still()
        while True:
            trouble: Unavailable | None = None
            try:
                pause = await self._pass()
            except Unavailable as error:
                trouble, pause = error, PASS_SECONDS
            now = self._clock.now()
            if pause == 0 and now < quiet_at:
                pause = quiet_at - now
            if pause == 0 or now >= deadline:
                break
            await self._clock.sleep(min(pause, PASS_SECONDS, deadline - now))
        if trouble is not None:
            raise trouble
        return Result(tuple(self._fates.values()), until, tuple(self._remarks))

    async def _stand_still(self) -> tuple[int, float]:
        """Put the marker in place; returns until when it holds, and when an operator must have noticed it."""
        now, own = self._clock.now(), self._wishes.own_namespace
        until = int(now + self._wishes.timeout + self._wishes.still_for)
        try:
            present = await self._marker(own)
            if present is not None and still_until(present) >= until - self._wishes.still_for:
                return still_until(present), now + QUIET_SECONDS
            if present is not None:
                await self._objects.delete(marker_ref(own), present["metadata"]["uid"])
            await self._objects.create(marker_ref(own), render_marker(own, until))
        except (NotFound, Forbidden, Rejected, Conflict) as error:
            self._remarks[f"no running operator could be told to stand still: {error.advised}"] = None
            return 0, now + QUIET_SECONDS
        return until, self._clock.now() + QUIET_SECONDS

    async def _marker(self, own_namespace: str) -> Body | None:
        try:
            return await self._objects.get(marker_ref(own_namespace))
        except NotFound:
            return None

    async def _pass(self) -> float:
        """Look at everything once and do what can be done; seconds until there is more to do, 0 for nothing more."""
        made = [(resource, body) for resource in MADE for body in await self._listed(resource, MADE_SELECTOR)]
        holds = await self._listed(HOLDS)
        self._seen.replace(HOLDS, holds)
        turns = asyncio.Semaphore(AT_ONCE)

        async def in_turn(work: Awaitable[float]) -> float:
            async with turns:
                return await work

        held = [_reference(HOLDS, body) for body in holds]
        overlays = [_reference(resource, body) for resource, body in made if made_for(body) is not None]
        works = [
            *(self._settle(ref) for ref in self._open - {*held, *overlays}),
            *(self._restore(ref) for ref in held),
            *(self._remove(ref) for ref in overlays),
        ]
        return min((pause for pause in await asyncio.gather(*map(in_turn, works)) if pause), default=0.0)

    async def _listed(self, resource: Resource, labels: str = "") -> Sequence[Body]:
        try:
            found = [
                await self._objects.list(resource, namespace, labels) for namespace in self._wishes.namespaces or ("",)
            ]
        except NotFound:
            if resource == HOLDS:
                self._remarks[f"{HOLDS.plural} are not served: nothing is known of what was changed"] = None
            return ()
        return [body for bodies in found for body in bodies]

    async def _restore(self, ref: ObjectRef) -> float:
        """Restore the object of one hold as far as it goes; seconds until more can be done, 0 for nothing more."""
        held = _held(ref, self._record(ref))
        self._open.add(ref)
        try:
            outcome = await self._holds.visit(ref)
        except Unavailable as error:
            self._note(Drained(held, Fate.LEFT, error.message))
            return PASS_SECONDS
        if isinstance(outcome, Done):
            return await self._settle(ref)
        refusal = self._holds.refusals(ref.namespace).get(ref.name)
        if refusal is not None:
            self._note(Drained(held, Fate.LEFT, f"{refusal.reason}: {refusal.message}"))
            return 0.0
        self._note(Drained(held, Fate.LEFT, "an earlier write may still arrive, and is waited for"))
        return outcome.seconds

    async def _settle(self, ref: ObjectRef) -> float:
        """Find out what became of a hold or an overlay that is gone; its deletion may have gone unanswered."""
        if ref.resource != HOLDS:
            self._note(Drained(ref, Fate.REMOVED))
        else:
            try:
                self._note(await self._fate(ref, self._first.get(ref)))
            except (Unavailable, Forbidden) as error:
                self._note(Drained(_held(ref, self._first.get(ref)), Fate.LEFT, error.message))
                return PASS_SECONDS if isinstance(error, Unavailable) else 0.0
        self._open.discard(ref)
        return 0.0

    def _record(self, ref: ObjectRef) -> Hold | None:
        """The hold as it was when the drain first saw it; None where it cannot be read."""
        body = self._seen.find(ref)
        try:
            return self._first.setdefault(ref, read_hold(ref.name, (body or {}).get("spec")))
        except InvalidField:
            return None

    async def _fate(self, ref: ObjectRef, record: Hold | None) -> Drained:
        """What an object shows whose hold is gone."""
        held = _held(ref, record)
        if record is None:
            return Drained(held, Fate.GONE, "its hold was removed by somebody else")
        try:
            live = read_live(kind_of_object(record.object), await self._objects.get(held))
        except NotFound:
            return Drained(held, Fate.GONE, "it does not exist any more")
        if live.uid != record.object.uid:
            return Drained(held, Fate.GONE, "another one of its name has taken its place, and was never changed")
        kept = "; ".join(_differences(record, live))
        return Drained(held, Fate.KEPT if kept else Fate.RESTORED, kept)

    async def _remove(self, ref: ObjectRef) -> float:
        """Remove one object that was made for a period; seconds until it can be tried again, 0 for not at all."""
        self._open.add(ref)
        try:
            body = await self._objects.get(ref)
            if made_for(body) is None:
                self._open.discard(ref)
                return 0.0
            metadata = body["metadata"]
            await self._objects.delete(ref, metadata["uid"], metadata["resourceVersion"])
        except NotFound:
            pass
        except (Forbidden, Rejected) as error:
            self._note(Drained(ref, Fate.LEFT, error.message))
            return 0.0
        except (Conflict, Unavailable) as error:
            self._note(Drained(ref, Fate.LEFT, error.message))
            return 1.0
        return await self._settle(ref)

    def _note(self, drained: Drained) -> None:
        if self._fates.get(drained.ref) != drained:
            self._told(drained)
        self._fates[drained.ref] = drained


def _reference(resource: Resource, body: Body) -> ObjectRef:
    return ObjectRef(resource, body["metadata"]["namespace"], body["metadata"]["name"])


def _held(ref: ObjectRef, record: Hold | None) -> ObjectRef:
    """The object of a hold; the hold itself where that cannot be read."""
    if record is None:
        return ref
    return ObjectRef(kind_of_object(record.object).resource, ref.namespace, record.object.name)


def _differences(record: Hold, live: LiveObject) -> Iterator[str]:
    """Each field that does not hold its original, and who wrote what it holds."""
    for each in record.fields:
        found = live.values[each.path]
        if not same(each.path, found, each.original):
            writer = live.writers.get(each.path, SOMEBODY)
            yield f"{change_text(each.path, each.original, found)}, written by {writer}"
