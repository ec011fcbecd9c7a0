"""The kinds of object whose values are changed, each as a small adapter of one shape.

A kind says which of its fields a claim changes, and to what. Everything else, the hold with its protocol, the claims
and the rows of the status, is the same for all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hypercare.domain.capacity.field_values import Absent, FieldValue, Present
from hypercare.domain.capacity.held_fields import (
    BEHAVIOR,
    MAX_REPLICA_COUNT,
    MAX_REPLICAS,
    MAX_UNAVAILABLE,
    MIN_AVAILABLE,
    MIN_REPLICA_COUNT,
    MIN_REPLICAS,
    PAUSED_SCALE_IN,
    REPLICAS,
    SELECT_POLICY,
    amount,
    default_of,
    is_on,
    number,
    switched_on,
    weaker,
)
from hypercare.domain.capacity.hold import Claim, HeldField, HeldObject
from hypercare.domain.capacity.live_object import LiveObject
from hypercare.domain.capacity.quantity import LARGEST
from hypercare.domain.capacity.strictest import Range, strictest
from hypercare.domain.capacity.wishes import DisruptionWish, ReplicaWish, ScaleDown
from hypercare.domain.objects import (
    AUTOSCALERS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    ROLLOUTS,
    SCALED_OBJECTS,
    STATEFULSETS,
    Resource,
)

Values = Mapping[str, FieldValue]


class HeldKind(Protocol):
    """A kind of object, its fields by their paths."""

    @property
    def resource(self) -> Resource:
        """What it is."""
        ...

    @property
    def subresource(self) -> str:
        """The view of it that is written; empty for the object itself."""
        ...

    @property
    def paths(self) -> tuple[str, ...]:
        """Every field that may be held."""
        ...

    def claimed(self, claims: Sequence[Claim], held: Sequence[HeldField], values: Values) -> Iterator[str]:
        """The fields that these claims change and that are not held yet, given what the object holds."""
        ...

    def wanted(self, claims: Sequence[Claim], originals: Values) -> Values:
        """What all claims together want of an object, by path, given its values without hypercare."""
        ...

    def edited(self, record: HeldField, live: LiveObject) -> HeldField:
        """The record of a field in which somebody else has written."""
        ...

    def consistent(self, fields: tuple[HeldField, ...]) -> tuple[HeldField, ...]:
        """The records with originals that the API server accepts together."""
        ...


@dataclass(frozen=True)
class ScalerKind:
    """What sets a number of replicas: a floor, perhaps a ceiling, perhaps switches that keep it from scaling in.

    Of two switches the first is a parent that may be missing as a whole. `wakes`: a floor above zero is a wish to run,
    also where it was zero before; an object without is left at zero.
    """

    resource: Resource
    floor: str
    ceiling: str = ""
    switches: tuple[str, ...] = ()
    subresource: str = ""
    wakes: bool = True

    @property
    def paths(self) -> tuple[str, ...]:
        """Floor, ceiling and switches."""
        return (self.floor, *([self.ceiling] if self.ceiling else ()), *self.switches)

    def claimed(self, claims: Sequence[Claim], held: Sequence[HeldField], values: Values) -> Iterator[str]:
        """The floor always, the others where somebody asks for them."""
        known = {record.path for record in held}
        wishes = [claim.wish for claim in claims if isinstance(claim.wish, ReplicaWish)]
        if self.floor not in known:
            yield self.floor
        if self.ceiling and self.ceiling not in known and any(wish.ceiling is not None for wish in wishes):
            yield self.ceiling
        if known.isdisjoint(self.switches) and _keeps(claims):
            yield from self._switch(values)

    def range(self, values: Values) -> Range:
        """The floor and the ceiling that an object has."""
        floor = number(self.floor, values[self.floor])
        return Range(floor, number(self.ceiling, values[self.ceiling]) if self.ceiling else max(floor, LARGEST))

    def wanted(self, claims: Sequence[Claim], originals: Values) -> Values:
        """The strictest floor and ceiling; a switch is on as soon as one claim asks for it."""
        asleep = not self.wakes and number(self.floor, originals[self.floor]) == 0
        found = strictest(() if asleep else claims, self.range(originals))
        ranges: dict[str, FieldValue] = {self.floor: Present(found.floor)}
        if self.ceiling:
            ranges[self.ceiling] = Present(found.ceiling)
        keeps = _keeps(claims)
        return ranges | {path: switched_on(path) if keeps else originals[path] for path in self.switches}

    def edited(self, record: HeldField, live: LiveObject) -> HeldField:
        """What somebody has written is the original now.

        Where they wrote beside our switch, in the parent that we added or that they removed, only the switch is ours.
        """
        if record.path not in self.switches:
            return HeldField(record.path, live.values[record.path])
        (path,) = self._switch(live.values)
        value = live.values[path]
        ours = path not in live.foreign and not record.at_rest and is_on(path, value)
        if path == record.path or not ours:
            return HeldField(path, value)
        return HeldField(path, default_of(path), confirmed=value)

    def consistent(self, fields: tuple[HeldField, ...]) -> tuple[HeldField, ...]:
        """A floor that somebody set above the old maximum takes that along."""
        floors = [number(record.path, record.original) for record in fields if record.path == self.floor]
        lowest = max(floors, default=0)
        return tuple(
            replace(record, original=Present(lowest))
            if record.path == self.ceiling and number(record.path, record.original) < lowest
            else record
            for record in fields
        )

    def _switch(self, values: Values) -> Iterator[str]:
        if self.switches:
            parent, child = self.switches[0], self.switches[-1]
            yield parent if isinstance(values[parent], Absent) else child


def _keeps(claims: Sequence[Claim]) -> bool:
    """Whether some claim asks that no replica is taken away."""
    wishes = (claim.wish for claim in claims)
    return any(isinstance(wish, ReplicaWish) and wish.scale_down is ScaleDown.DISABLED for wish in wishes)


@dataclass(frozen=True)
class BudgetKind:
    """What bounds voluntary disruptions. Only the field that is set is changed; the API server allows only one."""

    resource: Resource
    paths: tuple[str, ...]
    subresource: str = ""

    def claimed(self, claims: Sequence[Claim], held: Sequence[HeldField], values: Values) -> Iterator[str]:
        """The field that is set, where somebody asks for it."""
        known = {record.path for record in held}
        asked = {claim.wish.path for claim in claims if isinstance(claim.wish, DisruptionWish)}
        for path in self.paths:
            if path in asked and path not in known and isinstance(values[path], Present):
                yield path

    def wanted(self, claims: Sequence[Claim], originals: Values) -> Values:
        """The strictest of the original and all wishes that are written in its unit."""
        found = dict(originals)
        for wish in (claim.wish for claim in claims):
            if isinstance(wish, DisruptionWish) and wish.path in found:
                asked = Present(f"{wish.amount}%" if wish.unit else wish.amount)
                own = amount(originals[wish.path])
                if own is not None and own[1] == wish.unit and weaker(wish.path, found[wish.path], asked):
                    found[wish.path] = asked
        return found

    def edited(self, record: HeldField, live: LiveObject) -> HeldField:
        """What somebody has written is the original now."""
        return HeldField(record.path, live.values[record.path])

    def consistent(self, fields: tuple[HeldField, ...]) -> tuple[HeldField, ...]:
        """The fields of a budget do not depend on each other."""
        return fields


HORIZONTAL_POD_AUTOSCALER = ScalerKind(AUTOSCALERS, MIN_REPLICAS, MAX_REPLICAS, (BEHAVIOR, SELECT_POLICY))
SCALED_OBJECT = ScalerKind(SCALED_OBJECTS, MIN_REPLICA_COUNT, MAX_REPLICA_COUNT, (PAUSED_SCALE_IN,))
# Through their scale alone: to be allowed to patch a workload is to be allowed to run code in its pods.
DEPLOYMENT, STATEFUL_SET, ROLLOUT = (
    ScalerKind(resource, REPLICAS, subresource="scale", wakes=False)
    for resource in (DEPLOYMENTS, STATEFULSETS, ROLLOUTS)
)
POD_DISRUPTION_BUDGET = BudgetKind(DISRUPTION_BUDGETS, (MIN_AVAILABLE, MAX_UNAVAILABLE))

KINDS: tuple[HeldKind, ...] = (
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
    DEPLOYMENT,
    STATEFUL_SET,
    ROLLOUT,
    POD_DISRUPTION_BUDGET,
)
_BY_NAME = {(kind.resource.api_version, kind.resource.kind): kind for kind in KINDS}


def held_kind(api_version: str, kind: str) -> HeldKind | None:
    """The adapter of a kind; None when it is nothing this operator changes."""
    return _BY_NAME.get((api_version, kind))


def kind_called(kind: str) -> HeldKind | None:
    """The adapter by the kind alone, as a status names it; none two of them share theirs."""
    return next((each for each in KINDS if each.resource.kind == kind), None)


def kind_of_object(held: HeldObject) -> HeldKind:
    """The adapter of an object that is held."""
    return _BY_NAME[held.api_version, held.kind]
