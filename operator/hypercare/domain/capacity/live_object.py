"""An object as it was read: its values that may be held, and who wrote them.

Bodies are those of the API server. Who wrote a field is read from managed fields, never guessed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hypercare.domain.capacity.field_values import Absent, FieldValue, field_value
from hypercare.domain.capacity.ownership import OWN_MANAGERS, REAPPLYING_MANAGERS

SOMEBODY = "unknown"
Body = Mapping[str, Any]


class Holdable(Protocol):
    """A kind of object, by the fields that may be held."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the fields."""
        ...


@dataclass(frozen=True)
class Gone:
    """The object does not exist."""


@dataclass(frozen=True)
class Superseded:
    """Something else scales the object since: whatever its replicas are, they are not ours to set."""

    by: str


@dataclass(frozen=True)
class LiveObject:
    """An object as it was read at one resourceVersion.

    `writers` names, per path, who wrote the field last besides us; `appliers` names, per path, who has made it their
    own by server-side apply. `missing` are the parents of fields that a patch must make first. `managers` are those of
    all its managed fields, in their order; a body of a cache has fewer of them.
    """

    uid: str
    resource_version: str
    values: Mapping[str, FieldValue]
    writers: Mapping[str, str]
    appliers: Mapping[str, tuple[str, ...]]
    missing: frozenset[str] = frozenset()
    managers: tuple[str, ...] = field(default=(), compare=False)

    @property
    def foreign(self) -> frozenset[str]:
        """Fields of which somebody else has written at least a part, and not only copied what is there."""
        copying = {SOMEBODY, *REAPPLYING_MANAGERS}
        return frozenset(path for path, manager in self.writers.items() if manager not in copying)


def read_live(kind: Holdable, body: Body) -> LiveObject:
    """Read the values that a hold of this kind may be about, and who wrote them."""
    metadata = body["metadata"]
    entries = metadata.get("managedFields") or ()
    foreign = [entry for entry in entries if entry.get("manager") not in OWN_MANAGERS and _of_object(entry)]
    parents = {path.rpartition("/")[0] for path in kind.paths}
    return LiveObject(
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        values={path: value_at(body, path) for path in kind.paths},
        writers={path: _last(foreign, path) for path in kind.paths},
        appliers={path: tuple(_appliers(foreign, path)) for path in kind.paths},
        missing=frozenset(path for path in parents if isinstance(value_at(body, path), Absent)),
        managers=tuple(str(entry.get("manager", "")) for entry in entries),
    )


def value_at(body: Body, path: str) -> FieldValue:
    """The value at a JSON Pointer (RFC 6901) into a body."""
    return field_value(_at(body, _keys(path)))


def writers_of(kind: Holdable, entries: Iterable[Body]) -> list[dict[str, Any]]:
    """Of an object's managed fields, what `read_live` reads: much shorter, for a cache."""
    kept: list[dict[str, Any]] = []
    for entry in entries:
        paths = [path for path in kind.paths if _holds(entry, path)]
        if paths and _of_object(entry):
            short = {key: entry[key] for key in ("manager", "operation", "time") if key in entry}
            kept.append({**short, "fieldsV1": _tree(paths)})
    return kept


def owners_of(body: Body, path: str) -> tuple[str, ...]:
    """The managers whose value a field has; who has written another one is among them no more."""
    entries = body["metadata"].get("managedFields") or ()
    return tuple(str(entry.get("manager", "")) for entry in entries if _of_object(entry) and _holds(entry, path))


def condition_of(body: Body, kind: str) -> Body:
    """One condition of an object's status, by type; empty when it has none."""
    conditions = body.get("status", {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _of_object(entry: Body) -> bool:
    """Whether it tells of the object itself, or of its scale, which is a view of it; not of its status."""
    return entry.get("subresource", "") in {"", "scale"}


def _last(entries: Sequence[Body], path: str) -> str:
    owning = [entry for entry in entries if _holds(entry, path)]
    newest = max(owning, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(newest.get("manager", SOMEBODY)) if newest else SOMEBODY


def _appliers(entries: Sequence[Body], path: str) -> Iterator[str]:
    for entry in entries:
        manager = str(entry.get("manager", SOMEBODY))
        if entry.get("operation") == "Apply" and manager not in REAPPLYING_MANAGERS and _holds(entry, path):
            yield manager


def _holds(entry: Body, path: str) -> bool:
    return _at(entry.get("fieldsV1"), [f"f:{key}" for key in _keys(path)]) is not None


def _tree(paths: Iterable[str]) -> dict[str, Any]:
    """The paths in the form of `fieldsV1`."""
    tree: dict[str, Any] = {}
    for path in paths:
        place = tree
        for key in _keys(path):
            place = place.setdefault(f"f:{key}", {})
    return tree


def _keys(path: str) -> list[str]:
    return [key.replace("~1", "/").replace("~0", "~") for key in path.split("/")[1:]]


def _at(found: object, keys: Iterable[str]) -> object:
    for key in keys:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found
