"""What the watches have seen, trimmed to what decisions need; implements `hypercare.ports.ObjectCache`.

Fed from three sides that overtake each other: listings, watch events, and the answers to the operator's own writes. The
larger resourceVersion wins (since Kubernetes 1.35 they may be compared as numbers), so an event from before a write
never rolls it back. A deletion leaves a tombstone for the same reason.

Deletions during a watch gap are not told by any event: Kopf lists again and reports only what is there. So a listing
that is handed to `replace` also removes what it no longer has.

A namespace in which something may not be listed is known in part only, and no decision may rest on that: asked for an
object there, the cache answers with the refusal (`refuse`).
"""

import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypercare.domain.capacity.kinds import KINDS
from hypercare.domain.capacity.live_object import writers_of
from hypercare.domain.objects import TARGETS, ObjectRef, Resource
from hypercare.ports import Body, Forbidden

TOMBSTONES = 4096
AWAITED_WRITES = 1024
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_WORKLOADS = frozenset(TARGETS.values())
_HELD = {kind.resource: kind for kind in KINDS}


@dataclass(frozen=True)
class Change:
    """An object of the cache is not what it was. `before` or `after` is empty when it did not or does not exist."""

    ref: ObjectRef
    before: Body
    after: Body


@dataclass
class _Shelf:
    served: bool
    listed: bool
    objects: dict[str, dict[str, Body]]
    places: set[str]
    """The namespaces that were listed."""


class WatchCache:
    """The newest body seen of every object of the watched resources.

    `listener` is told of each change once, whichever side brought it: also of the operator's own writes, because
    what depends on them must be visited although their echo brings nothing new. `clock` (seconds, monotonic) times how
    long the watch takes to return those writes.
    """

    def __init__(
        self, resources: Collection[Resource], listener: Callable[[Change], None], clock: Callable[[], float]
    ) -> None:
        self._listener = listener
        self._shelves = {resource: _Shelf(False, False, {}, set()) for resource in resources}
        self._tombstones: OrderedDict[ObjectRef, int] = OrderedDict()
        self._awaited: OrderedDict[ObjectRef, tuple[int, float]] = OrderedDict()
        self._refused: dict[str, dict[Resource, str]] = {}
        self._clock = clock

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The resources that are watched."""
        return tuple(self._shelves)

    def find(self, ref: ObjectRef) -> Body | None:
        """The newest version seen, or None when there is none.

        Raises:
            Forbidden: something of this namespace was never listed, because that is refused.
        """
        for message in self._refused.get(ref.namespace, {}).values():
            raise Forbidden(message)
        return self.seen(ref)

    def seen(self, ref: ObjectRef) -> Body | None:
        """The newest version seen, also where something else of its namespace may not be listed."""
        shelf = self._shelves.get(ref.resource)
        return shelf.objects.get(ref.namespace, {}).get(ref.name) if shelf else None

    def select(self, resource: Resource, namespace: str = "") -> Sequence[Body]:
        """All objects of a resource, of all namespaces if `namespace` is empty, in the order of their names."""
        shelf = self._shelves.get(resource)
        if shelf is None:
            return ()
        namespaces = [namespace] if namespace else sorted(shelf.objects)
        found = (shelf.objects.get(each, {}) for each in namespaces)
        return [objects[name] for objects in found for name in sorted(objects)]

    def count(self, resource: Resource) -> int:
        """How many objects of a resource there are."""
        return sum(len(objects) for objects in self._shelves[resource].objects.values())

    def served(self, resource: Resource) -> bool:
        """Whether the API server serves this resource at all (a missing CRD does not)."""
        shelf = self._shelves.get(resource)
        return shelf is not None and shelf.served

    def synced(self, resource: Resource) -> bool:
        """Whether it is known what there is of a resource: it was listed everywhere, or is known not to be served."""
        return self._shelves[resource].listed and not self.refused(resource)

    def refused(self, resource: Resource) -> tuple[str, ...]:
        """The namespaces in which a resource was never listed, because that is refused."""
        return tuple(namespace for namespace, found in sorted(self._refused.items()) if resource in found)

    def store(self, resource: Resource, body: Body) -> None:
        """Remember a body that a write has just returned, so that the next visit does not decide on an older one."""
        if resource not in self._shelves:
            return
        ref, version = reference(resource, body), version_of(body)
        known = self.seen(ref)
        self._keep(ref, body, version)
        if version != math.inf and (known is None or version_of(known) < version):
            self._awaited[ref] = (int(version), self._clock())
            self._awaited.move_to_end(ref)
            while len(self._awaited) > AWAITED_WRITES:
                self._awaited.popitem(last=False)

    def observe(self, resource: Resource, body: Body) -> None:
        """Take in what a watch reports of an object that exists."""
        self._shelves[resource].served = True
        ref, version = reference(resource, body), version_of(body)
        self._returned(ref, version)
        self._keep(ref, body, version)

    def observe_deleted(self, resource: Resource, body: Body) -> None:
        """Take in that a watch reports an object as deleted."""
        ref, version = reference(resource, body), version_of(body)
        self._returned(ref, version)
        self._drop(ref, version)

    def replace(self, resource: Resource, bodies: Sequence[Body], version: str, namespace: str = "") -> None:
        """Take in a whole listing, of all namespaces if `namespace` is empty; what it lacks is gone.

        Objects that were seen in a version later than that of the listing are kept: they are newer than it.
        """
        shelf = self._shelves[resource]
        shelf.served = shelf.listed = True
        shelf.places.add(namespace)
        self._permit(resource, namespace)
        as_of = _number(version)
        for body in bodies:
            self._keep(reference(resource, body), body, version_of(body))
        present = {reference(resource, body) for body in bodies}
        known = {reference(resource, body) for body in self.select(resource, namespace)}
        for ref in sorted(known - present):
            self._drop(ref, as_of)
        self._forgive(resource, namespace, present, as_of)

    def not_served(self, resource: Resource) -> None:
        """Take in that the API server does not have this resource: nothing of it exists."""
        shelf = self._shelves[resource]
        shelf.served, shelf.listed = False, True
        for namespace in self.refused(resource):
            self._permit(resource, namespace)
        for body in self.select(resource):
            self._drop(reference(resource, body), math.inf)
        self._forgive(resource, "", set(), math.inf)

    def refuse(self, resource: Resource, namespace: str, message: str) -> None:
        """Take in that a resource may not be listed in a namespace; one that was listed there before stays known."""
        if namespace not in self._shelves[resource].places:
            self._refused.setdefault(namespace, {})[resource] = message

    @property
    def lag(self) -> float:
        """For how many seconds the watches have owed the operator the echo of one of its own writes; 0 if none."""
        oldest = next(iter(self._awaited.values()), None)
        return max(0.0, self._clock() - oldest[1]) if oldest else 0.0

    def _permit(self, resource: Resource, namespace: str) -> None:
        found = self._refused.get(namespace, {})
        found.pop(resource, None)
        if not found:
            self._refused.pop(namespace, None)

    def _keep(self, ref: ObjectRef, body: Body, version: float) -> None:
        known = self.seen(ref)
        if known is not None and version_of(known) >= version != math.inf:
            return
        if self._tombstones.get(ref, -1) >= version:
            return
        self._tombstones.pop(ref, None)
        kept = trimmed(ref.resource, body)
        self._shelves[ref.resource].objects.setdefault(ref.namespace, {})[ref.name] = kept
        self._listener(Change(ref, known or {}, kept))

    def _drop(self, ref: ObjectRef, version: float) -> None:
        known = self.seen(ref)
        if known is not None and math.inf > version_of(known) > version:
            return
        if version != math.inf:
            self._bury(ref, int(version))
        if known is None:
            return
        objects = self._shelves[ref.resource].objects
        del objects[ref.namespace][ref.name]
        if not objects[ref.namespace]:
            del objects[ref.namespace]
        self._listener(Change(ref, known, {}))

    def _bury(self, ref: ObjectRef, version: int) -> None:
        self._tombstones[ref] = max(version, self._tombstones.get(ref, version))
        self._tombstones.move_to_end(ref)
        while len(self._tombstones) > TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _forgive(self, resource: Resource, namespace: str, present: set[ObjectRef], as_of: float) -> None:
        """Await no echo for objects that a listing no longer has: no watch will tell of them any more."""
        for ref, (version, _) in list(self._awaited.items()):
            listed = ref.resource == resource and namespace in {"", ref.namespace}
            if listed and ref not in present and version <= as_of:
                del self._awaited[ref]

    def _returned(self, ref: ObjectRef, version: float) -> None:
        awaited = self._awaited.get(ref)
        if awaited and version >= awaited[0]:
            del self._awaited[ref]


def reference(resource: Resource, body: Body) -> ObjectRef:
    """Name the object of a body."""
    metadata = body["metadata"]
    return ObjectRef(resource, metadata.get("namespace", ""), metadata["name"])


def version_of(body: Body) -> float:
    """Return the resourceVersion as a number; infinity where it is none, which then counts as news each time."""
    return _number(body["metadata"].get("resourceVersion", ""))


def _number(version: str) -> float:
    return int(version) if version.isdecimal() else math.inf


def trimmed(resource: Resource, body: Body) -> Body:
    """Leave out what no decision reads: managed fields, kubectl's copy of the object, and most of a pod template.

    Of the managed fields of what can be held, those that tell whose its values are stay.
    Writes never start from the cache: they read the object live, so nothing that is left out here can be lost.
    """
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    if resource in _HELD and "managedFields" in body["metadata"]:
        metadata["managedFields"] = writers_of(_HELD[resource], body["metadata"]["managedFields"])
    annotations = metadata.get("annotations") or {}
    if _LAST_APPLIED in annotations:
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    kept = {**body, "metadata": metadata}
    if resource in _WORKLOADS and "spec" in body:
        kept["spec"] = _trimmed_workload(body["spec"])
    return {sys.intern(key): _shared(value) for key, value in kept.items()}


def _shared(value: Any) -> Any:
    """The same value with one copy of each text: bodies are alike, and what they say takes more room than the rest."""
    match value:
        case str():
            return sys.intern(value)
        case Mapping():
            return {sys.intern(key): _shared(each) for key, each in value.items()}
        case list():
            return [_shared(each) for each in value]
        case _:
            return value


def _trimmed_workload(spec: Mapping[str, Any]) -> dict[str, Any]:
    template = spec.get("template", {})
    containers = [
        {"name": container.get("name", ""), "image": container.get("image", "")}
        for container in template.get("spec", {}).get("containers", ())
    ]
    kept = {"metadata": template.get("metadata", {}), "spec": {"containers": containers}}
    return {**spec, "template": kept}
