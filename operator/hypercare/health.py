"""The operator's own web server: `/healthz`, `/readyz` and the metrics, read-only.

`/healthz` is about this process: it fails when the loop falls behind, which a restart may cure, and stays well while
the API server or a Prometheus is down, which no restart cures. `/readyz` is about what is around it: the API server
answers, everything was listed, and the watches keep up.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from hypercare.config import Listen

WATCH_LAG_LIMIT = 60.0
PROBE_SECONDS = 5.0


@dataclass(frozen=True)
class Fine:
    """Nothing is wrong."""


@dataclass(frozen=True)
class Ill:
    """Something is wrong; `reason` is for people."""

    reason: str


Verdict = Fine | Ill


@dataclass(frozen=True)
class Vitals:
    """What health is judged by, each asked for when it is needed.

    Attributes:
        lateness: Seconds by which the loop is behind.
        unlisted: Resources that were never listed, by name.
        lag: Seconds for which the watches have owed the echo of a write.
        reachable: Whether the API server answers.
    """

    lateness: Callable[[], float]
    unlisted: Callable[[], tuple[str, ...]]
    lag: Callable[[], float]
    reachable: Callable[[], Awaitable[bool]]


class Health:
    """Judges the vitals. `stuck_after` is in seconds; `clock` is monotonic and paces the question to the API server."""

    def __init__(self, vitals: Vitals, stuck_after: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._vitals = vitals
        self._stuck_after = stuck_after
        self._clock = clock
        self._asked_at = float("-inf")
        self._reachable = False

    def alive(self) -> Verdict:
        """Whether evaluations advance."""
        late = self._vitals.lateness()
        if late > self._stuck_after:
            return Ill(f"the loop is {late:.0f} s behind")
        return Fine()

    async def ready(self) -> Verdict:
        """Whether the operator sees the cluster as it is."""
        unlisted = self._vitals.unlisted()
        if unlisted:
            return Ill(f"not listed yet: {', '.join(unlisted)}")
        lag = self._vitals.lag()
        if lag > WATCH_LAG_LIMIT:
            return Ill(f"a watch is {lag:.0f} s behind")
        if not await self._api_reachable():
            return Ill("the API server does not answer")
        return Fine()

    async def _api_reachable(self) -> bool:
        now = self._clock()
        if now - self._asked_at >= PROBE_SECONDS:
            self._asked_at = now
            self._reachable = await self._vitals.reachable()
        return self._reachable


class HealthServer:
    """Serves health, and each registry of metrics at its path, until `stop`.

    `port` tells where, also when 0 was asked for.
    """

    def __init__(self, health: Health, metrics: Mapping[str, CollectorRegistry], listen: Listen) -> None:
        self._health = health
        self._listen = listen
        application = web.Application()
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        for path, registry in metrics.items():
            application.router.add_get(path, partial(_metrics, registry))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the address is taken or not of this machine.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, self._listen.host, self._listen.port).start()

    async def stop(self) -> None:
        """Close the listener and all connections."""
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else 0

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _response(self._health.alive())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _response(await self._health.ready())


async def _metrics(registry: CollectorRegistry, _request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _response(verdict: Verdict) -> web.Response:
    match verdict:
        case Fine():
            return web.Response(text="ok\n")
        case Ill(reason):
            return web.Response(status=503, text=f"{reason}\n")
