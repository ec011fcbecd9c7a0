"""The sweep: what the operator has made for periods that are gone is removed, at the start and every few minutes.

The garbage collector of Kubernetes removes overlays with their period, but not after `--cascade=orphan`, nor while it
is not running. Claims of such periods are dropped by the visits of the holds, which come as often (`hold_reconcile`).

The watch cache only tells what to look at. Whether the period is really gone is asked of the API server before each
removal, and the removal is bound to the version of the object that was judged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hypercare.domain.alerts.orphans import MadeFor, made_for
from hypercare.domain.objects import ALERTMANAGER_CONFIGS, PERIODS, PROMETHEUS_RULES, ObjectRef, Resource
from hypercare.hold_reconcile import RETRY_SECONDS, SWEEP_SECONDS
from hypercare.ports import ApiError, Body, Conflict, Forbidden, NotFound, ObjectCache, Objects, Rejected

MADE: tuple[Resource, ...] = (PROMETHEUS_RULES, ALERTMANAGER_CONFIGS)
"""The resources of which the operator makes objects that live as long as their period."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Swept:
    """What one sweep has removed, and what it could not judge or remove."""

    removed: tuple[ObjectRef, ...]
    left: tuple[ObjectRef, ...]


class Sweeper:
    """Removes orphaned overlays."""

    def __init__(
        self, objects: Objects, cache: ObjectCache, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._sleep = sleep
        self._told: frozenset[ObjectRef] = frozenset()

    async def keep(self) -> None:
        """Sweep at once and then every few minutes, sooner while something is left. Never returns."""
        while True:
            pause = RETRY_SECONDS
            try:
                swept = await self.sweep()
                pause = RETRY_SECONDS if swept.left else SWEEP_SECONDS
            except ApiError as error:
                _logger.warning("Could not sweep: %s", error.advised)
            await self._sleep(pause)

    async def sweep(self) -> Swept:
        """Remove every object whose period does not exist any more; what is refused is told once, and left.

        Raises:
            Unavailable: the API server did not answer.
        """
        removed, left = [], []
        for resource in MADE:
            for body in self._cache.select(resource):
                ref = ObjectRef(resource, body["metadata"]["namespace"], body["metadata"]["name"])
                try:
                    if self._suspect(ref.namespace, body) and await self._remove(ref):
                        _logger.info("Removed %s: its period is gone", ref)
                        removed.append(ref)
                except (Forbidden, Rejected) as error:
                    self._tell(ref, error)
                    left.append(ref)
        self._told = frozenset(left)
        return Swept(tuple(removed), tuple(left))

    def _tell(self, ref: ObjectRef, error: ApiError) -> None:
        if ref in self._told:
            return
        _logger.warning("%s may be orphaned, and cannot be removed: %s", ref, error.advised)

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
