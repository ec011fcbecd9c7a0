"""An API server in memory, for tests of what writes to one: versions, UIDs, JSON Patch tests, 409, 404, 422.

It behaves as Kubernetes 1.36 was seen to where the operator depends on it: a write that changes nothing keeps the
resourceVersion, a stale version is a conflict, a failed `test` too, an autoscaler's absent `minReplicas` becomes 1 and
may not exceed `maxReplicas`, a `behavior` is filled in, no annotations are none, the scale is a view, and managed
fields tell who wrote `spec` and how. Everything else it leaves out.

Writes can be made to fail: `fail_at(k, …)` acts on the k-th write from then on (counting from 1). `BEFORE`: the server
never saw it; `AFTER`: it was done, but the answer was lost; `LATE`: it arrives when `deliver` is called.
"""

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from hypercare.adapters.cache import WatchCache
from hypercare.domain.objects import AUTOSCALERS, ObjectRef, Resource
from hypercare.ports import FIELD_MANAGER, ApiError, Body, Conflict, NotFound, Rejected, Unavailable

DEFAULT_BEHAVIOR: dict[str, dict[str, Any]] = {
    "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
}
Write = Callable[[], dict[str, Any]]


class When(Enum):
    """Where a write is cut off."""

    BEFORE = auto()
    AFTER = auto()
    LATE = auto()


class Crash(BaseException):
    """The operator dies here: nothing may catch this."""


@dataclass
class _Fault:
    number: int
    when: When
    error: BaseException


class FakeApiServer:
    """Implements `hypercare.ports.Objects`; a `WatchCache` given to `watched_by` sees every change at once."""

    def __init__(self) -> None:
        self.objects: dict[ObjectRef, dict[str, Any]] = {}
        self.writes: list[str] = []
        self.reads = 0
        self.unlisted: dict[Resource, ApiError] = {}
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)
        self._caches: list[WatchCache] = []
        self._faults: list[_Fault] = []
        self._late: list[Write] = []
        self._interludes: dict[int, Callable[[], object]] = {}

    def watched_by(self, cache: WatchCache) -> None:
        self._caches = [cache]
        for resource in cache.resources:
            bodies = [copy.deepcopy(body) for ref, body in self.objects.items() if ref.resource == resource]
            cache.replace(resource, bodies, str(next(self._versions)))

    def fail_at(self, number: int, when: When, error: BaseException | None = None) -> None:
        self._faults.append(_Fault(len(self.writes) + number, when, error or Unavailable("no answer")))

    def just_before(self, number: int, action: Callable[[], object]) -> None:
        """Let somebody else act right before the server sees the k-th write from now on."""
        self._interludes[len(self.writes) + number] = action

    def deliver(self) -> int:
        """Let every late write arrive now; returns how many of them the server accepted."""
        accepted = 0
        for write in self._late:
            try:
                write()
            except (Conflict, NotFound, Rejected):
                continue
            accepted += 1
        self._late.clear()
        return accepted

    # What tests do to the cluster as somebody else.

    def put(self, ref: ObjectRef, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
        """Create an object as a user would; `status` may be set afterwards by `edit`."""
        body = {
            "spec": copy.deepcopy(dict(spec)),
            "metadata": {"name": ref.name, "namespace": ref.namespace} | metadata,
        }
        return self._commit(ref, None, body, "kubectl", "Update")

    def edit(self, ref: ObjectRef, manager: str = "kubectl", operation: str = "Update", **spec: Any) -> dict[str, Any]:
        """Set fields of `spec` as another writer; None removes one."""
        body = copy.deepcopy(self.objects[ref])
        for name, value in spec.items():
            body["spec"].pop(name, None)
            if value is not None:
                body["spec"][name] = value
        return self._commit(
            ref, self.objects[ref], body, manager, operation, claims=tuple(spec) if operation == "Apply" else ()
        )

    def set_status(self, ref: ObjectRef, **status: Any) -> dict[str, Any]:
        body = copy.deepcopy(self.objects[ref]) | {"status": status}
        return self._commit(ref, self.objects[ref], body, "controller", "Update")

    def remove(self, ref: ObjectRef) -> None:
        body = self.objects.pop(ref)
        body["metadata"]["resourceVersion"] = str(next(self._versions))
        for cache in self._watching(ref.resource):
            cache.observe_deleted(ref.resource, copy.deepcopy(body))

    # The port.

    async def get(self, ref: ObjectRef) -> Body:
        self.reads += 1
        return copy.deepcopy(self._existing(ref))

    async def list(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> Sequence[Body]:
        self.reads += 1
        if resource in self.unlisted:
            raise self.unlisted[resource]
        found = sorted(ref for ref in self.objects if ref.resource == resource and namespace in ("", ref.namespace))
        bodies = [copy.deepcopy(self.objects[ref]) for ref in found if _selected(self.objects[ref], labels)]
        return [body for body in bodies if _has(body, fields)]

    async def create(self, ref: ObjectRef, body: Body) -> Body:
        def write() -> dict[str, Any]:
            if ref in self.objects:
                raise Conflict(f"{ref} exists")
            return self._commit(ref, None, copy.deepcopy(dict(body)), FIELD_MANAGER, "Update")

        return self._write(f"create {ref}", write)

    async def replace(self, ref: ObjectRef, body: Body) -> Body:
        def write() -> dict[str, Any]:
            present = self._existing(ref)
            _same_version(present, body["metadata"].get("resourceVersion", ""))
            return self._commit(ref, present, copy.deepcopy(dict(body)), FIELD_MANAGER, "Update")

        return self._write(f"replace {ref}", write)

    async def json_patch(
        self, ref: ObjectRef, operations: Sequence[Mapping[str, Any]], manager: str = FIELD_MANAGER
    ) -> Body:
        def write() -> dict[str, Any]:
            present = self._existing(whole)
            body = copy.deepcopy(present)
            for operation in operations:
                _patch(body, operation)
            written = self._commit(whole, present, body, manager, "Update")
            return _scale_of(written) if ref.subresource else written

        whole = replace(ref, subresource="")
        return self._write(f"patch {ref}", write)

    async def apply_status(self, ref: ObjectRef, body: Body) -> Body:
        def write() -> dict[str, Any]:
            present = self._existing(ref)
            _same_version(present, body["metadata"].get("resourceVersion", ""))
            changed = copy.deepcopy(present) | {"status": copy.deepcopy(body.get("status", {}))}
            return self._commit(ref, present, changed, FIELD_MANAGER, "Apply")

        return self._write(f"status {ref}", write)

    async def delete(self, ref: ObjectRef, uid: str, resource_version: str = "") -> None:
        def write() -> dict[str, Any]:
            if ref not in self.objects:
                return {}
            if self.objects[ref]["metadata"]["uid"] != uid:
                raise Conflict("precondition failed: UID")
            _same_version(self.objects[ref], resource_version)
            self.remove(ref)
            return {}

        self._write(f"delete {ref}", write)

    def _write(self, name: str, write: Write) -> dict[str, Any]:
        self.writes.append(name)
        self._interludes.pop(len(self.writes), lambda: None)()
        fault = next((fault for fault in self._faults if fault.number == len(self.writes)), None)
        match fault:
            case None:
                return write()
            case _Fault(when=When.BEFORE):
                raise fault.error
            case _Fault(when=When.AFTER):
                write()
                raise fault.error
            case _:
                self._late.append(write)
                raise fault.error

    def _watching(self, resource: Resource) -> Sequence[WatchCache]:
        return [cache for cache in self._caches if resource in cache.resources]

    def _existing(self, ref: ObjectRef) -> dict[str, Any]:
        if ref not in self.objects:
            raise NotFound(f"{ref} not found")
        return self.objects[ref]

    def _commit(
        self,
        ref: ObjectRef,
        present: dict[str, Any] | None,
        body: dict[str, Any],
        manager: str,
        operation: str,
        *,
        claims: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        body |= {"apiVersion": ref.resource.api_version, "kind": ref.resource.kind}
        if ref.resource == AUTOSCALERS:
            _admit_autoscaler(body)
        metadata = body["metadata"]
        if not metadata.get("annotations", True):
            del metadata["annotations"]
        if present is None:
            metadata.setdefault("uid", f"uid-{next(self._uids)}")
            metadata.setdefault("generation", 1)
        else:
            kept = ("uid", "generation", "resourceVersion")
            metadata |= {key: present["metadata"][key] for key in kept if key in present["metadata"]}
            metadata["generation"] += body.get("spec") != present.get("spec")
        metadata["managedFields"] = _managed(present, body, (manager, operation), claims)
        if body != present:
            metadata["resourceVersion"] = str(next(self._versions))
            self.objects[ref] = body
            for cache in self._watching(ref.resource):
                cache.observe(ref.resource, copy.deepcopy(body))
        return copy.deepcopy(body)


def _scale_of(body: dict[str, Any]) -> dict[str, Any]:
    """What the API server answers to a write of the scale: a view without managed fields."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in {"managedFields", "generation"}}
    return {"kind": "Scale", "metadata": metadata, "spec": {"replicas": body["spec"]["replicas"]}}


def _managed(
    present: dict[str, Any] | None, body: dict[str, Any], writer: tuple[str, str], claims: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Who wrote which fields of `spec`: a changed field is taken from everybody else, an applied one is shared."""
    before = present.get("spec", {}) if present else {}
    spec = body.get("spec", {})
    changed = {name for name in {*before, *spec} if before.get(name) != spec.get(name)}
    entries = _entries(present, body)
    for entry in entries:
        for name in changed:
            entry["fieldsV1"]["f:spec"].pop(f"f:{name}", None)
    owned = {name for name in (*changed, *claims) if name in spec}
    mine = next((entry for entry in entries if (entry["manager"], entry["operation"]) == writer), None)
    if mine is None and owned:
        mine = {"manager": writer[0], "operation": writer[1], "fieldsV1": {"f:spec": {}}}
        entries.append(mine)
    if mine is not None:
        mine["fieldsV1"]["f:spec"] |= {f"f:{name}": {} for name in owned}
    return [entry for entry in entries if entry["fieldsV1"]["f:spec"]]


def _entries(present: dict[str, Any] | None, body: dict[str, Any]) -> list[dict[str, Any]]:
    """What a write starts from: the managed fields that it brings, else those there are; one empty entry is none."""
    known = present["metadata"].get("managedFields") if present else None
    return [copy.deepcopy(entry) for entry in body["metadata"].get("managedFields") or known or () if entry]


def _admit_autoscaler(body: dict[str, Any]) -> None:
    spec = body["spec"]
    if "behavior" in spec:
        defaulted = {
            way: copy.deepcopy(DEFAULT_BEHAVIOR[way]) | spec["behavior"].get(way, {}) for way in DEFAULT_BEHAVIOR
        }
        spec["behavior"] = defaulted
    spec.setdefault("minReplicas", 1)
    if spec["minReplicas"] > spec["maxReplicas"]:
        raise Rejected("spec.maxReplicas: Invalid value: must be greater than or equal to `minReplicas`")


def _same_version(present: Mapping[str, Any], version: str) -> None:
    if version and present["metadata"]["resourceVersion"] != version:
        raise Conflict("the object has been modified")


def _selected(body: Mapping[str, Any], labels: str) -> bool:
    wanted = [pair.partition("=") for pair in labels.split(",") if pair]
    found = body["metadata"].get("labels", {})
    return all(found.get(name) == value for name, _, value in wanted)


def _has(body: Mapping[str, Any], fields: str) -> bool:
    for path, _, value in (pair.partition("=") for pair in fields.split(",") if pair):
        found: Any = body
        for name in path.split("."):
            found = found.get(name, {})
        if found != value:
            return False
    return True


def _patch(body: dict[str, Any], operation: Mapping[str, Any]) -> None:
    *parents, name = (key.replace("~1", "/") for key in operation["path"].lstrip("/").split("/"))
    place: Any = body
    for parent in parents:
        if isinstance(place, list):
            place = place[int(parent)]
            continue
        if parent not in place:
            raise Conflict(f"{operation['path']} has no parent")
        place = place[parent]
    match operation["op"]:
        case "test":
            if place.get(name) != operation["value"]:
                raise Conflict(f"{operation['path']} is not as the patch expects it")
        case "add" | "replace":
            place[name] = operation["value"]
        case "remove" if isinstance(place, list):
            del place[int(name)]
        case "remove":
            if name not in place:
                raise Conflict(f"{operation['path']} does not exist")
            del place[name]
        case other:
            raise Rejected(f"unknown operation {other}")
