"""Horizontal pod autoscalers as decisions see them: which one scales a target, its values, and who wrote them.

Bodies are those of the API server (autoscaling/v2). Ownership is read from owner references and managed fields, never
guessed from names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypercare.domain.capacity.hold import CEILING_PATH, FLOOR_PATH, Absent, FieldValue, Present

OWN_MANAGER = "hypercare"
SOMEBODY = "unknown"
_OWNING_KINDS = frozenset({"ScaledObject", "Canary"})
_FIELDS = {FLOOR_PATH: "minReplicas", CEILING_PATH: "maxReplicas"}
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Gone:
    """The object does not exist."""


@dataclass(frozen=True)
class LiveObject:
    """An object as it was read at one resourceVersion.

    `writers` names, per path, who wrote the field last besides us; `appliers` names, per path, who holds it by
    server-side apply besides us.
    """

    uid: str
    resource_version: str
    values: Mapping[str, FieldValue]
    writers: Mapping[str, str]
    appliers: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Found:
    """The one autoscaler of the target."""

    body: Body


@dataclass(frozen=True)
class NoAutoscaler:
    """Nothing scales the target."""


@dataclass(frozen=True)
class SeveralAutoscalers:
    """More than one autoscaler names the target; Kubernetes itself then scales nothing (AmbiguousSelector)."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class OwnedAutoscaler:
    """The autoscaler is written by a controller that would take every change back."""

    name: str
    owner: str


def autoscaler_of(
    kind: str, name: str, autoscalers: Sequence[Body]
) -> Found | NoAutoscaler | SeveralAutoscalers | OwnedAutoscaler:
    """Find the autoscaler whose `scaleTargetRef` is this apps workload, among those of its namespace."""
    found = [body for body in autoscalers if _scales(body, kind, name)]
    match found:
        case []:
            return NoAutoscaler()
        case [body]:
            owner = _owner(body)
            return OwnedAutoscaler(body["metadata"]["name"], owner) if owner else Found(body)
        case _:
            return SeveralAutoscalers(tuple(sorted(body["metadata"]["name"] for body in found)))


def read_autoscaler(body: Body) -> LiveObject:
    """Read the values that a hold is about, and who wrote them."""
    metadata = body["metadata"]
    entries = metadata.get("managedFields") or ()
    foreign = [entry for entry in entries if entry.get("manager") != OWN_MANAGER and not entry.get("subresource")]
    return LiveObject(
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        values={path: value_of(body, path) for path in _FIELDS},
        writers={path: _last(foreign, name) for path, name in _FIELDS.items()},
        appliers={path: tuple(_appliers(foreign, name)) for path, name in _FIELDS.items()},
    )


def replica_writers(entries: Iterable[Body]) -> list[dict[str, Any]]:
    """Of an autoscaler's managed fields, what `read_autoscaler` reads: much shorter, for a cache."""
    kept: list[dict[str, Any]] = []
    for entry in entries:
        names = [name for name in _FIELDS.values() if _holds(entry, name)]
        if names and not entry.get("subresource"):
            short = {key: entry[key] for key in ("manager", "operation", "time") if key in entry}
            kept.append({**short, "fieldsV1": {"f:spec": {f"f:{name}": {} for name in names}}})
    return kept


def value_of(body: Body, path: str) -> FieldValue:
    """The value of one held field in a body."""
    value = body.get("spec", {}).get(_FIELDS[path])
    return Absent() if value is None else Present(int(value))


def condition_of(body: Body, kind: str) -> Body:
    """One condition of an object's status, by type; empty when it has none."""
    conditions = body.get("status", {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _scales(body: Body, kind: str, name: str) -> bool:
    target = body.get("spec", {}).get("scaleTargetRef", {})
    group = str(target.get("apiVersion", "apps/v1")).partition("/")[0]
    return target.get("kind") == kind and target.get("name") == name and group == "apps"


def _owner(body: Body) -> str:
    for reference in body["metadata"].get("ownerReferences") or ():
        if reference.get("controller") and reference.get("kind") in _OWNING_KINDS:
            return f"{reference['kind']} {reference['name']}"
    return ""


def _last(entries: Sequence[Body], field: str) -> str:
    owning = [entry for entry in entries if _holds(entry, field)]
    newest = max(owning, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(newest.get("manager", SOMEBODY)) if newest else SOMEBODY


def _appliers(entries: Sequence[Body], field: str) -> Iterator[str]:
    for entry in entries:
        if entry.get("operation") == "Apply" and _holds(entry, field):
            yield str(entry.get("manager", SOMEBODY))


def _holds(entry: Body, field: str) -> bool:
    return f"f:{field}" in entry.get("fieldsV1", {}).get("f:spec", {})
