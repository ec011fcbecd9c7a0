"""What Kopf does for the operator: log in, watch, and feed the cache.

Only `on.event` handlers are used. They add no finalizer and no annotation to anything, so deletion never hangs on this
operator. They fill no `patch` and return nothing: Kopf would write that to the object, and a write of Kopf's that fails
is lost without a word. All work is done by the due-queue.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import Any, Protocol

import kopf

from hypercare.adapters.access import Credentials
from hypercare.domain.objects import Resource
from hypercare.ports import Body


class _Patience(Iterable[float]):
    """Pauses between attempts, in seconds, without an end."""

    def __iter__(self) -> Iterator[float]:
        return chain((0.5, 1.0, 2.0, 3.0), repeat(5.0))


class Observer(Protocol):
    """Where watch events go."""

    def observe(self, resource: Resource, body: Body) -> None:
        """An object exists in this form."""
        ...

    def observe_deleted(self, resource: Resource, body: Body) -> None:
        """An object was deleted, and was last seen in this form."""
        ...


def register(
    resources: tuple[Resource, ...],
    observer: Observer,
    relisted: Callable[[Resource], None],
    login: Callable[[], Awaitable[Credentials]],
    cleanup: Callable[[], Awaitable[None]],
) -> kopf.OperatorRegistry:
    """Return a registry of its own, so that nothing else in the process can add handlers to this operator."""
    registry = kopf.OperatorRegistry()
    _register_login(registry, login)

    @kopf.on.cleanup(registry=registry, id="stop")
    async def stop(**_: Any) -> None:
        await cleanup()

    for resource in resources:
        _register_watch(registry, resource, observer, relisted)
    return registry


def _register_login(registry: kopf.OperatorRegistry, login: Callable[[], Awaitable[Credentials]]) -> None:
    @kopf.on.login(registry=registry, id="login")
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        found = await login()
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_path,
            insecure=found.insecure,
            scheme="Bearer" if found.token else None,
            token=found.token,
            certificate_path=found.certificate_path,
            private_key_path=found.key_path,
            proxy_url=found.proxy,
        )


def _register_watch(
    registry: kopf.OperatorRegistry, resource: Resource, observer: Observer, relisted: Callable[[Resource], None]
) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry, id=f"watch-{resource.plural}")
    async def watch(event: kopf.RawEvent, **_: Any) -> None:
        match event["type"]:
            case "DELETED":
                observer.observe_deleted(resource, event["object"])
            case None:
                observer.observe(resource, event["object"])
                relisted(resource)
            case _:
                observer.observe(resource, event["object"])


def settings_for(request_timeout: float) -> kopf.OperatorSettings:
    """Return Kopf's settings; every one that is not the default has its reason here. Seconds throughout."""
    settings = kopf.OperatorSettings()
    # A foreign peering object could pause the operator; one active replica is assured by other means.
    settings.peering.standalone = True
    # Events are posted on transitions by the operator itself.
    settings.posting.enabled = False
    # A CRD that comes later is served then.
    settings.scanning.disabled = False
    # Kopf's own patience ends after 54 s, and with it the process; an API server may be away for longer than that.
    settings.networking.error_backoffs = _Patience()
    settings.networking.request_timeout = request_timeout
    settings.networking.connect_timeout = request_timeout
    # Handlers only feed the cache, so there is nothing to wait for at the end.
    settings.queueing.exit_timeout = 1
    settings.process.ultimate_exiting_timeout = 60
    return settings
