"""The Prometheus endpoints that profiles name: one source for each, with the credentials of now, shared by all periods.

A source owns threads and connections, so sources are bounded: the least recently used one is closed when there are too
many, which takes more endpoints than a cluster has, or profiles that are edited all the time. One whose credentials
have changed is replaced. Either is closed when its last request is answered.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hypercare.adapters.credentials import ANONYMOUS, Credentials, InvalidCredentials
from hypercare.domain.alerts.loaded_rules import LoadedResult, RulesQuery
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.objects import SECRETS
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, RangeQuery, Result
from hypercare.ports import RuleSource

LIMIT = 32
QueryObserver = Callable[[str, Result, float], None]


class ClosableSource(RuleSource, Protocol):
    """A source that holds resources until it is closed."""

    def close(self) -> None:
        """Release threads and connections; does not wait for requests under way."""
        ...


class Secrets(Protocol):
    """Where credentials come from."""

    async def read(self, name: str) -> Credentials | QueryFailed:
        """Return the credentials of a Secret, or why there are none."""
        ...

    async def reread(self, name: str, refused: Credentials) -> Credentials | QueryFailed:
        """Return the credentials after an endpoint has refused some."""
        ...


Connect = Callable[[Endpoint, Credentials], ClosableSource]
"""Makes a source; raises `InvalidCredentials` for a client certificate that cannot be used."""
A = TypeVar("A")
Ask = Callable[[RuleSource], Awaitable[A | QueryFailed]]


class _Shared:
    """A source in use, with the credentials it was made with."""

    def __init__(self, source: ClosableSource, credentials: Credentials) -> None:
        self.credentials = credentials
        self._source = source
        self._under_way = 0
        self._retired = False

    async def ask(self, ask: Ask[A]) -> A | QueryFailed:
        self._under_way += 1
        try:
            return await ask(self._source)
        finally:
            self._under_way -= 1
            self._close_when_idle()

    def retire(self) -> None:
        """Close it as soon as nobody waits for an answer."""
        self._retired = True
        self._close_when_idle()

    def close(self) -> None:
        self._source.close()

    def _close_when_idle(self) -> None:
        if self._retired and not self._under_way:
            self._source.close()


class Endpoints:
    """Gives the source of an endpoint; `observer` is told of each request: kind, result, the seconds it took."""

    def __init__(self, connect: Connect, secrets: Secrets, observer: QueryObserver) -> None:
        self._connect = connect
        self._secrets = secrets
        self._observer = observer
        self._sources: OrderedDict[Endpoint, _Shared] = OrderedDict()

    def source(self, endpoint: Endpoint) -> RuleSource:
        """Return the source of this endpoint, which has the credentials of now at every request."""
        return _EndpointSource(self, endpoint)

    async def failure(self, endpoint: Endpoint) -> QueryFailed | None:
        """Why nothing can be asked at this endpoint; None when there is nothing in the way on this side."""
        match await self._shared(endpoint):
            case QueryFailed() as failure:
                return failure
            case _:
                return None

    async def ask(self, endpoint: Endpoint, kind: str, ask: Ask[A]) -> A | QueryFailed:
        """Ask once, and once more if the endpoint refuses credentials that have been replaced meanwhile."""
        shared = await self._shared(endpoint)
        if isinstance(shared, QueryFailed):
            return shared
        result = await self._observed(shared, kind, ask)
        if not _unauthorized(result) or not endpoint.secret:
            return result
        renewed = self._current(endpoint, await self._secrets.reread(endpoint.secret, shared.credentials))
        if isinstance(renewed, QueryFailed) or renewed is shared:
            return result
        return await self._observed(renewed, kind, ask)

    def close(self) -> None:
        """Close all sources."""
        for shared in self._sources.values():
            shared.close()
        self._sources.clear()

    async def _shared(self, endpoint: Endpoint) -> _Shared | QueryFailed:
        credentials = await self._secrets.read(endpoint.secret) if endpoint.secret else ANONYMOUS
        return self._current(endpoint, credentials)

    def _current(self, endpoint: Endpoint, credentials: Credentials | QueryFailed) -> _Shared | QueryFailed:
        if isinstance(credentials, QueryFailed):
            self._retire(endpoint)
            return credentials
        found = self._sources.get(endpoint)
        if found is None or found.credentials != credentials:
            try:
                made = _Shared(self._connect(endpoint, credentials), credentials)
            except InvalidCredentials as error:
                self._retire(endpoint)
                return QueryFailed(FailureKind.CREDENTIALS_INVALID, f"{SECRETS.kind} {endpoint.secret} {error}")
            self._retire(endpoint)
            self._sources[endpoint] = found = made
            while len(self._sources) > LIMIT:
                self._sources.popitem(last=False)[1].retire()
        self._sources.move_to_end(endpoint)
        return found

    def _retire(self, endpoint: Endpoint) -> None:
        shared = self._sources.pop(endpoint, None)
        if shared is not None:
            shared.retire()

    async def _observed(self, shared: _Shared, kind: str, ask: Ask[A]) -> A | QueryFailed:
        started = time.monotonic()
        result = await shared.ask(ask)
        seen = result if isinstance(result, QueryFailed) else Answer(())
        self._observer(kind, seen, time.monotonic() - started)
        return result


@dataclass(frozen=True)
class _EndpointSource:
    """One endpoint as a `RuleSource`; the observer is told of `range`, `instant` and `rules`."""

    endpoints: Endpoints
    endpoint: Endpoint

    async def range(self, query: RangeQuery) -> Result:
        """Evaluate over a grid."""
        return await self.endpoints.ask(self.endpoint, "range", lambda source: source.range(query))

    async def instant(self, query: InstantQuery) -> Result:
        """Evaluate once."""
        return await self.endpoints.ask(self.endpoint, "instant", lambda source: source.instant(query))

    async def rules(self, query: RulesQuery) -> LoadedResult:
        """Tell which rules are loaded."""
        return await self.endpoints.ask(self.endpoint, "rules", lambda source: source.rules(query))


def _unauthorized(result: object) -> bool:
    return isinstance(result, QueryFailed) and result.kind is FailureKind.UNAUTHORIZED
