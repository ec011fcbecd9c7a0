"""The objects of a namespace that decide about capacity, and what is held of them, as far as who asks may see them.

To be forbidden to list something and to have nothing of the kind look alike to whoever has few rights: the API server
asks for the right first, also where it does not serve the kind. Its discovery, which everybody may read, tells them
apart, for what is not served scales nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.failures import NotAllowed, NotThere
from hypercare.cli.lenient import map_of, maps_of, text_of
from hypercare.domain.capacity.capacity_objects import RESOURCES, CapacityObjects
from hypercare.domain.capacity.field_values import FieldValue
from hypercare.domain.capacity.hold import HeldObject, Hold, hold_name
from hypercare.domain.capacity.hold_protocol import originals_of
from hypercare.domain.capacity.hold_record import read_hold
from hypercare.domain.capacity.kinds import HeldKind
from hypercare.domain.capacity.live_object import read_live
from hypercare.domain.fields import InvalidField
from hypercare.domain.objects import (
    AUTOSCALERS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    HOLDS,
    ROLLOUTS,
    SCALED_OBJECTS,
    Resource,
)

_REPLICAS = frozenset({AUTOSCALERS, SCALED_OBJECTS})
_DISRUPTIONS = _REPLICAS | {DISRUPTION_BUDGETS}


@dataclass(frozen=True)
class SeenCapacity:
    """The objects, the kinds that are served and may not be listed, and the holds by name."""

    objects: CapacityObjects
    unreadable: frozenset[str] = frozenset()
    holds: Mapping[str, Hold] = field(default_factory=dict)

    def originals(self, kind: HeldKind, held: HeldObject) -> Mapping[str, FieldValue]:
        """The values of an object without hypercare, by path."""
        hold = self.holds.get(hold_name(held.kind, held.name))
        return originals_of(hold, read_live(kind, self.objects.find(kind.resource, held.name)))

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
    return SeenCapacity(CapacityObjects(bodies), frozenset(unreadable), dict(_holds(cluster, namespace)))


def _holds(cluster: Cluster, namespace: str) -> Iterator[tuple[str, Hold]]:
    try:
        bodies = cluster.list(HOLDS, namespace)
    except (NotThere, NotAllowed):
        return
    for body in bodies:
        name = text_of(map_of(body, "metadata"), "name")
        try:
            yield name, read_hold(name, body.get("spec"))
        except InvalidField:
            # Told by whoever visits the hold.
            continue


def _served(cluster: Cluster, resource: Resource) -> bool:
    try:
        found = cluster.raw(f"/apis/{resource.group}/{resource.version}")
    except NotThere:
        return False
    except NotAllowed:
        return True
    return any(each.get("name") == resource.plural for each in maps_of(found, "resources"))
