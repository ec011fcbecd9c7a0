"""The gate in front of every write of a running operator: shut while hypercare is being drained.

Before a write, unless it has done so in the last seconds, the gate looks for the marker (`domain.standstill`). So a
write that begins later than `LOOK_SECONDS` after the marker was made is refused, and an operator that writes nothing
asks for nothing. Reads go through.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypercare.domain.objects import ObjectRef, Resource
from hypercare.domain.standstill import marker_ref, still_until
from hypercare.domain.timestamps import timestamp
from hypercare.ports import FIELD_MANAGER, Body, Forbidden, NotFound, Objects, Unavailable

LOOK_SECONDS = 5.0
_logger = logging.getLogger(__name__)


class StandstillGate:
    """Implements `hypercare.ports.Objects` in front of another one.

    Without an `own_namespace` there is no place for a marker, and the gate is always open. `clock` is monotonic and
    times the looks; `now` returns Unix seconds, in which the marker ends.
    """

    def __init__(
        self, objects: Objects, own_namespace: str, clock: Callable[[], float], now: Callable[[], float]
    ) -> None:
        self._objects = objects
        self._own_namespace = own_namespace
        self._clock = clock
        self._now = now
        self._looked_at = float("-inf")
        self._until = 0
        self._told_blind = False
        self._looking = asyncio.Lock()

    async def shut_for(self) -> float:
        """For how many seconds to leave everything alone, 0 if nothing is known of a drain; for visits, not writes.

        Looks for the marker only where one was there before: an operator at rest sends no requests.
        """
        if self._until <= self._now():
            return 0.0
        await self._look()
        return min(LOOK_SECONDS, max(0.0, self._until - self._now()))

    async def get(self, ref: ObjectRef) -> Body:
        """Read one object; raises `NotFound`."""
        return await self._objects.get(ref)

    async def list(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> Sequence[Body]:
        """List a resource."""
        return await self._objects.list(resource, namespace, labels, fields)

    async def create(self, ref: ObjectRef, body: Body) -> Body:
        """Create, unless the gate is shut (`Unavailable`)."""
        await self._pass()
        return await self._objects.create(ref, body)

    async def replace(self, ref: ObjectRef, body: Body) -> Body:
        """Write a whole object, unless the gate is shut (`Unavailable`)."""
        await self._pass()
        return await self._objects.replace(ref, body)

    async def json_patch(
        self, ref: ObjectRef, operations: Sequence[Mapping[str, Any]], manager: str = FIELD_MANAGER
    ) -> Body:
        """Apply a patch, unless the gate is shut (`Unavailable`)."""
        await self._pass()
        return await self._objects.json_patch(ref, operations, manager)

    async def apply_status(self, ref: ObjectRef, body: Body) -> Body:
        """Apply a status, unless the gate is shut (`Unavailable`)."""
        await self._pass()
        return await self._objects.apply_status(ref, body)

    async def delete(self, ref: ObjectRef, uid: str, resource_version: str = "") -> None:
        """Delete, unless the gate is shut (`Unavailable`)."""
        await self._pass()
        await self._objects.delete(ref, uid, resource_version)

    async def _pass(self) -> None:
        await self._look()
        if self._until > self._now():
            raise Unavailable(f"standing still until {timestamp(self._until)}: hypercare is being drained")

    async def _look(self) -> None:
        async with self._looking:
            if self._own_namespace and self._clock() - self._looked_at >= LOOK_SECONDS:
                await self._read_marker()

    async def _read_marker(self) -> None:
        marker, started = marker_ref(self._own_namespace), self._clock()
        try:
            until = still_until(await self._objects.get(marker))
        except NotFound:
            until = 0
        except Forbidden as error:
            until = 0
            self._tell_blind(error)
        self._looked_at = started
        if (until > self._now()) != (self._until > self._now()):
            self._tell(marker, until)
        self._until = until

    def _tell_blind(self, error: Forbidden) -> None:
        if not self._told_blind:
            _logger.warning("Cannot see whether hypercare is being drained, and go on: %s", error.advised)
        self._told_blind = True

    def _tell(self, marker: ObjectRef, until: int) -> None:
        if until > self._now():
            _logger.warning("Standing still until %s: being drained. To go on, delete %s", timestamp(until), marker)
        else:
            _logger.info("Going on: %s is gone", marker)
