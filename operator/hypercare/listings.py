"""Full listings: at the start, when a resource becomes served, and from time to time.

Kopf lists and watches by itself and tells of objects only. Three things it cannot tell are found here: that a listing
is complete, even of nothing; that a resource has begun to be served while no object of it exists; and which objects
were deleted while a watch was broken.

Where the operator serves single namespaces, one in which it may not list keeps no other from being served. It is asked
again and again, and until then nothing is decided there (`WatchCache.refuse`).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Protocol

from hypercare.adapters.cache import WatchCache
from hypercare.adapters.kubernetes import Listing
from hypercare.domain.objects import NAMESPACES, PROMETHEUSES, ObjectRef, Resource
from hypercare.ports import ApiError, Body, Forbidden, NotFound

DISCOVERY_SECONDS = 3.0
RETRY_SECONDS = 2.0
EARLY_SECONDS = (5.0, 30.0)
# How long Kopf's own listing at the start may take; what it lists later, it lists because a watch broke.
SETTLE_SECONDS = 30.0
_logger = logging.getLogger(__name__)


class Lister(Protocol):
    """The questions that are put to the API server."""

    async def listing(self, resource: Resource, namespace: str = "") -> Listing:
        """All objects of a resource, with the version of the list."""
        ...

    async def serves(self, resource: Resource) -> bool:
        """Whether the resource is served at all."""
        ...

    async def get(self, ref: ObjectRef) -> Body:
        """Read one object; raises `NotFound`."""
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
        self._told: set[tuple[Resource, str]] = set()

    async def prime(self) -> None:
        """List every resource once; tries until the API server answers."""
        told = ""
        for resource in self._cache.resources:
            while (problem := await self._problem_of_listing(resource)) is not None:
                if problem.message != told:
                    _logger.warning("Could not list %s, trying on: %s", resource.plural, problem.advised)
                told = problem.message
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
        """One round. What is refused is no reason to look at nothing else; any other error ends the round.

        An error is told once; what is left is looked at in the next round.
        """
        problem = ""
        for resource in self._cache.resources:
            try:
                await self._look(resource)
            except Forbidden as error:
                problem = problem or error.advised
            except ApiError as error:
                problem = error.message
                break
        if problem and not self._failing:
            _logger.warning("Could not look for changes: %s", problem)
        if self._failing and not problem:
            _logger.info("Could look for changes again")
        self._failing = bool(problem)

    async def _look(self, resource: Resource) -> None:
        if resource in self._suspects:
            await self._list(resource)
            self._suspects.discard(resource)
        elif not self._cache.served(resource) and await self._api.serves(resource):
            await self._list(resource)
            if self._cache.served(resource):
                _logger.info("Found that %s are served now", resource.plural)
                self._appeared(resource)
        else:
            for namespace in self._cache.refused(resource):
                await self._list_in(resource, namespace)

    async def _problem_of_listing(self, resource: Resource) -> ApiError | None:
        try:
            await self._list(resource)
        except ApiError as error:
            return error
        return None

    async def _list(self, resource: Resource) -> None:
        try:
            for namespace in self._places(resource):
                await self._list_in(resource, namespace)
        except NotFound:
            self._cache.not_served(resource)

    async def _list_in(self, resource: Resource, namespace: str) -> None:
        try:
            listing = await self._api.listing(resource, namespace)
        except Forbidden as error:
            if not namespace:
                raise
            await self._refused(resource, namespace, error)
            return
        self._cache.replace(resource, listing.items, listing.version, namespace)
        if (resource, namespace) in self._told:
            self._told.discard((resource, namespace))
            _logger.info("Could list %s in namespace %s again", resource.plural, namespace)
            self._appeared(resource)

    async def _refused(self, resource: Resource, namespace: str, error: Forbidden) -> None:
        """Nothing is in a namespace that does not exist; its roles have gone with it, and so every list is refused."""
        if not await self._exists(namespace):
            self._cache.replace(resource, (), "", namespace)
            return
        self._cache.refuse(resource, namespace, error.advised)
        if (resource, namespace) not in self._told:
            self._told.add((resource, namespace))
            unknown = namespace in self._cache.refused(resource)
            known = "nothing is done there" if unknown else "what is known there grows old"
            _logger.warning("Could not list in namespace %s, so %s: %s", namespace, known, error.advised)

    async def _exists(self, namespace: str) -> bool:
        try:
            await self._api.get(ObjectRef(NAMESPACES, "", namespace))
        except NotFound:
            return False
        except Forbidden:
            return True
        return True

    def _places(self, resource: Resource) -> Sequence[str]:
        """The namespaces to list it in. A Prometheus seldom runs where the periods are whose rules it loads."""
        everywhere = not resource.namespaced or resource == PROMETHEUSES
        return ("",) if everywhere or not self._namespaces else self._namespaces
