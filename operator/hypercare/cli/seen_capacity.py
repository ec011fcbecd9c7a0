"""The objects of a namespace that decide about capacity, as far as the account that asks may see them.

To be forbidden to list something and to have nothing of the kind look alike to whoever has few rights: the API server
asks for the right first, also where it does not serve the kind. Its discovery, which everybody may read, tells them
apart, for what is not served scales nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.failures import NotAllowed, NotThere
from hypercare.cli.lenient import maps_of
from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.objects import AUTOSCALERS, DEPLOYMENTS, DISRUPTION_BUDGETS, ROLLOUTS, SCALED_OBJECTS, Resource

_REPLICAS = frozenset({AUTOSCALERS, SCALED_OBJECTS})
_DISRUPTIONS = _REPLICAS | {DISRUPTION_BUDGETS}


@dataclass(frozen=True)
class SeenCapacity:
    """The objects, and the kinds that are served and may not be listed."""

    objects: CapacityObjects
    unreadable: frozenset[str] = frozenset()

    def hides_replicas(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """The kinds that would have to be seen to judge what scales workloads of these kinds."""
        return self._hidden({resource.kind for resource in _REPLICAS} | set(kinds))

    def hides_disruptions(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """The same for their disruption budgets; a Rollout may have the pod template of a Deployment."""
        found = {resource.kind for resource in _DISRUPTIONS} | set(kinds)
        return self._hidden(found | ({DEPLOYMENTS.kind} if ROLLOUTS.kind in found else set()))

    def _hidden(self, kinds: set[str]) -> tuple[str, ...]:
        return tuple(sorted(self.unreadable & kinds))


def seen_capacity(cluster: Cluster, namespace: str) -> SeenCapacity:
    """List all of it."""
    bodies: dict[Resource, Sequence[Body]] = {}
    unreadable: set[str] = set()
    for resource in RESOURCES:
        try:
            bodies[resource] = cluster.list(resource, namespace)
        except NotThere:
            continue
        except NotAllowed:
            if _served(cluster, resource):
                unreadable.add(resource.kind)
    return SeenCapacity(CapacityObjects(bodies), frozenset(unreadable))


def _served(cluster: Cluster, resource: Resource) -> bool:
    try:
        found = cluster.raw(f"/apis/{resource.group}/{resource.version}")
    except NotThere:
        return False
    except NotAllowed:
        return True
    return any(each.get("name") == resource.plural for each in maps_of(found, "resources"))
