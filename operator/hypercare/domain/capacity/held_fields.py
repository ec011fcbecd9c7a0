"""The fields that a hold may be about, by where they are in their object, and what their values mean.

A field has one of few forms. The form says which values are the same, which protect less, and which could have been
written at all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hypercare.domain.capacity.field_values import Absent, Document, FieldValue, Present, contains, field_value

MIN_REPLICAS = "/spec/minReplicas"
MAX_REPLICAS = "/spec/maxReplicas"
BEHAVIOR = "/spec/behavior"
SELECT_POLICY = "/spec/behavior/scaleDown/selectPolicy"
MIN_REPLICA_COUNT = "/spec/minReplicaCount"
MAX_REPLICA_COUNT = "/spec/maxReplicaCount"
PAUSED_SCALE_IN = "/metadata/annotations/autoscaling.keda.sh~1paused-scale-in"
REPLICAS = "/spec/replicas"
MIN_AVAILABLE = "/spec/minAvailable"
MAX_UNAVAILABLE = "/spec/maxUnavailable"
_LARGEST = 2**31 - 1
_PERCENTAGE = re.compile(r"([0-9]{1,3})%", re.ASCII)


@dataclass(frozen=True)
class Replicas:
    """A number of replicas; `absent` is what the API takes a missing field for."""

    absent: int = 0


@dataclass(frozen=True)
class Switch:
    """A text of which one value protects; `absent` is what the API takes a missing field for."""

    on: str
    absent: str = ""


@dataclass(frozen=True)
class Parent:
    """An object that was not there, with the switch at `child`; the API server fills in the rest of it."""

    child: str
    added: Document


@dataclass(frozen=True)
class Budget:
    """A number of pods or a percentage of them; `more` tells whether a larger one protects more."""

    more: bool


Form = Replicas | Switch | Parent | Budget


@dataclass(frozen=True)
class HeldPath:
    """One field of a kind of object: what people call it, and its form."""

    name: str
    form: Form


_DISABLED = Document('{"scaleDown":{"selectPolicy":"Disabled"}}')
_FIELDS: Mapping[str, HeldPath] = {
    # autoscaling/v2: minReplicas defaults to 1, selectPolicy to Max, and maxReplicas is required.
    MIN_REPLICAS: HeldPath("minReplicas", Replicas(absent=1)),
    MAX_REPLICAS: HeldPath("maxReplicas", Replicas()),
    BEHAVIOR: HeldPath("scaleDown", Parent(SELECT_POLICY, _DISABLED)),
    SELECT_POLICY: HeldPath("scaleDown", Switch("Disabled", absent="Max")),
    # keda.sh/v1alpha1: GetHPAMinReplicas and GetHPAMaxReplicas; scale to zero is the default.
    MIN_REPLICA_COUNT: HeldPath("minReplicaCount", Replicas(absent=0)),
    MAX_REPLICA_COUNT: HeldPath("maxReplicaCount", Replicas(absent=100)),
    PAUSED_SCALE_IN: HeldPath("paused-scale-in", Switch("true")),
    # apps/v1, and Argo Rollouts alike.
    REPLICAS: HeldPath("replicas", Replicas(absent=1)),
    MIN_AVAILABLE: HeldPath("minAvailable", Budget(more=True)),
    MAX_UNAVAILABLE: HeldPath("maxUnavailable", Budget(more=False)),
}


def number(path: str, value: FieldValue) -> int:
    """How many replicas the value of a field of that form means."""
    match value, _FIELDS[path].form:
        case Present(int() as found), _:
            return found
        case _, Replicas(absent):
            return absent
        case _:
            raise ValueError(f"{path} holds no number of replicas")


def same(path: str, one: FieldValue, other: FieldValue) -> bool:
    """Whether two values mean the same; the API server itself writes defaults out."""
    form = _FIELDS[path].form
    return _meaning(form, one) == _meaning(form, other)


def fulfils(path: str, found: FieldValue, wanted: FieldValue) -> bool:
    """Whether a value is what the API server makes of the wanted one."""
    match _FIELDS[path].form, found, wanted:
        case Parent(), Present(Document() as whole), Present(Document() as part):
            return contains(whole.content, part.content)
        case _:
            return same(path, found, wanted)


def weaker(path: str, one: FieldValue, other: FieldValue) -> bool:
    """Whether `one` protects less than `other`; a count and a percentage cannot be compared, and neither is weaker."""
    form = _FIELDS[path].form
    match form:
        case Replicas():
            return number(path, one) < number(path, other)
        case Switch() | Parent():
            return not is_on(path, one) and is_on(path, other)
        case Budget():
            return _weaker_budget(form, one, other)


def is_switch(path: str) -> bool:
    """Whether a field is one that is on or off."""
    return isinstance(_FIELDS[path].form, Switch | Parent)


def switched_on(path: str) -> Present:
    """What is to be written to turn a switch on."""
    match _FIELDS[path].form:
        case Switch(on):
            return Present(on)
        case Parent(_, added):
            return Present(added)
        case _:
            raise ValueError(f"{path} is no switch")


def is_on(path: str, value: FieldValue) -> bool:
    """Whether a switch is on."""
    match _FIELDS[path].form, value:
        case Switch(on), Present(found):
            return found == on
        case Parent(_, added), Present(Document() as whole):
            return contains(whole.content, added.content)
        case _:
            return False


def shortened(path: str, value: FieldValue) -> FieldValue:
    """A value as it was asked for, where the API server has only added to that."""
    return switched_on(path) if isinstance(_FIELDS[path].form, Parent) and is_on(path, value) else value


def default_of(path: str) -> FieldValue:
    """What the API server itself would write into a switch."""
    match _FIELDS[path].form:
        case Switch(_, absent) if absent:
            return Present(absent)
        case _:
            return Absent()


def amount(value: FieldValue) -> tuple[int, str] | None:
    """The number and the unit (`%`, or none for pods) of a disruption budget; None where there is no such number."""
    match value:
        case Present(bool()):
            return None
        case Present(int() as pods) if 0 <= pods <= _LARGEST:
            return pods, ""
        case Present(str() as text) if found := _PERCENTAGE.fullmatch(text):
            return int(found[1]), "%"
        case _:
            return None


def flaw(path: str, value: FieldValue) -> str:
    """Say why a value cannot have been one of this field; empty when it can."""
    match _FIELDS[path].form, value:
        case _, Absent():
            return ""
        case Replicas(), Present(int() as found) if not isinstance(found, bool) and 0 <= found <= _LARGEST:
            return ""
        case Replicas(), _:
            return "is no number of replicas"
        case Switch(), Present(str()):
            return ""
        case Parent(), Present(Document() as found) if isinstance(found.content, dict):
            return ""
        case Budget(), _ if amount(value) is not None:
            return ""
        case _:
            return "is no value of this field"


def field_name(path: str) -> str:
    """What people call a field."""
    return _FIELDS[path].name


def change_text(path: str, original: FieldValue, newest: FieldValue) -> str:
    """A change for people, such as `minReplicas 2 -> 4`."""
    name, before, after = _FIELDS[path].name, _text(path, original), _text(path, newest)
    return f"{name} {before}" if before == after else f"{name} {before} -> {after}"


def _text(path: str, value: FieldValue) -> str:
    match _FIELDS[path].form, value:
        case Replicas(), _:
            return str(number(path, value))
        case Parent(child), Present(Document() as whole):
            return _text(child, switched_on(child) if is_on(path, Present(whole)) else default_of(child))
        case Switch(absent=absent), Absent() if absent:
            return absent
        case _, Present(found):
            return str(found)
        case _:
            return "unset"


def _meaning(form: Form, value: FieldValue) -> FieldValue:
    match form, value:
        case Replicas(absent) | Switch(absent=absent), Absent():
            return field_value(absent if absent != "" else None)
        case _:
            return value


def _weaker_budget(form: Budget, one: FieldValue, other: FieldValue) -> bool:
    match amount(one), amount(other):
        case None, (int(), str()):
            return True
        case (int() as ours, str() as unit), (int() as theirs, str() as other_unit) if unit == other_unit:
            return ours < theirs if form.more else ours > theirs
        case _:
            return False
