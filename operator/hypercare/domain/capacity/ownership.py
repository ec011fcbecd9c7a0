"""Whose a field is by its managed fields: ours, a person's, or that of a tool that only repeats what it finds.

A GitOps tool that is told to leave a field alone copies the live value into what it applies (Argo CD:
`normalizeTargetResources` with RespectIgnoreDifferences; Flux: `spec.ignore`). So it comes to own our value without
anybody having asked for that, and must not keep it from going back. Where Git does ask for our value, the tool applies
it again.

What we have restored we do not want to own either: `managedFieldsManagers: [hypercare]` would keep Argo CD from ever
applying that field again. So a value is restored under another name, and our entries go when nothing is changed any
more. The managed fields of a workload cannot be patched through its scale; there the other name stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

OWN_MANAGER = "hypercare"
RESTORING_MANAGER = "hypercare-restored"
OWN_MANAGERS = frozenset({OWN_MANAGER, RESTORING_MANAGER})
REAPPLYING_MANAGERS = frozenset({"argocd-controller", "kustomize-controller"})
"""Managers that apply by themselves, again and again: Argo CD's and Flux's own names for server-side apply."""
_MANAGED_FIELDS = "/metadata/managedFields"


def disowning(uid: str, version: str, managers: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """The JSON Patch that takes our entries out of an object's managed fields; empty where there are none.

    `managers` are those of all entries, in their order. An empty list would be ignored by the API server, which takes
    it for a client that does not know the field; one empty entry means that nobody owns anything.
    """
    own = [index for index, manager in enumerate(managers) if manager in OWN_MANAGERS]
    if not own:
        return ()
    if len(own) == len(managers):
        changes: Iterator[Mapping[str, Any]] = iter(({"op": "replace", "path": _MANAGED_FIELDS, "value": [{}]},))
    else:
        changes = _removals(own, managers)
    tests = (("/metadata/uid", uid), ("/metadata/resourceVersion", version))
    return (*({"op": "test", "path": path, "value": value} for path, value in tests), *changes)


def _removals(own: Sequence[int], managers: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for index in reversed(own):
        path = f"{_MANAGED_FIELDS}/{index}"
        yield {"op": "test", "path": f"{path}/manager", "value": managers[index]}
        yield {"op": "remove", "path": path}
