"""Which autoscaler scales a target.

Ownership is read from owner references, never guessed from names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_OWNING_KINDS = frozenset({"ScaledObject", "Canary"})
Body = Mapping[str, Any]


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


def _scales(body: Body, kind: str, name: str) -> bool:
    target = body.get("spec", {}).get("scaleTargetRef", {})
    group = str(target.get("apiVersion", "apps/v1")).partition("/")[0]
    return target.get("kind") == kind and target.get("name") == name and group == "apps"


def _owner(body: Body) -> str:
    for reference in body["metadata"].get("ownerReferences") or ():
        if reference.get("controller") and reference.get("kind") in _OWNING_KINDS:
            return f"{reference['kind']} {reference['name']}"
    return ""
