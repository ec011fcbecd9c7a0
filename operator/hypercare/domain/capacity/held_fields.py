"""The fields that a hold may be about, by where they are in their object, and what their values mean.

A field has one of few forms: a number of replicas, a switch that is on or off, or a disruption budget. The form says
which values are the same, which protect less, and which could have been written at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hypercare.domain.capacity.field_values import Absent, FieldValue, Present

MIN_REPLICAS = "/spec/minReplicas"
MAX_REPLICAS = "/spec/maxReplicas"
_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Replicas:
    """A number of replicas; `absent` is what the API takes a missing field for."""

    absent: int = 0


Form = Replicas


@dataclass(frozen=True)
class HeldPath:
    """One field of a kind of object: what people call it, and its form."""

    name: str
    form: Form


_FIELDS: Mapping[str, HeldPath] = {
    MIN_REPLICAS: HeldPath("minReplicas", Replicas(absent=1)),
    MAX_REPLICAS: HeldPath("maxReplicas", Replicas()),
}


def number(path: str, value: FieldValue) -> int:
    """How many replicas a value means: an absent `minReplicas` is 1 (autoscaling/v2 API reference)."""
    match value, _FIELDS[path].form:
        case Present(int() as found), _:
            return found
        case _, Replicas(absent):
            return absent


def same(path: str, one: FieldValue, other: FieldValue) -> bool:
    """Whether two values mean the same; the API server itself writes defaults out."""
    return number(path, one) == number(path, other)


def weaker(path: str, one: FieldValue, other: FieldValue) -> bool:
    """Whether `one` protects less than `other`."""
    return number(path, one) < number(path, other)


def flaw(path: str, value: FieldValue) -> str:
    """Say why a value cannot have been one of this field; empty when it can."""
    match value, _FIELDS[path].form:
        case Absent(), _:
            return ""
        case Present(int() as found), Replicas() if not isinstance(found, bool) and 0 <= found <= _LARGEST:
            return ""
        case _:
            return "is no number of replicas"


def change_text(path: str, original: FieldValue, newest: FieldValue) -> str:
    """A change for people, such as `minReplicas 2 -> 4`."""
    name, before, after = _FIELDS[path].name, number(path, original), number(path, newest)
    return f"{name} {before}" if before == after else f"{name} {before} -> {after}"
