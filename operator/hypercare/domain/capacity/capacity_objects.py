"""The objects of one namespace that decide about capacity, as the watches show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypercare.domain.objects import (
    AUTOSCALERS,
    DAEMONSETS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    ROLLOUTS,
    SCALED_OBJECTS,
    STATEFULSETS,
    Resource,
)

Body = Mapping[str, Any]
RESOURCES = (AUTOSCALERS, SCALED_OBJECTS, DEPLOYMENTS, STATEFULSETS, DAEMONSETS, ROLLOUTS, DISRUPTION_BUDGETS)


@dataclass(frozen=True)
class CapacityObjects:
    """Bodies by resource; what is not served is not there."""

    bodies: Mapping[Resource, Sequence[Body]]

    def all(self, resource: Resource) -> Sequence[Body]:
        """Every object of a resource."""
        return self.bodies.get(resource, ())

    def find(self, resource: Resource, name: str) -> Body:
        """The object of that name; empty when there is none."""
        return next((body for body in self.all(resource) if body["metadata"]["name"] == name), {})


def controller_of(body: Body) -> str:
    """Which controller writes this object, as `Kind name`; empty when none does."""
    for reference in body["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return f"{reference['kind']} {reference['name']}"
    return ""
