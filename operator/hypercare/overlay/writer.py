"""Writing what a period has beside other people's objects: its overlay, and what lets copies mute their originals.

Objects are created, replaced or taken away, and one that is not ours is never touched.

Every write is a compare-and-swap on UID and resourceVersion, so a write that arrives late, or one that was decided on a
stale view, changes nothing. What goes wrong is a `Problem` for the conditions; only an API server that does not answer
is an error, for the due-queue to try again.

An object that somebody has edited or deleted is written again at once, and told. One that is changed again and again is
left as it is for longer and longer: a fight is not fought (`domain.alerts.contest`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypercare.domain.alerts.contest import Contest, Wait, change_of
from hypercare.domain.alerts.overlay import owned_by, same_overlay
from hypercare.domain.alerts.overlay_parts import present_parts
from hypercare.domain.conditions import Problem
from hypercare.domain.objects import ALERTMANAGER_CONFIGS, PROMETHEUS_RULES, ObjectRef, Resource
from hypercare.ports import FIELD_MANAGER, Body, Conflict, Forbidden, NotFound, ObjectCache, Objects, Rejected


@dataclass(frozen=True)
class Written:
    """The kind of object that is written, and the field that asks for it."""

    resource: Resource
    path: str


OVERLAY = Written(PROMETHEUS_RULES, "spec.protection.alerts")
INHIBITION = Written(ALERTMANAGER_CONFIGS, "spec.protection.alerts.inhibitOriginals")


@dataclass(frozen=True)
class Owner:
    """The period whose objects they are."""

    namespace: str
    name: str
    uid: str


class OverlayWriter:
    """Converges the objects of one kind of one period at a time.

    It remembers what it wrote last, to tell a change by somebody else from a wish that has changed; a restart forgets
    that, and then repairs without telling. `clock` returns seconds of any origin.
    """

    def __init__(
        self,
        objects: Objects,
        cache: ObjectCache,
        clock: Callable[[], float] = time.monotonic,
        written: Written = OVERLAY,
    ) -> None:
        self._written = written
        self._objects = objects
        self._cache = cache
        self._clock = clock
        self._contests: dict[ObjectRef, tuple[str, Contest]] = {}

    async def converge(self, owner: Owner, desired: Sequence[Body]) -> tuple[Problem, ...]:
        """Make the objects what is desired; without any there should be none.

        Raises:
            Unavailable: the API server did not answer.
        """
        problems: list[Problem] = []
        names = {body["metadata"]["name"] for body in desired}
        for body in desired:
            problems += await self._converge(self._ref(owner, body), body, owner.uid)
        # Last, so that an alert that moves to another object is never missing.
        present = self._cache.select(self._written.resource, owner.namespace)
        for body in present_parts(present, owner.name, owner.uid):
            if body["metadata"]["name"] not in names:
                problems += await self._remove(self._ref(owner, body), body)
        return tuple(problems)

    def forget(self, uid: str) -> None:
        """Drop what is known of a period that is gone."""
        self._contests = {ref: each for ref, each in self._contests.items() if each[0] != uid}

    async def _converge(self, ref: ObjectRef, desired: Body, owner_uid: str) -> tuple[Problem, ...]:
        present = self._cache.find(ref)
        if present is not None and not owned_by(present, owner_uid):
            return (self._taken(ref),)
        if present is not None and same_overlay(desired, present):
            return ()
        _, contest = self._contests.get(ref, ("", Contest()))
        wait = contest.wait(desired, self._clock())
        if wait is not None:
            return (self._contested(ref, await self._change(ref), wait),)
        change = await self._change(ref) if contest.wrote(desired) else ""
        problems = await self._write(ref, desired, present)
        if problems or self._cache.find(ref) is present:
            return problems
        self._contests[ref] = (owner_uid, contest.written(desired, self._clock()))
        return (self._repaired(ref, change),) if change else ()

    async def _change(self, ref: ObjectRef) -> str:
        """What somebody has done to the object; by whom only the API server tells, not the cache."""
        try:
            return change_of(await self._objects.get(ref), FIELD_MANAGER)
        except NotFound:
            return "was deleted by somebody"
        except Forbidden as error:
            # Who it was is worth telling, not worth leaving the object as they made it.
            return f"was changed by somebody who cannot be named: {self._may_not('read', error)}"

    async def _write(
        self, ref: ObjectRef, desired: Mapping[str, Any], present: Mapping[str, Any] | None
    ) -> tuple[Problem, ...]:
        try:
            if present is None:
                written = await self._objects.create(ref, desired)
            else:
                written = await self._objects.replace(ref, _over(desired, present))
        except Conflict:
            # The watch has not shown the present version yet; its event wakes the period again.
            return ()
        except NotFound as error:
            return (self._not_served(error.message),) if present is None else ()
        except Forbidden as error:
            return (self._forbidden(error),)
        except Rejected as error:
            message = f"the API server refused {ref}: {error.message}"
            return (Problem(self._written.path, "OverlayRejected", message, stalls=True),)
        self._cache.store(self._written.resource, written)
        return ()

    async def _remove(self, ref: ObjectRef, present: Mapping[str, Any]) -> tuple[Problem, ...]:
        metadata = present["metadata"]
        self._contests.pop(ref, None)
        try:
            await self._objects.delete(ref, metadata["uid"], metadata["resourceVersion"])
        except Conflict:
            return ()
        except Forbidden as error:
            return (self._forbidden(error),)
        return ()

    def _ref(self, owner: Owner, body: Body) -> ObjectRef:
        return ObjectRef(self._written.resource, owner.namespace, body["metadata"]["name"])

    def _repaired(self, ref: ObjectRef, change: str) -> Problem:
        message = f"{ref} {change}, and was written again"
        return Problem(self._written.path, "OverlayRepaired", message, stalls=False)

    def _contested(self, ref: ObjectRef, change: str, wait: Wait) -> Problem:
        message = (
            f"{ref} {change} again, {wait.repairs} times within a short time; it is written "
            f"again in {wait}: keep it out of what manages it"
        )
        return Problem(self._written.path, "OverlayContested", message, stalls=False)

    def _taken(self, ref: ObjectRef) -> Problem:
        message = f"{ref} exists and does not belong to this period: rename the period, or delete that object"
        return Problem(self._written.path, "OverlayNameTaken", message, stalls=True)

    def _not_served(self, message: str) -> Problem:
        kind = self._written.resource.kind
        advice = f"the cluster does not serve {kind}: install the CRDs of prometheus-operator"
        return Problem(self._written.path, f"{kind}NotServed", f"{advice} ({message})", stalls=True)

    def _forbidden(self, error: Forbidden) -> Problem:
        return Problem(self._written.path, "Forbidden", self._may_not("write", error), stalls=True)

    def _may_not(self, do: str, error: Forbidden) -> str:
        kind = self._written.resource.kind
        return f"the operator's account may not {do} {kind}s: {error.advised}"


def _over(desired: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """The desired content in place of the present one; labels and annotations of others stay."""
    metadata, wanted = dict(present["metadata"]), desired["metadata"]
    metadata["labels"] = {**metadata.get("labels", {}), **wanted["labels"]}
    metadata["annotations"] = {**metadata.get("annotations", {}), **wanted["annotations"]}
    metadata["ownerReferences"] = wanted["ownerReferences"]
    return {**desired, "metadata": metadata}
