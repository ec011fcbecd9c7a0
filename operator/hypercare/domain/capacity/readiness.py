"""Whether the replicas of a target are there, and what keeps them from coming.

Raised means ready: a floor counts only when that many replicas are. Conditions of the objects tell of quotas and stuck
rollouts. That a pod finds no node or no image is told by Events alone, and only about its pods.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.capacity.capacity_objects import Body, CapacityObjects
from hypercare.domain.capacity.hold import HeldObject
from hypercare.domain.capacity.live_object import condition_of
from hypercare.domain.life.pods import pod_pattern
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import AUTOSCALERS, SCALED_OBJECTS, TARGETS
from hypercare.domain.timestamps import parse_timestamp

DISABLED = "ScalingDisabled"
WAITING = "WaitingForReplicas"
_QUOTA, _OVER_QUOTA = "QuotaExceeded", "exceeded quota"
NEWEST_SECONDS = 600
"""An Event that was repeated longer ago says nothing about now."""


@dataclass(frozen=True)
class Readiness:
    """How many replicas are ready, and the reason that there are not more."""

    ready: int
    reason: str
    message: str


def readiness_of(target: Target, scaler: Body, held: HeldObject, objects: CapacityObjects) -> Readiness:
    """Judge one target; `scaler` is the body of what sets its replicas."""
    workload = objects.find(TARGETS[target.kind], target.name)
    ready = int(workload.get("status", {}).get("readyReplicas", 0))
    if _asleep(workload, scaler, held):
        message = f"{target.kind} {target.name} is scaled to zero and is not woken up"
        return Readiness(ready, DISABLED, message)
    for condition in _hindrances(workload, scaler, held):
        message = str(condition.get("message", ""))
        return Readiness(ready, _QUOTA if _OVER_QUOTA in message else str(condition.get("reason", "")), message)
    return Readiness(ready, WAITING, f"{ready} replicas are ready")


def explained(readiness: Readiness, target: Target, events: Sequence[Body], now: int) -> Readiness:
    """Name what Events say about the target's pods, where conditions say nothing."""
    told = [event for event in events if _about(event, target) and now - _seen(event) <= NEWEST_SECONDS]
    for event in sorted(told, key=_seen, reverse=True):
        if reason := _reason(event):
            return replace(readiness, reason=reason, message=str(event.get("message", "")))
    return readiness


def _asleep(workload: Body, scaler: Body, held: HeldObject) -> bool:
    """An autoscaler leaves a target alone that is at zero while its own floor is not; KEDA wakes its targets itself."""
    if held.kind == AUTOSCALERS.kind:
        return bool(condition_of(scaler, "ScalingActive").get("reason") == DISABLED)
    return held.kind != SCALED_OBJECTS.kind and workload.get("spec", {}).get("replicas") == 0


def _hindrances(workload: Body, scaler: Body, held: HeldObject) -> Iterator[Body]:
    """Conditions that say why replicas do not come: quota and admission, a stuck rollout, a broken autoscaler."""
    keda = held.kind == SCALED_OBJECTS.kind
    for body, kind, bad in (
        (workload, "ReplicaFailure", "True"),
        (scaler, "Paused", "True"),
        (scaler, "Ready" if keda else "AbleToScale", "False"),
        (workload, "Progressing", "False"),
    ):
        condition = condition_of(body, kind)
        if condition.get("status") == bad:
            yield condition


def _about(event: Body, target: Target) -> bool:
    """Whether it is about a pod of the target, or about what makes its pods; their names follow from the target's."""
    about = event.get("involvedObject") or {}
    name, kind = str(about.get("name", "")), about.get("kind")
    match kind:
        case "Pod":
            return re.fullmatch(pod_pattern(target), name) is not None
        case "ReplicaSet":
            return re.fullmatch(rf"{re.escape(target.name)}-[a-z0-9]{{1,10}}", name) is not None
        case _:
            return (kind, name) == (target.kind, target.name)


def _reason(event: Body) -> str:
    """The cause, in the words in which pods tell it; empty where the Event tells of something else."""
    reason, message = str(event.get("reason", "")), str(event.get("message", ""))
    match reason:
        case "FailedScheduling":
            return "Unschedulable"
        case "FailedCreate":
            return _QUOTA if _OVER_QUOTA in message else reason
        case "Failed" | "BackOff" if "image" in message:
            return "ImagePullBackOff"
        case "BackOff":
            return "CrashLoopBackOff"
        case _:
            return ""


def _seen(event: Body) -> int:
    """When it was seen last, in Unix seconds; Events of the newer API tell it in their series."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    text = next((str(time) for time in times if time), "")
    try:
        return parse_timestamp(text)
    except ValueError:
        return 0
