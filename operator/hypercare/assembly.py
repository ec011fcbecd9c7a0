"""Builds the running operator from its settings: adapters, reconcilers, loop, watches, health.

The order of a start: listen for probes, list everything once, visit what there is, and only then let Kopf watch; so no
visit decides on half a picture, and a start while the API server is away waits instead of failing.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import kopf

from hypercare import __version__
from hypercare.adapters.access import Access
from hypercare.adapters.alertmanager import AlertmanagerApi
from hypercare.adapters.cache import Change, WatchCache, reference
from hypercare.adapters.endpoints import Endpoints
from hypercare.adapters.events import ApiEvents
from hypercare.adapters.kubernetes import ApiServer
from hypercare.adapters.prometheus import PrometheusSource
from hypercare.adapters.secret_reader import SecretReader
from hypercare.authors import AuthorCheck
from hypercare.capacity_reader import CapacityReader
from hypercare.claims import ClaimKeeper
from hypercare.config import Settings
from hypercare.domain.objects import HOLDS, PERIODS, Resource
from hypercare.drain.standstill import StandstillGate
from hypercare.evidence_reader import EvidenceReader
from hypercare.gather import Gatherer, Readers
from hypercare.handlers import register, settings_for
from hypercare.health import Health, HealthServer, Vitals
from hypercare.hold_reconcile import HoldReconciler, stands
from hypercare.listings import Listings
from hypercare.logs import about, configure_logging
from hypercare.metrics.telemetry import Telemetry
from hypercare.overlay.history import HistoryReader
from hypercare.overlay.inhibition import InhibitionReader
from hypercare.overlay.reader import OverlayReader
from hypercare.overlay.writer import INHIBITION, OverlayWriter
from hypercare.ports import Alertmanagers, ApiError, Objects
from hypercare.queue import After, Done, DueQueue, Handler, Key, Outcome
from hypercare.reconcile import Hands, PeriodReconciler
from hypercare.report_writer import ReportWriter
from hypercare.subscriptions import WATCHED, open_periods, woken
from hypercare.sweep import Sweeper

# First visits after a start: this much apart on average, and all within the limit (seconds).
SPREAD_EACH = 0.02
SPREAD_LIMIT = 20.0
FAILED = 1
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adapters:
    """What reconcilers work with; `wake` makes another object due at once."""

    api: Objects
    cache: WatchCache
    events: ApiEvents
    endpoints: Endpoints
    alertmanagers: Alertmanagers
    telemetry: Telemetry
    wake: Callable[[Key], None]


def reconcilers(adapters: Adapters, authors: AuthorCheck) -> Mapping[Resource, Handler]:
    """Who visits which objects; `authors` tells which specs may be enforced."""
    api, cache = adapters.api, adapters.cache
    holds = HoldReconciler(api, cache, partial(stands, cache), adapters.wake, time.time)
    gatherer = Gatherer(
        cache,
        adapters.endpoints,
        Readers(
            OverlayReader(api, cache, adapters.telemetry.seen_live, HistoryReader()),
            InhibitionReader(cache, adapters.alertmanagers),
            EvidenceReader(cache, adapters.telemetry),
            CapacityReader(api, cache, holds.refusals),
        ),
    )
    hands = Hands(
        objects=api,
        cache=cache,
        events=adapters.events,
        overlays=OverlayWriter(api, cache),
        inhibitions=OverlayWriter(api, cache, written=INHIBITION),
        claims=ClaimKeeper(api, cache),
        reports=ReportWriter(api, cache),
    )
    return {PERIODS: PeriodReconciler(gatherer, hands, authors, time.time).visit, HOLDS: holds.visit}


class Operator:
    """Everything that runs. Built without a request being sent; `run` returns when the operator was told to stop."""

    def __init__(self, settings: Settings, api: ApiServer, telemetry: Telemetry) -> None:
        self._settings = settings
        self._api = api
        self._watching = False
        self._queue = DueQueue(telemetry.visited, settings.workers)
        self._cache = WatchCache(WATCHED, self._wake, time.monotonic)
        self._listings = Listings(api, self._cache, settings.namespaces, self._appeared)
        telemetry.describe(self._queue, self._cache)
        vitals = Vitals(lambda: self._queue.lateness, self._unlisted, lambda: self._cache.lag, api.reachable)
        metrics = {"/metrics": telemetry.registry, "/metrics/periods": telemetry.periods.registry}
        self._server = HealthServer(Health(vitals, settings.stuck_after), metrics, settings.listen)
        secrets = SecretReader(api, settings.own_namespace, time.monotonic)
        self._endpoints = Endpoints(PrometheusSource, secrets, telemetry.queried)
        self._gate = StandstillGate(api, settings.own_namespace, time.monotonic, time.time)
        self._sweeper = Sweeper(self._gate, self._cache)
        self._reconcilers = reconcilers(
            Adapters(
                self._gate,
                self._cache,
                ApiEvents(api),
                self._endpoints,
                AlertmanagerApi(secrets, telemetry.looked),
                telemetry,
                self._queue.due,
            ),
            AuthorCheck(self._cache, waived=settings.allow_unchecked_authors),
        )

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT, or until a watch fails for good, which raises."""
        await self._server.start()
        _logger.info("Starting hypercare %s, health and metrics on port %d", __version__, self._server.port)
        try:
            await self._listings.prime()
            self._watching = True
            self._queue.spread(*self._first_visits())
            async with asyncio.TaskGroup() as group:
                group.create_task(self._queue.run(self._visit), name="loop")
                keeper = group.create_task(self._listings.keep(self._settings.resync), name="listings")
                sweeper = group.create_task(self._sweeper.keep(), name="sweep")
                await self._watch()
                keeper.cancel()
                sweeper.cancel()
        finally:
            await self._server.stop()
        _logger.info("Stopped")

    async def _watch(self) -> None:
        namespaces = self._settings.namespaces
        await kopf.operator(
            registry=register(
                self._cache.resources, self._cache, self._listings.relisted, self._api.credentials, self._stop
            ),
            settings=settings_for(self._settings.api_timeout),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
        )

    async def _stop(self) -> None:
        await self._queue.stop()
        self._endpoints.close()
        await self._server.stop()

    async def _visit(self, key: Key) -> Outcome:
        reconciler = self._reconcilers.get(key.resource)
        if reconciler is None:
            return Done()
        if (pause := await self._gate.shut_for()) > 0:
            return After(pause)
        with about(key):
            return await reconciler(key)

    def _wake(self, change: Change) -> None:
        if not self._watching:
            return
        for key in woken(change, self._cache):
            self._queue.due(key)

    def _appeared(self, _resource: Resource) -> None:
        for key in open_periods(self._cache):
            self._queue.due(key)

    def _first_visits(self) -> tuple[list[Key], float]:
        keys = [reference(resource, body) for resource in (PERIODS, HOLDS) for body in self._cache.select(resource)]
        absent = [resource.plural for resource in self._cache.resources if not self._cache.served(resource)]
        _logger.info("Listed %d periods and holds; not served: %s", len(keys), ", ".join(absent) or "nothing")
        return keys, min(SPREAD_EACH * len(keys), SPREAD_LIMIT)

    def _unlisted(self) -> tuple[str, ...]:
        own = (resource.plural for resource in (PERIODS, HOLDS) if not self._cache.served(resource))
        return tuple(dict.fromkeys((*own, *self._never_listed())))

    def _never_listed(self) -> tuple[str, ...]:
        return tuple(resource.plural for resource in self._cache.resources if not self._cache.synced(resource))


def _stop_on_signals() -> None:
    """Stop while the start is still waiting; Kopf takes the signals over. As PID 1, the default would ignore them."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def run(settings: Settings) -> None:
    """Run the operator until it is told to stop."""
    _stop_on_signals()
    telemetry = Telemetry()
    access = Access(settings.kubeconfig, settings.context, settings.api_timeout)
    async with await ApiServer.connect(access, telemetry.requested) as api:
        await Operator(settings, api, telemetry).run()


def serve(settings: Settings) -> int:
    """Run the operator in this process; returns the exit code."""
    configure_logging(settings.log_format, settings.log_level)
    try:
        asyncio.run(run(settings))
    except asyncio.CancelledError:
        _logger.info("Stopped before the start was complete")
    except (ApiError, OSError) as error:
        _logger.error("Could not start: %s", error)
        return FAILED
    except ExceptionGroup as errors:
        _logger.critical("Stopped by an error that only a new start can cure", exc_info=errors)
        return FAILED
    return 0
