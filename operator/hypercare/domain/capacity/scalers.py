"""What sets the number of a target's replicas: an autoscaler, or, where there is none, the target itself.

Ownership is read from owner references, never guessed from names. What another controller writes is left to it: a
change would be taken back at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hypercare.domain.capacity.capacity_objects import Body, CapacityObjects, controller_of
from hypercare.domain.capacity.field_values import Absent
from hypercare.domain.capacity.hold import HeldObject, Refusal
from hypercare.domain.capacity.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    ROLLOUT,
    SCALED_OBJECT,
    STATEFUL_SET,
    ScalerKind,
)
from hypercare.domain.capacity.live_object import value_at
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import ROLLOUTS

_WORKLOADS = {kind.resource.kind: kind for kind in (DEPLOYMENT, STATEFUL_SET, ROLLOUT)}
AUTOSCALING = (HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT)
_OWNERS_OF_AUTOSCALERS = ("ScaledObject ", "Canary ")


@dataclass(frozen=True)
class Scaler:
    """The one object whose values decide, and its kind."""

    kind: ScalerKind
    body: Body

    @property
    def object(self) -> HeldObject:
        """The object, for a hold."""
        return held_object(self.kind, self.body)


@dataclass(frozen=True)
class NoTarget:
    """The target does not exist."""


def scaler_of(target: Target, objects: CapacityObjects) -> Scaler | NoTarget | Refusal:
    """Find what to change for a target, or say why nothing is changed."""
    name = f"{target.kind} {target.name}"
    workload = _WORKLOADS.get(target.kind)
    if workload is None:
        return Refusal("NotScalable", f"{name} runs once per node: remove this rule")
    found = list(autoscalers_of(target.kind, target.name, objects))
    match found:
        case []:
            return _itself(workload, name, objects.find(workload.resource, target.name))
        case [scaler]:
            return _unless_owned(scaler)
        case _:
            names = " and ".join(sorted(f"{each.object.kind} {each.object.name}" for each in found))
            return Refusal("SeveralAutoscalers", f"{name} is scaled by {names}: keep one of them")


def autoscalers_of(kind: str, name: str, objects: CapacityObjects) -> Iterator[Scaler]:
    """Every autoscaler of a workload; one that a ScaledObject made is not counted beside it."""
    scaled = [body for body in objects.all(SCALED_OBJECT.resource) if _scales(body, kind, name)]
    makers = {f"ScaledObject {body['metadata']['name']}" for body in scaled}
    for body in scaled:
        yield Scaler(SCALED_OBJECT, body)
    for body in objects.all(HORIZONTAL_POD_AUTOSCALER.resource):
        if _scales(body, kind, name) and controller_of(body) not in makers:
            yield Scaler(HORIZONTAL_POD_AUTOSCALER, body)


def superseding(held: HeldObject, objects: CapacityObjects) -> str:
    """Which autoscaler has come to set the replicas of a held workload, as `Kind name`; empty when none has."""
    if held.kind not in _WORKLOADS:
        return ""
    found = (f"{each.object.kind} {each.object.name}" for each in autoscalers_of(held.kind, held.name, objects))
    return next(found, "")


def held_object(kind: ScalerKind, body: Body) -> HeldObject:
    """An object, for a hold."""
    metadata = body["metadata"]
    return HeldObject(kind.resource.api_version, kind.resource.kind, metadata["name"], metadata["uid"])


def _itself(kind: ScalerKind, name: str, body: Body) -> Scaler | NoTarget | Refusal:
    if not body:
        return NoTarget()
    if owner := controller_of(body):
        return Refusal("OwnedWorkload", f"{name} is written by {owner}: set its replicas there, or remove this rule")
    if isinstance(value_at(body, kind.floor), Absent):
        # The scale of a custom resource cannot be written before its replicas are (apiextensions-apiserver).
        return Refusal("NoReplicas", f"{name} has no spec.replicas: set them, or remove this rule")
    return Scaler(kind, body)


def _unless_owned(scaler: Scaler) -> Scaler | Refusal:
    owner = controller_of(scaler.body)
    if not owner.startswith(_OWNERS_OF_AUTOSCALERS):
        return scaler
    name = f"{scaler.object.kind} {scaler.object.name}"
    return Refusal("OwnedAutoscaler", f"{name} is written by {owner}: set its replicas there, or remove this rule")


def _scales(body: Body, kind: str, name: str) -> bool:
    """A ScaledObject may leave out the kind of its target, which is then a Deployment (keda.sh/v1alpha1)."""
    target = body.get("spec", {}).get("scaleTargetRef", {})
    group = str(target.get("apiVersion") or _group_of(kind)).partition("/")[0]
    return (target.get("kind") or "Deployment", target.get("name"), group) == (kind, name, _group_of(kind))


def _group_of(kind: str) -> str:
    return ROLLOUTS.group if kind == ROLLOUTS.kind else "apps"
