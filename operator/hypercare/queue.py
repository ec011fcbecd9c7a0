"""The due-queue: which object is to be visited next, and when.

A key is due once or not at all, never visited twice at the same time, and earliest first. A trigger that comes during
a visit makes the key due again right after it, so no change is missed. Failures back off per key, and between two
visits of a key there is always a pause, so not even a visit that triggers itself can spin. Keys that are done are
forgotten, so the memory is bounded by the objects that exist.

`Schedule` is the rule, with every time passed in (seconds of any monotonic clock); `DueQueue` runs it on asyncio.
"""

import asyncio
import heapq
import itertools
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from hypercare.domain.objects import ObjectRef

Key = ObjectRef
SHORTEST_PAUSE = 0.2
_RANDOM = random.SystemRandom()


@dataclass(frozen=True)
class After:
    """The visit succeeded; the next one is due in `seconds`, but not before `SHORTEST_PAUSE`."""

    seconds: float


@dataclass(frozen=True)
class Done:
    """The visit succeeded and nothing is left to do until something changes; the key is forgotten."""


@dataclass(frozen=True)
class Failed:
    """The visit raised `error`; the key backs off."""

    error: Exception


@dataclass(frozen=True)
class Wait:
    """Nothing is due for `seconds`; infinity when nothing is scheduled at all."""

    seconds: float


Outcome = After | Done
Handler = Callable[[Key], Awaitable[Outcome]]
Observer = Callable[[Key, Outcome | Failed, float], None]


@dataclass(frozen=True)
class Backoff:
    """Pause after failures: `first` seconds, doubled up to `limit`, each lengthened by up to `jitter` of itself."""

    first: float = 1.0
    limit: float = 300.0
    jitter: float = 0.2

    def seconds(self, failures: int, chance: float) -> float:
        """Return the pause after so many failures in a row; `chance` is a random number from 0 to 1."""
        doublings = min(failures - 1, 64)
        return min(self.first * 2.0**doublings, self.limit) * (1 + self.jitter * chance)


@dataclass
class _Entry:
    due: float = math.inf
    not_before: float = -math.inf
    running_since: float = math.inf
    failures: int = 0

    @property
    def running(self) -> bool:
        return self.running_since != math.inf


class Schedule:
    """Due times, visits under way and failures of every key. Not thread-safe; the caller tells the time."""

    def __init__(self, backoff: Backoff | None = None, chance: Callable[[], float] = _RANDOM.random) -> None:
        self._backoff = backoff or Backoff()
        self._chance = chance
        self._entries: dict[Key, _Entry] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()
        self._running: set[Key] = set()

    def __len__(self) -> int:
        """How many keys are known: scheduled or being visited."""
        return len(self._entries)

    @property
    def running(self) -> int:
        """How many visits are under way."""
        return len(self._running)

    def add(self, key: Key, at: float) -> None:
        """Make a key due at a time; an earlier due time is kept.

        A key that has just failed is not visited again before the first pause of the back-off is over, however often
        it is triggered: a failing visit may itself cause the events that trigger it.
        """
        entry = self._entries.setdefault(key, _Entry())
        at = max(at, entry.not_before)
        if at < entry.due:
            entry.due = at
            if not entry.running:
                self._push(key, at)

    def take(self, now: float) -> Key | Wait:
        """Start the visit of the earliest key that is due, or tell how long nothing is."""
        while self._heap:
            at, _, key = self._heap[0]
            entry = self._entries.get(key)
            if entry is None or entry.running or entry.due != at:
                heapq.heappop(self._heap)
                continue
            if at > now:
                return Wait(at - now)
            heapq.heappop(self._heap)
            entry.due, entry.running_since = math.inf, now
            self._running.add(key)
            return key
        return Wait(math.inf)

    def finish(self, key: Key, outcome: Outcome | Failed, now: float) -> None:
        """End the visit of a key and schedule its next one, or forget it."""
        entry = self._entries[key]
        entry.running_since = math.inf
        self._running.discard(key)
        match outcome:
            case Failed():
                entry.failures += 1
                entry.not_before = now + self._backoff.first
                entry.due = min(entry.due, now + self._backoff.seconds(entry.failures, self._chance()))
            case After(seconds):
                entry.failures, entry.not_before = 0, now + SHORTEST_PAUSE
                entry.due = min(entry.due, now + seconds)
            case Done():
                entry.failures, entry.not_before = 0, now + SHORTEST_PAUSE
        entry.due = max(entry.due, entry.not_before)
        if entry.due == math.inf:
            del self._entries[key]
        else:
            self._push(key, entry.due)

    def overdue(self, now: float) -> float:
        """By how many seconds the latest key is late; 0 when none is."""
        while self._heap:
            at, _, key = self._heap[0]
            entry = self._entries.get(key)
            if entry is not None and not entry.running and entry.due == at:
                return max(0.0, now - at)
            heapq.heappop(self._heap)
        return 0.0

    def longest_visit(self, now: float) -> float:
        """For how many seconds the longest visit under way has been running; 0 when none is."""
        return max((now - self._entries[key].running_since for key in self._running), default=0.0)

    def _push(self, key: Key, at: float) -> None:
        heapq.heappush(self._heap, (at, next(self._order), key))
        if len(self._heap) > 2 * len(self._entries) + 64:
            self._heap = [
                (entry.due, next(self._order), key)
                for key, entry in self._entries.items()
                if not entry.running and entry.due != math.inf
            ]
            heapq.heapify(self._heap)


class DueQueue:
    """Visits keys when they are due, up to `workers` at once, each for at most `visit_limit` seconds.

    `observer` is told of every visit that ended: the key, the outcome and the seconds it took.
    """

    def __init__(
        self,
        observer: Observer,
        workers: int = 32,
        visit_limit: float = 120.0,
        schedule: Schedule | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observer = observer
        self._workers = workers
        self._visit_limit = visit_limit
        self._schedule = schedule or Schedule()
        self._clock = clock
        self._wake = asyncio.Event()
        self._stopping = False
        self._visits: set[asyncio.Task[None]] = set()

    def due(self, key: Key, delay: float = 0.0) -> None:
        """Make a key due in `delay` seconds, or keep the earlier time it already has."""
        self._schedule.add(key, self._clock() + delay)
        self._wake.set()

    def spread(self, keys: Iterable[Key], over: float) -> None:
        """Make keys due at random within the next `over` seconds, so that a start is not a stampede."""
        for key in keys:
            self.due(key, _RANDOM.uniform(0.0, over))

    @property
    def depth(self) -> int:
        """How many keys are scheduled or being visited."""
        return len(self._schedule)

    @property
    def running(self) -> int:
        """How many visits are under way."""
        return self._schedule.running

    @property
    def lateness(self) -> float:
        """Seconds by which the loop is behind: the latest key that is due, or the longest visit beyond its limit."""
        now = self._clock()
        return max(self._schedule.overdue(now), self._schedule.longest_visit(now) - self._visit_limit, 0.0)

    async def run(self, handler: Handler) -> None:
        """Visit keys as they become due, until `stop` is called."""
        while not self._stopping:
            self._wake.clear()
            if self._schedule.running >= self._workers:
                await self._wake.wait()
                continue
            match self._schedule.take(self._clock()):
                case Wait(seconds):
                    await self._sleep(seconds)
                case key:
                    visit = asyncio.create_task(self._visit(handler, key), name=f"visit {key}")
                    self._visits.add(visit)
                    visit.add_done_callback(self._visits.discard)

    async def stop(self, grace: float = 5.0) -> None:
        """Start no further visit, wait `grace` seconds for those under way, and cancel what is left.

        Cutting a visit short is safe: each write is one that a crash may interrupt anyway.
        """
        self._stopping = True
        self._wake.set()
        if not self._visits:
            return
        _, pending = await asyncio.wait(self._visits, timeout=grace)
        for visit in pending:
            visit.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _visit(self, handler: Handler, key: Key) -> None:
        started = self._clock()
        outcome: Outcome | Failed
        try:
            async with asyncio.timeout(self._visit_limit):
                outcome = await handler(key)
        except Exception as error:
            outcome = Failed(error)
        now = self._clock()
        self._schedule.finish(key, outcome, now)
        self._observer(key, outcome, now - started)
        self._wake.set()
