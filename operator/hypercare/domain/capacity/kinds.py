"""The kinds of object whose values are changed, each as a small adapter of one shape.

A kind says which of its fields are the floor, the ceiling and so on, and where its writes go. Everything else, the hold
with its protocol, the claims and the rows of the status, is the same for all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.capacity.field_values import FieldValue, Present
from hypercare.domain.capacity.held_fields import MAX_REPLICAS, MIN_REPLICAS, number
from hypercare.domain.capacity.hold import Claim, HeldObject
from hypercare.domain.capacity.strictest import Range, strictest
from hypercare.domain.objects import AUTOSCALERS, Resource


@dataclass(frozen=True)
class HeldKind:
    """A kind of object: its resource, and the paths of its floor and its ceiling."""

    resource: Resource
    floor: str
    ceiling: str

    @property
    def paths(self) -> tuple[str, ...]:
        """Every field that may be held."""
        return (self.floor, self.ceiling)

    def claimed(self, claims: Sequence[Claim]) -> Iterator[str]:
        """The fields that these claims change."""
        yield self.floor
        if any(claim.ceiling is not None for claim in claims):
            yield self.ceiling

    def range(self, values: Mapping[str, FieldValue]) -> Range:
        """The floor and the ceiling that an object has."""
        return Range(number(self.floor, values[self.floor]), number(self.ceiling, values[self.ceiling]))

    def wanted(self, claims: Sequence[Claim], originals: Mapping[str, FieldValue]) -> Mapping[str, FieldValue]:
        """What all claims together want of an object, by path, given its values without hypercare."""
        found = strictest(claims, self.range(originals))
        return {self.floor: Present(found.floor), self.ceiling: Present(found.ceiling)}


HORIZONTAL_POD_AUTOSCALER = HeldKind(AUTOSCALERS, MIN_REPLICAS, MAX_REPLICAS)
KINDS = (HORIZONTAL_POD_AUTOSCALER,)


_BY_NAME = {(kind.resource.api_version, kind.resource.kind): kind for kind in KINDS}


def held_kind(api_version: str, kind: str) -> HeldKind | None:
    """The adapter of a kind; None when it is nothing this operator changes."""
    return _BY_NAME.get((api_version, kind))


def kind_of_object(held: HeldObject) -> HeldKind:
    """The adapter of an object that is held."""
    return _BY_NAME[held.api_version, held.kind]
