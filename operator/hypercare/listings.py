"""Full listings: at the start, when a resource becomes served, and from time to time.

Kopf lists and watches by itself and tells of objects only. Three things it cannot tell are found here: that a listing
is complete, even of nothing; that a resource has begun to be served while no object of it exists; and which objects
were deleted while a watch was broken.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Protocol

from hypercare.adapters.cache import WatchCache
from hypercare.adapters.kubernetes import Listing
from hypercare.domain.objects import PROMETHEUSES, Resource
from hypercare.ports import ApiError, NotFound

DISCOVERY_SECONDS = 3.0
RETRY_SECONDS = 2.0
EARLY_SECONDS = (5.0, 30.0)
# How long Kopf's own listing at the start may take; what it lists later, it lists because a watch broke.
SETTLE_SECONDS = 30.0
_logger = logging.getLogger(__name__)


class Lister(Protocol):
    """The two questions that are put to the API server."""

    async def listing(self, resource: Resource, namespace: str = "") -> Listing:
        """All objects of a resource, with the version of the list."""
        ...

    async def serves(self, resource: Resource) -> bool:
        """Whether the resource is served at all."""
        ...


class Listings:
    """Keeps the cache complete. `appeared` is told of a resource that has begun to be served."""

    def __init__(
        self, api: Lister, cache: WatchCache, namespaces: Sequence[str], appeared: Callable[[Resource], None]
    ) -> None:
        self._api = api
        self._cache = cache
        self._namespaces = namespaces
        self._appeared = appeared
        self._suspects: set[Resource] = set()
        self._settled_at = float("inf")
        self._failing = False

    async def prime(self) -> None:
        """List every resource once; tries until the API server answers."""
        told = ""
        for resource in self._cache.resources:
            while not self._cache.synced(resource):
                try:
                    await self._list(resource)
                except ApiError as error:
                    if error.message != told:
                        _logger.warning("Could not list %s, trying on: %s", resource.plural, error.message)
                    told = error.message
                    await asyncio.sleep(RETRY_SECONDS)
        self._settled_at = asyncio.get_running_loop().time() + SETTLE_SECONDS

    def relisted(self, resource: Resource) -> None:
        """Take note that Kopf lists a resource anew: its watch was broken, and deletions may have been missed."""
        if asyncio.get_running_loop().time() > self._settled_at:
            self._suspects.add(resource)

    async def keep(self, resync: float) -> None:
        """Look for resources that begin to be served, and list everything each `resync` seconds. Never returns.

        The first listings come soon: what was deleted between the one of the start and Kopf's own is known to neither.
        """
        loop = asyncio.get_running_loop()
        pauses = chain(EARLY_SECONDS, repeat(resync))
        next_resync = loop.time() + next(pauses)
        while True:
            await asyncio.sleep(DISCOVERY_SECONDS)
            if loop.time() >= next_resync:
                self._suspects.update(resource for resource in self._cache.resources if self._cache.served(resource))
                next_resync = loop.time() + next(pauses)
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        """One round; an error ends it and is told once; what is left is looked at in the next."""
        try:
            for resource in self._cache.resources:
                await self._look(resource)
        except ApiError as error:
            if not self._failing:
                _logger.warning("Could not look for changes: %s", error.message)
            self._failing = True
            return
        if self._failing:
            _logger.info("Could look for changes again")
        self._failing = False

    async def _look(self, resource: Resource) -> None:
        if resource in self._suspects:
            await self._list(resource)
            self._suspects.discard(resource)
        elif not self._cache.served(resource) and await self._api.serves(resource):
            await self._list(resource)
            if self._cache.served(resource):
                _logger.info("Found that %s are served now", resource.plural)
                self._appeared(resource)

    async def _list(self, resource: Resource) -> None:
        try:
            for namespace in self._places(resource):
                listing = await self._api.listing(resource, namespace)
                self._cache.replace(resource, listing.items, listing.version, namespace)
        except NotFound:
            self._cache.not_served(resource)

    def _places(self, resource: Resource) -> Sequence[str]:
        """The namespaces to list it in. A Prometheus seldom runs where the periods are whose rules it loads."""
        everywhere = not resource.namespaced or resource == PROMETHEUSES
        return ("",) if everywhere or not self._namespaces else self._namespaces
