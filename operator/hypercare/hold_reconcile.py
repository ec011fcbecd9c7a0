"""Reconciling one hold: make one object what all claims want, one safe step at a time.

What to do is decided by `hypercare.domain.capacity.hold_protocol`; this runs it against the API server. A look at the
watch cache is enough where nothing is to be done. Everything that leads to a write is read from the API server itself.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypercare.domain.capacity.capacity_objects import CapacityObjects
from hypercare.domain.capacity.hold import Claim, Hold, Refusal, hold_name
from hypercare.domain.capacity.hold_protocol import (
    SEND_WITHIN_SECONDS,
    DeleteHold,
    PatchObject,
    Release,
    Settled,
    Step,
    Wait,
    WriteHold,
    lowered,
    next_step,
)
from hypercare.domain.capacity.hold_record import read_hold, render_hold
from hypercare.domain.capacity.kinds import POD_DISRUPTION_BUDGET, kind_of_object
from hypercare.domain.capacity.live_object import Body, Gone, LiveObject, Superseded, read_live
from hypercare.domain.capacity.ownership import disowning
from hypercare.domain.capacity.scalers import AUTOSCALING, superseding
from hypercare.domain.fields import InvalidField
from hypercare.domain.life.facts import Phase
from hypercare.domain.objects import HOLDS, PERIODS, ObjectRef
from hypercare.ports import Conflict, Forbidden, NotFound, ObjectCache, Objects, Rejected
from hypercare.queue import After, Done, Outcome

STEP_LIMIT = 16
RETRY_SECONDS = 30.0
BUDGET_SECONDS = 1
_BUDGETS = hold_name(POD_DISRUPTION_BUDGET.resource.kind, "")
SWEEP_SECONDS = 300.0
"""A hold is looked at this often although nothing happened, so that no lost event leaves an object raised."""
_logger = logging.getLogger(__name__)
Standing = Callable[[str, Claim], bool]
_OVER = frozenset({Phase.COMPLETED.value, Phase.ENDED.value})


@dataclass(frozen=True)
class _Known:
    """The hold as stored, and the object as read after it; both are replaced by what a write returns.

    `read_at` is when the object was read, or written, in Unix seconds.
    """

    body: Body
    hold: Hold
    live: LiveObject | Gone | Superseded
    read_at: float
    written: bool = False


@dataclass(frozen=True)
class _Refused:
    """What was refused, until when (Unix seconds) it is not tried again, and the claims it was tried for."""

    refusal: Refusal
    until: float
    claims: Sequence[Mapping[str, Any]]


def stands(cache: ObjectCache, namespace: str, claim: Claim) -> bool:
    """Whether this very period exists, is not being deleted, and is not over.

    A period is over only when everything is restored; a claim of one that is can only be a write that came late.
    """
    body = cache.find(ObjectRef(PERIODS, namespace, claim.period))
    if body is None or body["metadata"].get("deletionTimestamp"):
        return False
    return bool(body["metadata"].get("uid") == claim.uid) and (body.get("status") or {}).get("phase") not in _OVER


class HoldReconciler:
    """Visits holds by their reference.

    `standing(namespace, claim)` says whether the period behind a claim still stands (see `stands`); it is not asked
    before the first visit, and must know all periods by then. `wake` is called for each claiming period when what keeps
    its object from being changed is new, or gone. `clock` returns Unix seconds.
    """

    def __init__(
        self,
        objects: Objects,
        cache: ObjectCache,
        standing: Standing,
        wake: Callable[[ObjectRef], None],
        clock: Callable[[], float],
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._standing = standing
        self._wake = wake
        self._clock = clock
        self._refused: dict[ObjectRef, _Refused] = {}

    def refusals(self, namespace: str) -> dict[str, Refusal]:
        """What keeps objects of a namespace from being changed, by the name of the hold."""
        return {ref.name: refused.refusal for ref, refused in self._refused.items() if ref.namespace == namespace}

    async def visit(self, ref: ObjectRef) -> Outcome:
        """Converge the object of one hold as far as it goes now, and say when to come back.

        Raises:
            Unavailable: the API server did not answer; what was being written may still arrive, and the hold knows.
        """
        seen = self._cache.find(ref)
        if seen is None:
            self._settle(ref, seen, None)
            return Done()
        if (pause := self._pause(ref, seen)) > 0:
            return After(pause)
        outcome: Outcome = After(RETRY_SECONDS)
        refusal = None
        try:
            outcome = self._idle(ref, seen) or await self._converge(ref)
        except InvalidField as error:
            refusal = Refusal("InvalidHold", f"{ref} cannot be used: {error}; its object is left alone")
        except Forbidden as error:
            refusal = Refusal("Forbidden", f"the operator's account may not do this: {error.advised}")
        except Rejected as error:
            refusal = Refusal("ChangeRejected", f"the API server refused the change: {error.message}")
        self._settle(ref, seen, refusal)
        return outcome

    def _idle(self, ref: ObjectRef, seen: Body) -> Outcome | None:
        """Judge by the watch cache alone; None when something is to be done, or when that cannot be told."""
        hold = read_hold(ref.name, seen.get("spec"))
        body = self._cache.find(_object_ref(ref, hold))
        if body is None or self._valid(ref, hold) != hold:
            return None
        live = self._superseded(ref, hold) or _read(hold, body)
        match self._budgets_first(ref, hold, next_step(hold, live, self._now())):
            case Settled():
                return After(SWEEP_SECONDS)
            case Wait(seconds):
                return After(seconds)
            case _:
                return None

    async def _converge(self, ref: ObjectRef) -> Outcome:
        known = await self._load(ref)
        for _ in range(STEP_LIMIT):
            if known is None:
                return Done()
            if self._clock() - known.read_at > SEND_WITHIN_SECONDS:
                # The process was paused: what it read says nothing about now.
                known = await self._load(ref)
                continue
            match self._next(ref, known):
                case Settled():
                    return After(SWEEP_SECONDS)
                case Wait(seconds):
                    return After(seconds)
                case WriteHold() | PatchObject() | DeleteHold() as step:
                    try:
                        known = await self._take(ref, known, step)
                    except (Conflict, NotFound):
                        known = await self._load(ref)
        return After(1.0)

    def _next(self, ref: ObjectRef, known: _Known) -> Step:
        valid = self._valid(ref, known.hold)
        stored = valid == known.hold
        step = next_step(valid, known.live, self._now(), written=known.written and stored)
        step = self._budgets_first(ref, valid, step)
        # What is decided without a claim is stored without it; most steps do that anyway.
        return step if stored or isinstance(step, WriteHold | DeleteHold) else WriteHold(valid)

    def _budgets_first(self, ref: ObjectRef, hold: Hold, step: Step) -> Step:
        """Let no replicas go while a disruption budget of the namespace is on its way back.

        A budget that asks for more pods than there are in the end would block every drain of a node. One that cannot be
        restored keeps nobody waiting: somebody has to look at it anyway.
        """
        budget = hold.object.kind == POD_DISRUPTION_BUDGET.resource.kind
        lowers = isinstance(step, WriteHold) and any(lowered(record) for record in step.hold.fields)
        if budget or not lowers or not self._returning_budgets(ref.namespace):
            return step
        return Wait(BUDGET_SECONDS, "a disruption budget goes back first")

    def _returning_budgets(self, namespace: str) -> bool:
        for body in self._cache.select(HOLDS, namespace):
            ref = ObjectRef(HOLDS, namespace, body["metadata"]["name"])
            if ref.name.startswith(_BUDGETS) and ref not in self._refused and not self._claimed(ref, body):
                return True
        return False

    def _claimed(self, ref: ObjectRef, body: Body) -> bool:
        try:
            return bool(self._valid(ref, read_hold(ref.name, body.get("spec"))).claims)
        except InvalidField:
            return True

    async def _take(self, ref: ObjectRef, known: _Known, step: WriteHold | PatchObject | DeleteHold) -> _Known | None:
        match step:
            case WriteHold(hold):
                body = await self._objects.replace(ref, {**known.body, "spec": render_hold(hold)})
                self._cache.store(HOLDS, body)
                return replace(known, body=body, hold=read_hold(ref.name, body.get("spec")), written=True)
            case PatchObject(operations, manager):
                target = _object_ref(ref, known.hold, kind_of_object(known.hold.object).subresource)
                changed = await self._objects.json_patch(target, operations, manager)
                if not target.subresource:
                    self._cache.store(target.resource, changed)
                return replace(known, live=_read(known.hold, changed), read_at=self._clock())
            case DeleteHold(release):
                if release is Release.RESTORED:
                    await self._disown(ref, known)
                metadata = known.body["metadata"]
                await self._objects.delete(ref, metadata["uid"], metadata["resourceVersion"])
                return None

    async def _disown(self, ref: ObjectRef, known: _Known) -> None:
        """Own no field of an object in which nothing is changed any more, as far as the account may say so."""
        if not isinstance(known.live, LiveObject) or kind_of_object(known.hold.object).subresource:
            return
        operations = disowning(known.live.uid, known.live.resource_version, known.live.managers)
        if not operations:
            return
        target = _object_ref(ref, known.hold)
        try:
            self._cache.store(target.resource, await self._objects.json_patch(target, operations))
        except (Forbidden, Rejected) as error:
            _logger.warning("The value is restored, but hypercare still owns it: %s", error.advised)

    async def _load(self, ref: ObjectRef) -> _Known | None:
        """Read the hold and its object, never from the cache; None when the hold is gone."""
        try:
            body = await self._objects.get(ref)
        except NotFound:
            return None
        hold, read_at = read_hold(ref.name, body.get("spec")), self._clock()
        try:
            live: LiveObject | Gone = _read(hold, await self._objects.get(_object_ref(ref, hold)))
        except NotFound:
            live = Gone()
        return _Known(body, hold, self._superseded(ref, hold) or live, read_at)

    def _superseded(self, ref: ObjectRef, hold: Hold) -> Superseded | None:
        """Whether an autoscaler has come that scales the object of this hold."""
        if not kind_of_object(hold.object).subresource:
            return None
        objects = {kind.resource: self._cache.select(kind.resource, ref.namespace) for kind in AUTOSCALING}
        scaler = superseding(hold.object, CapacityObjects(objects))
        return Superseded(scaler) if scaler else None

    def _valid(self, ref: ObjectRef, hold: Hold) -> Hold:
        return hold.keeping(lambda claim: self._standing(ref.namespace, claim))

    def _pause(self, ref: ObjectRef, seen: Body) -> float:
        """For how many seconds not to try again what was refused.

        Each try announces the change in the hold anew, and that wakes this very key: without a pause of its own a
        refused change would be tried for ever without one.
        """
        refused = self._refused.get(ref)
        if refused is None or refused.claims != _claims(seen):
            return 0.0
        pause = refused.until - self._clock()
        return pause if pause <= RETRY_SECONDS else 0.0

    def _settle(self, ref: ObjectRef, seen: Body | None, refusal: Refusal | None) -> None:
        before = self._refused.pop(ref, None)
        claims = _claims(seen) if seen is not None else []
        if refusal is not None:
            self._refused[ref] = _Refused(refusal, self._clock() + RETRY_SECONDS, claims)
        if refusal != (before.refusal if before else None):
            if refusal is not None:
                # Where no period claims the object any more, no status tells that it is not restored.
                _logger.warning("%s: %s", ref, refusal.message, extra={"reason": refusal.reason})
            for claim in claims:
                self._wake(ObjectRef(PERIODS, ref.namespace, str(claim.get("period", ""))))

    def _now(self) -> int:
        return int(self._clock())


def _claims(body: Body) -> Sequence[Mapping[str, Any]]:
    return body.get("spec", {}).get("claims") or []


def _object_ref(ref: ObjectRef, hold: Hold, subresource: str = "") -> ObjectRef:
    return ObjectRef(kind_of_object(hold.object).resource, ref.namespace, hold.object.name, subresource)


def _read(hold: Hold, body: Body) -> LiveObject:
    return read_live(kind_of_object(hold.object), body)
