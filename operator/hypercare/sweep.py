"""The sweep: what the operator has made for periods that are gone is removed, at the start and every few minutes.

The garbage collector of Kubernetes removes overlays with their period, but not after `--cascade=orphan`, nor while it
is not running. Claims of such periods are dropped by the visits of the holds, which come as often (`hold_reconcile`).

The watch cache only tells what to look at. Whether the period is really gone is asked of the API server before each
removal, and the removal is bound to the version of the object that was judged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from hypercare.domain.alerts.orphans import MadeFor, made_for
from hypercare.domain.objects import ALERTMANAGER_CONFIGS, PERIODS, PROMETHEUS_RULES, ObjectRef, Resource
from hypercare.hold_reconcile import SWEEP_SECONDS
from hypercare.ports import ApiError, Body, Conflict, NotFound, ObjectCache, Objects

MADE: tuple[Resource, ...] = (PROMETHEUS_RULES, ALERTMANAGER_CONFIGS)
"""The resources of which the operator makes objects that live as long as their period."""
_logger = logging.getLogger(__name__)


class Sweeper:
    """Removes orphaned overlays; holds no state of its own."""

    def __init__(
        self, objects: Objects, cache: ObjectCache, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._sleep = sleep

    async def keep(self) -> None:
        """Sweep at once and then every few minutes. Never returns; what fails is tried again the next time."""
        while True:
            try:
                await self.sweep()
            except ApiError as error:
                _logger.warning("Could not sweep: %s", error.message)
            await self._sleep(SWEEP_SECONDS)

    async def sweep(self) -> Sequence[ObjectRef]:
        """Remove every object whose period does not exist any more, and return which.

        Raises:
            ApiError: the API server did not answer, or the operator's account may not do this.
        """
        removed = []
        for resource in MADE:
            for body in self._cache.select(resource):
                ref = ObjectRef(resource, body["metadata"]["namespace"], body["metadata"]["name"])
                if self._suspect(ref.namespace, body) and await self._remove(ref):
                    _logger.info("Removed %s: its period is gone", ref)
                    removed.append(ref)
        return removed

    def _suspect(self, namespace: str, body: Body) -> bool:
        found = made_for(body)
        if found is None:
            return False
        return not _is(self._cache.find(ObjectRef(PERIODS, namespace, found.period)), found)

    async def _remove(self, ref: ObjectRef) -> bool:
        try:
            body = await self._objects.get(ref)
            found = made_for(body)
            if found is None or _is(await self._period(ref.namespace, found.period), found):
                return False
            metadata = body["metadata"]
            await self._objects.delete(ref, metadata["uid"], metadata["resourceVersion"])
        except (NotFound, Conflict):
            # Gone already, or changed since it was judged: it is judged again the next time.
            return False
        return True

    async def _period(self, namespace: str, name: str) -> Body | None:
        try:
            return await self._objects.get(ObjectRef(PERIODS, namespace, name))
        except NotFound:
            return None


def _is(period: Body | None, found: MadeFor) -> bool:
    """Whether this is the period the object was made for; none is where the object names no owner any more."""
    return period is not None and period["metadata"].get("uid") == found.uid
