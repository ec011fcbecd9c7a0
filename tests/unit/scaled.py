"""Autoscalers, holds and claims as the tests of capacity need them."""

from typing import Any

from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.capacity.field_values import Absent, FieldValue, Present
from hypercare.domain.capacity.held_fields import BEHAVIOR, MAX_REPLICAS, MIN_REPLICAS, SELECT_POLICY
from hypercare.domain.capacity.hold import Claim, HeldField, HeldObject, Hold, Idle, Pending, Untouched, hold_name
from hypercare.domain.capacity.live_object import LiveObject
from hypercare.domain.capacity.quantity import Count, Quantity
from hypercare.domain.capacity.scaling import ClaimRequest
from hypercare.domain.capacity.scaling_rows import FieldChange
from hypercare.domain.capacity.wishes import ReplicaWish, ScaleDown, Wish
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import AUTOSCALERS, HOLDS, ObjectRef

NAMESPACE = "shop"
NOW = 1_800_000_000
OBJECT = HeldObject(AUTOSCALERS.api_version, AUTOSCALERS.kind, "checkout", "uid-1")
TARGET = Target("Deployment", "checkout")
AUTOSCALER_REF = ObjectRef(AUTOSCALERS, NAMESPACE, "checkout")
HOLD_REF = ObjectRef(HOLDS, NAMESPACE, hold_name(OBJECT.kind, OBJECT.name))


FOUR = Count(4)


def claim(
    period: str = "a",
    floor: Quantity = FOUR,
    *,
    ceiling: Quantity | None = None,
    strength: int = 100,
    limit: int = 50,
    scale_down: ScaleDown = ScaleDown.ENABLED,
) -> Claim:
    """A claim of the period called `period`, whose UID is `uid-of-<period>`."""
    return claim_of(ReplicaWish(floor, limit, ceiling, scale_down), period, strength=strength)


def claim_of(wish: Wish, period: str = "a", *, strength: int = 100) -> Claim:
    return Claim(period, f"uid-of-{period}", "r1-0", strength, wish)


def request(period: str = "a", uid: str = OBJECT.uid, **wanted: Any) -> ClaimRequest:
    held = HeldObject(OBJECT.api_version, OBJECT.kind, OBJECT.name, uid)
    return ClaimRequest(TARGET, held, claim(period, **wanted))


UNSWITCHED: dict[str, FieldValue] = {BEHAVIOR: Absent(), SELECT_POLICY: Absent()}


def live(floor: int | None = 2, ceiling: int = 10, **others: Any) -> LiveObject:
    """The autoscaler as read; `writer` and `appliers` concern the floor."""
    return LiveObject(
        uid=others.get("uid", OBJECT.uid),
        resource_version="7",
        values=UNSWITCHED | {MIN_REPLICAS: value(floor), MAX_REPLICAS: Present(ceiling)},
        writers={MIN_REPLICAS: others.get("writer", "argocd"), MAX_REPLICAS: "argocd"},
        appliers={MIN_REPLICAS: others.get("appliers", ()), MAX_REPLICAS: ()},
    )


def floor_field(
    original: int | None = 2, confirmed: int | None = None, pending: int | None = None, at: int = NOW
) -> HeldField:
    """The record of minReplicas; None means absent, not written, nothing announced."""
    return HeldField(
        MIN_REPLICAS,
        value(original),
        Untouched() if confirmed is None else Present(confirmed),
        Idle() if pending is None else Pending(Present(pending), at),
    )


def hold(*fields: HeldField, claims: tuple[Claim, ...] = (claim(),)) -> Hold:
    return Hold(OBJECT, claims, fields or (floor_field(),))


def changes(floor: int = 4, ceiling: int | None = None) -> tuple[FieldChange, ...]:
    """What rows remember of an autoscaler whose floor was 2, and whose maximum was 10."""
    raised = FieldChange(MIN_REPLICAS, Present(2), Present(floor))
    return (raised,) if ceiling is None else (raised, FieldChange(MAX_REPLICAS, Present(10), Present(ceiling)))


def value(replicas: int | None) -> FieldValue:
    return Absent() if replicas is None else Present(replicas)


def autoscaler(name: str = "checkout", target: str = "checkout", **others: Any) -> dict[str, Any]:
    """A body as the API server returns it."""
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": "uid-1", "resourceVersion": "7"}
        | others.get("metadata", {}),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": others.get("kind", "Deployment"), "name": target},
            "minReplicas": others.get("floor", 2),
            "maxReplicas": others.get("ceiling", 10),
        },
        "status": {"conditions": others.get("conditions", [])},
    }


def workload(name: str = "checkout", replicas: int = 4, **others: Any) -> dict[str, Any]:
    """A Deployment, or whatever is listed as such; its pods carry the label app."""
    template = {"metadata": {"labels": {"app": "checkout"}}}
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-of-{name}", "resourceVersion": "7"}
        | others.get("metadata", {}),
        "spec": others.get("spec", {"replicas": replicas, "template": template}),
        "status": others.get("status", {}),
    }


def budget(name: str = "pods", owner: str = "", labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A PodDisruptionBudget on the pods of `workload`; `owner` is its controller, as `Kind name`."""
    metadata: dict[str, Any] = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "resourceVersion": "7"}
    if owner:
        kind, _, owner_name = owner.partition(" ")
        metadata["ownerReferences"] = [{"kind": kind, "name": owner_name, "controller": True}]
    return {"metadata": metadata, "spec": {"selector": {"matchLabels": labels or {"app": "checkout"}}, **spec}}


def objects(*autoscalers: dict[str, Any], **others: Any) -> CapacityObjects:
    """The objects of the namespace: autoscalers, and by their plurals others."""
    named = {resource.plural: resource for resource in RESOURCES}
    return CapacityObjects({AUTOSCALERS: autoscalers} | {named[plural]: found for plural, found in others.items()})


def scaled_object(name: str = "checkout", least: int | None = None, **target: str) -> dict[str, Any]:
    """A ScaledObject of KEDA, for a Deployment unless `target` says otherwise."""
    spec: dict[str, Any] = {"scaleTargetRef": {"name": "checkout"} | target}
    if least is not None:
        spec["minReplicaCount"] = least
    return {"metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "7"}, "spec": spec}


def owned(body: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    """The same, controlled by another object."""
    body["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "controller": True}]
    return body
