"""A period's claims in holds: put in, kept up to date, taken out. The held object itself is not touched here.

Each claim is changed by compare-and-swap, so periods that share an object never lose each other's. A hold is created
with the values as the API server has them at that moment, before anything is changed.
"""

from collections.abc import Awaitable, Iterator, Sequence

from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.capacity.hold import Claim, HeldObject, Hold, Refusal, hold_name
from hypercare.domain.capacity.hold_record import read_hold, render_hold
from hypercare.domain.capacity.hold_recovery import first_fields, is_lost
from hypercare.domain.capacity.kinds import POD_DISRUPTION_BUDGET, kind_of_object
from hypercare.domain.capacity.live_object import LiveObject, read_live
from hypercare.domain.capacity.scalers import superseding
from hypercare.domain.capacity.scaling import ClaimRequest
from hypercare.domain.capacity.scaling_rows import ScalingRow, read_rows
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import InvalidField
from hypercare.domain.objects import HOLDS, PERIODS, ObjectRef
from hypercare.ports import Body, Conflict, Forbidden, NotFound, ObjectCache, Objects, Rejected

MANAGED_BY = {"app.kubernetes.io/managed-by": "hypercare"}
_ATTEMPTS = 5
_SCALING, _DISRUPTION = "spec.protection.scaling", "spec.protection.disruption"
_BUDGETS = hold_name(POD_DISRUPTION_BUDGET.resource.kind, "")
_GONE, _REPLACED = "ObjectGone", "ObjectReplaced"


class ClaimKeeper:
    """Maintains the claims of one period at a time; holds no state of its own."""

    def __init__(self, objects: Objects, cache: ObjectCache) -> None:
        self._objects = objects
        self._cache = cache

    async def keep(
        self, namespace: str, uid: str, requests: Sequence[ClaimRequest], rows: Sequence[ScalingRow]
    ) -> tuple[Problem, ...]:
        """Make the claims of the period with this UID exactly these; none at all where it asks for nothing.

        `rows` are the period's own (`scaling_rows`): what they remember as raised, and no hold knows of, gets a hold
        again, so that it is restored. Returns what could not be claimed, and why.

        Raises:
            Unavailable: the API server did not answer.
            Conflict: others wrote the same hold again and again.
        """
        asked = {request.hold: request for request in requests}
        told: list[tuple[str, Refusal | None]] = []
        # What is given up goes first: a disruption budget has to be on its way back before replicas come down.
        for name in [name for name in self._claimed(namespace, uid) if name not in asked]:
            ref = ObjectRef(HOLDS, namespace, name)
            told.append((name, await _told(ref, self._drop(ref, uid))))
        for name, request in asked.items():
            ref = ObjectRef(HOLDS, namespace, name)
            told.append((name, await _told(ref, self._claim(ref, request))))
        for row in rows:
            ref = ObjectRef(HOLDS, namespace, hold_name(row.object.kind, row.object.name))
            if ref.name not in asked:
                told.append((ref.name, await _told(ref, self._find_again(ref, row))))
        return tuple(_problem(name, refusal) for name, refusal in told if refusal is not None)

    async def _claim(self, ref: ObjectRef, request: ClaimRequest) -> Refusal | None:
        known = self._cache.find(ref)
        if known is not None and _has(read_hold(ref.name, known.get("spec")), request):
            return None
        return await self._claim_live(ref, request)

    async def _claim_live(self, ref: ObjectRef, request: ClaimRequest) -> Refusal | None:
        for _ in range(_ATTEMPTS):
            try:
                body = await self._objects.get(ref)
            except NotFound:
                body = None
            try:
                if body is None:
                    return await self._open(
                        ref, request.object, (request.claim,), tuple(self._remembered(ref.namespace))
                    )
                hold = read_hold(ref.name, body.get("spec"))
                if hold.object.uid == request.object.uid:
                    await self._write(ref, body, hold, hold.with_claim(request.claim))
                    return None
                if refusal := await self._discard_void(ref, body, request.object):
                    return refusal
            except Conflict:
                continue
        raise Conflict(f"{ref} is written by others again and again")

    async def _open(
        self, ref: ObjectRef, held: HeldObject, claims: tuple[Claim, ...], rows: Sequence[ScalingRow]
    ) -> Refusal | None:
        """Create a hold, with the originals read live; raises `Conflict` when somebody else just has."""
        live = await self._read(ref.namespace, held)
        if isinstance(live, Refusal):
            return live
        fields = first_fields(held, live, claims, rows)
        if isinstance(fields, Refusal):
            return fields
        body = {
            "apiVersion": HOLDS.api_version,
            "kind": HOLDS.kind,
            "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": MANAGED_BY},
            "spec": render_hold(Hold(held, claims, fields)),
        }
        try:
            self._cache.store(HOLDS, await self._objects.create(ref, body))
        except NotFound as error:
            return Refusal("HoldsNotServed", f"no hold can be written: {error.message}; install the CRDs of hypercare")
        return None

    async def _discard_void(self, ref: ObjectRef, body: Body, wanted: HeldObject) -> Refusal | None:
        """Remove the hold of an object that has been replaced by another one of its name."""
        live = await self._read(ref.namespace, wanted)
        if isinstance(live, Refusal):
            return live
        await self._objects.delete(ref, body["metadata"]["uid"], body["metadata"]["resourceVersion"])
        return None

    async def _read(self, namespace: str, held: HeldObject) -> LiveObject | Refusal:
        kind = kind_of_object(held)
        try:
            live = read_live(kind, await self._objects.get(ObjectRef(kind.resource, namespace, held.name)))
        except NotFound:
            return Refusal(_GONE, f"{held.kind} {held.name} does not exist any more")
        if live.uid != held.uid:
            return Refusal(_REPLACED, f"{held.kind} {held.name} has just been created anew")
        return live

    async def _drop(self, ref: ObjectRef, uid: str) -> None:
        for _ in range(_ATTEMPTS):
            try:
                body = await self._objects.get(ref)
                hold = read_hold(ref.name, body.get("spec"))
                await self._write(ref, body, hold, hold.without_claim(uid))
            except Conflict:
                continue
            except NotFound:
                return
            return
        raise Conflict(f"{ref} is written by others again and again")

    async def _write(self, ref: ObjectRef, body: Body, before: Hold, after: Hold) -> None:
        written = body
        if after != before:
            written = await self._objects.replace(ref, {**body, "spec": render_hold(after)})
        self._cache.store(HOLDS, written)

    async def _find_again(self, ref: ObjectRef, row: ScalingRow) -> None:
        """Give a raised object whose hold was deleted by hand a hold without claims, so that it is restored."""
        kind = kind_of_object(row.object)
        seen = self._cache.find(ObjectRef(kind.resource, ref.namespace, row.object.name))
        if self._cache.find(ref) is not None or seen is None or not is_lost(row, read_live(kind, seen)):
            return
        if superseding(row.object, self._scene(ref.namespace)):
            return
        live = await self._read(ref.namespace, row.object)
        if isinstance(live, Refusal) or not is_lost(row, live):
            return
        try:
            await self._open(ref, row.object, (), (row,))
        except Conflict:
            return

    def _scene(self, namespace: str) -> CapacityObjects:
        return CapacityObjects({resource: self._cache.select(resource, namespace) for resource in RESOURCES})

    def _claimed(self, namespace: str, uid: str) -> Iterator[str]:
        for body in self._cache.select(HOLDS, namespace):
            if any(claim.get("uid") == uid for claim in body.get("spec", {}).get("claims") or ()):
                yield body["metadata"]["name"]

    def _remembered(self, namespace: str) -> Iterator[ScalingRow]:
        for body in self._cache.select(PERIODS, namespace):
            yield from read_rows(body.get("status") or {})


async def _told(ref: ObjectRef, work: Awaitable[Refusal | None]) -> Refusal | None:
    """What kept this work from being done, where that is for a person to know."""
    try:
        return await work
    except InvalidField as error:
        advice = "delete it when its object is as it should be"
        return Refusal("InvalidHold", f"{ref} cannot be used: {error}; {advice}")
    except Forbidden as error:
        return Refusal("Forbidden", f"the operator's account may not keep {ref}: {error.advised}")
    except Rejected as error:
        return Refusal("HoldRejected", f"the API server refused {ref}: {error.message}")


def _problem(name: str, refusal: Refusal) -> Problem:
    passing = refusal.reason in {_GONE, _REPLACED}
    path = _DISRUPTION if name.startswith(_BUDGETS) else _SCALING
    return Problem(path, refusal.reason, refusal.message, stalls=not passing)


def _has(hold: Hold, request: ClaimRequest) -> bool:
    return hold.object == request.object and hold.claim_of(request.claim.uid) == request.claim
